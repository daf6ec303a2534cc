"""EDDM: drift where errors follow one another sooner than they did."""

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
from models.settings import share, whole
from models.vectors import Codes, Floats

# Places of `state`: the values, the errors, where the last was; mean and squared deviations of the
# distances between them; the longest that they have been; and whether a warning holds.
SEEN, ERRORS, LAST, MEAN, SQUARES, LONGEST, WARNED, PLACES = range(OWN, OWN + 8)


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    warm_start: float,
    alpha: float,
    beta: float,
    state: Floats,
) -> None:
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if bounded(value):
            start_over(state)
            state[SEEN] += 1.0
            if value == 1.0:
                distance = state[SEEN] - state[LAST]
                state[LAST] = state[SEEN]
                state[ERRORS] += 1.0
                apart = distance - state[MEAN]
                state[MEAN] += 1.0 / state[ERRORS] * apart
                state[SQUARES] += apart * (distance - state[MEAN])
                if state[SEEN] > warm_start:
                    length = state[MEAN]
                    if state[ERRORS] > 1.0:
                        length += 2.0 * math.sqrt(state[SQUARES] / (state[ERRORS] - 1.0))
                    state[LONGEST] = max(length, state[LONGEST])
                    if state[ERRORS] > warm_start:
                        level = length / state[LONGEST]
                        state[WARNED] = level < alpha
                        state[OVER] = level < beta
                        state[STATISTIC] = 1.0 - level
            if state[OVER] != 0.0:
                levels[i] = DRIFT
            elif state[WARNED] != 0.0:
                levels[i] = WARNING
        statistics[i] = state[STATISTIC]


class EDDM(Detector):
    """Early drift detection method: the distance between errors is held against its longest.

    With ``p`` the mean number of values from one error to the next and ``s`` its standard
    deviation, drift is where ``(p + 2 s) / max(p + 2 s)`` is below `beta`. The statistic is what
    that lacks to 1. A warning holds until an error ends it.

    In River a warning goes on after an error that makes a new maximum, though the quotient is 1
    then. Here it ends.

    Parameters
    ----------
    warm_start
        Errors before the first verdict, and values before the first maximum.
    alpha, beta
        Quotients below which there is a warning, and a drift.

    References
    ----------
    Baena-Garcia, del Campo-Avila, Fidalgo, Bifet, Gavalda & Morales-Bueno 2006, "Early drift
    detection method", 4th International Workshop on Knowledge Discovery from Data Streams.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = EDDM()
    >>> verdicts = [detector.update(float(i % 10 == 9 or i >= 1000)) for i in range(1200)]
    >>> verdicts.index(Drift.WARNING), verdicts.index(Drift.DRIFT)
    (1087, 1121)
    """

    def __init__(self, warm_start: int = 30, alpha: float = 0.95, beta: float = 0.9) -> None:
        whole(0, warm_start=warm_start)
        share(alpha=alpha, beta=beta)
        if alpha < beta:
            raise ValueError(f"alpha = {alpha}: expected a number of at least beta = {beta}")
        settings = (float(warm_start), alpha, beta)
        super().__init__(_run, settings, {"state": np.zeros(PLACES)})
