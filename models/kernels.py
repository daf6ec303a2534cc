"""The compiled inner loops of scoring and learning: one step after another, in order.

A model is one array of cells: the dense features' first, then the hashed slots'. A cell is a weight
and the optimizer's state for it, side by side: of a vector's thousands of hashed features each is
elsewhere in memory, and a step fetches all that belongs to it at once. The cost of a step depends
on the features of its vector only.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from models import rules
from models.compiled import compiled, inlined
from models.stepping import ahead, step
from models.vectors import SCORE, Codes, Floats, Ints, Slots

# A value or rate beyond this is refused as if it were not finite: below it, no product or sum in a
# step can overflow, so one look at the input is enough to keep the weights finite for ever.
LARGEST = 1e9
LARGEST_SQUARE = 1e60  # of a gradient's norm: l2 could make more of it
LARGEST_WEIGHT = 1e100

PARAMETERS = 5  # at the most

EVERY = 7  # labels, running figures are taken; a prime, as labels may come in turns
FADING = 0.98  # of the running figures, each time

# Places of the counts, and of the running figures: what an optimizer keeps for all weights
# together follows those.
LEARNED, REFUSED = range(2)
GRADIENT, CHANGE, FIGURES = range(3)


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
    bad = 0  # counted to the end: a loop without a way out runs several at a time
    for value in x:
        bad += not abs(value) <= largest
    return bad == 0


@inlined
def usable_rate(rate: float, l2: float) -> bool:
    """Whether a step at `rate` keeps weights finite.

    Beyond ``1 / l2`` the pull towards 0 would throw a weight past it, further with each step.
    """
    return 0.0 <= rate <= LARGEST and rate * l2 <= 1.0


@inlined
def total(values: Floats) -> float:
    """The sum, in four that need not wait for each other."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = len(values) // 4 * 4
    for i in range(0, whole, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    for i in range(whole, len(values)):
        a += values[i]
    return (a + b) + (c + d)


@inlined
def square(values: Floats) -> float:
    """The squared norm, likewise."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = len(values) // 4 * 4
    for i in range(0, whole, 4):
        a += values[i] * values[i]
        b += values[i + 1] * values[i + 1]
        c += values[i + 2] * values[i + 2]
        d += values[i + 3] * values[i + 3]
    for i in range(whole, len(values)):
        a += values[i] * values[i]
    return (a + b) + (c + d)


@inlined
def logit(
    x: Floats, slots: Slots, values: Floats, cells: Floats,
    of_dense: Floats, of_pairs: Floats,
) -> float:  # fmt: skip
    """The sum of the parts of one vector, which are filled in."""
    width = len(x)
    for j in range(width):
        of_dense[j] = cells[j, 0] * x[j]
    for k in range(len(slots)):
        of_pairs[k] = cells[width + slots[k], 0] * values[k]
    return total(of_dense) + total(of_pairs)


@inlined
def same(x: Floats, other: Floats) -> bool:
    """Whether two rows are equal."""
    for j in range(len(x)):  # noqa: SIM110 - numba compiles no generators here
        if x[j] != other[j]:
            return False
    return True


@compiled
def run(
    code: Codes,
    y: Codes,
    dense: Floats,
    start: Ints,
    end: Ints,
    all_slots: Slots,
    all_values: Floats,
    optimizer: int,
    parameters: Floats,
    rates: Floats,
    l2: float,
    clip: float,
    max_weight: float,
    cells: Floats,
    scalars: Floats,
    counts: Ints,
    space: Floats,
    logits: Floats,
    dense_parts: Floats,
    parts_start: Ints,
    hashed_parts: Floats,
) -> None:
    """Carry out the steps. Fills `logits`, and of scoring steps the parts (``w * x``).

    `space` is for use within a step: a place for each of a vector's features.
    """
    width = dense.shape[1]
    p = (parameters[0], parameters[1], parameters[2], parameters[3], parameters[4])
    bound = min(max_weight, LARGEST_WEIGHT)
    # AdamW takes its pull apart from the gradient.
    coupled = 0.0 if optimizer == rules.ADAMW else l2
    decay = l2 + p[3] if optimizer == rules.ADAMW else l2
    # Without a pull, no usable value makes a gradient too large.
    norm_matters = coupled > 0.0 or clip < math.inf or optimizer == rules.DOG
    first = counts[LEARNED]
    fresh = False  # whether the last step has left a logit that still holds
    for i in range(len(code)):
        x = dense[i]
        a, b = start[i], end[i]
        slots, values = all_slots[a:b], all_values[a:b]
        work = space[: width + b - a]
        if fresh and code[i] != SCORE and a == start[i - 1] and b == end[i - 1]:
            fresh = same(x, dense[i - 1])
        else:
            fresh = False
        good = fresh or (usable(x, LARGEST) and usable(values, LARGEST))
        if fresh:
            logits[i] = logits[i - 1]
        elif not good:  # all that is known of it is that it is an event
            counts[REFUSED] += 1
            dense_parts[i, 0] = cells[0, 0]
            logits[i] = cells[0, 0]
        elif code[i] == SCORE:
            parts = hashed_parts[parts_start[i] : parts_start[i + 1]]
            logits[i] = logit(x, slots, values, cells, dense_parts[i], parts)
        else:
            logits[i] = logit(x, slots, values, cells, work[:width], work[width:])
        fresh = good and code[i] == SCORE
        if code[i] == SCORE:
            continue
        rate = rates[counts[LEARNED] - first]
        if good and not usable_rate(rate, decay):
            good = False
            counts[REFUSED] += 1
        if not good:
            continue
        z = logits[i]
        look = optimizer == rules.NESTEROV
        if look:
            z += ahead(x, slots, values, p, cells)
        g = sigmoid(z) - y[i]
        for j in range(width):
            work[j] = g * x[j]
        for k in range(len(slots)):
            work[width + k] = g * values[k]
        if coupled > 0.0:
            # The intercept is not shrunk: l2 pulls towards "no evidence", not towards "one half".
            for j in range(1, width):
                work[j] += coupled * cells[j, 0]
            for k in range(len(slots)):
                work[width + k] += coupled * cells[width + slots[k], 0]
        if look and coupled > 0.0:
            for j in range(1, width):
                work[j] -= coupled * p[0] * cells[j, 1]
            for k in range(len(slots)):
                work[width + k] -= coupled * p[0] * cells[width + slots[k], 1]
        measured = counts[LEARNED] % EVERY == 0
        square_norm = 0.0
        if measured or norm_matters:
            square_norm = square(work)
            if not square_norm <= LARGEST_SQUARE:
                counts[REFUSED] += 1
                continue
            if square_norm > clip * clip:
                shrink = clip / math.sqrt(square_norm)
                for c in range(len(work)):
                    work[c] *= shrink
                square_norm = clip * clip
        counts[LEARNED] += 1
        own = scalars[FIGURES:]
        step(optimizer, p, rate, l2, bound, square_norm, slots, cells, own, work)
        if measured:
            scalars[GRADIENT] = rules.mean(FADING, scalars[GRADIENT], square_norm)
            scalars[CHANGE] = rules.mean(FADING, scalars[CHANGE], square(work))
