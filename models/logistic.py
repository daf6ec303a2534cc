"""Online logistic regression on the compiled kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from models import kernels, rules
from models.answers import Act, OnDrift, acts, rates
from models.protocols import Optimizer, Schedule
from models.schedules import Constant
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
        Strength of the pull of every weight but the intercept towards 0: a part of the gradient,
        and apart from it with `AdamW`.
    clip
        A bound on the norm of the gradient that the optimizer gets: a longer one is shortened.
    max_weight
        A bound on the absolute value of every weight. (One on the norm of all of them would have
        every step touch every weight.)

    Raises
    ------
    ValueError
        If a bound is not above 0.

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
        clip: float = math.inf,
        max_weight: float = math.inf,
    ) -> None:
        size = dense + (1 << hash_bits if hash_bits else 0)
        for name, bound in (("clip", clip), ("max_weight", max_weight)):
            if not bound > 0:
                raise ValueError(f"{name} = {bound}: expected a number above 0")
        self.optimizer = optimizer
        self.schedule = schedule
        self.l2 = l2
        self.clip = clip
        self.max_weight = max_weight
        self._cells = np.zeros((size, 1 + optimizer.slots))
        self.weights = self._cells[:, 0]
        self.state = self._cells[:, 1:]
        self.scalars = np.zeros(kernels.FIGURES + optimizer.scalars)
        self._parameters = np.zeros(kernels.PARAMETERS)
        self._parameters[: len(optimizer.parameters)] = optimizer.parameters
        self.counts = np.zeros(2, np.int64)  # labels learned, steps refused
        # Of the last answer to drift: labels learned before it, what it adds to the rate, for how
        # many labels.
        self.clock = np.zeros(3)

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
        """Learning rate of the next label, by the schedule and the last answer to drift."""
        return self._rates()(self.learned)

    def _rates(self) -> Callable[[int], float]:
        start, height, fade = self.clock.tolist()
        return rates(self.schedule, int(start), height, fade)

    def _next_rates(self, labels: int) -> Floats:
        """Those of the next labels."""
        if isinstance(self.schedule, Constant) and not self.clock.any():
            return np.full(labels, self.schedule.rate)
        clock = range(self.learned, self.learned + labels)
        return np.fromiter(map(self._rates(), clock), np.float64, labels)

    @property
    def gradient_norm(self) -> float:
        """Norm of the gradient: the root of its mean square over the last labels; 0 at first."""
        return self._figure(kernels.GRADIENT)

    @property
    def effective_rate(self) -> float:
        """How far the weights move for a gradient of norm 1, over the last labels; 0 at first.

        What a rate comes to when the optimizer is done with it: both norms are roots of mean
        squares, taken at every seventh label and faded by 2 % each time.
        """
        gradient = self._figure(kernels.GRADIENT)
        return self._figure(kernels.CHANGE) / gradient if gradient else 0.0

    @property
    def weight_norm(self) -> float:
        """Norm of all weights. Reads them all."""
        return float(np.linalg.norm(self.weights))

    def _figure(self, which: int) -> float:
        taken = -(-self.learned // kernels.EVERY)
        share = 1.0 - math.pow(kernels.FADING, taken)
        return math.sqrt(float(self.scalars[which]) / share) if taken else 0.0

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps, strictly in order."""
        scores = Scores.of(steps)
        kernels.run(*self.arguments(steps, scores))
        return scores

    def arguments(self, steps: Steps, scores: Scores) -> tuple[Any, ...]:
        """What `kernels.run` is called with, to carry out the steps and fill the scores."""
        v = steps.vectors
        labels = int(np.count_nonzero(steps.code != SCORE))
        return (
            steps.code,
            steps.y,
            v.dense,
            v.start,
            v.end,
            v.slots,
            v.values,
            self.optimizer.code,
            self._parameters,
            self._next_rates(labels),
            self.l2,
            self.clip,
            self.max_weight,
            self._cells,
            self.scalars,
            self.counts,
            np.empty(v.dense.shape[1] + int(v.counts.max(initial=0))),
            scores.logits,
            scores.dense_parts,
            scores.start,
            scores.hashed_parts,
        )

    def answer(self, on_drift: OnDrift) -> str:
        """Learn fast again, as `models.answers` says; gives what was done. Weights stay."""
        done = acts(self.optimizer, self.schedule)
        if Act.REWIND in done or Act.BOOST in done:
            height = on_drift.boost - 1.0 if Act.BOOST in done else 0.0
            self.clock[:] = self.learned, height, on_drift.fade
        if Act.CUT in done:
            place = rules.ACCUMULATORS[self.optimizer.code]
            rules.cut(self._cells.reshape(-1), self._cells.shape[1], place, on_drift.cut)
        return on_drift.says(done)

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
        return {
            "cells": self._cells,
            "scalars": self.scalars,
            "counts": self.counts,
            "clock": self.clock,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
