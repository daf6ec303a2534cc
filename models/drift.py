"""River's drift detectors behind one convention: 1 is an error, and `update` gives the verdict.

River's own differ in what is error and what is success, leave the verdict to be polled, and some
alarm again at once after a drift. Here a detector starts over after each, and says so once.
"""

from __future__ import annotations

import math
from typing import Any

from river.drift import ADWIN, PageHinkley

from models.protocols import Drift

NONE, DRIFT = Drift.NONE, Drift.DRIFT  # an enum's members are slow to look up, for every label


class Adwin:
    """Adaptive windowing (Bifet & Gavalda 2007): drift where two parts of the past differ.

    Parameters
    ----------
    delta
        Bound on the chance of a false alarm at each check, above 0 and below 1.

    Examples
    --------
    >>> detector = Adwin()
    >>> verdicts = [detector.update(float(i >= 1000)) for i in range(1100)]
    >>> verdicts.index(Drift.DRIFT), verdicts.count(Drift.DRIFT)
    (1023, 1)
    """

    def __init__(self, delta: float = 0.002) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta = {delta}: expected a number between 0 and 1")
        self._detector: Any = ADWIN(delta=delta)  # type: ignore[no-untyped-call]
        self._count = 0
        self._sum = 0.0

    @property
    def statistic(self) -> float:
        """Mean of the signal in the present window."""
        return float(self._detector.estimation)

    def update(self, value: float) -> Drift:
        detector = self._detector
        self._count += 1
        self._sum += value
        detector.update(value)
        if not detector.drift_detected:
            return NONE
        before = self._sum / self._count
        self._count, self._sum = 0, 0.0
        # A signal that got better is a change too, but no one needs to be called for it.
        return DRIFT if detector.estimation > before else NONE


class PageHinkleyTest:
    """Page's cumulative sum (1954) in Hinkley's form: drift where the mean has risen.

    Parameters
    ----------
    delta
        Rise of the mean that is tolerated.
    threshold
        Cumulated rise that counts as drift, above 0.

    Examples
    --------
    >>> detector = PageHinkleyTest()
    >>> verdicts = [detector.update(float(i >= 1000)) for i in range(1100)]
    >>> verdicts.index(Drift.DRIFT), verdicts.count(Drift.DRIFT)
    (1051, 1)
    """

    def __init__(self, delta: float = 0.005, threshold: float = 50.0) -> None:
        if not threshold > 0:
            raise ValueError(f"threshold = {threshold}: expected a number above 0")
        self._detector: Any = PageHinkley(delta=delta, threshold=threshold, mode="up")

    @property
    def statistic(self) -> float:
        """The cumulated rise, to be held against the threshold."""
        d = self._detector
        rise = d._sum_increase - d._min_increase  # noqa: SLF001 - no public name for it
        return float(rise) if math.isfinite(rise) else 0.0

    def update(self, value: float) -> Drift:
        detector = self._detector
        detector.update(value)
        return DRIFT if detector.drift_detected else NONE
