"""Prequential error and loss: of each score as it was given, once its label has come.

Three views of the same stream of (score, label) pairs: all of them, the last `window` of them, and
a faded mean (Gama, Sebastiao & Rodrigues 2013, "On evaluating stream learning algorithms") that
forgets by a constant factor for each label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled, inlined
from models.ranking import average_precision, roc_auc
from models.state import come_back, leave
from models.vectors import Codes, Floats, Ints

# A score of exactly 0 or 1 that is wrong costs this and not infinity.
CLIP = 1e-15

# Places of `totals`
LOSS, FADED_LOSS, FADED_ERROR, FADED_COUNT = range(4)


@inlined
def log_loss(p: float, y: int) -> float:
    """Negative log-likelihood of label `y` under probability `p`, in nats."""
    q = p if y == 1 else 1.0 - p
    return -math.log(max(q, CLIP))


@compiled
def _update(
    p: Floats,
    y: Codes,
    was: Codes,
    fading: float,
    confusion: Ints,
    totals: Floats,
    recent_p: Floats,
    recent_y: Codes,
    ends: Ints,
    first_confusion: Ints,
    first_loss: Floats,
) -> None:
    for i in range(len(p)):
        predicted = 1 if p[i] > 0.5 else 0
        loss = log_loss(p[i], y[i])
        if was[i] >= 0:
            confusion[predicted, was[i]] -= 1
            confusion[predicted, y[i]] += 1
            totals[LOSS] += loss - log_loss(p[i], was[i])
            continue
        confusion[predicted, y[i]] += 1
        first_confusion[predicted, y[i]] += 1
        totals[LOSS] += loss
        first_loss[0] += loss
        totals[FADED_LOSS] = fading * totals[FADED_LOSS] + loss
        totals[FADED_ERROR] = fading * totals[FADED_ERROR] + (predicted != y[i])
        totals[FADED_COUNT] = fading * totals[FADED_COUNT] + 1.0
        at = ends[0] % len(recent_p)
        ends[0] += 1
        recent_p[at] = p[i]
        recent_y[at] = y[i]


class Prequential:
    """Error and log-loss of scores as they were given.

    Parameters
    ----------
    window
        Labels in the windowed metrics.
    fading
        What a label's weight in the faded metrics is multiplied by for each later label.

    Examples
    --------
    >>> seen = Prequential()
    >>> seen.update(np.array([0.9, 0.2]), np.array([1, 1], np.int8), np.array([-1, -1], np.int8))
    >>> seen.count, seen.error, round(seen.log_loss, 4)
    (2, 0.5, 0.8574)
    """

    def __init__(self, window: int = 10_000, fading: float = 0.999) -> None:
        self.fading = fading
        self.confusion = np.zeros((2, 2), np.int64)  # [score above 0.5, label], corrected
        self.first_confusion = np.zeros((2, 2), np.int64)  # by first labels: only ever grows
        self._totals = np.zeros(4)
        self._first_loss = np.zeros(1)
        self._recent_p = np.zeros(window)
        self._recent_y = np.zeros(window, np.int8)
        self._ends = np.zeros(1, np.int64)

    def update(self, p: Floats, y: Codes, was: Codes) -> None:
        """Take labels in order: `p` the scores as given, `was` the label replaced, or -1."""
        _update(
            p, y, was, self.fading, self.confusion, self._totals, self._recent_p, self._recent_y,
            self._ends, self.first_confusion, self._first_loss,
        )  # fmt: skip

    @property
    def count(self) -> int:
        """Labels measured."""
        return int(self.confusion.sum())

    @property
    def error(self) -> float:
        """Share of scores on the wrong side of 0.5, over all labels; NaN before the first."""
        return _share(int(self.confusion[0, 1] + self.confusion[1, 0]), self.count)

    @property
    def log_loss(self) -> float:
        """Mean log-loss over all labels, in nats; NaN before the first."""
        return _share(float(self._totals[LOSS]), self.count)

    @property
    def first_loss_sum(self) -> float:
        """Sum of log-losses by first labels: only ever grows."""
        return float(self._first_loss[0])

    @property
    def faded_error(self) -> float:
        """Faded mean of the error; NaN before the first label."""
        return _share(float(self._totals[FADED_ERROR]), float(self._totals[FADED_COUNT]))

    @property
    def faded_log_loss(self) -> float:
        """Faded mean of the log-loss; NaN before the first label."""
        return _share(float(self._totals[FADED_LOSS]), float(self._totals[FADED_COUNT]))

    def recent(self) -> tuple[Floats, Codes]:
        """Scores and labels of the window, oldest first."""
        n, size = int(self._ends[0]), len(self._recent_p)
        order = np.arange(max(0, n - size), n) % size
        return self._recent_p[order], self._recent_y[order]

    def windowed(self) -> dict[str, float]:
        """Error, log-loss, ROC AUC and average precision over the window; NaN where undefined."""
        p, y = self.recent()
        q = np.where(y == 1, p, 1.0 - p)
        return {
            "error": _share(float(np.sum((p > 0.5) != y)), len(p)),
            "log_loss": _share(-float(np.sum(np.log(np.maximum(q, CLIP)))), len(p)),
            "roc_auc": roc_auc(p, y),
            "average_precision": average_precision(p, y),
        }

    def _state(self) -> dict[str, Any]:
        return {
            "confusion": self.confusion,
            "first_confusion": self.first_confusion,
            "totals": self._totals,
            "first_loss": self._first_loss,
            "recent_p": self._recent_p,
            "recent_y": self._recent_y,
            "ends": self._ends,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
