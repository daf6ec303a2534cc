"""DDM: drift where the error rate lies too many standard deviations above its lowest."""

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
from models.settings import positive, whole
from models.vectors import Codes, Floats

# Places of `state`: the values, and the lowest error rate with its deviation, once there is one.
SEEN, KNOWN, LEAST, DEVIATION, PLACES = range(OWN, OWN + 5)


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    warm_start: float,
    warning_threshold: float,
    drift_threshold: float,
    state: Floats,
) -> None:
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if bounded(value):
            start_over(state)
            state[SEEN] += 1.0
            state[STATISTIC] += 1.0 / state[SEEN] * (value - state[STATISTIC])
            p = state[STATISTIC]
            s = math.sqrt(p * (1.0 - p) / state[SEEN])
            if state[SEEN] > warm_start:
                if state[KNOWN] == 0.0 or p + s <= state[LEAST] + state[DEVIATION]:
                    state[KNOWN] = 1.0
                    state[LEAST] = p
                    state[DEVIATION] = s
                # Not at the bound itself: where nothing was wrong so far, it is 0, and reached.
                if p + s > state[LEAST] + drift_threshold * state[DEVIATION]:
                    levels[i] = DRIFT
                    state[OVER] = 1.0
                elif p + s > state[LEAST] + warning_threshold * state[DEVIATION]:
                    levels[i] = WARNING
        statistics[i] = state[STATISTIC]


class DDM(Detector):
    """Drift detection method: the error rate is held against the lowest that it has been.

    With ``p`` the share of errors since the start and ``s = sqrt(p (1 - p) / n)``, drift is where
    ``p + s > p_min + 3 s_min``, of the time when ``p + s`` was least. The statistic is ``p``.

    The paper has "at least" for "more than", which would alarm where there never was an error. If
    there was none until the first comparison, the next one is a drift: the detector is of no use
    for a rare error.

    Parameters
    ----------
    warm_start
        Values before the first comparison.
    warning_threshold, drift_threshold
        Standard deviations.

    References
    ----------
    Gama, Medas, Castillo & Rodrigues 2004, "Learning with drift detection", SBIA.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = DDM()
    >>> verdicts = [detector.update(float(i % 10 == 0 or i >= 1000)) for i in range(1030)]
    >>> verdicts.index(Drift.WARNING), verdicts.index(Drift.DRIFT)
    (1010, 1020)
    """

    def __init__(
        self, warm_start: int = 30, warning_threshold: float = 2.0, drift_threshold: float = 3.0
    ) -> None:
        whole(0, warm_start=warm_start)
        positive(warning_threshold=warning_threshold, drift_threshold=drift_threshold)
        settings = (float(warm_start), float(warning_threshold), float(drift_threshold))
        super().__init__(_run, settings, {"state": np.zeros(PLACES)})
