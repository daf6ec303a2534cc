"""Monitors that each learn from a part of a stream, made to know what the others have learned.

Each publishes its weights now and then, and takes in those of the others: iterative parameter
mixing (McDonald, Hall & Mann 2010), federated averaging (McMahan et al. 2017, arXiv:1602.05629).
Nobody waits for anybody: what is taken in was published a round ago, and what was learned since
then stays. A round ago a monitor had a base, which all have in common where they go at one pace,
and what it had learned on top. The next base is the mean of the bases by labels learned, and on top
of it the mean of the changes, in which each change of a weight counts by its size.

For a weight that all have changed alike that is the plain mean; for one that a single monitor had
anything to learn about (frauds are rare) it is the change, where a plain mean would leave an eighth
of it. It is never more than the largest change, so that mixing cannot overshoot.

A weight means nothing without the scale of its input. So the scaler's moments travel too, and
everybody standardises by those of all rows (combined as in Chan, Golub & LeVeque 1983). The weights
are those of standardised inputs, as they are. To mix them in the units of the stream would keep
every logit at a change of scale, and was tried: while an input's spread is growing (a fraud rate,
before the first frauds are known) the same weight in the new scale is many times too large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, Protocol

import numpy as np

from models.scaler import StandardScaler
from models.state import come_back, leave
from models.vectors import Floats

COUNT, MEAN, SQUARES = range(3)  # rows of a scaler's moments
# Why what another monitor has learned is not taken in.
OTHER_INPUTS, OTHER_ARMS, NOT_FINITE = MISFITS = ("other_inputs", "other_arms", "not_finite")


class Mixable(Protocol):
    """A linear model whose next step goes out from its weights, wherever they are."""

    @property
    def weights(self) -> Floats:
        """Not a copy."""
        ...

    @property
    def learned(self) -> int:
        """Labels learned so far."""
        ...


class Weights(NamedTuple):
    """An arm's, of one monitor or of several together; each has shape (weights,).

    Attributes
    ----------
    base
        What they were before, the mean by labels learned.
    pull, size
        Of the changes `d` since then, the sums of ``d * abs(d)`` and of ``abs(d)``.
    """

    base: Floats
    pull: Floats
    size: Floats

    @classmethod
    def of(cls, base: Floats, change: Floats) -> Weights:
        """Of one monitor."""
        size = np.abs(change)
        return cls(base.copy(), change * size, size)

    @property
    def mixed(self) -> Floats:
        """The base, and the mean of the changes by their size.

        >>> one, other = np.array([0.5, 0.25]), np.array([0.5, 0.0])
        >>> both = [Weights.of(np.zeros(2), change) for change in (one, other)]
        >>> Weights(*(sum(parts) for parts in zip(*both))).mixed.tolist()
        [0.5, 0.25]
        """
        change = np.zeros_like(self.base)
        np.divide(self.pull, self.size, out=change, where=self.size > 0.0)
        mixed: Floats = self.base + change
        return mixed


@dataclass(frozen=True, slots=True)
class Learned:
    """What one monitor, or several together, have learned from their own records.

    Attributes
    ----------
    labels
        How many of them it is from.
    moments
        Shape (3, inputs): count, mean and sum of squared deviations of each scaled input.
    weights
        By arm, of inputs as that monitor had scaled them.
    """

    labels: int
    moments: Floats
    weights: Mapping[str, Weights]


def together(parts: Sequence[Learned]) -> Learned:
    """What several have learned: the moments of all, bases by labels, and all changes."""
    labels = sum(part.labels for part in parts)
    shares = [part.labels / labels if labels else 1.0 / len(parts) for part in parts]
    weights = {}
    for arm, first in parts[0].weights.items():
        sums = Weights(*(np.zeros_like(array) for array in first))
        for share, part in zip(shares, parts, strict=True):
            base, pull, size = part.weights[arm]
            sums = Weights(sums.base + share * base, sums.pull + pull, sums.size + size)
        weights[arm] = sums
    return Learned(labels, reduce(combined, (part.moments for part in parts)), weights)


def combined(a: Floats, b: Floats) -> Floats:
    """Moments of two sets of rows as those of all of them."""
    rows, more = a[COUNT, 0], b[COUNT, 0]
    if not (rows and more):
        return (a if rows else b).copy()
    every, apart = rows + more, b[MEAN] - a[MEAN]
    moments = np.zeros_like(a)
    moments[COUNT, 0] = every
    moments[MEAN] = a[MEAN] + apart * (more / every)
    moments[SQUARES] = a[SQUARES] + b[SQUARES] + apart**2 * (rows * more / every)
    return moments


def without(every: Floats, b: Floats) -> Floats:
    """The moments that, combined with `b`, are `every`; a rounding error may be left over."""
    more = b[COUNT, 0]
    rows = every[COUNT, 0] - more
    if not (rows > 0 and more):
        return every.copy() if rows > 0 else np.zeros_like(every)
    moments = np.zeros_like(every)
    moments[COUNT, 0] = rows
    moments[MEAN] = every[MEAN] + (every[MEAN] - b[MEAN]) * (more / rows)
    apart = b[MEAN] - moments[MEAN]
    squares = every[SQUARES] - b[SQUARES] - apart**2 * (rows * more / every[COUNT, 0])
    moments[SQUARES] = np.maximum(squares, 0.0)
    return moments


class Mixing:
    """One monitor's part in it. All that it keeps is state like any other.

    Parameters
    ----------
    scaler
        The monitor's.
    models
        Those of its arms that can be mixed, by the arm's name; at least one.
    """

    def __init__(self, scaler: StandardScaler, models: Mapping[str, Mixable]) -> None:
        self._scaler = scaler
        self._models = models
        self._others = np.zeros_like(scaler.state)  # the part of the scaler's moments from others
        # As published last: bases, and what was learned on top.
        self._base = {arm: np.zeros(len(model.weights)) for arm, model in models.items()}
        self._change = {arm: np.zeros(len(model.weights)) for arm, model in models.items()}
        self._labels = np.zeros(2, np.int64)  # at the last publication, and of others last time

    @property
    def others(self) -> int:
        """Labels that the others had learned, as far as has been taken in."""
        return int(self._labels[1])

    def misfit(self, learned: Learned) -> str:
        """Which of `MISFITS` keeps it from being taken in here; "" if it can be."""
        sizes = {arm: {len(array) for array in w} for arm, w in learned.weights.items()}
        if learned.moments.shape != self._others.shape:
            return OTHER_INPUTS
        if sizes != {arm: {len(base)} for arm, base in self._base.items()}:
            return OTHER_ARMS
        arrays = [learned.moments, *(array for w in learned.weights.values() for array in w)]
        return "" if all(np.isfinite(array).all() for array in arrays) else NOT_FINITE

    def mix(self, others: Learned | None) -> Learned:
        """Take in what the others have published, together; gives what is to be published now."""
        own = without(self._scaler.state, self._others)
        if not self._labels[0]:  # nothing was published yet: it counts as if it had been, now
            for arm, model in self._models.items():
                self._change[arm][:] = model.weights
            self._labels[0] = self._learned
        mine = self._published(own)
        if others:
            self._others[...] = others.moments
            self._scaler.state[...] = combined(own, others.moments)
            self._labels[1] = others.labels
        every = together([mine, others]) if others else None
        for arm, model in self._models.items():
            base, change = self._base[arm], self._change[arm]
            base += change
            change[:] = model.weights - base
            if every:
                base[:] = every.weights[arm].mixed
                model.weights[:] = base + change
        self._labels[0] = self._learned
        return self._published(own)

    @property
    def _learned(self) -> int:
        return next(iter(self._models.values())).learned

    def _published(self, own: Floats) -> Learned:
        weights = {arm: Weights.of(base, self._change[arm]) for arm, base in self._base.items()}
        return Learned(int(self._labels[0]), own, weights)

    def _state(self) -> dict[str, Any]:
        return {
            "others": self._others,
            "base": self._base,
            "change": self._change,
            "labels": self._labels,
        }

    def snapshot(self) -> dict[str, Any]:
        state: dict[str, Any] = leave(self._state())
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
