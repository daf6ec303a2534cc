"""One weight's step under each optimizer: compiled rules that `models.kernels` runs in its loops.

A rule gets a weight's place in the cells, its gradient and value, the rate, the cells (each is a
weight and its slots of state), and the optimizer's settings. It changes the state and gives the new
weight. Formulas and papers are with the optimizers, in `models.optimizers`.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from models.compiled import compiled, inlined
from models.vectors import Floats

Settings: TypeAlias = tuple[float, float, float, float, float]

(
    SGD_STEP, ADAGRAD, MOMENTUM, NESTEROV, ADADELTA, RMSPROP, ADAM, AMSGRAD, NADAM, ADAMW,
    FTRL, DOG, COCOB, HYPERGRADIENT,
) = range(14)  # fmt: skip

# Where in a cell is a sum of squared gradients that only grows.
ACCUMULATORS = {ADAGRAD: 1, FTRL: 2}


@compiled
def cut(cells: Floats, stride: int, place: int, share: float) -> None:
    """Leave a share of one of the numbers of each cell.

    A cell that was never used is only read: room for it need not be there yet.
    """
    for at in range(place, len(cells), stride):
        if cells[at] != 0.0:
            cells[at] *= share


@inlined
def sgd(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:  # noqa: ARG001
    return w - rate * g


@inlined
def adagrad(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    squares: float = cells[at, 1] + g * g
    cells[at, 1] = squares
    return w - rate * g / (math.sqrt(squares) + p[0])


@inlined
def momentum(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    velocity: float = p[0] * cells[at, 1] + rate * g
    cells[at, 1] = velocity
    return w - velocity


@inlined
def adadelta(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    rho, eps = p[0], p[1]
    squares = rho * cells[at, 1] + (1.0 - rho) * g * g
    change = math.sqrt(cells[at, 2] + eps) / math.sqrt(squares + eps) * g
    cells[at, 1] = squares
    cells[at, 2] = rho * cells[at, 2] + (1.0 - rho) * change * change
    return w - rate * change


@inlined
def rmsprop(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    squares = p[0] * cells[at, 1] + (1.0 - p[0]) * g * g
    cells[at, 1] = squares
    return w - rate * g / (math.sqrt(squares) + p[1])


@inlined
def mean(decay: float, old: float, new: float) -> float:
    """A faded mean from 0; of ones it is ``1 - decay ** t``, what corrects another's bias."""
    return decay * old + (1.0 - decay) * new


@inlined
def adam(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    m = mean(p[0], cells[at, 1], g)
    v = mean(p[1], cells[at, 2], g * g)
    m_share = mean(p[0], cells[at, 3], 1.0)
    v_share = mean(p[1], cells[at, 4], 1.0)
    cells[at, 1] = m
    cells[at, 2] = v
    cells[at, 3] = m_share
    cells[at, 4] = v_share
    return w - rate * m / (m_share * (math.sqrt(v / v_share) + p[2]))


@inlined
def adamw(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    kept = w - rate * p[3] * w if at > 0 else w
    return adam(at, g, kept, rate, cells, p)


@inlined
def amsgrad(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    m = mean(p[0], cells[at, 1], g)
    v = mean(p[1], cells[at, 2], g * g)
    largest: float = max(cells[at, 3], v)
    m_share = mean(p[3], cells[at, 4], 1.0)  # a decay of 0 corrects nothing
    v_share = mean(p[4], cells[at, 5], 1.0)
    cells[at, 1] = m
    cells[at, 2] = v
    cells[at, 3] = largest
    cells[at, 4] = m_share
    cells[at, 5] = v_share
    return w - rate * m / (m_share * (math.sqrt(largest / v_share) + p[2]))


@inlined
def nadam(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    m = mean(p[0], cells[at, 1], g)
    v = mean(p[1], cells[at, 2], g * g)
    v_share = mean(p[1], cells[at, 3], 1.0)
    risen = mean(p[3], cells[at, 4], 1.0)  # 1 - 0.96 ** (t * momentum_decay)
    mu = 0.5 * p[0] * (1.0 + risen)
    mu_next = 0.5 * p[0] * (1.0 + mean(p[3], risen, 1.0))
    share: float = 1.0 - mu * (1.0 - cells[at, 5])  # 1 - mu_1 * ... * mu_t
    share_next = 1.0 - mu_next * (1.0 - share)
    cells[at, 1] = m
    cells[at, 2] = v
    cells[at, 3] = v_share
    cells[at, 4] = risen
    cells[at, 5] = share
    ahead: float = (1.0 - mu) * g / share + mu_next * m / share_next
    return w - rate * ahead / (math.sqrt(v / v_share) + p[2])


@inlined
def ftrl(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:
    if rate < 1e-100:  # nothing would move, and 1 / rate overflow
        return w
    n = cells[at, 2] + g * g
    inverse = (p[0] + math.sqrt(n)) / rate  # 1 / the rate of this weight
    z: float = cells[at, 1] + g - (inverse - cells[at, 3]) * w
    cells[at, 1] = z
    cells[at, 2] = n
    cells[at, 3] = inverse
    l1 = p[1] if at > 0 else 0.0
    l2 = p[2] if at > 0 else 0.0
    if abs(z) <= l1:
        return 0.0
    return (math.copysign(l1, z) - z) / (inverse + l2)


@inlined
def cocob(at: int, g: float, w: float, rate: float, cells: Floats, p: Settings) -> float:  # noqa: ARG001
    largest: float = max(cells[at, 1], abs(g))
    total: float = cells[at, 2] + abs(g)
    reward: float = max(cells[at, 3] - w * g, 0.0)
    tilt: float = cells[at, 4] - g
    cells[at, 1] = largest
    cells[at, 2] = total
    cells[at, 3] = reward
    cells[at, 4] = tilt
    if largest == 0.0:
        return w
    return tilt / max(total + largest, p[0] * largest) * (1.0 + reward / largest)
