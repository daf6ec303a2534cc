"""A step of each optimizer on one vector's cells: what `models.kernels` does at a label."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from models import rules
from models.compiled import inlined
from models.rules import Settings
from models.vectors import Floats, Slots

Rule: TypeAlias = Callable[[int, float, float, float, Floats, Settings], float]


@inlined
def each(
    rule: Rule, rate: float, p: Settings, bound: float, slots: Slots,
    cells: Floats, work: Floats,
) -> None:  # fmt: skip
    """Change the weights of one vector by `rule`; `work` comes as gradient, and goes as change."""
    width = len(work) - len(slots)
    for j in range(width):
        at = j
        w = cells[at, 0]
        new = min(max(rule(at, work[j], w, rate, cells, p), -bound), bound)
        cells[at, 0] = new
        work[j] = w - new
    for k in range(len(slots)):
        at = width + slots[k]
        w = cells[at, 0]
        new = min(max(rule(at, work[width + k], w, rate, cells, p), -bound), bound)
        cells[at, 0] = new
        work[width + k] = w - new


@inlined
def descend(rate: float, bound: float, slots: Slots, cells: Floats, work: Floats) -> float:
    """Gradient descent on cells without state; gives the growth of the weights' squared norm."""
    width = len(work) - len(slots)
    growth = 0.0
    for c in range(len(work)):
        j = c if c < width else width + slots[c - width]
        w = cells[j, 0]
        new = min(max(w - rate * work[c], -bound), bound)
        growth += (new - w) * (new + w)
        cells[j, 0] = new
        work[c] = w - new
    return growth


@inlined
def hypergradient(slots: Slots, width: int, cells: Floats, work: Floats, label: float) -> float:
    """The product of this gradient and the one of the label before, which is then replaced."""
    product = 0.0
    for c in range(len(work)):
        at = c if c < width else width + slots[c - width]
        if cells[at, 2] == label - 1.0:
            product += work[c] * cells[at, 1]
        cells[at, 1] = work[c]
        cells[at, 2] = label
    return product


@inlined
def step(
    optimizer: int, p: Settings, rate: float, l2: float, bound: float, square_norm: float,
    slots: Slots, cells: Floats, scalars: Floats, work: Floats,
) -> None:  # fmt: skip
    """Take one step of `optimizer`; `work` comes as gradient, and goes as weight change."""
    if optimizer == rules.SGD_STEP:
        each(rules.sgd, rate, p, bound, slots, cells, work)
    elif optimizer == rules.ADAGRAD:
        each(rules.adagrad, rate, p, bound, slots, cells, work)
    elif optimizer in (rules.MOMENTUM, rules.NESTEROV):
        each(rules.momentum, rate, p, bound, slots, cells, work)
    elif optimizer == rules.ADADELTA:
        each(rules.adadelta, rate, p, bound, slots, cells, work)
    elif optimizer == rules.RMSPROP:
        each(rules.rmsprop, rate, p, bound, slots, cells, work)
    elif optimizer == rules.ADAM:
        each(rules.adam, rate, p, bound, slots, cells, work)
    elif optimizer == rules.ADAMW:
        pull = (p[0], p[1], p[2], p[3] + l2, 0.0)
        each(rules.adamw, rate, pull, bound, slots, cells, work)
    elif optimizer == rules.AMSGRAD:
        each(rules.amsgrad, rate, p, bound, slots, cells, work)
    elif optimizer == rules.NADAM:
        each(rules.nadam, rate, p, bound, slots, cells, work)
    elif optimizer == rules.FTRL:
        each(rules.ftrl, rate, p, bound, slots, cells, work)
    elif optimizer == rules.COCOB:
        each(rules.cocob, rate, p, bound, slots, cells, work)
    elif optimizer == rules.DOG:
        # Scalars: the squared gradient norms' sum, the weights' squared norm now and at most.
        scalars[0] += square_norm
        own = 0.0
        if scalars[0] > 0.0:
            own = math.sqrt(max(scalars[2], p[0] * p[0]) / scalars[0])
        scalars[1] = max(scalars[1] + descend(own, bound, slots, cells, work), 0.0)
        scalars[2] = max(scalars[2], scalars[1])
    elif optimizer == rules.HYPERGRADIENT:
        # Scalars: labels, and the rate.
        scalars[0] += 1.0
        if scalars[0] == 1.0:
            scalars[1] = rate
        width = len(work) - len(slots)
        scalars[1] += p[0] * hypergradient(slots, width, cells, work, scalars[0])
        scalars[1] = min(max(scalars[1], p[1]), p[2])
        own = min(scalars[1], 1.0 / l2) if l2 > 0.0 else scalars[1]
        each(rules.sgd, own, p, bound, slots, cells, work)


@inlined
def ahead(x: Floats, slots: Slots, values: Floats, p: Settings, cells: Floats) -> float:
    """How far the logit moves if each weight goes on with its momentum (Nesterov)."""
    z = 0.0
    for j in range(len(x)):
        z -= p[0] * cells[j, 1] * x[j]
    for k in range(len(slots)):
        z -= p[0] * cells[len(x) + slots[k], 1] * values[k]
    return z
