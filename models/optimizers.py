"""Optimizers as frozen values: what each keeps for a weight, and its settings.

The steps themselves are compiled, in `models.rules`; `code` picks the rule. In the formulas `g` is
the gradient of the loss of one event for one weight, `w` the weight, and `rate` the schedule's.

All work on sparse vectors: an event steps only the weights of its own features, and everything an
optimizer keeps for a weight (moments, step counts, velocities) belongs to that weight alone. While
a feature is away nothing of it moves or fades, and a token first seen late has the bias correction
of its own first step. Dense features are never away, also where their value is 0. A slot that is
met twice in a vector takes two steps, both by the gradient at the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models import rules
from models.settings import fading, not_negative, positive
from models.vectors import Floats


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: ``w -= rate * g`` (Robbins & Monro 1951)."""

    code: ClassVar[int] = rules.SGD_STEP
    slots: ClassVar[int] = 0
    scalars: ClassVar[int] = 0

    @property
    def parameters(self) -> Floats:
        return np.zeros(0)


@dataclass(frozen=True)
class Momentum:
    """A velocity for each weight: ``s = rho * s + rate * g; w -= s`` (Polyak 1964).

    torch has the rate outside, ``w -= rate * s``, which differs while the rate changes.
    """

    rho: float = 0.9
    code: ClassVar[int] = rules.MOMENTUM
    slots: ClassVar[int] = 1
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        fading(rho=self.rho)

    @property
    def parameters(self) -> Floats:
        return np.array([self.rho])


@dataclass(frozen=True)
class NesterovMomentum:
    """Momentum with the gradient taken ahead, at ``w - rho * s``.

    ``s = rho * s + rate * g(w - rho * s); w -= s`` (Nesterov 1983, as written by Sutskever et al.
    2013, equations 3 and 4). Scores are of `w`. What torch keeps is ``w - rho * s``.
    """

    rho: float = 0.9
    code: ClassVar[int] = rules.NESTEROV
    slots: ClassVar[int] = 1
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        fading(rho=self.rho)

    @property
    def parameters(self) -> Floats:
        return np.array([self.rho])


@dataclass(frozen=True)
class AdaGrad:
    """A rate for each weight: ``G += g * g; w -= rate * g / (sqrt(G) + eps)``.

    Duchi, Hazan & Singer 2011 (JMLR 12, Figure 1; their delta is `eps`). River adds `eps` inside
    the root instead.
    """

    eps: float = 1e-8
    code: ClassVar[int] = rules.ADAGRAD
    slots: ClassVar[int] = 1
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        positive(eps=self.eps)

    @property
    def parameters(self) -> Floats:
        return np.array([self.eps])


@dataclass(frozen=True)
class AdaDelta:
    """Steps in the unit of the weights: ``d = sqrt(D + eps) / sqrt(G + eps) * g``.

    ``G = rho * G + (1 - rho) * g * g`` before that, ``D = rho * D + (1 - rho) * d * d`` after it,
    and ``w -= rate * d`` (Zeiler 2012, arXiv:1212.5701, Algorithm 1, which has no rate: 1). River
    has an `eps` of 1e-8, at which it hardly gets going, and no rate.
    """

    rho: float = 0.95
    eps: float = 1e-6
    code: ClassVar[int] = rules.ADADELTA
    slots: ClassVar[int] = 2
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        fading(rho=self.rho)
        positive(eps=self.eps)

    @property
    def parameters(self) -> Floats:
        return np.array([self.rho, self.eps])


@dataclass(frozen=True)
class RMSProp:
    """AdaGrad that forgets: ``G = rho * G + (1 - rho) * g * g; w -= rate * g / (sqrt(G) + eps)``.

    Tieleman & Hinton 2012 (lecture 6.5), with torch's `eps`; River adds it inside the root.
    """

    rho: float = 0.9
    eps: float = 1e-8
    code: ClassVar[int] = rules.RMSPROP
    slots: ClassVar[int] = 1
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        fading(rho=self.rho)
        positive(eps=self.eps)

    @property
    def parameters(self) -> Floats:
        return np.array([self.rho, self.eps])


