"""Whether inputs drift: the last window of each column against those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.drift.findings import AT, WINDOWS, Findings, fits, joined, pieces
from models.drift.homogeneity import Homogeneity, Mask, chance_of_each
from models.settings import not_negative, whole
from models.state import come_back, leave
from models.vectors import Floats, Ints

SAMPLE = 512  # values of a column from which its edges are made
LARGEST = 1e100  # of a value that is not missing: a window of them has a finite sum


def _mean(sums: Floats) -> Floats:
    """Of each row's sum and number; NaN of none."""
    total, number = sums.T
    mean: Floats = np.divide(total, number, out=np.full(len(sums), np.nan), where=number > 0)
    return mean


@compiled
def _count(
    values: Floats, start: int, stop: int, edges: Floats, counts: Ints, sums: Floats
) -> None:
    bins = edges.shape[1] + 1
    for i in range(start, stop):
        for c in range(len(edges)):
            x = values[i, c]
            b = bins  # missing
            if abs(x) <= LARGEST:
                b = 0
                for k in range(bins - 1):  # no search: all at once is faster for dozens
                    b += x > edges[c, k]
                sums[c, 0] += x
                sums[c, 1] += 1.0
            counts[c, b] += 1


def _edges(sample: Floats, bins: int) -> Floats:
    """Edges of bins, each with the values up to and including its upper edge.

    The first is for what is below all of the sample and the last for what is above: what was never
    seen is not taken for what is common. Between, all have an equal share. A value that is more
    than one of them (0 and 1, a constant) gets a bin of its own, with an edge right below it; there
    are then fewer edges, and infinity fills up.

    >>> _edges(np.arange(1.0, 101.0), 5)
    array([  1.,  34.,  67., 100.])
    >>> _edges(np.ones(100), 5)
    array([ 1.,  1., inf, inf])
    """
    edges = np.full(bins - 1, np.inf)
    finite = np.sort(sample[np.abs(sample) <= LARGEST])
    if len(finite) > 0:
        quantiles = finite[np.arange(1, bins - 1) * (len(finite) - 1) // (bins - 2)]
        value, times = np.unique(quantiles, return_counts=True)
        cut = np.concatenate([value, np.nextafter([finite[0], *value[times > 1]], -np.inf)])
        cut = np.unique(cut)
        edges[: len(cut)] = cut
    return edges


class TwoWindows:
    """Two windows of each column of numbers: drift where their distributions differ.

    After every `window` rows the counts of each column in `bins` quantile bins, and one of what is
    missing (not finite, or beyond 1e100), are held against the faded counts of the windows before,
    by two tests: the likelihood ratio (see `models.drift.homogeneity`) for any change of shape, and
    Kolmogorov and Smirnov's, the largest distance of the distribution functions ``D`` at the bins'
    edges, for a shift: with sizes `n` and `m`, ``sqrt(n m / (n + m)) D`` exceeds
    ``sqrt(ln(2 / chance) / 2)`` with at most that chance (Smirnov 1939; on a grid or with ties
    less), to which the root of what the column's own past adds (``excess * chi2(1) / 4``) comes.

    A column's first window only gives the bins' edges, from a systematic sample of 512 values; the
    second is its first reference. So it goes on after a drift: with the next window, because the
    one in which it was found may be half of each. All others go into the reference, so that a slow
    change is followed.

    `false_alarms` are shared equally among columns and tests: an upper bound, of which half come on
    independent rows (`python -m benchmarks.input_drift`), as the two tests often agree. Where rows
    are not independent, a column's past raises what it must exceed; a window that is a whole day
    keeps its days out of it, and so finds smaller drifts.

    Memory: 8 bytes for each column times ``512 + 3 bins`` and some 20 more, which is 4.6 KB; rows
    are not kept.

    Parameters
    ----------
    columns
        How many.
    false_alarms
        In a million rows, over all columns, where rows are independent and nothing changes.
    window
        Rows in a window.
    bins
        At the most, for each column; at least 4.
    least
        Index below which a difference is too small to tell, however sure. A normal column that
        moves by `d` standard deviations has ``d ** 2``; 0.1 and 0.25 are called moderate and large
        (Siddiqi 2006). NaN in one row of a hundred, where there was none, has 0.07.
    fade
        By which the reference fades with each window, from 0 to below 1.
    burn_in
        Comparisons of a column before its first alarm.

    References
    ----------
    Kifer, Ben-David & Gehrke 2004, "Detecting change in data streams", VLDB; Yurdakul & Naranjo
    2020, "Statistical properties of the population stability index", J. Risk Model Validation 14.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = rng.normal(size=(40_000, 2))
    >>> values[32_000:, 1] += 1.0
    >>> found = TwoWindows(2, window=1_000).run(values)
    >>> found.rows, found.columns, found.after.round(1)
    (array([32999]), array([1]), array([1.]))
    """

    def __init__(
        self,
        columns: int,
        false_alarms: float = 1.0,
        window: int = 5_000,
        bins: int = 16,
        least: float = 0.005,
        fade: float = 0.9,
        burn_in: int = 4,
    ) -> None:
        whole(1, columns=columns, window=window)
        whole(4, bins=bins)
        not_negative(least=least)
        chance = chance_of_each(false_alarms, window, 2 * columns)
        self._test = Homogeneity(columns, bins + 1, window, chance, fade, burn_in)
        self._window = window
        self._least = least
        self._fade = fade
        self._ks_limit = math.sqrt(0.5 * math.log(2.0 / chance))
        # Evenly spread. Should that keep step with a rhythm of the stream, bins are less even,
        # and the tests as valid.
        self._chosen = np.unique(np.arange(SAMPLE) * window // SAMPLE)
        self._sample = np.zeros((columns, len(self._chosen)))
        self._edges = np.full((columns, bins - 1), np.nan)  # until there are some
        self._counts = np.zeros((columns, bins + 1), np.int64)
        self._sums = np.zeros((2, columns, 2))  # of finite values and 1: the window's, the faded
        self._last = np.full((4, columns), np.nan)  # psi, ks, means before and after
        self._clock = np.zeros(2, np.int64)

    @property
    def psi(self) -> Floats:
        """Population stability index of each column at the last comparison; NaN before."""
        return cast(Floats, self._last[0].copy())

    @property
    def ks(self) -> Floats:
        """Kolmogorov-Smirnov distance of each column at the last comparison; NaN before."""
        return cast(Floats, self._last[1].copy())

    @property
    def before(self) -> Floats:
        """Mean of each column in the reference, at the last comparison."""
        return cast(Floats, self._last[2].copy())

    @property
    def after(self) -> Floats:
        """Mean of each column in the window that was compared last."""
        return cast(Floats, self._last[3].copy())

    @property
    def room(self) -> int:
        """Rows until the next comparison."""
        return self._window - int(self._clock[AT])

    @property
    def windows(self) -> int:
        """Full windows so far."""
        return int(self._clock[WINDOWS])

    def run(self, values: Floats) -> Findings:
        """Take the next rows, shape (n, columns)."""
        fits(values, self._counts)
        rows = np.ascontiguousarray(values, np.float64)
        found = []
        for start, stop in pieces(len(rows), self._window, self._clock):
            self._choose(rows[start:stop])
            _count(rows, start, stop, self._edges, self._counts, self._sums[0])
            if self._clock[AT] + stop - start == self._window:
                found.append(self._end(stop - 1))
        return joined(found)

    def _choose(self, rows: Floats) -> None:
        """Take into the sample what a column that has no edges needs of these rows."""
        new = np.isnan(self._edges[:, 0])
        if new.any():
            at = int(self._clock[AT])
            i, j = np.searchsorted(self._chosen, [at, at + len(rows)])
            self._sample[new, i:j] = rows[self._chosen[i:j] - at][:, new].T

    def _end(self, row: int) -> Findings:
        """Compare the window that is full, and begin the next one."""
        ready = self._test.ready
        compared = self._test.compare(self._counts)
        ks = np.abs(np.cumsum(compared.new - compared.old, axis=1)).max(axis=1)
        limit = self._ks_limit + np.sqrt(0.25 * compared.excess * self._test.one_direction)
        differs = compared.differs | (np.sqrt(compared.size) * ks > limit)
        drift = ready & differs & (compared.psi >= self._least)
        after, before = map(_mean, self._sums)
        self._last[:] = compared.psi, ks, before, after
        which = np.flatnonzero(drift)
        self._go_on(drift)
        return Findings(np.full(len(which), row), which, *self._last[:, which])

    def _go_on(self, drift: Mask) -> None:
        new = np.isnan(self._edges[:, 0])
        for c in np.flatnonzero(new):
            self._edges[c] = _edges(self._sample[c], len(self._counts[c]) - 1)
        known = ~new & ~drift
        self._test.absorb(self._counts, known)
        self._sums[1, known] = self._fade * self._sums[1, known] + self._sums[0, known]
        self._test.start_over(drift)
        self._edges[drift] = np.nan
        self._sums[1, drift] = 0.0
        self._sums[0] = 0.0
        self._counts[:] = 0

    def _state(self) -> dict[str, Any]:
        return {
            "test": self._test.state,
            "sample": self._sample,
            "edges": self._edges,
            "counts": self._counts,
            "sums": self._sums,
            "last": self._last,
            "clock": self._clock,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
