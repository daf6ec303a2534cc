"""An online robust distance: how far an event lies from the middle of all, by their covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from models import tail
from models.compiled import compiled, inlined
from models.kernels import LARGEST, usable
from models.settings import whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.tail import Tail
from models.vectors import Floats

FIRST = 3  # events for each feature: so many are learned before any is scored
PRIOR = 10.0  # events that the scaler's mean of 0 and variance of 1 count for
USUAL = 3.0  # times the usual distance: what is beyond counts for less
LEAST = 1e-4  # variance of a feature, in units of the scaler's, and of what factors leave of it
TAIL = math.log(9.0)  # logit from which on it is said which features made an event strange

SEEN, WEIGHT, FIGURES = range(3)


class Learned(NamedTuple):
    """All that changes.

    Attributes
    ----------
    figures
        Events learned, and their mean weight.
    mean, variance
        Shape (d,): of each feature.
    factors
        Shape (rank, d): directions of most variance, each as long as its variance.
    rest
        Shape (d,): variance of what factors leave of a feature.
    """

    figures: Floats
    mean: Floats
    variance: Floats
    factors: Floats
    rest: Floats
    tail: Tail


@inlined
def _length(factor: Floats) -> float:
    total = 0.0
    for value in factor:
        total += value * value
    return math.sqrt(total)


@inlined
def _take_away(factor: Floats, length: float, left: Floats) -> float:
    """The place along a factor, which is taken away from what is left."""
    place = 0.0
    for j in range(1, len(left)):
        place += left[j] * factor[j]
    place /= length
    for j in range(1, len(left)):
        left[j] -= place * factor[j] / length
    return place


@inlined
def _distance(of: Learned, x: Floats, left: Floats, along: Floats, lengths: Floats) -> float:
    """Squared. `left` comes to be what factors leave of an event, `along` its place along each."""
    for j in range(1, len(x)):
        left[j] = (x[j] - of.mean[j]) / math.sqrt(of.variance[j])
    squared = 0.0
    for k in range(len(of.factors)):
        factor = of.factors[k]
        lengths[k] = _length(factor)
        along[k] = 0.0
        if lengths[k] > LEAST:
            along[k] = _take_away(factor, lengths[k], left)
            squared += along[k] * along[k] / lengths[k]
    for j in range(1, len(x)):
        squared += left[j] * left[j] / of.rest[j]
    return squared


@inlined
def _blame(of: Learned, left: Floats, along: Floats, lengths: Floats, parts: Floats) -> None:
    """What each feature adds to the squared distance; a factor's share goes by its squares."""
    total = 0.0
    for j in range(1, len(left)):
        parts[j] = left[j] * left[j] / of.rest[j]
        for k in range(len(along)):
            if lengths[k] > LEAST:
                share = of.factors[k, j] / lengths[k]
                parts[j] += along[k] * along[k] / lengths[k] * share * share
        total += parts[j]
    for j in range(1, len(left)):
        parts[j] /= total


@inlined
def _learn(of: Learned, x: Floats, squared: float, fade: float, left: Floats) -> None:
    """Move mean, variances and factors towards an event, less if it is far off."""
    width, n = len(x) - 1, of.figures[SEEN]
    of.figures[SEEN] = n + 1.0
    pace = max(1.0 / (n + PRIOR), fade)
    weight = min(1.0, USUAL * USUAL * width / squared) if squared > 0.0 else 1.0
    of.figures[WEIGHT] += pace * (weight - of.figures[WEIGHT])
    pace *= weight / of.figures[WEIGHT]  # so that weights below 1 shrink no variance
    for j in range(1, len(x)):
        off = x[j] - of.mean[j]
        of.mean[j] += pace * off
        of.variance[j] = max((1.0 - pace) * (of.variance[j] + pace * off * off), LEAST)
        left[j] = off / math.sqrt(of.variance[j])
    for k in range(len(of.factors)):
        factor = of.factors[k]
        length = _length(factor)
        place = 0.0
        if length > 0.0:
            for j in range(1, len(x)):
                place += left[j] * factor[j]
            place /= length
            for j in range(1, len(x)):
                factor[j] += pace * (place * left[j] - factor[j])
        else:  # the first direction there is
            for j in range(1, len(x)):
                factor[j] = pace * left[j]
        length = _length(factor)
        if length > 0.0:
            _take_away(factor, length, left)
    for j in range(1, len(x)):
        of.rest[j] = max((1.0 - pace) * of.rest[j] + pace * left[j] * left[j], LEAST)