@dataclass(frozen=True)
class Adam:
    """Moments of the gradient, corrected for their start at 0.

    ``m = beta_1 * m + (1 - beta_1) * g; v = beta_2 * v + (1 - beta_2) * g * g``, then
    ``w -= rate * m / (1 - beta_1 ** t) / (sqrt(v / (1 - beta_2 ** t)) + eps)``, where `t` counts
    the steps of this weight (Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1; their rate is 0.001).
    River counts the steps of all weights together, and does not correct `eps`.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8
    code: ClassVar[int] = rules.ADAM
    slots: ClassVar[int] = 4
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        fading(beta_1=self.beta_1, beta_2=self.beta_2)
        positive(eps=self.eps)

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta_1, self.beta_2, self.eps])


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with a pull towards 0 that does not go through the moments.

    ``w -= rate * weight_decay * w``, then Adam's step (Loshchilov & Hutter 2019, arXiv:1711.05101,
    Algorithm 2; as in torch the rate multiplies the pull too). A model's `l2` is added to
    `weight_decay`. The intercept is not pulled, and weights of features that are away are not.
    """

    weight_decay: float = 0.01
    code: ClassVar[int] = rules.ADAMW

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative(weight_decay=self.weight_decay)

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta_1, self.beta_2, self.eps, self.weight_decay])


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam whose rates never grow: ``u = max(u, v)`` in the place of `v`.

    Reddi, Kale & Kumar 2018 (arXiv:1904.09237, Algorithm 2). The paper does not correct the bias of
    the moments; torch, River and we do, unless `correct_bias` is 0. The paper has no `eps`.
    """

    correct_bias: float = 1
    code: ClassVar[int] = rules.AMSGRAD
    slots: ClassVar[int] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.correct_bias not in (0, 1):
            raise ValueError(f"correct_bias = {self.correct_bias}: expected 0 or 1")

    @property
    def parameters(self) -> Floats:
        # An average that forgets all at once has no bias.
        fading = [self.correct_bias * self.beta_1, self.correct_bias * self.beta_2]
        return np.array([self.beta_1, self.beta_2, self.eps, *fading])


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov's look ahead, and a momentum `mu` that rises to `beta_1`.

    ``mu(t) = beta_1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))``, and Adam's corrected `m` becomes
    ``(1 - mu(t)) * g / (1 - M(t)) + mu(t + 1) * m / (1 - M(t + 1))`` with the product
    ``M(t) = mu(1) * ... * mu(t)`` (Dozat 2016, with his schedule of `mu`, as in torch and Keras).
    River has Ruder's simplification, with `mu` the same throughout.
    """

    momentum_decay: float = 0.004
    code: ClassVar[int] = rules.NADAM
    slots: ClassVar[int] = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative(momentum_decay=self.momentum_decay)

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta_1, self.beta_2, self.eps, 0.96**self.momentum_decay])


@dataclass(frozen=True)
class FTRLProximal:
    """Follow the regularised leader, with exact zeros.

    ``n += g * g; z += g - sigma * w``, and ``w = 0`` if ``abs(z) <= l1``, else
    ``-(z - sign(z) * l1) / ((beta + sqrt(n)) / alpha + l2)`` (McMahan et al. 2013, Algorithm 1),
    where `alpha` is the schedule's rate. `sigma` is by how much ``(beta + sqrt(n)) / alpha`` has
    grown: at a constant rate that is the paper's, and at any other it leaves the weights where
    they are (the plain formula would shrink them all with a decaying rate). With neither `l1` nor
    `l2` the step is ``w -= alpha * g / (beta + sqrt(n))``. The intercept has neither.
    """

    beta: float = 1.0
    l1: float = 0.0
    l2: float = 0.0
    code: ClassVar[int] = rules.FTRL
    slots: ClassVar[int] = 3
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        positive(beta=self.beta)
        not_negative(l1=self.l1, l2=self.l2)

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta, self.l1, self.l2])


@dataclass(frozen=True)
class DoG:
    """Distance over gradients: SGD at the rate ``max(r, reach) / sqrt(G)``, with none to tune.

    `r` is the furthest that the weights as a whole have been from 0, where they start, and `G` the
    sum of all squared norms of gradients, this one's included (Ivgi, Hinder & Carmon 2023,
    arXiv:2302.12022, equation 1). `reach` is their r_epsilon, a first distance to try. The last
    iterate scores, where the paper has an average: an average is slow after a drift. The
    schedule's rate plays no part.
    """

    reach: float = 1e-6
    code: ClassVar[int] = rules.DOG
    slots: ClassVar[int] = 0
    scalars: ClassVar[int] = 3

    def __post_init__(self) -> None:
        positive(reach=self.reach)

    @property
    def parameters(self) -> Floats:
        return np.array([self.reach])


@dataclass(frozen=True)
class COCOB:
    """Each weight is a gambler's stake on the next gradient, with no rate to tune.

    ``L = max(L, abs(g)); G += abs(g); R = max(R - w * g, 0); T -= g``, and
    ``w = T / (L * max(G + L, alpha * L)) * (L + R)`` (Orabona & Tommasi 2017, arXiv:1705.07795,
    Algorithm 2, COCOB-Backprop). The schedule's rate plays no part.
    """

    alpha: float = 100.0
    code: ClassVar[int] = rules.COCOB
    slots: ClassVar[int] = 4
    scalars: ClassVar[int] = 0

    def __post_init__(self) -> None:
        positive(alpha=self.alpha)

    @property
    def parameters(self) -> Floats:
        return np.array([self.alpha])


@dataclass(frozen=True)
class HypergradientSGD:
    """SGD that learns its rate: ``rate += beta * (g . g of the label before); w -= rate * g``.

    Baydin et al. 2018 (arXiv:1703.04782, Algorithm 1, SGD-HD). It starts from the schedule's first
    rate, which plays no further part, and stays from `smallest` to `largest`.
    """

    beta: float = 0.001
    smallest: float = 1e-5
    largest: float = 10.0
    code: ClassVar[int] = rules.HYPERGRADIENT
    slots: ClassVar[int] = 2
    scalars: ClassVar[int] = 2

    def __post_init__(self) -> None:
        not_negative(beta=self.beta)
        positive(smallest=self.smallest)
        if not self.smallest <= self.largest <= 1e9:
            raise ValueError(
                f"largest = {self.largest}: expected a number from smallest to a milliard"
            )

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta, self.smallest, self.largest])
