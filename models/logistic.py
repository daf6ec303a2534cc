"""Online logistic regression on the compiled kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models import kernels
from models.protocols import Optimizer, Schedule
from models.scores import Scores
from models.state import come_back, leave
from models.vectors import LEARN, SCORE, Floats, Steps, Vectors


class LogisticRegression:
    """Logistic regression that learns one label at a time.

    The intercept is a weight like the others (dense feature 0), with the same optimizer and rate.

    Parameters
    ----------
    dense
        Number of dense features, the intercept included.
    optimizer, schedule
        How a gradient changes the weights, and at what rate.
    hash_bits
        ``2 ** hash_bits`` weights for hashed features; 0 for none.
    l2
        Strength of the pull of every weight but the intercept towards 0.

    Examples
    --------
    >>> import numpy as np
    >>> from models.optimizers import AdaGrad
    >>> from models.schedules import Constant
    >>> model = LogisticRegression(2, AdaGrad(), Constant(0.5))
    >>> for x, y in [(2.0, 1), (-2.0, 0)] * 50:
    ...     model.learn(np.array([1.0, x]), y)
    >>> round(model.score(np.array([1.0, 2.0])), 3)
    0.993
    """

    def __init__(
        self,
        dense: int,
        optimizer: Optimizer,
        schedule: Schedule,
        hash_bits: int = 0,
        l2: float = 0.0,
    ) -> None:
        size = dense + (1 << hash_bits if hash_bits else 0)
        self.optimizer = optimizer
        self.schedule = schedule
        self.l2 = l2
        self.weights = np.zeros(size)
        self.state = np.zeros((optimizer.slots, size))
        self.counts = np.zeros(2, np.int64)  # labels learned, steps refused

    @property
    def learned(self) -> int:
        """Labels learned so far."""
        return int(self.counts[0])

    @property
    def refused(self) -> int:
        """Steps refused so far, because a number was not finite."""
        return int(self.counts[1])

    @property
    def rate(self) -> float:
        """Learning rate of the next label."""
        return self.schedule.get(self.learned)

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps, strictly in order."""
        v = steps.vectors
        labels = int(np.count_nonzero(steps.code != SCORE))
        first = self.learned
        rates = np.array([self.schedule.get(t) for t in range(first, first + labels)], np.float64)
        scores = Scores(np.empty(len(v)), np.zeros(v.dense.shape), np.zeros(len(v.values)))
        self.counts += kernels.run(
            steps.code,
            steps.y,
            v.dense,
            v.start,
            v.slots,
            v.values,
            self.optimizer.code,
            self.optimizer.parameters,
            rates,
            self.l2,
            self.weights,
            self.state,
            scores.logits,
            scores.dense_parts,
            scores.hashed_parts,
        )
        return scores

    def score(self, x: Floats) -> float:
        """Probability that the event with dense features `x`, shape (d,), is of class 1."""
        return kernels.sigmoid(float(self._one(SCORE, 0, x).logits[0]))

    def learn(self, x: Floats, y: int) -> None:
        """Take one step towards label `y` of the event with dense features `x`."""
        self._one(LEARN, y, x)

    def _one(self, code: int, y: int, x: Floats) -> Scores:
        row = Vectors.of_dense(x[np.newaxis])
        return self.run(Steps(np.array([code], np.int8), np.array([y], np.int8), row))

    def _state(self) -> dict[str, Any]:
        return {"weights": self.weights, "state": self.state, "counts": self.counts}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
