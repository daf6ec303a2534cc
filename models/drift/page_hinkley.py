"""The Page-Hinkley test: drift where the mean has risen, and the rise adds up."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled
from models.drift.detector import DRIFT, NONE, OVER, OWN, STATISTIC, Detector, start_over, usable
from models.settings import positive, whole
from models.vectors import Codes, Floats

# Places of `state`: values and their mean, the cumulated deviations and the least they have been.
SEEN, MEAN, SUM, LEAST, PLACES = range(OWN, OWN + 5)


@compiled
def _run(
    values: Floats,
    levels: Codes,
    statistics: Floats,
    delta: float,
    threshold: float,
    alpha: float,
    min_instances: float,
    state: Floats,
) -> None:
    for i in range(len(values)):
        value = values[i]
        levels[i] = NONE
        if usable(value):
            start_over(state)
            state[SEEN] += 1.0
            state[MEAN] += 1.0 / state[SEEN] * (value - state[MEAN])
            state[SUM] = alpha * state[SUM] + (value - state[MEAN]) - delta
            if state[SEEN] == 1.0 or state[SUM] < state[LEAST]:
                state[LEAST] = state[SUM]
            state[STATISTIC] = state[SUM] - state[LEAST]
            if state[SEEN] >= min_instances and state[STATISTIC] > threshold:
                levels[i] = DRIFT
                state[OVER] = 1.0
        statistics[i] = state[STATISTIC]


class PageHinkleyTest(Detector):
    """Page's cumulative sum in Hinkley's form: drift where the mean has risen.

    ``S = alpha * S + x - mean - delta``, held against the least that `S` has been. The statistic is
    the difference. The paper's sum does not fade (`alpha` of 1).

    Parameters
    ----------
    delta
        Rise of the mean that is tolerated.
    threshold
        Cumulated rise that counts as drift, above 0.
    alpha
        What the sum is multiplied by for each value; above 0, at most 1.
    min_instances
        Values before the first verdict.

    References
    ----------
    Page 1954, "Continuous inspection schemes", Biometrika 41; Hinkley 1971, "Inference about the
    change-point from cumulative sum tests", Biometrika 58.

    Examples
    --------
    >>> from models.protocols import Drift
    >>> detector = PageHinkleyTest()
    >>> verdicts = [detector.update(float(i >= 1000)) for i in range(1100)]
    >>> verdicts.index(Drift.DRIFT), verdicts.count(Drift.DRIFT)
    (1051, 1)
    """

    def __init__(
        self,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 1.0 - 0.0001,
        min_instances: int = 30,
    ) -> None:
        positive(threshold=threshold)
        if not 0 < alpha <= 1:
            raise ValueError(f"alpha = {alpha}: expected a number above 0, at most 1")
        whole(0, min_instances=min_instances)
        settings = (float(delta), float(threshold), float(alpha), float(min_instances))
        self.threshold = threshold
        super().__init__(_run, settings, {"state": np.zeros(PLACES)})