@compiled
def _run(
    scaled: Floats, learn_below: float, fade: float, of: Learned,
    left: Floats, along: Floats, lengths: Floats, logits: Floats, parts: Floats,
) -> None:  # fmt: skip
    for i in range(len(scaled)):
        if not usable(scaled[i, 1:], LARGEST):
            continue
        squared = _distance(of, scaled[i], left, along, lengths)
        ripe = of.figures[SEEN] >= FIRST * (scaled.shape[1] - 1)
        if ripe:
            far = math.sqrt(squared)
            logits[i] = tail.logit(of.tail, far)
            tail.add(of.tail, far)
            if logits[i] >= TAIL and squared > 0.0:
                _blame(of, left, along, lengths, parts[i])
        if logits[i] < learn_below or not ripe:
            _learn(of, scaled[i], squared, fade, left)


class RobustDistance:
    """An event is strange where it lies far from the mean, in units of how events spread.

    Features are measured by their own faded mean and variance. Of their correlations a few factors
    are kept: the directions of most variance, each with its variance along it, found event by event
    without a covariance matrix. What factors leave of a feature has a variance of its own. So the
    covariance is a low rank and a diagonal, and the squared distance (Mahalanobis's, by that
    covariance) is a sum over factors and features, at ``rank * d`` steps an event.

    It is robust: an event beyond three times the usual distance counts for less, by the square of
    how far, so that no event moves a variance by more than one at that distance does.

    Parameters
    ----------
    width
        Number of dense features, the intercept (column 0, never looked at) included.
    learn_below
        An event whose logit is not below this is not learned.
    rank
        How many factors; 0 leaves the diagonal alone.
    memory
        After so many learned events, the weight of one has halved: in all that is learned, and
        after so many events in the tail of strangeness.

    References
    ----------
    Maronna 1976, "Robust M-estimators of multivariate location and scatter", Annals of Statistics
    4(1), for the weights; Weng, Zhang & Hwang 2003, "Candid covariance-free incremental principal
    component analysis", IEEE PAMI 25(8), for the factors; Tipping & Bishop 1999, "Probabilistic
    principal component analysis", for the distance.

    Examples
    --------
    Two features that go together, and an event in which they do not:

    >>> draw = np.random.default_rng(1).normal(size=(5_000, 3))
    >>> draw[:, 2] = draw[:, 1] + 0.1 * draw[:, 2]
    >>> draw[-1] = 1.0, 1.5, -1.5
    >>> sight = Sight(draw, draw, np.zeros((5_000, 1), np.uint64), np.arange(5_000.0))
    >>> [bool(RobustDistance(3, math.inf, rank=k).run(sight).logits[-1] > 6.9) for k in (0, 1)]
    [False, True]
    """

    def __init__(self, width: int, learn_below: float, rank: int = 4, memory: int = 20_000) -> None:
        whole(2, width=width)
        whole(1, memory=memory)
        whole(0, rank=rank)
        rank = min(rank, width - 1)
        self._settings = learn_below, 1.0 - 0.5 ** (1.0 / memory)
        figures = np.zeros(FIGURES)
        figures[WEIGHT] = 1.0
        self._state = Learned(
            figures, np.zeros(width), np.ones(width), np.zeros((rank, width)), np.ones(width),
            tail.new(memory),
        )  # fmt: skip
        self._work = np.zeros(width), np.zeros(rank), np.zeros(rank)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        _run(sight.scaled, *self._settings, self._state, *self._work, said.logits, said.parts)
        return said

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state)
