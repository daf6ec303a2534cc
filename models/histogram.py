"""A histogram of logits in which old ones fade, and how much of it lies above a moving edge.

Both alert thresholds that follow past scores (`models.budget`, `models.ceiling`) stand on one: they
differ in whose scores they count and in how much may lie above.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.compiled import compiled, inlined
from models.kernels import sigmoid
from models.vectors import Floats, Ints

BINS = 4096
REACH = 32.0  # logits from -32 to 32: bins of 1/64, below 2 % of the odds
RENORMALISE = 1e100

# Places of `weights`: of the next logit, of all, of those from the edge up.
NEXT, TOTAL, ABOVE = range(3)


class Histogram(NamedTuple):
    """Weights by bin. `edge` holds the lowest bin that counts as above; `BINS` where none does."""

    bins: Floats
    weights: Floats
    edge: Ints


def new() -> Histogram:
    """No logits yet, and the edge above all bins."""
    return Histogram(np.zeros(BINS), np.array([1.0, 0.0, 0.0]), np.full(1, BINS, np.int64))


@inlined
def _bin(logit: float) -> int:
    return int(min(BINS - 1.0, max(0.0, (logit + REACH) * (BINS / (2.0 * REACH)))))


@inlined
def score_at_edge(h: Histogram) -> float:
    """The score at the edge, from which on an event is an alert; 1 where none is."""
    if h.edge[0] == BINS:
        return 1.0
    return sigmoid(h.edge[0] * (2.0 * REACH / BINS) - REACH)


@inlined
def add(h: Histogram, logit: float, fading: float) -> None:
    """Count a logit, and let all others fade by `fading`."""
    # Instead of fading all bins each time, each logit weighs more than the one before.
    weight = h.weights[NEXT]
    b = _bin(logit)
    h.bins[b] += weight
    h.weights[TOTAL] += weight
    if b >= h.edge[0]:
        h.weights[ABOVE] += weight
    h.weights[NEXT] = weight / fading
    if h.weights[NEXT] > RENORMALISE:
        _renormalise(h)


@compiled
def _renormalise(h: Histogram) -> None:
    """Measure all weights by that of the next logit."""
    total, above = 0.0, 0.0  # anew, so that rounding does not add up
    for k in range(BINS):
        h.bins[k] /= h.weights[NEXT]
        total += h.bins[k]
        above += h.bins[k] if k >= h.edge[0] else 0.0
    h.weights[TOTAL] = total
    h.weights[ABOVE] = above
    h.weights[NEXT] = 1.0


@inlined
def remove(h: Histogram, logit: float) -> None:
    """Undo one `add` of the same logit.

    It has faded since, by nobody knows how much: the weight of a new one goes, but never more than
    its bin holds. Without fading that is exact.
    """
    b = _bin(logit)
    weight = min(h.bins[b], h.weights[NEXT])
    h.bins[b] -= weight
    h.weights[TOTAL] = max(0.0, h.weights[TOTAL] - weight)
    if b >= h.edge[0]:
        h.weights[ABOVE] = max(0.0, h.weights[ABOVE] - weight)


@inlined
def below_edge(h: Histogram) -> float:
    """Weight of the bin next below the edge, which must not be 0."""
    return float(h.bins[h.edge[0] - 1])


@inlined
def lift(h: Histogram) -> None:
    """Move the edge up by a bin."""
    h.weights[ABOVE] -= h.bins[h.edge[0]]
    h.edge[0] += 1


@inlined
def lower(h: Histogram) -> None:
    """Move the edge down by a bin."""
    h.edge[0] -= 1
    h.weights[ABOVE] += h.bins[h.edge[0]]
