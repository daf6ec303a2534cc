"""The alert threshold that keeps a budget: as many alerts as the user can look at.

The budget is a share of events. A histogram of the logits of past events, in which old events fade,
says above which score that share lies; the next event is held against that. So the threshold
follows the scores, needs constant memory, and depends on nothing but the scores before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled, inlined
from models.kernels import sigmoid
from models.state import come_back, leave
from models.vectors import Codes, Floats, Ints

BINS = 4096
REACH = 32.0  # logits from -32 to 32: bins of 1/64, below 2 % of the odds
RENORMALISE = 1e100

# Places of `state`: weight of the next event, weight of all, weight in the alerting bins.
NEXT, TOTAL, ABOVE = range(3)


@inlined
def _bin(logit: float) -> int:
    return int(min(BINS - 1.0, max(0.0, (logit + REACH) * (BINS / (2.0 * REACH)))))


@inlined
def _threshold(ends: Ints, warm_up: int) -> float:
    """Score from which on an event is an alert; 1 where none is."""
    if ends[1] < warm_up or ends[0] == BINS:
        return 1.0
    return sigmoid(ends[0] * (2.0 * REACH / BINS) - REACH)


@compiled
def _decide(
    logits: Floats,
    share: float,
    fading: float,
    warm_up: int,
    histogram: Floats,
    state: Floats,
    ends: Ints,
    thresholds: Floats,
    alerts: Codes,
) -> None:
    for i in range(len(logits)):
        edge = ends[0]
        thresholds[i] = _threshold(ends, warm_up)
        alerts[i] = thresholds[i] < 1.0 and sigmoid(logits[i]) >= thresholds[i]
        ends[1] += 1
        # Instead of fading all bins each time, each event weighs more than the one before.
        weight = state[NEXT]
        b = _bin(logits[i])
        histogram[b] += weight
        state[TOTAL] += weight
        if b >= edge:
            state[ABOVE] += weight
        state[NEXT] = weight / fading
        while edge < BINS and state[ABOVE] > share * state[TOTAL]:
            state[ABOVE] -= histogram[edge]
            edge += 1
        while edge > 0 and state[ABOVE] + histogram[edge - 1] <= share * state[TOTAL]:
            edge -= 1
            state[ABOVE] += histogram[edge]
        ends[0] = edge
        if state[NEXT] > RENORMALISE:
            for k in range(BINS):
                histogram[k] /= state[NEXT]
            state[TOTAL] = 0.0
            state[ABOVE] = 0.0
            for k in range(BINS):  # anew, so that rounding does not add up
                state[TOTAL] += histogram[k]
                state[ABOVE] += histogram[k] if k >= edge else 0.0
            state[NEXT] = 1.0


class AlertBudget:
    """Alerts for the highest scores, as many as a set share of events.

    Parameters
    ----------
    share
        Alerts wanted for each event, above 0 and below 1.
    memory
        After how many events an event's weight has halved.
    warm_up
        Events without any alert, while too little is known of the scores.

    Examples
    --------
    >>> budget = AlertBudget(share=0.01, warm_up=1000)
    >>> logits = np.random.default_rng(1).normal(size=100_000)
    >>> thresholds, alerts = budget.decide(logits)
    >>> round(alerts[1000:].mean(), 4), round(thresholds[-1], 3)
    (np.float64(0.0098), np.float64(0.911))
    """

    def __init__(self, share: float, memory: int = 20_000, warm_up: int = 1_000) -> None:
        self.share = share
        self.fading = 0.5 ** (1.0 / memory)
        self.warm_up = warm_up
        self._histogram = np.zeros(BINS)
        self._weights = np.array([1.0, 0.0, 0.0])
        self._ends = np.array([BINS, 0], np.int64)  # lowest alerting bin, events seen

    @property
    def threshold(self) -> float:
        """Threshold for the next event; 1 while nothing can be an alert."""
        return _threshold(self._ends, self.warm_up)

    def decide(self, logits: Floats) -> tuple[Floats, Codes]:
        """Threshold and alert (0 or 1) of each event, in order."""
        thresholds = np.empty(len(logits))
        alerts = np.empty(len(logits), np.int8)
        _decide(
            logits, self.share, self.fading, self.warm_up, self._histogram, self._weights,
            self._ends, thresholds, alerts,
        )  # fmt: skip
        return thresholds, alerts

    def _state(self) -> dict[str, Any]:
        return {"histogram": self._histogram, "weights": self._weights, "ends": self._ends}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
