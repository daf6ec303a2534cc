"""The alert threshold that keeps a budget: as many alerts as the user can look at.

The budget is a share of events. A histogram of the logits of past events, in which old events fade,
says above which score that share lies; the next event is held against that. So the threshold
follows the scores, needs constant memory, and depends on nothing but the scores before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models import histogram
from models.alerting import reached
from models.compiled import compiled, inlined
from models.histogram import ABOVE, BINS, TOTAL, Histogram
from models.state import come_back, leave
from models.vectors import SCORE, Codes, Floats, Ints


@inlined
def _threshold(scores: Histogram, seen: int, warm_up: int) -> float:
    """Score from which on an event is an alert; 1 where none is."""
    return histogram.score_at_edge(scores) if seen >= warm_up else 1.0


@compiled
def _run(
    code: Codes,
    logits: Floats,
    share: float,
    fading: float,
    warm_up: int,
    scores: Histogram,
    seen: Ints,
    thresholds: Floats,
) -> None:
    edge, weights = scores.edge, scores.weights
    for i in range(len(code)):
        thresholds[i] = _threshold(scores, seen[0], warm_up)
        if code[i] != SCORE:
            continue
        seen[0] += 1
        histogram.add(scores, logits[i], fading)
        while edge[0] < BINS and weights[ABOVE] > share * weights[TOTAL]:
            histogram.lift(scores)
        while edge[0] > 0 and (
            weights[ABOVE] + histogram.below_edge(scores) <= share * weights[TOTAL]
        ):
            histogram.lower(scores)


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
        self._scores = histogram.new()
        self._seen = np.zeros(1, np.int64)

    @property
    def threshold(self) -> float:
        """Threshold for the next event; 1 while nothing can be an alert."""
        return _threshold(self._scores, int(self._seen[0]), self.warm_up)

    def thresholds(self, code: Codes, y: Codes, was: Codes, logits: Floats) -> Floats:  # noqa: ARG002
        """Threshold at each operation, in order (see `models.alerting`); labels change nothing."""
        thresholds = np.empty(len(code))
        _run(
            code, logits, self.share, self.fading, self.warm_up, self._scores, self._seen,
            thresholds,
        )  # fmt: skip
        return thresholds

    def decide(self, logits: Floats) -> tuple[Floats, Codes]:
        """Threshold and alert (0 or 1) of each event, in order, by this rule alone."""
        events = np.full(len(logits), SCORE, np.int8)
        thresholds = self.thresholds(events, events, events, logits)
        return thresholds, reached(thresholds, logits)

    def _state(self) -> dict[str, Any]:
        return {"scores": self._scores, "seen": self._seen}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
