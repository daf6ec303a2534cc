"""Half-space trees against a slow forest written from the paper, River's, and their laws."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from river.anomaly import HalfSpaceTrees as RiverHalfSpaceTrees

from models import tail
from models.half_space import HalfSpaceTrees, forest
from models.ranking import roc_auc
from models.strangeness import Sight, Strangeness
from models.vectors import Floats, Ints
from tests.models.helpers import bits, cuts

WIDTH = 5
SMALL: dict[str, Any] = {"trees": 4, "depth": 5, "window": 200, "seed": 3, "memory": 500}
USUAL, RARE = math.log(9.0), math.log(99.0)  # p = 0.9, 0.99


def sight(scaled: Floats) -> Sight:
    n = len(scaled)
    return Sight(scaled, scaled, np.zeros((n, 1), np.uint64), np.arange(float(n)))


def usual(n: int, seed: int = 0, width: int = WIDTH) -> Floats:
    """Standardised events of two groups, after an intercept."""
    rng = np.random.default_rng(seed)
    middle = np.where(rng.random((n, 1)) < 0.5, -1.0, 1.0)
    scaled = middle + 0.3 * rng.normal(size=(n, width))
    scaled[:, 0] = 1.0
    return scaled


def joined(said: list[Strangeness]) -> tuple[Floats, Floats]:
    return np.concatenate([s.logits for s in said]), np.concatenate([s.parts for s in said])


class Node:
    """A half-space of the paper: what it covers is halved, at its level's feature."""

    def __init__(self, low: Floats, high: Floats, features: list[int]) -> None:
        self.mass = 0.0
        self.children: list[Node] = []
        if features:
            self.feature = q = features[0]
            self.middle = (low[q] + high[q]) / 2.0
            below, above = high.copy(), low.copy()
            below[q] = above[q] = self.middle
            self.children = [Node(low, below, features[1:]), Node(above, high, features[1:])]

    def path(self, x: Floats) -> list[Node]:
        if not self.children:
            return [self]
        return [self, *self.children[int(x[self.feature] >= self.middle)].path(x)]

    def heap(self, at: int, masses: Floats) -> None:
        masses[at] = self.mass
        for side, child in enumerate(self.children):
            child.heap(2 * at + side, masses)


class Slow:
    """Scores one event after another from nodes that are objects; masses fade in place."""

    def __init__(self, features: Ints, low: Floats, high: Floats, window: int, memory: int) -> None:
        columns = zip(low, high, features.tolist(), strict=True)
        self.trees = [Node(*each) for each in columns]
        self.fading = 0.5 ** (1.0 / window)
        self.ripe = window / 8.0
        self.known = tail.new(memory)

    def run(self, scaled: Floats, learn_below: float) -> tuple[list[float], list[Floats]]:
        said = [self.take(row, learn_below) for row in scaled]
        return [z for z, _ in said], [parts for _, parts in said]

    def take(self, row: Floats, learn_below: float) -> tuple[float, Floats]:
        x = np.sign(row) * np.log1p(np.abs(np.clip(row, -30.0, 30.0))) / math.log(31.0)
        paths = [tree.path(x) for tree in self.trees]
        z, parts = 0.0, np.zeros(len(row))
        if self.trees[0].mass >= self.ripe:
            inverse = []
            for path in paths:
                share = [(node.mass + 0.5) / (path[0].mass + 0.5) for node in path]
                stop = next((k for k, node in enumerate(path) if node.mass < 5.0), len(path) - 1)
                inverse.append(1.0 / (share[stop] * 2.0**stop))
                for parent, mine in pairwise(path[: stop + 1]):
                    shares = np.array([child.mass + 0.5 for child in parent.children])
                    worth = -np.log(shares / shares.sum())
                    beyond = worth - worth @ (shares / shares.sum())
                    parts[parent.feature] += beyond[parent.children.index(mine)]
            strangeness = np.array([np.mean(np.array(inverse) ** 0.125) ** 8])
            z = float(tail.logits(self.known, strangeness)[0])
        if z < learn_below:
            for path in paths:
                for node in path:
                    node.mass += 1.0
            for tree in self.trees:
                self.fade(tree)
        parts = np.maximum(parts, 0.0) if z >= USUAL else np.zeros(len(row))
        return z, parts / max(parts.sum(), 1e-300)

    def fade(self, node: Node) -> None:
        node.mass *= self.fading
        for child in node.children:
            self.fade(child)


