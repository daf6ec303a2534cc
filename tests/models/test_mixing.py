"""Laws of mixing, held against means and moments of all rows together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.logistic import LogisticRegression
from models.mixing import (
    NOT_FINITE,
    OTHER_ARMS,
    OTHER_INPUTS,
    Learned,
    Mixing,
    Weights,
    combined,
    together,
    without,
)
from models.optimizers import SGD
from models.protocols import Stateful
from models.scaler import StandardScaler
from models.schedules import Constant
from models.vectors import Floats

WIDTH, HASHED = 4, 3


def rows(seed: int, count: int) -> Floats:
    rng = np.random.default_rng(seed)
    made = rng.normal(rng.normal(0, 5, WIDTH), rng.uniform(0.1, 20, WIDTH), (count, WIDTH))
    made[:, 0] = 1.0
    return made


def moments(*sets: Floats) -> Floats:
    """As numpy has them, of all rows together."""
    every = np.concatenate(sets)
    state = np.zeros((3, WIDTH))
    state[0, 0] = len(every)
    state[1, 1:] = every[:, 1:].mean(axis=0)
    state[2, 1:] = every[:, 1:].var(axis=0) * len(every)
    return state


def monitor(*sets: Floats) -> tuple[StandardScaler, LogisticRegression, Mixing]:
    scaler = StandardScaler(WIDTH)
    model = LogisticRegression(WIDTH + HASHED, SGD(), Constant(0.1))
    for some in sets:
        scaler.scale(some.copy())
    return scaler, model, Mixing(scaler, {"a": model})


def learn(
    model: LogisticRegression, scaler: StandardScaler, some: Floats, labels: Sequence[int]
) -> None:
    hashed = np.zeros((len(some), HASHED))
    for x, y in zip(np.hstack([scaler.scale(some.copy()), hashed]), labels, strict=True):
        model.learn(x, y)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_combined_moments_are_those_of_all_rows(counts: list[int]) -> None:
    sets = [rows(n, count) for n, count in enumerate(counts)]
    every = reduce(combined, [moments(some) for some in sets])
    np.testing.assert_allclose(every, moments(*sets), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 30), st.integers(0, 30))
def test_without_undoes_combined(count: int, more: int) -> None:
    a = moments(rows(1, count)) if count else np.zeros((3, WIDTH))
    b = moments(rows(2, more)) if more else np.zeros((3, WIDTH))
    np.testing.assert_allclose(without(combined(a, b), b), a, rtol=1e-8, atol=1e-7)


def weights(base: float, change: float = 0.0) -> Weights:
    size = WIDTH + HASHED
    return Weights.of(np.full(size, base), np.full(size, change))


def learned(labels: int, weight: float, seed: int = 0, change: float = 0.0) -> Learned:
    return Learned(labels, moments(rows(seed, 10)), {"a": weights(weight, change)})


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(-5, 5)), min_size=2, max_size=6))
def test_together_is_a_mean_by_labels_in_any_order(parts: list[tuple[int, float]]) -> None:
    found = together([learned(n, w) for n, w in parts])
    total = sum(n for n, _ in parts)
    if total:
        mean = sum(n * w for n, w in parts) / total
        np.testing.assert_allclose(found.weights["a"].mixed, mean, atol=1e-12)
        nested = together(
            [together([learned(*parts[0])]), together([learned(*p) for p in parts[1:]])]
        )
        np.testing.assert_allclose(nested.weights["a"].mixed, mean, atol=1e-9)
    back = together([learned(n, w) for n, w in reversed(parts)])
    np.testing.assert_allclose(back.weights["a"].mixed, found.weights["a"].mixed, atol=1e-9)
    assert found.labels == total


@given(st.lists(st.floats(-5, 5).filter(lambda d: d == 0 or abs(d) > 1e-9), min_size=1, max_size=6))
def test_changes_count_by_their_size(changes: list[float]) -> None:
    parts = [learned(10, 1.0, change=change) for change in changes]
    change = together(parts).weights["a"].mixed - 1.0
    assert np.abs(change).max() <= max(map(abs, changes)) + 1e-12, "never beyond the largest"
    size = sum(map(abs, changes))
    expected = sum(d * abs(d) for d in changes) / size if size else 0.0
    np.testing.assert_allclose(change, expected, atol=1e-12)
    idle = [learned(10, 1.0) for _ in range(7)]
    alone = together([learned(10, 1.0, change=changes[0]), *idle]).weights["a"].mixed
    np.testing.assert_allclose(alone, 1.0 + changes[0], atol=1e-12)
    alike = together([learned(10, 1.0, change=changes[0])] * 3).weights["a"].mixed
    np.testing.assert_allclose(alike, 1.0 + changes[0], atol=1e-12)


def test_a_monitor_that_is_alone_scores_as_before() -> None:
    some = rows(5, 40)
    scaler, model, mixing = monitor()
    learn(model, scaler, some, [n % 2 for n in range(40)])
    before = model.weights.copy()
    said = mixing.mix(None)
    np.testing.assert_array_equal(model.weights, before)
    np.testing.assert_allclose(said.moments, scaler.state)
    assert said.labels == 40


def test_those_that_go_at_one_pace_come_to_one_model() -> None:
    """When nobody learns any more, two rounds bring all to the mean of what was published."""
    made = [monitor() for _ in range(3)]
    counts = (10, 30, 60)
    for number, ((scaler, model, _), count) in enumerate(zip(made, counts, strict=True)):
        learn(model, scaler, rows(10 + number, count), [n % 2 for n in range(count)])
    first = [mixing.mix(None) for _, _, mixing in made]
    second = [
        mixing.mix(together([said for n, said in enumerate(first) if n != number]))
        for number, (_, _, mixing) in enumerate(made)
    ]
    expected = together(first).weights["a"].mixed
    sets = [rows(10 + number, count) for number, count in enumerate(counts)]
    for (scaler, model, _), said in zip(made, second, strict=True):
        np.testing.assert_allclose(said.weights["a"].mixed, expected, rtol=1e-9)
        np.testing.assert_allclose(model.weights, expected, rtol=1e-9)
        np.testing.assert_allclose(scaler.state, moments(*sets), rtol=1e-9, atol=1e-9)


def test_what_was_learned_since_the_last_publication_stays() -> None:
    """Others that have stood still, at what this one had published, change nothing."""
    _, model, mixing = monitor(rows(1, 30))
    model.learn(np.ones(WIDTH + HASHED), 1)
    said = mixing.mix(None)
    other = Learned(50, moments(rows(1, 30)), said.weights)
    model.weights[:] += 0.5
    before = model.weights.copy()
    mixing.mix(other)
    np.testing.assert_allclose(model.weights, before, rtol=1e-12)


def test_counts_nobody_twice() -> None:
    """However often two mix, the moments stay those of their own rows."""
    a, b = monitor(rows(1, 30)), monitor(rows(2, 50))
    said = [a[2].mix(None), b[2].mix(None)]
    for _ in range(20):
        said = [a[2].mix(said[1]), b[2].mix(said[0])]
    both = moments(rows(1, 30), rows(2, 50))
    np.testing.assert_allclose(a[0].state, both, rtol=1e-8)
    np.testing.assert_allclose(b[0].state, both, rtol=1e-8)
    np.testing.assert_allclose(said[0].moments, moments(rows(1, 30)), rtol=1e-7, atol=1e-7)


def test_leaves_and_comes_back_to_the_bit() -> None:
    one, twin = monitor(rows(1, 30)), monitor()
    other = learned(5, 2.0, seed=8)
    one[1].weights[:] = 0.25
    one[2].mix(other)
    for part in range(3):
        parts: list[Stateful] = [one[part], twin[part]]
        parts[1].restore(parts[0].snapshot())
    again = one[2].mix(other), twin[2].mix(other)
    np.testing.assert_array_equal(again[0].weights["a"], again[1].weights["a"])
    np.testing.assert_array_equal(again[0].moments, again[1].moments)
    np.testing.assert_array_equal(one[1].weights, twin[1].weights)


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (learned(1, 1.0), ""),
        (Learned(1, np.zeros((3, WIDTH)), {"b": weights(0.0)}), OTHER_ARMS),
        (Learned(1, np.zeros((3, WIDTH)), {"a": Weights(*np.zeros((3, 2)))}), OTHER_ARMS),
        (Learned(1, np.zeros((3, WIDTH + 1)), {"a": weights(0.0)}), OTHER_INPUTS),
        (learned(1, float("nan")), NOT_FINITE),
    ],
)
def test_knows_what_it_cannot_take_in(of: Learned, why: str) -> None:
    _, _, mixing = monitor()
    assert mixing.misfit(of) == why
