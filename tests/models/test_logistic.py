"""Online logistic regression: against numpy, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.kernels import sigmoids
from models.logistic import LogisticRegression
from models.optimizers import SGD, AdaGrad, NesterovMomentum
from models.protocols import Optimizer, Schedule
from models.schedules import Constant, TimeBasedDecay
from models.vectors import LEARN, SCORE, Floats, Steps, Vectors
from tests.models.helpers import DENSE, HASH_BITS, SIZE, Failing, bits, random_steps

OPTIMIZERS: list[Optimizer] = [SGD(), AdaGrad(eps=0.01)]


def by_hand(
    steps: Steps, optimizer: Optimizer, schedule: Schedule, l2: float
) -> tuple[Floats, Floats]:
    """Logits and final weights, from the formulas on whole vectors."""
    w, squares, logits, t = np.zeros(SIZE), np.zeros(SIZE), [], 0
    for code, y, dense, slots, values in steps:
        x = np.zeros(SIZE)
        x[:DENSE], x[DENSE + slots] = dense, values
        logits.append(w @ x)
        if code != SCORE:
            g = (1.0 / (1.0 + np.exp(-logits[-1])) - y) * x
            pulled = np.concatenate([np.arange(1, DENSE), DENSE + slots])
            g[pulled] += l2 * w[pulled]
            squares += g * g
            if isinstance(optimizer, AdaGrad):
                g /= np.sqrt(squares) + optimizer.eps
            w -= schedule.get(t) * g
            t += 1
    return np.array(logits), w


def model(optimizer: Optimizer, schedule: Schedule, l2: float = 0.0) -> LogisticRegression:
    return LogisticRegression(DENSE, optimizer, schedule, HASH_BITS, l2)


def row(code: int, y: int, dense: list[float], pairs: dict[int, float] | None = None) -> Steps:
    """One step."""
    pairs = pairs or {}
    slots, values = np.array(list(pairs), np.int32), np.array(list(pairs.values()), np.float64)
    vectors = Vectors.in_order(np.array([dense]), np.array([0, len(pairs)]), slots, values)
    return Steps(np.array([code], np.int8), np.array([y], np.int8), vectors)


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_against_numpy(optimizer: Optimizer, l2: float) -> None:
    steps, schedule = random_steps(1_000), TimeBasedDecay(0.5, k=0.01)
    ours = model(optimizer, schedule, l2)
    said = ours.run(steps)
    logits, weights = by_hand(steps, optimizer, schedule, l2)
    np.testing.assert_allclose(
        ours.weights, weights, rtol=1e-12, atol=1e-12 * np.abs(weights).max()
    )
    np.testing.assert_allclose(said.logits, logits, rtol=1e-12, atol=1e-12 * np.abs(logits).max())
    assert ours.learned == np.count_nonzero(steps.code != SCORE)
    assert ours.rate == schedule.get(ours.learned)
    assert ours.refused == 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_parts_add_up_to_the_logit(optimizer: Optimizer) -> None:
    steps = random_steps(500, bad=0.1)
    said = model(optimizer, Constant(0.3)).run(steps)
    scored = np.flatnonzero(steps.code == SCORE).tolist()
    sums = [sum(part.sum() for part in said.parts(i)) for i in scored]
    np.testing.assert_allclose(sums, said.logits[scored], atol=1e-13)
    assert said.start[-1] == steps.vectors.counts[scored].sum() == len(said.hashed_parts)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_untouched_weights_stay(optimizer: Optimizer) -> None:
    ours = model(optimizer, Constant(0.3), l2=0.1)
    ours.run(random_steps(200))
    before = ours.weights.copy()
    ours.run(row(LEARN, 1, [1.0, 2.0, -1.0, 0.5], {5: 1.0, 9: -2.0}))
    changed = np.flatnonzero(ours.weights != before)
    assert changed.tolist() == [0, 1, 2, 3, DENSE + 5, DENSE + 9]


def test_a_slot_met_twice_in_a_vector_counts_as_the_sum() -> None:
    pair = Vectors.in_order(
        np.ones((1, 1)), np.array([0, 2]), np.array([3, 3], np.int32), np.array([1.0, 2.0])
    )
    twice, once = (LogisticRegression(1, SGD(), Constant(0.5), hash_bits=2) for _ in range(2))
    twice.run(Steps(np.array([LEARN], np.int8), np.array([1], np.int8), pair))
    once.run(row(LEARN, 1, [1.0], {3: 3.0}))
    assert twice.weights.tolist() == once.weights.tolist() == [0.25, 0, 0, 0, 0.75]


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, NesterovMomentum()], ids=str)
def test_rows_that_share_pairs_are_as_rows_that_each_have_their_own(optimizer: Optimizer) -> None:
    steps, rng = random_steps(400, bad=0.05), np.random.default_rng(1)
    rows = np.repeat(np.arange(400), rng.integers(1, 4, 400))  # most are met again at once
    v = steps.vectors
    shared = Vectors(v.dense[rows], v.start[rows], v.end[rows], v.slots, v.values)
    shared.dense[rng.random(len(rows)) < 0.1, 2] += 1.0  # the same pairs, and another vector
    bounds = np.concatenate([[0], np.cumsum(shared.counts)])
    pairs = [np.arange(a, b) for a, b in zip(shared.start, shared.end, strict=True)]
    at = np.concatenate(pairs)
    own = Vectors.in_order(shared.dense, bounds, v.slots[at], v.values[at])
    code = rng.integers(SCORE, LEARN + 1, len(rows)).astype(np.int8)
    y = steps.y[rows]
    models = [model(optimizer, Constant(0.3), l2=0.01) for _ in range(2)]
    said = [ours.run(Steps(code, y, x)) for ours, x in zip(models, (shared, own), strict=True)]
    of_shared, of_own = ([s.logits, s.dense_parts, s.start, s.hashed_parts] for s in said)
    assert bits(of_shared) == bits(of_own)
    assert bits(models[0].snapshot()) == bits(models[1].snapshot())
    assert models[0].refused > 0


def test_score_and_learn_are_one_step_of_run() -> None:
    ours, same = (LogisticRegression(2, AdaGrad(), Constant(0.3)) for _ in range(2))
    x = np.array([1.0, -2.0])
    ours.learn(x, 1)
    same.run(row(LEARN, 1, [1.0, -2.0]))
    assert bits(ours.snapshot()) == bits(same.snapshot())
    before = bits(ours.snapshot())
    assert ours.score(x) == pytest.approx(1 / (1 + np.exp(-same.weights @ x)), rel=1e-14)
    assert bits(ours.snapshot()) == before


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e10])
@pytest.mark.parametrize("hashed", [False, True], ids=["dense", "hashed"])
def test_refuses_a_value_that_is_not_finite(
    optimizer: Optimizer, value: float, hashed: bool
) -> None:
    ours = model(optimizer, Constant(0.3), l2=0.1)
    ours.run(random_steps(100))
    before, learned = bits([ours.weights, ours.state]), ours.learned
    dense, pairs = (
        ([1.0, 2.0, 3.0, 4.0], {1: value}) if hashed else ([1.0, value, 3.0, 4.0], {1: 1.0})
    )
    for times, code in enumerate([LEARN, SCORE], start=1):
        said = ours.run(row(code, 1, dense, pairs))
        assert said.logits.tolist() == [ours.weights[0]]  # nothing known but that it is an event
        assert said.dense_parts.tolist() == [[ours.weights[0], 0.0, 0.0, 0.0]]
        assert said.hashed_parts.tolist() == ([0.0] if code == SCORE else [])
        assert (ours.refused, ours.learned) == (times, learned)
        assert bits([ours.weights, ours.state]) == before


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("rate", [math.nan, math.inf, -0.1, 1e10])
def test_refuses_a_rate_that_is_not_usable(optimizer: Optimizer, rate: float) -> None:
    steps = random_steps(300)
    ours, stopped = model(optimizer, Failing(rate)), model(optimizer, Constant(0.1))
    said = ours.run(steps)
    labels = np.flatnonzero(steps.code != SCORE)
    stopped.run(steps.rows(0, int(labels[50])))
    assert bits([ours.weights, ours.state]) == bits([stopped.weights, stopped.state])
    assert (ours.learned, ours.refused) == (50, len(labels) - 50)
    assert np.isfinite(said.logits).all()


def test_weights_stay_finite_however_strong_the_pull() -> None:
    steps = random_steps(1_000)
    ours = model(SGD(), Constant(1.0), l2=1e6)  # each step would be a million times the last
    ours.run(steps)
    assert ours.weights.tolist() == [0.0] * SIZE
    assert ours.refused == np.count_nonzero(steps.code != SCORE)
    strongest = model(SGD(), Constant(0.1), l2=10.0)  # takes each weight to 0 before each step
    strongest.run(steps)
    assert strongest.refused == 0
    assert np.abs(strongest.weights[1:]).max() < 1.0


@pytest.mark.parametrize("largest", [1e9, -1e9])
def test_the_largest_values_are_learned_and_stay_finite(largest: float) -> None:
    ours = model(SGD(), Constant(1e9))
    for y in (0, 1) * 50:
        said = ours.run(row(LEARN, y, [1.0, largest, -largest, largest], {0: largest}))
        assert np.isfinite(said.logits).all()
    assert np.isfinite(ours.weights).all()
    assert ours.refused == 0


def test_sigmoid() -> None:
    z = np.concatenate([np.linspace(-700, 700, 4001), [800, -800, math.inf, -math.inf]])
    p = sigmoids(z)
    np.testing.assert_allclose(p, np.exp(-np.logaddexp(0.0, -z)), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("eps", [0.0, -1.0, math.nan])
def test_adagrad_needs_eps(eps: float) -> None:
    with pytest.raises(ValueError, match=rf"^eps = {eps}: expected a number above 0$"):
        AdaGrad(eps)
