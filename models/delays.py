"""How long labels take: the time from an event to its first label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.histogram import RENORMALISE
from models.settings import positive, share
from models.state import come_back, leave
from models.vectors import ASSUME, SCORE, Codes, Floats, Ints

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
# Upper bounds of the buckets, each included, in seconds.
BOUNDS = (
    *(n * _MINUTE for n in (1, 5, 15)),
    *(n * _HOUR for n in (1, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 3, 5, 7, 10, 14, 21, 30, 60)),
    math.inf,
)

# Finer, for quantiles: from one bin to the next a tenth longer, the first up to a second.
BINS, RATIO = 200, 1.1  # the last begins after five years
_LOG_RATIO = math.log(RATIO)


@compiled
def _run(
    code: Codes,
    was: Codes,
    ts: Floats,
    since: Floats,
    fading: float,
    bounds: Floats,
    counts: Ints,
    total: Floats,
    recent: Floats,
    weight: Floats,
) -> None:
    for i in range(len(code)):
        if code[i] in (SCORE, ASSUME) or was[i] >= 0:
            continue
        delay = max(0.0, ts[i] - since[i])
        bucket = 0
        while delay > bounds[bucket]:
            bucket += 1
        counts[bucket] += 1
        total[0] += delay
        # Instead of fading all buckets each time, each label weighs more than the one before.
        recent[int(min(BINS - 1.0, math.log(max(delay, 1.0)) / _LOG_RATIO))] += weight[0]
        weight[0] /= fading
        if weight[0] > RENORMALISE:
            for k in range(len(recent)):
                recent[k] /= weight[0]
            weight[0] = 1.0


class LabelDelays:
    """The distribution of the time from events to their first labels, in event time.

    Once over all labels, as a Prometheus histogram wants it, and once with old labels fading, for
    quantiles. A label that came before its event has a delay of 0. Corrections, and examples that
    count as class 0 for want of a label, are left out.

    Parameters
    ----------
    memory
        After how many labels a label's weight in the quantiles has halved.

    Examples
    --------
    >>> delays = LabelDelays()
    >>> code, was = np.ones(4, np.int8), np.full(4, -1, np.int8)
    >>> delays.run(code, was, np.array([60.0, 50.0, 4000.0, 90_000.0]), np.zeros(4))
    >>> delays.count, delays.sum, delays.cumulative()[:5]
    (4, 94110.0, [(60.0, 2), (300.0, 2), (900.0, 2), (3600.0, 2), (10800.0, 3)])
    >>> round(delays.quantile(0.7))
    4308
    """

    def __init__(self, memory: float = 10_000) -> None:
        positive(memory=memory)
        self._fading = 0.5 ** (1.0 / memory)
        self._bounds = np.array(BOUNDS)
        self._counts = np.zeros(len(BOUNDS), np.int64)
        self._total = np.zeros(1)
        self._recent = np.zeros(BINS)
        self._weight = np.ones(1)

    def run(self, code: Codes, was: Codes, ts: Floats, since: Floats) -> None:
        """Take operations in order; `ts` and `since` are their times and those of their events."""
        _run(
            code, was, ts, since, self._fading, self._bounds, self._counts, self._total,
            self._recent, self._weight,
        )  # fmt: skip

    @property
    def count(self) -> int:
        """Labels counted."""
        return int(self._counts.sum())

    @property
    def sum(self) -> float:
        """Sum of their delays, in seconds."""
        return float(self._total[0])

    def cumulative(self) -> list[tuple[float, int]]:
        """Of each bucket the upper bound, and how many labels took no longer."""
        return list(zip(BOUNDS, np.cumsum(self._counts).tolist(), strict=True))

    def quantile(self, q: float) -> float:
        """Delay, in seconds, that a share `q` of the labels of late did not exceed.

        To within a tenth of itself, and at least a second; NaN before the first label.
        """
        share(q=q)
        upto = np.cumsum(self._recent)
        if not upto[-1]:
            return math.nan
        at = int(np.searchsorted(upto, q * upto[-1]))
        before = float(upto[at - 1]) if at else 0.0
        part = (q * float(upto[-1]) - before) / float(self._recent[at])
        return float(RATIO ** (at + part))

    def _state(self) -> dict[str, Any]:
        return {
            "counts": self._counts,
            "total": self._total,
            "recent": self._recent,
            "weight": self._weight,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