@pytest.mark.parametrize("learn_below", [math.inf, USUAL])
def test_is_the_forest_of_the_paper(learn_below: float) -> None:
    scaled = usual(700)
    scaled[500:, 1:] *= 1.5
    scaled[600, 3], scaled[601, 1], scaled[602, 1:] = 30.0, -30.0, 7.0
    halving, low, high = forest(WIDTH, SMALL["trees"], SMALL["depth"], SMALL["seed"])
    slow = Slow(halving.features, low, high, SMALL["window"], SMALL["memory"])
    ours = HalfSpaceTrees(WIDTH, learn_below, **SMALL)
    said = ours.run(sight(scaled))
    logits, parts = slow.run(scaled, learn_below)
    np.testing.assert_allclose(said.logits, logits, atol=1e-3)
    np.testing.assert_allclose(said.parts, parts, atol=1e-4)
    assert np.count_nonzero(said.parts.any(axis=1)) > 50
    state = ours.snapshot()
    masses = np.zeros(state["masses"].shape)
    for tree, row in zip(slow.trees, masses, strict=True):
        tree.heap(1, row)
    np.testing.assert_allclose(state["masses"] / state["weight"], masses, rtol=1e-4, atol=1e-4)


def test_working_ranges_hold_every_value_and_differ() -> None:
    _, low, high = forest(WIDTH, 50, 4, 1)
    assert low.max() < -1.0 < 1.0 < high.min()
    middles = (low + high)[:, 1:] / 2.0
    assert abs(middles.mean()) < 0.2
    assert middles.std() == pytest.approx(1.0 / math.sqrt(3.0), abs=0.1)


@pytest.mark.parametrize("size", [1, 7, 400])
def test_cuts_and_restarts_change_no_bit(size: int) -> None:
    scaled = usual(900)
    scaled[::50, 2] += 5.0
    scaled[::90, 1] = math.nan
    whole = HalfSpaceTrees(WIDTH, RARE, **SMALL)
    expected = whole.run(sight(scaled))
    scorer, said = HalfSpaceTrees(WIDTH, RARE, **SMALL), []
    for i, j in cuts(len(scaled), size):
        said.append(scorer.run(sight(scaled[i:j])))
        if size > 1 or i == 450:
            fresh = HalfSpaceTrees(WIDTH, RARE, **SMALL)
            fresh.restore(scorer.snapshot())
            scorer = fresh
    logits, parts = joined(said)
    assert bits(logits) == bits(expected.logits)
    assert bits(parts) == bits(expected.parts)
    assert bits(scorer.snapshot()) == bits(whole.snapshot())


def test_one_in_a_hundred_is_as_strange_as_it_says() -> None:
    said = HalfSpaceTrees(WIDTH, math.inf).run(sight(usual(20_000))).logits[5_000:]
    for p in (0.5, 0.9, 0.99):
        share = np.mean(said >= math.log(p / (1.0 - p)))
        assert share == pytest.approx(1.0 - p, rel=0.35)


def test_what_is_far_off_is_rare_and_says_where() -> None:
    scaled = usual(4_000)
    rows = np.arange(3_000, 4_000, 100)
    columns = rows // 100 % (WIDTH - 1) + 1
    scaled[rows, columns] = np.where(rows % 200 == 0, 8.0, -8.0)
    said = HalfSpaceTrees(WIDTH, math.inf).run(sight(scaled))
    assert (said.logits[rows] >= RARE).all()
    assert (said.parts[rows].argmax(axis=1) == columns).all()
    strange = said.logits >= USUAL
    np.testing.assert_allclose(said.parts[strange].sum(axis=1), 1.0)
    assert not said.parts[~strange].any()
    assert not said.parts[:, 0].any()


def test_a_flood_of_strange_events_becomes_usual_only_where_all_are_learned() -> None:
    scaled = usual(4_000)
    scaled[3_000:3_200, 1:] = 6.0 + 0.1 * usual(200, seed=1)[:, 1:]
    scaled[3_999, 1:] = 6.0
    later = {}
    for learn_below in (math.inf, USUAL):
        scorer = HalfSpaceTrees(WIDTH, learn_below, window=500)
        said = scorer.run(sight(scaled)).logits
        assert said[3_000] >= RARE
        later[learn_below] = said[3_999]
    assert later[math.inf] < USUAL
    assert later[USUAL] > later[math.inf] + 1.0


