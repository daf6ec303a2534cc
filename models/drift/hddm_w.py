"""HDDM-W: as HDDM-A, but recent values weigh more."""

from __future__ import annotations

import math

import numpy as np

from models.compiled import compiled, inlined
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

# Places of `state`: three weighted means, each followed by the sum of its squared weights, which is
# 0 only while it has no value; and the least upper bound of the first.
ALL, CUT, AFTER, BOUND, PLACES = OWN, OWN + 2, OWN + 4, OWN + 6, OWN + 7


@inlined
def _add(value: float, weight: float, mean: int, state: Floats) -> None:
    if state[mean + 1] == 0.0:
        state[mean] = value
        state[mean + 1] = 1.0
    else:
        kept = 1.0 - weight
        state[mean] = weight * value + kept * state[mean]
        state[mean + 1] = weight * weight + kept * kept * state[mean + 1]


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    drift_confidence: float,
    warning_confidence: float,
    lambda_val: float,
    state: Floats,
) -> None:
    log_drift = math.log(1.0 / drift_confidence)
    log_warning = math.log(1.0 / warning_confidence)
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if bounded(value):
            start_over(state)
            _add(value, lambda_val, ALL, state)
            bound = state[ALL] + math.sqrt(state[ALL + 1] * log_drift / 2.0)
            if state[CUT + 1] == 0.0 or bound < state[BOUND]:
                state[BOUND] = bound
                state[CUT] = state[ALL]
                state[CUT + 1] = state[ALL + 1]
                state[AFTER + 1] = 0.0
                state[STATISTIC] = 0.0
            else:
                _add(value, lambda_val, AFTER, state)
                squares = state[CUT + 1] + state[AFTER + 1]
                state[STATISTIC] = state[AFTER] - state[CUT]
                if state[STATISTIC] > math.sqrt(squares * log_drift / 2.0):
                    levels[i] = DRIFT
                    state[OVER] = 1.0
                elif state[STATISTIC] > math.sqrt(squares * log_warning / 2.0):
                    levels[i] = WARNING
        statistics[i] = state[STATISTIC]


class HDDMW(Detector):
    """Hoeffding's drift detection method, test W: weighted means before and after a cut.

    The means fade, ``mean = lambda * x + (1 - lambda) * mean``. By McDiarmid's inequality such a
    mean is off by more than ``sqrt(v * ln(1 / c) / 2)`` with a chance of at most `c`, where `v` is
    the sum of its squared weights. The cut is where the mean plus that was least; drift is where
    the mean after the cut is above the mean at it by more than the same of both `v` together. The
    statistic is how far it is above. Only a rise is looked for, as in River by default.

    The first value has a weight of 1, so `v` starts at 1. River starts at
    ``lambda ** 2 + (1 - lambda) ** 2`` (0.905 by default) and stays one step ahead: its bounds are
    too narrow just after a cut, which makes for more alarms.

    Parameters
    ----------
    drift_confidence, warning_confidence
        Chance of a false alarm, and of a false warning, at a comparison.
    lambda_val
        Weight of the newest value.

    References
    ----------
    Frias-Blanco et al. 2015, as for `models.drift.hddm_a`.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = HDDMW()
    >>> verdicts = [detector.update(float(i % 10 == 0 or i >= 1000)) for i in range(1030)]
    >>> verdicts.index(Drift.WARNING), verdicts.index(Drift.DRIFT)
    (1009, 1011)
    """

    threshold = 0.0

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        lambda_val: float = 0.05,
    ) -> None:
        share(
            drift_confidence=drift_confidence,
            warning_confidence=warning_confidence,
            lambda_val=lambda_val,
        )
        settings = (drift_confidence, warning_confidence, lambda_val)
        super().__init__(_run, settings, {"state": np.zeros(PLACES)})
