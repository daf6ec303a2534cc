"""How strange is strange: a streaming estimate of the upper tail of any measure.

Scorers measure strangeness on scales of their own. Here it becomes the probability that an earlier
event was less strange, so that 0.99 means: one event in a hundred is as strange as this one.

The measures of past events, in which old ones fade, lie in a histogram on a logarithmic scale,
kept as a Fenwick tree (Fenwick 1994) so that the weight below any measure is one short walk. Where
only a few lie above, the largest are taken to be of a Pareto tail, whose index is the mean
logarithm of their excess (Hill 1975): so the estimate goes on beyond all that was ever seen.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Floats

STEPS = 64  # bins for each doubling
REACH = 32  # doublings, either way from 1
BINS = 2 * REACH * STEPS  # a power of two
LARGEST = 32  # events that the tail is fitted to
EVERY = 32.0  # events, the tail is fitted anew
RARITY = 1e-12  # no event counts as rarer
RENORMALISE = 1e100

# Places of `figures`: the weight of the next event, of all; events until the next fit; of the tail
# the bin where it begins, the share that lies above, and the index.
NEXT, TOTAL, DUE, BEGIN, SHARE, INDEX, FIGURES = range(7)


class Tail(NamedTuple):
    """Weights by bin, the same as sums by Fenwick, and a few figures."""

    bins: Floats
    sums: Floats
    figures: Floats
    fading: Floats  # what an event's weight is multiplied by at each further one


def new(memory: int = 20_000) -> Tail:
    """Nothing seen yet; after `memory` events an event's weight has halved."""
    figures = np.zeros(FIGURES)
    figures[NEXT], figures[BEGIN] = 1.0, BINS
    return Tail(np.zeros(BINS), np.zeros(BINS + 1), figures, np.array([0.5 ** (1.0 / memory)]))


@inlined
def _place(strangeness: float) -> float:
    """Where it lies among the bins, as a fraction."""
    if not strangeness > 0.0:
        return 0.0
    return min(max((math.log2(strangeness) + REACH) * STEPS, 0.0), BINS - 1e-6)


@inlined
def _rarity(tail: Tail, strangeness: float) -> float:
    figures = tail.figures
    place = _place(strangeness)
    if place >= figures[BEGIN]:
        excess = (place - figures[BEGIN]) * (math.log(2.0) / STEPS)
        return float(figures[SHARE] * math.exp(-excess / figures[INDEX]))
    b = int(place)
    below = (place - b) * tail.bins[b]
    while b > 0:
        below += tail.sums[b]
        b -= b & -b
    # Half an event on either side, so that nothing is certain.
    half = 0.5 * figures[NEXT]
    return float(1.0 - (below + half) / (figures[TOTAL] + 2.0 * half))


@inlined
def logit(tail: Tail, strangeness: float) -> float:
    """Log-odds that an earlier event was less strange; 0 where nothing is known.

    Rises with `strangeness`, which is any number from 0; it is on a scale of its own.
    """
    q = min(max(_rarity(tail, strangeness), RARITY), 1.0 - RARITY)
    return math.log((1.0 - q) / q)


@inlined
def add(tail: Tail, strangeness: float) -> None:
    """Count an event; all others fade."""
    figures = tail.figures
    weight = figures[NEXT]
    b = int(_place(strangeness))
    tail.bins[b] += weight
    figures[TOTAL] += weight
    b += 1
    while b <= BINS:
        tail.sums[b] += weight
        b += b & -b
    figures[NEXT] = weight / tail.fading[0]
    if figures[NEXT] > RENORMALISE:
        _renormalise(tail)
    figures[DUE] -= 1.0
    if figures[DUE] <= 0.0:
        figures[DUE] = EVERY
        _fit(tail)


@compiled
def _renormalise(tail: Tail) -> None:
    """Measure all weights by that of the next event; anew, so that rounding does not add up."""
    scale = tail.figures[NEXT]
    total = 0.0
    for b in range(BINS):
        tail.bins[b] /= scale
        total += tail.bins[b]
        tail.sums[b + 1] = 0.0
    for b in range(1, BINS + 1):
        tail.sums[b] += tail.bins[b - 1]
        above = b + (b & -b)
        if above <= BINS:
            tail.sums[above] += tail.sums[b]
    tail.figures[TOTAL] = total
    tail.figures[NEXT] = 1.0


@compiled
def _fit(tail: Tail) -> None:
    """Fit the tail to the events above the highest bin with enough of them from it on."""
    figures = tail.figures
    wanted = LARGEST * figures[NEXT]
    if figures[TOTAL] <= wanted:
        return
    weight, moment = 0.0, 0.0  # moment: of the bins' middles
    b = BINS
    while weight < wanted and b > 1:
        b -= 1
        weight += tail.bins[b]
        moment += tail.bins[b] * (b + 0.5)
    half = 0.5 * figures[NEXT]
    figures[BEGIN] = b
    figures[SHARE] = (weight + half) / (figures[TOTAL] + 2.0 * half)
    figures[INDEX] = (moment / weight - b) * (math.log(2.0) / STEPS)


@compiled
def _logits(tail: Tail, strangeness: Floats, out: Floats) -> None:
    for i in range(len(strangeness)):
        out[i] = logit(tail, strangeness[i])
        add(tail, strangeness[i])


def logits(tail: Tail, strangeness: Floats) -> Floats:
    """Of each event in order: its logit by the events before, and then it is counted.

    >>> draws = np.random.default_rng(1).standard_exponential(100_000)
    >>> said = logits(new(), draws)[20_000:]
    >>> [round(float(np.mean(said > math.log(p / (1.0 - p)))), 4) for p in (0.5, 0.99, 0.999)]
    [0.5006, 0.0098, 0.001]
    """
    out = np.empty(len(strangeness))
    _logits(tail, strangeness, out)
    return out


def take(tail: Tail, strangeness: float) -> float:
    """What `logits` says, of one event."""
    return float(logits(tail, np.array([strangeness]))[0])