def test_the_first_events_are_learned_whatever_the_bound() -> None:
    said = HalfSpaceTrees(WIDTH, -2.0, **SMALL).run(sight(usual(300))).logits
    first = np.flatnonzero(said)[0]
    assert SMALL["window"] / 8.0 <= first <= SMALL["window"] / 4.0
    assert np.count_nonzero(said) > 250


def test_a_stream_that_has_changed_for_good_is_let_in() -> None:
    scaled = usual(6_000)
    scaled[2_000:, 1:] += 4.0
    said = HalfSpaceTrees(WIDTH, RARE, window=500, memory=1_000).run(sight(scaled)).logits
    assert said[2_000] >= RARE
    assert np.mean(said[-1_000:] >= RARE) < 0.05


def test_masses_are_renormalised_without_a_trace() -> None:
    """Weights double with every tenth event: past 1e18 after 600."""
    scaled = usual(2_000)
    fast = HalfSpaceTrees(WIDTH, math.inf, **{**SMALL, "window": 10})
    fast.run(sight(scaled))
    state = fast.snapshot()
    assert state["weight"][0] <= 1e18
    worth = state["masses"][:, 1] / state["weight"]
    np.testing.assert_allclose(worth, 1.0 / (2.0**0.1 - 1.0), rtol=1e-5)


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_row_that_is_not_finite_leaves_no_trace(poison: float) -> None:
    scaled = usual(600)
    clean = HalfSpaceTrees(WIDTH, math.inf, **SMALL)
    clean.run(sight(np.delete(scaled, 300, axis=0)))
    scaled[300, 2] = poison
    poisoned = HalfSpaceTrees(WIDTH, math.inf, **SMALL)
    said = poisoned.run(sight(scaled))
    assert said.logits[300] == 0.0
    assert not said.parts[300].any()
    assert bits(poisoned.snapshot()) == bits(clean.snapshot())


def test_the_intercept_is_never_looked_at() -> None:
    scaled = usual(600)
    with_it = HalfSpaceTrees(WIDTH, math.inf, **SMALL).run(sight(scaled))
    scaled[:, 0] = math.nan
    without = HalfSpaceTrees(WIDTH, math.inf, **SMALL).run(sight(scaled))
    assert bits(with_it.logits) == bits(without.logits)


def test_another_seed_is_another_forest() -> None:
    logits = [
        HalfSpaceTrees(WIDTH, math.inf, **{**SMALL, "seed": seed}).run(sight(usual(400))).logits
        for seed in (3, 3, 4)
    ]
    assert bits(logits[0]) == bits(logits[1])
    assert bits(logits[0]) != bits(logits[2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 1), ("trees", 0), ("trees", 2.5), ("depth", 0), ("depth", 21),
        ("window", 0), ("window", 100_001), ("seed", -1), ("memory", 0),
    ],
)  # fmt: skip
def test_settings_are_refused_by_name(name: str, value: Any) -> None:
    settings = {"width": WIDTH, "learn_below": math.inf, name: value}
    with pytest.raises(ValueError, match=rf"^{name} = {value}: expected a whole number of at "):
        HalfSpaceTrees(**settings)


def test_ranks_at_least_as_well_as_river() -> None:
    """River's values are brought to [0, 1] with what only the end of the stream tells."""
    rng = np.random.default_rng(7)
    scaled = usual(1_500, seed=7)
    strange = rng.random(len(scaled)) < 0.03
    scaled[strange, 1:] = rng.uniform(-3.0, 3.0, (strange.sum(), WIDTH - 1))
    ours = HalfSpaceTrees(WIDTH, math.inf, trees=10, depth=8, window=250).run(sight(scaled)).logits
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    river: Any = RiverHalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=1)
    theirs = []
    for row in ((scaled - low) / np.maximum(high - low, 1.0))[:, 1:].tolist():
        x = dict(enumerate(row))
        theirs.append(river.score_one(x))
        river.learn_one(x)
    after = slice(500, None)
    mine, peer = (
        roc_auc(s[after], strange[after].astype(np.int8)) for s in (ours, np.array(theirs))
    )
    assert mine >= peer - 0.02
    assert mine > 0.9
