"""Logistic regression on an optimizer of the user's own, written in numpy.

A plug-in needs no compiler: it has `slots` and `step`, and knows nothing of features or hashing. It
is slower than the compiled optimizers, and otherwise the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from models.kernels import LARGEST, sigmoid, usable
from models.protocols import Schedule
from models.scores import Scores
from models.state import come_back, leave
from models.vectors import SCORE, Floats, Steps


@runtime_checkable
class StepOptimizer(Protocol):
    """What a user's optimizer has."""

    slots: int

    def step(self, weights: Floats, state: Floats, g: Floats, rate: float) -> None:
        """Change `weights`, shape (n,), and `state`, shape (slots, n), in place.

        They are those of the event's n features only, and `g`, shape (n,), is the gradient. State
        starts at 0.
        """
        ...


class PluggedLogisticRegression:
    """Logistic regression whose steps an object of the user's takes.

    Parameters are those of `models.logistic.LogisticRegression`.
    """

    def __init__(
        self,
        dense: int,
        optimizer: StepOptimizer,
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
        scores = Scores.of(steps)
        for i, (code, y, dense, slots, values) in enumerate(steps):
            width = len(dense)
            if not (usable(dense, LARGEST) and usable(values, LARGEST)):
                self.counts[1] += 1
                scores.dense_parts[i, 0] = scores.logits[i] = self.weights[0]
                continue
            at = np.concatenate([np.arange(width), width + slots])
            x = np.concatenate([dense, values])
            parts = self.weights[at] * x
            scores.logits[i] = z = float(parts.sum())
            if code == SCORE:
                of_dense, of_pairs = scores.parts(i)
                of_dense[:], of_pairs[:] = parts[:width], parts[width:]
            else:
                self.counts[0 if self._learn(at, x, sigmoid(z) - y) else 1] += 1
        return scores

    def _learn(self, at: Any, x: Floats, slope: float) -> bool:
        """One step; False, with nothing changed, if a number in it is not finite."""
        places, inverse = np.unique(at, return_inverse=True)  # a slot may come twice
        g = np.bincount(inverse, slope * x, len(places)).astype(np.float64)
        weights, state = self.weights[places], self.state[:, places]
        g[1:] += self.l2 * weights[1:]  # the intercept, place 0, is not shrunk
        with np.errstate(all="ignore"):
            self.optimizer.step(weights, state, g, self.rate)
        if not (np.isfinite(weights).all() and np.isfinite(state).all()):
            return False
        self.weights[places], self.state[:, places] = weights, state
        return True

    def _state(self) -> dict[str, Any]:
        return {"weights": self.weights, "state": self.state, "counts": self.counts}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
