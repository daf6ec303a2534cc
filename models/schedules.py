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

from models.protocols import Schedule


def _check(name: str, value: float, allowed: str, ok: bool) -> None:
    if not (ok and math.isfinite(value)):
        raise ValueError(f"{name} = {value}: expected {allowed}")


def _check_decay(rate: float, floor: float) -> None:
    _check("rate", rate, "a number above 0", rate > 0)
    _check("floor", floor, "a number from 0 to rate", 0 <= floor <= rate)


def _check_count(name: str, value: float, of: str) -> None:
    _check(name, value, f"a whole number of {of}, at least 1", value >= 1 and value % 1 == 0)


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
        _check_count("every", self.every, "labels")

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


@dataclass(frozen=True)
class InverseScaling(Scheduler):
    """Decay by a power: ``max(floor, r0 / (t + 1) ** power)``.

    Zinkevich 2003 for a power of one half; powers above one half and up to 1 meet the conditions of
    Robbins & Monro 1951. With `floor` 0 it is River's scheduler of the same name.

    >>> InverseScaling(0.4).get(3)
    0.2
    """

    rate: float
    power: float = 0.5
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_decay(self.rate, self.floor)
        _check("power", self.power, "a number from 0 to 1", 0 <= self.power <= 1)

    def get(self, t: int) -> float:
        return max(self.floor, self.rate / math.pow(t + 1, self.power))


@dataclass(frozen=True)
class CosineRestarts(Scheduler):
    """From `rate` down to `floor` along a cosine, again and again, each time `stretch` as long.

    ``floor + (rate - floor) * (1 + cos(pi * T / P)) / 2``, where `T` counts the labels since the
    last restart and `P` is the length of the present period (Loshchilov & Hutter 2017,
    arXiv:1608.03983, equation 5: SGDR).

    >>> schedule = CosineRestarts(0.4, period=10, stretch=2)
    >>> [round(schedule.get(t), 6) for t in (0, 5, 10, 20, 30)]
    [0.4, 0.2, 0.4, 0.2, 0.4]
    """

    rate: float
    period: int = 10_000
    stretch: int = 2
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_decay(self.rate, self.floor)
        _check_count("period", self.period, "labels")
        _check_count("stretch", self.stretch, "periods")

    def get(self, t: int) -> float:
        # Restart n comes after period * (1 + stretch + ... + stretch ** (n - 1)) labels.
        period = self.period
        while t >= period and self.stretch > 1:
            t -= period
            period *= self.stretch
        share = (t % period) / period
        return self.floor + (self.rate - self.floor) * (1.0 + math.cos(math.pi * share)) / 2.0


@dataclass(frozen=True)
class Optimal(Scheduler):
    """Bottou's choice for log-loss with l2 `alpha`: ``max(floor, 1 / (alpha * (t0 + t)))``.

    `t0` makes the first rate fit weights of a typical size (Bottou 2012, "Stochastic gradient
    descent tricks", as in scikit-learn's and River's `Optimal`).

    >>> round(Optimal().get(0), 6)
    10.0
    """

    alpha: float = 1e-4
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check("alpha", self.alpha, "a number above 0", self.alpha > 0)
        _check("floor", self.floor, "a number of at least 0", self.floor >= 0)

    def get(self, t: int) -> float:
        # The first rate is a typical weight over the slope of the loss there, if that is above 1;
        # the slope of log-loss never is.
        first = 1.0 / math.sqrt(math.sqrt(self.alpha))
        return max(self.floor, 1.0 / (1.0 / first + self.alpha * t))


@dataclass(frozen=True)
class WarmUp(Scheduler):
    """A straight line up to the first `steps` labels of another schedule, which runs unchanged.

    ``then.get(t) * min(1, (t + 1) / steps)`` (Goyal et al. 2017, arXiv:1706.02677, section 2.2).

    >>> [WarmUp(Constant(0.4), steps=4).get(t) for t in (0, 1, 3, 4)]
    [0.1, 0.2, 0.4, 0.4]
    """

    then: Schedule
    steps: int = 1_000

    def __post_init__(self) -> None:
        _check_count("steps", self.steps, "labels")

    def get(self, t: int) -> float:
        return self.then.get(t) * min(1.0, (t + 1) / self.steps)
