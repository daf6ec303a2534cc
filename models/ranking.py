"""How well scores rank events: ROC AUC and average precision, exact, ties included."""

from __future__ import annotations

import math

import numpy as np

from models.vectors import Codes, Floats, Ints


def ladder(scores: Floats, labels: Codes) -> tuple[Ints, Ints, Floats]:
    """True and false positives at each distinct score, from the highest down, and that score."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], labels[order] == 1
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of each run of ties
    true = np.cumsum(hits)[last]
    return true, last + 1 - true, ranked[last]


def roc_auc(scores: Floats, labels: Codes) -> float:
    """Chance that an event of class 1 scores above one of class 0, ties counting half.

    NaN unless both classes are there. Area under the ROC curve by trapezia (Fawcett 2006).

    >>> roc_auc(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 0], np.int8))
    0.75
    """
    if not 0 < np.count_nonzero(labels == 1) < len(labels):
        return math.nan
    true, false = (np.concatenate([[0], part]) for part in ladder(scores, labels)[:2])
    area = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2.0))
    return area / (float(true[-1]) * float(false[-1]))


def average_precision(scores: Floats, labels: Codes) -> float:
    """Mean precision over the events of class 1: ``sum((R_n - R_(n-1)) * P_n)``.

    As in scikit-learn, without interpolation. NaN without an event of class 1.

    >>> round(average_precision(np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1], np.int8)), 4)
    0.8333
    """
    if not np.any(labels == 1):
        return math.nan
    true, false, _ = ladder(scores, labels)
    gained = np.diff(np.concatenate([[0], true]))
    return float(np.sum(gained * true / (true + false)) / true[-1])
