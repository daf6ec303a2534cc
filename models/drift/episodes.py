"""Which verdicts are news: the first of an episode, and not each that repeats it.

DDM, EDDM and HDDM say WARNING at every value while one holds, and several detectors find one and
the same change. A person is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.protocols import Drift
from models.state import come_back, leave
from models.vectors import Codes, Ints


class Episodes:
    """Lets a signal's first drift through, and none of its kind for some time after.

    Parameters
    ----------
    detectors, signals
        How many there are.
    cooldown
        Seconds of event time for which a signal's verdicts of the same level, or a lower one, are
        held back. A drift is news also while a warning is on.

    Examples
    --------
    >>> episodes = Episodes(1, 1, cooldown=3600.0)
    >>> [episodes.admit(0, Drift.DRIFT, ts) for ts in (0.0, 10.0, 3600.0)]
    [True, False, True]
    >>> episodes.rises(0, np.array([0, 1, 1, 2, 0, 1], np.int8)).tolist()
    [1, 3, 5]
    """

    def __init__(self, detectors: int, signals: int, cooldown: float) -> None:
        self._cooldown = cooldown
        self._levels = np.zeros(detectors, np.int8)
        self._until = np.full((signals, len(Drift)), -np.inf)
        self.held = np.zeros(signals, np.int64)

    def rises(self, detector: int, levels: Codes) -> Ints:
        """Where a detector's level is above the one before, of the verdicts that come next."""
        if not len(levels):
            return np.zeros(0, np.int64)
        before = np.concatenate([self._levels[detector : detector + 1], levels[:-1]])
        self._levels[detector] = levels[-1]
        return np.flatnonzero(levels > before)

    def admit(self, signal: int, level: Drift, ts: float) -> bool:
        """Whether a verdict at event time `ts` is news; if so, an episode begins."""
        if ts < self._until[signal, level]:
            self.held[signal] += 1
            return False
        self._until[signal, : level + 1] = ts + self._cooldown
        return True

    def _state(self) -> dict[str, Any]:
        return {"levels": self._levels, "until": self._until, "held": self.held}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
