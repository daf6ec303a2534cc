"""What scores are worth at every threshold: recall and precision, cost, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.ranking import ladder
from models.vectors import Codes, Floats

BINS = 10  # of the reliability diagram


class Curves(NamedTuple):
    """Of labelled events by score: rates at each threshold, the highest first."""

    thresholds: Floats
    recall: Floats
    false_positive_rate: Floats
    precision: Floats


def curves(p: Floats, y: Codes) -> Curves:
    """Rates at every distinct score.

    >>> found = curves(np.array([0.9, 0.8, 0.1]), np.array([1, 0, 0], np.int8))
    >>> found.recall.tolist(), found.precision.round(2).tolist()
    ([1.0, 1.0, 1.0], [1.0, 0.5, 0.33])
    """
    true, false, thresholds = ladder(p, y)
    return Curves(
        thresholds, true / max(true[-1], 1), false / max(false[-1], 1), true / (true + false)
    )


def cost_curve(of: Curves) -> tuple[Floats, Floats]:
    """What the best threshold costs, by how much of the cost lies in what is missed.

    Normalised expected cost over the probability cost of class 1 (Drummond & Holte 2006, "Cost
    curves", Machine Learning 65): 0 costs nothing, and `min(x, 1 - x)` is had without a model.
    """
    x = np.linspace(0.0, 1.0, 101)
    misses = np.append(1.0, 1.0 - of.recall)
    alarms = np.append(0.0, of.false_positive_rate)
    cost = (misses[:, np.newaxis] * x + alarms[:, np.newaxis] * (1.0 - x)).min(axis=0)
    return x, cost


def reliability(p: Floats, y: Codes) -> tuple[Floats, Floats]:
    """Mean score, and share of label 1, of each tenth of the scale that has any events."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    parts = [np.flatnonzero(bins == k) for k in range(BINS)]
    said, was = ([of[part].mean() for part in parts if len(part)] for of in (p, y))
    return np.array(said), np.array(was)
