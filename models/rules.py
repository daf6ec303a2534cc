"""One weight's step under each optimizer: compiled rules that `models.kernels` runs in its loops.

A rule gets the weight's place, gradient and value, the rate, the state (flat: all of weight 0's
slots, then all of weight 1's), and the optimizer's settings. It changes the state and gives the
new weight. Formulas and papers are with the optimizers, in `models.optimizers`.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from models.compiled import inlined
from models.vectors import Floats

Settings: TypeAlias = tuple[float, float, float, float, float]

(
    SGD_STEP, ADAGRAD, MOMENTUM, NESTEROV, ADADELTA, RMSPROP, ADAM, AMSGRAD, NADAM, ADAMW,
    FTRL, DOG, COCOB, HYPERGRADIENT,
) = range(14)  # fmt: skip


@inlined
def sgd(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:  # noqa: ARG001
    return w - rate * g


@inlined
def adagrad(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    squares: float = state[j] + g * g
    state[j] = squares
    return w - rate * g / (math.sqrt(squares) + p[0])


@inlined
def momentum(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    velocity: float = p[0] * state[j] + rate * g
    state[j] = velocity
    return w - velocity


@inlined
def adadelta(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    at = 2 * j
    rho, eps = p[0], p[1]
    squares = rho * state[at] + (1.0 - rho) * g * g
    change = math.sqrt(state[at + 1] + eps) / math.sqrt(squares + eps) * g
    state[at] = squares
    state[at + 1] = rho * state[at + 1] + (1.0 - rho) * change * change
    return w - rate * change


@inlined
def rmsprop(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    squares = p[0] * state[j] + (1.0 - p[0]) * g * g
    state[j] = squares
    return w - rate * g / (math.sqrt(squares) + p[1])


@inlined
def mean(decay: float, old: float, new: float) -> float:
    """A faded mean from 0; of ones it is ``1 - decay ** t``, what corrects another's bias."""
    return decay * old + (1.0 - decay) * new


@inlined
def adam(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    at = 4 * j
    m = mean(p[0], state[at], g)
    v = mean(p[1], state[at + 1], g * g)
    m_share = mean(p[0], state[at + 2], 1.0)
    v_share = mean(p[1], state[at + 3], 1.0)
    state[at] = m
    state[at + 1] = v
    state[at + 2] = m_share
    state[at + 3] = v_share
    return w - rate * m / (m_share * (math.sqrt(v / v_share) + p[2]))


@inlined
def adamw(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    kept = w - rate * p[3] * w if j > 0 else w
    return adam(j, g, kept, rate, state, p)


@inlined
def amsgrad(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    at = 5 * j
    m = mean(p[0], state[at], g)
    v = mean(p[1], state[at + 1], g * g)
    largest: float = max(state[at + 2], v)
    m_share = mean(p[3], state[at + 3], 1.0)  # a decay of 0 corrects nothing
    v_share = mean(p[4], state[at + 4], 1.0)
    state[at] = m
    state[at + 1] = v
    state[at + 2] = largest
    state[at + 3] = m_share
    state[at + 4] = v_share
    return w - rate * m / (m_share * (math.sqrt(largest / v_share) + p[2]))


@inlined
def nadam(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    at = 5 * j
    m = mean(p[0], state[at], g)
    v = mean(p[1], state[at + 1], g * g)
    v_share = mean(p[1], state[at + 2], 1.0)
    risen = mean(p[3], state[at + 3], 1.0)  # 1 - 0.96 ** (t * momentum_decay)
    mu = 0.5 * p[0] * (1.0 + risen)
    mu_next = 0.5 * p[0] * (1.0 + mean(p[3], risen, 1.0))
    share: float = 1.0 - mu * (1.0 - state[at + 4])  # 1 - mu_1 * ... * mu_t
    share_next = 1.0 - mu_next * (1.0 - share)
    state[at] = m
    state[at + 1] = v
    state[at + 2] = v_share
    state[at + 3] = risen
    state[at + 4] = share
    ahead: float = (1.0 - mu) * g / share + mu_next * m / share_next
    return w - rate * ahead / (math.sqrt(v / v_share) + p[2])


@inlined
def ftrl(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:
    if rate < 1e-100:  # nothing would move, and 1 / rate overflow
        return w
    at = 3 * j
    n = state[at + 1] + g * g
    inverse = (p[0] + math.sqrt(n)) / rate  # 1 / the rate of this weight
    z: float = state[at] + g - (inverse - state[at + 2]) * w
    state[at] = z
    state[at + 1] = n
    state[at + 2] = inverse
    l1 = p[1] if j > 0 else 0.0
    l2 = p[2] if j > 0 else 0.0
    if abs(z) <= l1:
        return 0.0
    return (math.copysign(l1, z) - z) / (inverse + l2)


@inlined
def cocob(j: int, g: float, w: float, rate: float, state: Floats, p: Settings) -> float:  # noqa: ARG001
    at = 4 * j
    largest: float = max(state[at], abs(g))
    total: float = state[at + 1] + abs(g)
    reward: float = max(state[at + 2] - w * g, 0.0)
    tilt: float = state[at + 3] - g
    state[at] = largest
    state[at + 1] = total
    state[at + 2] = reward
    state[at + 3] = tilt
    if largest == 0.0:
        return w
    return tilt / max(total + largest, p[0] * largest) * (1.0 + reward / largest)
