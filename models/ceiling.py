"""The alert threshold that keeps a ceiling: few false alerts, as far as labels can vouch for it.

The false-positive rate of a threshold is the share of events of class 0 whose score reaches it. A
histogram of the logits, as they were given, of events that got the label 0 estimates it for every
threshold at once, and an exact confidence bound (`models.binomial`) says how high the truth may be.
The threshold is the lowest at which that bound keeps to the ceiling: the most alerts that can be
vouched for. With few labels nothing can be, and nothing is an alert.

Looking at all thresholds costs no confidence. They are tried from the top down until one fails, and
the false-positive rate rises all the way down, so a wrong one is only taken if the first of them
passes its test (fixed sequence testing, as in Angelopoulos et al. 2021, "Learn then Test"). That
holds at any one time, and for a model that scores as it did when the labelled events came.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models import binomial, histogram
from models.compiled import compiled, inlined
from models.histogram import ABOVE, BINS, NEXT, TOTAL, Histogram
from models.settings import share
from models.state import come_back, leave
from models.vectors import ASSUME, SCORE, Codes, Floats


@inlined
def _vouched(above: float, scores: Histogram, rate: float, confidence: float) -> bool:
    """Whether the bound is at most `rate` if `above` is what lies above."""
    one = scores.weights[NEXT]
    return binomial.tail(above / one, scores.weights[TOTAL] / one, rate) <= 1.0 - confidence


@inlined
def _move(scores: Histogram, rate: float, confidence: float) -> None:
    """Bring the edge to the lowest threshold that can be vouched for."""
    edge, weights = scores.edge, scores.weights
    while edge[0] < BINS and not _vouched(weights[ABOVE], scores, rate, confidence):
        held = weights[ABOVE]
        while edge[0] < BINS and weights[ABOVE] >= held:  # an empty bin changes nothing
            histogram.lift(scores)
    if edge[0] == BINS and not _vouched(0.0, scores, rate, confidence):
        return
    while edge[0] > 0:
        below = histogram.below_edge(scores)
        if below > 0.0 and not _vouched(weights[ABOVE] + below, scores, rate, confidence):
            return
        histogram.lower(scores)


@compiled
def _run(
    code: Codes,
    y: Codes,
    was: Codes,
    logits: Floats,
    rate: float,
    confidence: float,
    fading: float,
    scores: Histogram,
    thresholds: Floats,
) -> None:
    for i in range(len(code)):
        thresholds[i] = histogram.score_at_edge(scores)
        if code[i] in (SCORE, ASSUME) or (y[i] == 1 and was[i] != 0):
            continue  # no label, or one that says nothing of class 0
        if y[i] == 0:
            histogram.add(scores, logits[i], fading)
        else:
            histogram.remove(scores, logits[i])
        _move(scores, rate, confidence)


class FalsePositiveCeiling:
    """Alerts from the lowest score on at which false alerts are vouched to be few enough.

    Labels are taken as they come, so the ceiling holds for events like those that get labels. An
    event learned as 0 for want of a label is none of them.

    Weights that fade count as that many negatives. A fading sum varies less than a count of the
    same size, so the bound errs on the safe side: at a true rate of 0.001 and a memory of 20,000
    the bound at 95 % is below the truth 0.6 % of the time, without fading 3.5 %.

    Parameters
    ----------
    rate
        Of events of class 0, the share that may be alerts, between 0 and 1.
    confidence
        Chance that the true share keeps to it at a given time, between 0 and 1.
    memory
        After how many labels 0 a label's weight has halved; infinite for never.

    Examples
    --------
    95 % confidence in a rate of 0.001 takes 2,995 negatives if none of them is above:

    >>> from models.vectors import LEARN
    >>> ceiling = FalsePositiveCeiling(0.001, memory=math.inf)
    >>> def label(n, logit):
    ...     negatives, none = np.zeros(n, np.int8), np.full(n, -1, np.int8)
    ...     _ = ceiling.thresholds(negatives + LEARN, negatives, none, np.full(n, logit))
    ...     return round(ceiling.threshold, 4), round(ceiling.upper, 6)
    >>> label(2_994, -2.0)
    (1.0, 0.001)
    >>> label(1, -2.0)
    (0.1209, 0.001)
    >>> label(1, 3.0)  # with one above, it takes 4,742
    (0.9533, 0.000999)
    >>> label(1_745, -2.0)
    (0.9533, 0.000632)
    >>> label(1, -2.0)
    (0.1209, 0.001)
    """

    def __init__(self, rate: float, confidence: float = 0.95, memory: float = 20_000) -> None:
        share(rate=rate, confidence=confidence)
        self.rate = rate
        self.confidence = confidence
        self.fading = 0.5 ** (1.0 / memory)
        # So many must stand before any alert; of weights that fade there are never more than these.
        needed = math.log1p(-confidence) / math.log1p(-rate)
        if needed * (1.0 - self.fading) >= 1.0:
            raise ValueError(
                f"memory = {memory}: expected more than {needed * math.log(2):.0f}, or there are "
                f"never enough labels to vouch for a rate of {rate}"
            )
        self._scores = histogram.new()

    @property
    def threshold(self) -> float:
        """Threshold for the next event; 1 while nothing can be an alert."""
        return histogram.score_at_edge(self._scores)

    @property
    def negatives(self) -> float:
        """Weight of the labels 0 that the estimate stands on, as a number of new ones."""
        return float(self._scores.weights[TOTAL] / self._scores.weights[NEXT])

    @property
    def rate_now(self) -> float:
        """Share of them at or above the threshold; NaN before the first."""
        weights = self._scores.weights
        return float(weights[ABOVE] / weights[TOTAL]) if weights[TOTAL] > 0.0 else math.nan

    @property
    def upper(self) -> float:
        """What the true share is not above, with `confidence`; 1 before the first label."""
        above = float(self._scores.weights[ABOVE] / self._scores.weights[NEXT])
        return binomial.upper(above, self.negatives, self.confidence)

    def thresholds(self, code: Codes, y: Codes, was: Codes, logits: Floats) -> Floats:
        """Threshold at each operation, in order (see `models.alerting`)."""
        thresholds = np.empty(len(code))
        _run(
            code, y, was, logits, self.rate, self.confidence, self.fading, self._scores,
            thresholds,
        )  # fmt: skip
        return thresholds

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._scores))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._scores, state)
