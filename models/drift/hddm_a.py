"""HDDM-A: drift where the mean has risen by more than Hoeffding's inequality allows."""

from __future__ import annotations

import math

import numpy as np

from models.compiled import compiled
from models.drift.detector import (
    DRIFT,
    NONE,
    OVER,
    OWN,
    STATISTIC,
    WARNING,
    Detector,
    bounded,
    start_over,
)
from models.settings import share
from models.vectors import Codes, Floats

# Places of `state`: values and their mean, now and at the cut.
SEEN, MEAN, CUT, CUT_MEAN, PLACES = range(OWN, OWN + 5)


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    drift_confidence: float,
    warning_confidence: float,
    state: Floats,
) -> None:
    log = math.log(1.0 / drift_confidence)
    log_drift = math.log(2.0 / drift_confidence)
    log_warning = math.log(2.0 / warning_confidence)
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if bounded(value):
            start_over(state)
            state[SEEN] += 1.0
            n = state[SEEN]
            state[MEAN] += 1.0 / n * (value - state[MEAN])
            bound = state[MEAN] + math.sqrt(1.0 / (2.0 * n) * log)
            cut = state[CUT]
            if cut == 0.0 or state[CUT_MEAN] + math.sqrt(1.0 / (2.0 * cut) * log) >= bound:
                state[CUT] = n
                state[CUT_MEAN] = state[MEAN]
                state[STATISTIC] = 0.0
            else:
                state[STATISTIC] = state[MEAN] - state[CUT_MEAN]
                m = (n - cut) / cut * (1.0 / n)
                if state[STATISTIC] >= math.sqrt(m / 2.0 * log_drift):
                    levels[i] = DRIFT
                    state[OVER] = 1.0
                elif state[STATISTIC] >= math.sqrt(m / 2.0 * log_warning):
                    levels[i] = WARNING
        statistics[i] = state[STATISTIC]


class HDDMA(Detector):
    """Hoeffding's drift detection method, test A: the mean of all against the mean up to a cut.

    The cut is where ``mean + sqrt(ln(1 / c) / (2 n))`` was least. With `n` values, of which `k` are
    up to the cut, drift is where the mean of all is above that of those by
    ``sqrt((n - k) / (k n) * ln(2 / c) / 2)`` or more. The statistic is how far it is above. Only a
    rise is looked for, as in River by default.

    Parameters
    ----------
    drift_confidence, warning_confidence
        Chance of a false alarm, and of a false warning, at a comparison.

    References
    ----------
    Frias-Blanco, del Campo-Avila, Ramos-Jimenez, Morales-Bueno, Ortiz-Diaz & Caballero-Mota 2015,
    "Online and non-parametric drift detection methods based on Hoeffding's bounds", IEEE
    Transactions on Knowledge and Data Engineering 27.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = HDDMA()
    >>> verdicts = [detector.update(float(i % 10 == 0 or i >= 1000)) for i in range(1030)]
    >>> verdicts.index(Drift.WARNING), verdicts.index(Drift.DRIFT)
    (1003, 1004)
    """

    threshold = 0.0

    def __init__(self, drift_confidence: float = 0.001, warning_confidence: float = 0.005) -> None:
        share(drift_confidence=drift_confidence, warning_confidence=warning_confidence)
        settings = (drift_confidence, warning_confidence)
        super().__init__(_run, settings, {"state": np.zeros(PLACES)})
