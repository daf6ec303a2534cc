"""Half-space trees: where in the space of all features few events have been."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from models import tail
from models.compiled import compiled, inlined
from models.kernels import LARGEST, usable
from models.settings import whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.tail import Tail
from models.vectors import Floats, Ints

REACH = 30.0  # standard deviations, up to which values are told apart
EDGE = 1.01  # so that a mapped 1 is within every working range
LEAST = 5.0  # events that a node has had, or its children are not looked at
HALF = 0.5  # of an event, which every node is taken to have had
FIRST = 0.125  # of the window: so many events are learned before any is scored
TAIL = math.log(9.0)  # logit from which on it is said which features made an event strange
RENORMALISE = 1e18
DEEPEST = 20  # levels
LONGEST = 100_000  # events; beyond, an event is lost in the rounding of a mass

Masses: TypeAlias = NDArray[np.float32]


class Forest(NamedTuple):
    """Shape (trees, levels): how the levels of each tree halve space.

    At a level all nodes of a tree halve the same feature. Its working range is cut into cells of
    the size that this level makes, and a value goes left or right by whether its cell is even.
    """

    features: Ints
    scale: Floats  # cells for one unit of a mapped value
    shift: Floats  # the cell of a mapped 0


class Learned(NamedTuple):
    """All that changes."""

    masses: Masses  # shape (trees, nodes)
    weight: Floats  # of the next event
    tail: Tail


def forest(width: int, trees: int, depth: int, seed: int) -> tuple[Forest, Floats, Floats]:
    """A forest drawn at random, and where the working ranges of its features begin and end.

    Those are of shape (trees, width), in mapped values (see `_mapped`). Around a point drawn from
    [-1, 1] they reach a little beyond the further end of it, either way.
    """
    source = np.random.PCG64(seed)  # its raw numbers are the same in every version of numpy
    features = 1 + (source.random_raw((trees, depth)) % np.uint64(width - 1)).astype(np.int64)
    middle = source.random_raw((trees, width)) / 2.0**63 - 1.0
    reach = EDGE + np.abs(middle)
    low = middle - reach
    before = np.tril(features[:, :, None] == features[:, None, :], -1).sum(axis=2)
    scale = 2.0**before / np.take_along_axis(reach, features, axis=1)
    shift = -scale * np.take_along_axis(low, features, axis=1)
    return Forest(features, scale, shift), low, middle + reach


@inlined
def _mapped(value: float) -> float:
    """A standardised value in [-1, 1]: its logarithm, so that far values still lie apart."""
    size = math.log1p(min(abs(value), REACH)) / math.log1p(REACH)
    return math.copysign(size, value)


@inlined
def _leaf(halving: Forest, tree: int, mapped: Floats) -> int:
    """Where an event comes out of a tree; shifted right, this is any node on the way.

    Node 1 is the root, and node `n` has the children `2 n` and `2 n + 1`. No step waits for the one
    before, so the processor has all of a tree's masses on their way from memory at once.
    """
    node = 1
    for level in range(halving.features.shape[1]):
        value = mapped[halving.features[tree, level]]
        cell = int(value * halving.scale[tree, level] + halving.shift[tree, level])
        node = 2 * node + (cell & 1)
    return node


@inlined
def _strangeness(masses: Masses, depth: int, weight: float, leaves: Ints, stops: Ints) -> float:
    """One over the density where an event is: the power mean of the trees', of exponent 1 / 8.

    It is 1 if events are spread evenly over the working ranges. `stops` comes to be the level in
    each tree where the way ends.
    """
    least, half = LEAST * weight, HALF * weight
    total = 0.0
    for tree in range(len(leaves)):
        level = 0
        mass = masses[tree, 1]
        while level < depth and mass >= least:
            level += 1
            mass = masses[tree, leaves[tree] >> (depth - level)]
        stops[tree] = level
        evenly = (masses[tree, 1] + half) / (1 << level)
        total += math.sqrt(math.sqrt(math.sqrt(evenly / (mass + half))))
    return (total / len(leaves)) ** 8


@inlined
def _blame(
    halving: Forest, masses: Masses, weight: float, leaves: Ints, stops: Ints, parts: Floats
) -> None:
    """Whose halves had less mass than an event's half is to be expected to have.

    Of a half that has the share ``p`` an event is worth ``-ln p``, and the next event on average
    the entropy of ``p``. What it is worth beyond that is ``(1 - p) * ln((1 - p) / p)``.
    """
    depth, half = halving.features.shape[1], HALF * weight
    for tree in range(len(leaves)):
        for level in range(stops[tree]):
            node = leaves[tree] >> (depth - level - 1)
            mine, other = masses[tree, node] + half, masses[tree, node ^ 1] + half
            beyond = other / (mine + other) * math.log(other / mine)
            parts[halving.features[tree, level]] += beyond
    total = 0.0
    for j in range(len(parts)):
        parts[j] = max(parts[j], 0.0)
        total += parts[j]
    if total > 0.0:
        for j in range(len(parts)):
            parts[j] /= total


@compiled
def _run(
    scaled: Floats, learn_below: float, fading: float, first: float,
    halving: Forest, masses: Masses, weight: Floats, tail_of: Tail,
    mapped: Floats, leaves: Ints, stops: Ints, logits: Floats, parts: Floats,
) -> None:  # fmt: skip
    trees, depth = halving.features.shape
    for i in range(len(scaled)):
        if not usable(scaled[i, 1:], LARGEST):
            continue
        for j in range(1, len(mapped)):
            mapped[j] = _mapped(scaled[i, j])
        for tree in range(trees):
            leaves[tree] = _leaf(halving, tree, mapped)
        strangeness = _strangeness(masses, depth, weight[0], leaves, stops)
        ripe = masses[0, 1] >= first * weight[0]
        z = 0.0
        if ripe:
            z = tail.logit(tail_of, strangeness)
            tail.add(tail_of, strangeness)
        logits[i] = z
        if z >= TAIL:
            _blame(halving, masses, weight[0], leaves, stops, parts[i])
        if z < learn_below or not ripe:
            for tree in range(trees):
                for level in range(depth + 1):
                    masses[tree, leaves[tree] >> level] += weight[0]
            weight[0] /= fading
            if weight[0] > RENORMALISE:
                for tree in range(trees):
                    for node in range(masses.shape[1]):
                        masses[tree, node] /= weight[0]
                weight[0] = 1.0


class HalfSpaceTrees:
    """An event is strange where trees that halve space at random have seen few events.

    Each level of a tree halves the space of standardised features along one of them, drawn at
    random, within a working range that is drawn too. A node's mass is the events that came through
    it. The density where an event is, by one tree: the share of all mass in the node where its way
    ends, times ``2 ** level``; the way ends at a leaf, or at a node of hardly any mass. Strangeness
    is one over density, by a power mean of the trees'.

    Halving, random working ranges, masses and where a way ends are the paper's. What is different
    was measured on the fraud recording's first days and on generated outliers:

    - the paper adds the trees' densities up, and the densest hide the empty ones. The mean of one
      over density would be up to a few empty ones alone, and find what is far off in one feature,
      where the geometric mean finds what is a little off in many. Exponent 1 / 8 lies between;
    - masses fade with each event that is learned, where the paper's count a window and then stand
      for the next one: so a burst, too, is held against all that came before;
    - features are logarithms of how many standard deviations off a value is, either way, where the
      paper's have a known range; in a range of 60 deviations nearly all would be in the same cell;
    - a working range reaches as far as the features do, and the paper's twice as far, so that each
      feature's second halving has no purpose; and a level has one feature for all its nodes, which
      finds as much, and needs no thresholds: only the masses are kept.

    Parameters
    ----------
    width
        Number of dense features, the intercept (column 0, never looked at) included.
    learn_below
        An event whose logit is not below this is not learned.
    trees, depth
        How many trees, and levels of each: ``4 * trees * 2 ** (depth + 1)`` bytes.
    window
        After so many learned events, the mass of an event has halved. An eighth of them are learned
        before any is scored.
    seed
        Of the trees.
    memory
        After so many events, an event's weight in the tail of strangeness has halved.

    References
    ----------
    Tan, Ting & Liu 2011, "Fast anomaly detection for streaming data", IJCAI; levels with one
    feature as in the chains of Manzoor, Lamba & Akoglu 2018, "xStream", KDD.

    Examples
    --------
    >>> scaled = np.random.default_rng(1).normal(size=(5_000, 4))
    >>> scaled[-1, 2] = 6.0
    >>> sight = Sight(scaled, scaled, np.zeros((5_000, 1), np.uint64), np.arange(5_000.0))
    >>> said = HalfSpaceTrees(4, math.inf).run(sight)
    >>> bool(said.logits[-1] > math.log(99.0)), int(said.parts[-1].argmax())
    (True, 2)
    """

    def __init__(
        self,
        width: int,
        learn_below: float,
        trees: int = 25,
        depth: int = 15,
        window: int = 2_000,
        seed: int = 1,
        memory: int = 20_000,
    ) -> None:
        whole(2, width=width)
        whole(1, trees=trees, depth=depth, window=window, memory=memory)
        whole(0, seed=seed)
        for name, value, most in (("depth", depth, DEEPEST), ("window", window, LONGEST)):
            if value > most:
                raise ValueError(f"{name} = {value}: expected a whole number of at most {most}")
        halving = forest(width, trees, depth, seed)[0]
        self._settings = learn_below, 0.5 ** (1.0 / window), FIRST * window, halving
        masses = np.zeros((trees, 2 << depth), np.float32)
        self._state = Learned(masses, np.ones(1), tail.new(memory))
        self._work = np.zeros(width), np.zeros(trees, np.int64), np.zeros(trees, np.int64)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        _run(sight.scaled, *self._settings, *self._state, *self._work, said.logits, said.parts)
        return said

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state)
