"""Learning rate schedules: frozen values, each a formula of the step `t` (labels learned, from 0).

Each subclasses River's `Scheduler`, so that the same object also drives River's optimizers::

    >>> from river import optim
    >>> optim.SGD(StepDecay(0.1, every=100)).learning_rate
    0.1

Step and exponential decay have a finite sum: without a `floor` they would stop an endless service
from ever learning again. So every decaying schedule takes one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from river.optim.base import Scheduler


def _check(name: str, value: float, allowed: str, ok: bool) -> None:
    if not (ok and math.isfinite(value)):
        raise ValueError(f"{name} = {value}: expected {allowed}")


def _check_decay(rate: float, floor: float) -> None:
    _check("rate", rate, "a number above 0", rate > 0)
    _check("floor", floor, "a number from 0 to rate", 0 <= floor <= rate)


@dataclass(frozen=True)
class Constant(Scheduler):
    """The same rate for ever: ``r0`` (Robbins & Monro 1951 with a constant step, for tracking).

    >>> Constant(0.05).get(1_000_000)
    0.05
    """

    rate: float

    def __post_init__(self) -> None:
        _check("rate", self.rate, "a number above 0", self.rate > 0)

    def get(self, t: int) -> float:  # noqa: ARG002 - the same at every step
        return self.rate


@dataclass(frozen=True)
class StepDecay(Scheduler):
    """Cut by `factor` every `every` labels: ``max(floor, r0 * factor ** (t // every))``.

    Analysed by Ge et al. 2019 (arXiv:1904.12838).

    >>> [StepDecay(0.4, factor=0.5, every=10).get(t) for t in (0, 9, 10, 20)]
    [0.4, 0.4, 0.2, 0.1]
    """

    rate: float
    factor: float = 0.5
    every: int = 10_000
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_decay(self.rate, self.floor)
        _check("factor", self.factor, "a number above 0 and at most 1", 0 < self.factor <= 1)
        whole = self.every >= 1 and self.every % 1 == 0
        _check("every", self.every, "a whole number of labels, at least 1", whole)

    def get(self, t: int) -> float:
        return max(self.floor, self.rate * self.factor ** (t // self.every))


@dataclass(frozen=True)
class ExponentialDecay(Scheduler):
    """Smooth decay: ``max(floor, r0 * exp(-k * t))``.

    Analysed by Li, Zhuang & Orabona 2021 (arXiv:2002.05273).

    >>> round(ExponentialDecay(0.4, k=0.001).get(1000), 6)
    0.147152
    """

    rate: float
    k: float = 1e-5
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_decay(self.rate, self.floor)
        _check("k", self.k, "a number of at least 0", self.k >= 0)

    def get(self, t: int) -> float:
        return max(self.floor, self.rate * math.exp(-self.k * t))


@dataclass(frozen=True)
class TimeBasedDecay(Scheduler):
    """Hyperbolic decay: ``max(floor, r0 / (1 + k * t))``, of the Robbins & Monro 1951 family.

    >>> TimeBasedDecay(0.4, k=0.001).get(1000)
    0.2
    """

    rate: float
    k: float = 1e-4
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_decay(self.rate, self.floor)
        _check("k", self.k, "a number of at least 0", self.k >= 0)

    def get(self, t: int) -> float:
        return max(self.floor, self.rate / (1.0 + self.k * t))
