"""Whether categories drift: the last window of each column against those before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.drift.findings import AT, WINDOWS, Findings, fits, joined, pieces
from models.drift.homogeneity import Homogeneity, chance_of_each
from models.settings import not_negative, whole
from models.state import come_back, leave
from models.vectors import Floats, Hashes, Ints

# SplitMix64 (Steele, Lea & Flood 2014)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S32 = map(np.uint64, (27, 30, 32))


@compiled
def _mix(hashes: Hashes, start: int, stop: int, counts: Ints) -> None:
    columns, bins = counts.shape
    for i in range(start, stop):
        for c in range(columns):
            z = hashes[i, c]
            z = (z ^ (z >> S30)) * MIX_1
            z = (z ^ (z >> S27)) * MIX_2
            counts[c, int(((z >> S32) * np.uint64(bins)) >> S32)] += 1


class TwoMixes:
    """Two windows of each column of categories: drift where their mixes differ.

    As `TwoWindows`, by the likelihood ratio alone, in bins by the category's hash. Categories that
    share a bin are told apart by nothing, so of `k` that there are, a new one is seen as new with a
    chance of ``(1 - 1 / bins) ** k``, and else as more of another. Categories of which fewer than
    five are expected in a window are taken together. There are no edges to be found, so that the
    first window is the first reference, and the window after a drift the next.

    Memory: 16 bytes for each column and bin, and some 100 more a column.

    Parameters
    ----------
    columns, false_alarms, window, least, fade, burn_in
        As of `TwoWindows`.
    bins
        At least 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hashes = rng.integers(0, 10, (40_000, 2)).astype(np.uint64)
    >>> hashes[32_000::5, 1] = 77
    >>> found = TwoMixes(2, window=1_000).run(hashes)
    >>> found.rows, found.columns, found.before.round(1), found.after.round(1)
    (array([32999]), array([1]), array([0.]), array([0.2]))
    """

    def __init__(
        self,
        columns: int,
        false_alarms: float = 1.0,
        window: int = 5_000,
        bins: int = 64,
        least: float = 0.005,
        fade: float = 0.9,
        burn_in: int = 4,
    ) -> None:
        whole(1, columns=columns, window=window)
        whole(2, bins=bins)
        not_negative(least=least)
        chance = chance_of_each(false_alarms, window, columns)
        self._test = Homogeneity(columns, bins, window, chance, fade, burn_in)
        self._window = window
        self._least = least
        self._counts = np.zeros((columns, bins), np.int64)
        self._psi = np.full(columns, np.nan)
        self._clock = np.zeros(2, np.int64)

    @property
    def psi(self) -> Floats:
        """Population stability index of each column at the last comparison; NaN before."""
        return self._psi.copy()

    @property
    def windows(self) -> int:
        """Full windows so far."""
        return int(self._clock[WINDOWS])

    def run(self, categories: Hashes) -> Findings:
        """Take the next rows of hashes, shape (n, columns)."""
        fits(categories, self._counts)
        rows = np.ascontiguousarray(categories, np.uint64)
        found = []
        for start, stop in pieces(len(rows), self._window, self._clock):
            _mix(rows, start, stop, self._counts)
            if self._clock[AT] + stop - start == self._window:
                found.append(self._end(stop - 1))
        return joined(found)

    def _end(self, row: int) -> Findings:
        """Compare the window that is full, and begin the next one."""
        ready = self._test.ready
        compared = self._test.compare(self._counts)
        drift = ready & compared.differs & (compared.psi >= self._least)
        self._psi[:] = compared.psi
        self._test.absorb(self._counts, ~drift)
        self._test.start_over(drift)
        self._counts[:] = 0
        which = np.flatnonzero(drift)
        old, new = compared.old[which], compared.new[which]
        moved = np.arange(len(which)), np.abs(new - old).argmax(axis=1)
        none = np.full(len(which), np.nan)
        return Findings(
            np.full(len(which), row), which, self._psi[which], none, old[moved], new[moved]
        )

    def _state(self) -> dict[str, Any]:
        return {
            "test": self._test.state,
            "counts": self._counts,
            "psi": self._psi,
            "clock": self._clock,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
