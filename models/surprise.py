"""Per-key surprise: how unlike this customer is this event."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from models import lru, tail
from models.compiled import compiled, inlined
from models.kernels import LARGEST, usable
from models.lru import Lru
from models.settings import positive, whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.tail import Tail
from models.vectors import Floats, Hashes

FIRST = 200  # events are learned before any is scored
PRIOR = 10.0  # events that the scaler's mean of 0 and variance of 1 count for
LEAST = 1e-4  # variance, in units of the scaler's
FAR = 4.0  # a value counts as no further from what was expected, in units of the spread
TAIL = math.log(9.0)  # logit from which on it is said which features made an event strange

Floats32: TypeAlias = NDArray[np.float32]


class Learned(NamedTuple):
    """All that changes.

    Attributes
    ----------
    figures
        Shape (1,): events learned.
    mean, variance
        Shape (d,): of each feature, over all keys.
    keys
        Those that are remembered, each with a row of what follows.
    weights
        Shape (keys,): events of the key, faded.
    means, squares
        Shape (keys, d): mean of each feature, and sum of squared distances from it, faded.
    """

    figures: Floats
    mean: Floats
    variance: Floats
    keys: Lru
    weights: Floats
    means: Floats32
    squares: Floats32
    tail: Tail


@inlined
def _surprise(of: Learned, row: int, prior: float, x: Floats, parts: Floats) -> float:
    """How unlikely an event is after the earlier ones of its key, feature by feature.

    `parts` comes to be the logarithm of how many times likelier than each value the likeliest is.
    """
    weight = of.weights[row] if row >= 0 else 0.0
    together = prior + weight
    total = 0.0
    for j in range(1, len(x)):
        middle, spread = of.mean[j], of.variance[j]
        if weight > 0.0:
            apart = of.means[row, j] - of.mean[j]
            middle += weight / together * apart
            squares = of.squares[row, j] + prior * weight / together * apart * apart
            spread = (prior * spread + squares) / together
        off = x[j] - middle
        scale = spread * (1.0 + 1.0 / together)
        parts[j] = 0.5 * (together + 1.0) * math.log1p(off * off / (together * scale))
        total += parts[j]
    return total


@inlined
def _learn(of: Learned, row: int, x: Floats, fade: float, key_fade: float) -> None:
    n = of.figures[0]
    of.figures[0] = n + 1.0
    pace = max(1.0 / (n + PRIOR), fade)
    if row >= 0:
        of.weights[row] *= key_fade
    for j in range(1, len(x)):
        if row >= 0:
            # Held back where it is far from what all keys together have.
            reach = FAR * math.sqrt(of.variance[j])
            value = min(max(x[j], of.means[row, j] - reach), of.means[row, j] + reach)
            if of.weights[row] == 0.0:
                value = min(max(x[j], of.mean[j] - reach), of.mean[j] + reach)
                of.means[row, j] = value
                of.squares[row, j] = 0.0
            weight = of.weights[row] + 1.0
            off = value - of.means[row, j]
            of.means[row, j] += off / weight
            of.squares[row, j] = key_fade * of.squares[row, j] + off * off * (weight - 1.0) / weight
        reach = FAR * math.sqrt(of.variance[j])
        off = min(max(x[j] - of.mean[j], -reach), reach)
        of.mean[j] += pace * off
        of.variance[j] = max((1.0 - pace) * (of.variance[j] + pace * off * off), LEAST)
    if row >= 0:
        of.weights[row] += 1.0


@compiled
def _run(
    scaled: Floats, keys: Hashes, learn_below: float, fade: float, key_fade: float, prior: float,
    of: Learned, work: Floats, logits: Floats, parts: Floats,
) -> None:  # fmt: skip
    for i in range(len(scaled)):
        if not usable(scaled[i, 1:], LARGEST):
            continue
        row = -1
        if keys[i] != 0:
            row, fresh = lru.use(of.keys, keys[i])
            if fresh:
                of.weights[row] = 0.0
        surprise = _surprise(of, row, prior, scaled[i], work)
        ripe = of.figures[0] >= FIRST
        if ripe:
            logits[i] = tail.logit(of.tail, surprise)
            tail.add(of.tail, surprise)
            if logits[i] >= TAIL and surprise > 0.0:
                for j in range(1, scaled.shape[1]):
                    parts[i, j] = work[j] / surprise
        if logits[i] < learn_below or not ripe:
            _learn(of, row, scaled[i], fade, key_fade)


class KeySurprise:
    """An event is strange where it is unlike earlier ones of its own key: a customer, say.

    Of each key a faded mean and spread of every feature is kept. How likely a value is follows from
    them, and from the mean and spread over all keys, which count as `prior` events of the key: so a
    new customer is expected to be like the others, and a known one like itself. That is the
    posterior predictive of a normal distribution of unknown mean and variance, Student's t; a
    feature's surprise is the logarithm of how many times less likely its value is than the
    likeliest, and an event's the sum of its features'.

    Far values are learned as if they were at four times the spread over all keys, so that one
    alone does not widen what is expected. An event without a key is held against all.

    Parameters
    ----------
    width
        Number of dense features, the intercept (column 0, never looked at) included.
    learn_below
        An event whose logit is not below this is not learned.
    key
        Which of the events' keys.
    prior
        Events that what is known of all keys counts for.
    habit
        After so many events of a key, the weight of one has halved.
    max_keys
        Keys that are remembered, at 8 bytes a feature; the least recently seen is forgotten.
    memory
        After so many events, the weight of one has halved: over all keys, and in the tail.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis (3rd ed.), section 3.3, for the predictive.

    Examples
    --------
    A value that is usual, and not for this key:

    >>> draw = np.random.default_rng(1)
    >>> keys = np.arange(4_000, dtype=np.uint64) % 40 + 1
    >>> x = np.ones((4_000, 2))
    >>> x[:, 1] = np.where(keys > 20, 1.0, -1.0) + 0.1 * draw.normal(size=4_000)
    >>> x[-1, 1] = -1.0
    >>> sight = Sight(x, x, keys[:, np.newaxis], np.arange(4_000.0))
    >>> bool(KeySurprise(2, math.inf).run(sight).logits[-1] > 6.9)
    True
    """

    def __init__(
        self,
        width: int,
        learn_below: float,
        key: int = 0,
        prior: float = 5.0,
        habit: int = 100,
        max_keys: int = 100_000,
        memory: int = 20_000,
    ) -> None:
        whole(2, width=width)
        whole(0, key=key)
        whole(1, habit=habit, max_keys=max_keys, memory=memory)
        positive(prior=prior)
        self._key = key
        self._settings = (
            learn_below, 1.0 - 0.5 ** (1.0 / memory), 0.5 ** (1.0 / habit), float(prior),
        )  # fmt: skip
        room = max_keys, width
        self._state = Learned(
            np.zeros(1), np.zeros(width), np.ones(width), lru.new(max_keys), np.zeros(max_keys),
            np.zeros(room, np.float32), np.zeros(room, np.float32), tail.new(memory),
        )  # fmt: skip
        self._work = np.zeros(width)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        keys = sight.key(self._key)
        _run(
            sight.scaled, keys, *self._settings, self._state, self._work, said.logits, said.parts
        )  # fmt: skip
        return said

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state)
