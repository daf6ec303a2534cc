"""Detectors by name, set so that they raise no more false alarms than is wanted.

What a detector's parameter means differs from one to the next, and what it bounds is seldom what a
person on call counts. So it is measured: false alarms in a million errors that are all of one rate,
for some values of the parameter, at the worst of the rates 0.005, 0.02, 0.05, 0.2 and 0.5, over 40
million errors each that begin anew after every 100,000 (`python -m benchmarks.drift --calibrate`).
In between and beyond, lines through their logarithms.

DDM takes the first error after a run of none for a drift, so at error rates of 0.005 it gives 60
false alarms in a million whatever its parameter is; its table is for a rate of 0.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.drift.adwin import Adwin
from models.drift.ddm import DDM
from models.drift.detector import Detector
from models.drift.eddm import EDDM
from models.drift.hddm_a import HDDMA
from models.drift.hddm_w import HDDMW
from models.drift.kswin import KSWIN
from models.drift.page_hinkley import PageHinkleyTest
from models.settings import positive


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How a detector is made from its parameter, and what that leads to.

    Attributes
    ----------
    make
        From the parameter that says how sensitive it is.
    measured
        Values of the parameter, and false alarms in a million errors; both in order.
    most
        What the parameter is kept below.
    """

    make: Callable[[float], Detector]
    measured: Sequence[tuple[float, float]]
    most: float = math.inf

    def parameter(self, false_alarms: float) -> float:
        """The value that gives so many false alarms in a million errors.

        Parameters
        ----------
        false_alarms
            Above 0.
        """
        positive(false_alarms=false_alarms)
        points = sorted((math.log(rate), math.log(value)) for value, rate in self.measured)
        wanted = math.log(false_alarms)
        last = len(points) - 1
        k = min(sum(rate < wanted for rate, _ in points[1:]), last - 1)
        (rate, value), (next_rate, next_value) = points[k], points[k + 1]
        slope = (next_value - value) / (next_rate - rate)
        return min(math.exp(value + slope * (wanted - rate)), self.most)


CALIBRATED: Mapping[str, Calibrated] = {
    "adwin": Calibrated(
        Adwin,
        [(0.001, 0.075), (0.002, 0.125), (0.005, 0.45), (0.01, 1.0), (0.02, 2.225), (0.05, 7.075),
         (0.2, 39.55), (0.5, 144.55)],
        most=0.9,
    ),
    "page-hinkley": Calibrated(
        lambda threshold: PageHinkleyTest(threshold=threshold),
        [(200.0, 0.1), (150.0, 3.1), (100.0, 15.275), (50.0, 71.95), (25.0, 302.55)],
    ),
    "ddm": Calibrated(
        lambda threshold: DDM(warning_threshold=2.0 / 3.0 * threshold, drift_threshold=threshold),
        [(6.0, 0.05), (5.0, 0.225), (4.0, 0.55), (3.5, 1.425), (3.0, 4.225), (2.5, 19.725),
         (2.0, 556.95), (1.5, 20169.6)],
    ),
    "eddm": Calibrated(
        lambda beta: EDDM(alpha=0.5 + 0.5 * beta, beta=beta),
        [(0.3, 0.175), (0.4, 0.725), (0.5, 1.725), (0.6, 3.925), (0.7, 9.475), (0.8, 30.825),
         (0.9, 410.5)],
        most=0.99,
    ),
    "hddm-a": Calibrated(
        lambda chance: HDDMA(chance, min(5.0 * chance, 0.9)),
        [(1e-5, 0.025), (1e-4, 0.85), (1e-3, 8.825), (1e-2, 122.675), (3e-2, 494.575)],
        most=0.8,
    ),
    "hddm-w": Calibrated(
        lambda chance: HDDMW(chance, min(5.0 * chance, 0.9)),
        [(1e-8, 0.025), (1e-7, 1.525), (1e-6, 12.4), (1e-5, 61.95), (1e-4, 235.95),
         (1e-3, 803.425)],
        most=0.8,
    ),
    "kswin": Calibrated(
        KSWIN,
        [(1e-5, 0.4), (1e-4, 5.0), (1e-3, 52.6), (5e-3, 131.4)],
        most=0.9,
    ),
}  # fmt: skip


def calibrated(name: str, false_alarms: float) -> Detector:
    """A detector that gives at most so many false alarms in a million errors, by measurement.

    >>> from models.protocols import Drift
    >>> detector = calibrated("adwin", false_alarms=0.5)
    >>> verdicts = [detector.update(float(i >= 1000)) for i in range(1100)]
    >>> verdicts.index(Drift.DRIFT)
    1015
    >>> round(CALIBRATED["adwin"].parameter(1.0), 4), round(CALIBRATED["adwin"].parameter(0.01), 6)
    (0.01, 6.5e-05)
    """
    of = CALIBRATED[name]
    return of.make(of.parameter(false_alarms))
