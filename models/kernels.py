"""The compiled inner loops of scoring and learning: one step after another, in order.

Weights and optimizer state are arrays with one place for each weight: the dense features first,
then the hashed slots. The cost of a step depends on the non-zero features of its vector only.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import SCORE, Codes, Floats, Ints, Slots

SGD_STEP = 0
ADAGRAD = 1

# A value or rate beyond this is refused as if it were not finite: below it, no product or sum in a
# step can overflow, so one look at the input is enough to keep the weights finite for ever.
LARGEST = 1e9


@inlined
def sigmoid(z: float) -> float:
    """``1 / (1 + exp(-z))``, without overflow."""
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


@compiled
def _sigmoids(z: Floats, p: Floats) -> None:
    for i in range(len(z)):
        p[i] = sigmoid(z[i])


def sigmoids(z: Floats) -> Floats:
    """`sigmoid` of each."""
    p = np.empty_like(z)
    _sigmoids(z, p)
    return p


def logits(p: Floats) -> Floats:
    """The inverse of `sigmoids`: infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return cast(Floats, np.log(p) - np.log1p(-p))


@inlined
def usable(x: Floats, largest: float) -> bool:
    """Whether every value is finite and within `largest` (a NaN fails every comparison)."""
    for value in x:  # noqa: SIM110 - numba knows no generator expressions
        if not abs(value) <= largest:
            return False
    return True


@inlined
def usable_rate(rate: float, l2: float) -> bool:
    """Whether a step at `rate` keeps weights finite.

    Beyond ``1 / l2`` the pull towards 0 would throw a weight past it, further with each step.
    """
    return 0.0 <= rate <= LARGEST and rate * l2 <= 1.0


@inlined
def update(
    code: int, parameters: Floats, weights: Floats, state: Floats, j: int, g: float, rate: float
) -> None:
    """Change weight `j` by its gradient `g`; a zero gradient changes nothing."""
    if code == ADAGRAD:
        if g != 0.0:
            state[0, j] += g * g
            weights[j] -= rate * g / (math.sqrt(state[0, j]) + parameters[0])
    else:
        weights[j] -= rate * g


@compiled
def run(
    code: Codes,
    y: Codes,
    dense: Floats,
    start: Ints,
    slots: Slots,
    values: Floats,
    optimizer: int,
    parameters: Floats,
    rates: Floats,
    l2: float,
    weights: Floats,
    state: Floats,
    logits: Floats,
    dense_parts: Floats,
    hashed_parts: Floats,
) -> tuple[int, int]:
    """Carry out the steps. Fills `logits` and the parts (``w * x``).

    Gives the number of labels learned and of steps refused.
    """
    width = dense.shape[1]
    learned = 0
    refused = 0
    for i in range(len(code)):
        x = dense[i]
        a, b = start[i], start[i + 1]
        good = usable(x, LARGEST) and usable(values[a:b], LARGEST)
        if not good:
            refused += 1
        z = 0.0
        if good:
            for j in range(width):
                part = weights[j] * x[j]
                dense_parts[i, j] = part
                z += part
            for k in range(a, b):
                part = weights[width + slots[k]] * values[k]
                hashed_parts[k] = part
                z += part
        else:  # all that is known of it is that it is an event
            dense_parts[i, 0] = weights[0]
            z = weights[0]
        logits[i] = z
        if code[i] == SCORE:
            continue
        rate = rates[learned]
        if good and not usable_rate(rate, l2):
            good = False
            refused += 1
        if not good:
            continue
        learned += 1
        g = sigmoid(z) - y[i]
        # The intercept is not shrunk: l2 pulls towards "no evidence", not towards "one half".
        update(optimizer, parameters, weights, state, 0, g * x[0], rate)
        for j in range(1, width):
            update(optimizer, parameters, weights, state, j, g * x[j] + l2 * weights[j], rate)
        for k in range(a, b):
            j = width + slots[k]
            update(optimizer, parameters, weights, state, j, g * values[k] + l2 * weights[j], rate)
    return learned, refused
