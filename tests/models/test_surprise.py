"""Per-key surprise: what is usual for one is strange for another."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.strangeness import Sight
from models.surprise import KeySurprise, _surprise
from models.vectors import Floats, Hashes

RARE = math.log(99.0)


def sight(values: Floats, keys: Hashes) -> Sight:
    x = np.stack([np.ones(len(values)), values], axis=1)
    return Sight(x, x, keys.reshape(-1, 1), np.arange(float(len(values))))


def habits(n: int, keys: int, spread: float = 0.1) -> tuple[Floats, Hashes]:
    """Values of keys from 1 on, each around a middle of its own between -2 and 2."""
    rng = np.random.default_rng(3)
    which = rng.integers(0, keys, n)
    middles = np.linspace(-2.0, 2.0, keys)
    return middles[which] + spread * rng.normal(size=n), (which + 1).astype(np.uint64)


def test_what_is_usual_for_others_is_strange_for_this_one() -> None:
    values, keys = habits(10_000, 20)
    values[-1] = -values[-1]
    made = KeySurprise(2, math.inf).run(sight(values, keys))
    assert made.logits[-1] > RARE
    assert np.mean(made.logits[5_000:-1] > RARE) < 0.03


def test_a_new_key_is_held_against_all() -> None:
    values, keys = habits(10_000, 20)
    made = KeySurprise(2, math.inf)
    made.run(sight(values, keys))
    for key in (0, 999):  # none, and one that was never seen
        said = [
            made.run(sight(np.array([value]), np.array([key], np.uint64))).logits[0]
            for value in (0.0, 2.0, 9.0)
        ]
        assert said[0] < said[1] < said[2]
        assert said[2] > RARE


def test_it_is_students_predictive() -> None:
    """Of a key with 50 values, by the textbook's formulas, up to what all keys have taught."""
    values, keys = habits(4_000, 20, spread=0.5)
    made = KeySurprise(2, math.inf, prior=4.0, habit=10**9, memory=10**9)
    made.run(sight(values, keys))
    own = values[keys == 5]
    state = made.snapshot()
    mean, variance = state["mean"][1], state["variance"][1]
    n, together = len(own), 4.0 + len(own)
    middle = (4.0 * mean + n * own.mean()) / together
    squares = np.sum((own - own.mean()) ** 2) + 4.0 * n / together * (own.mean() - mean) ** 2
    scale = math.sqrt((4.0 * variance + squares) / together * (1.0 + 1.0 / together))
    row = int(np.flatnonzero(state["keys"]["keys"] == 5)[0])
    np.testing.assert_allclose(state["means"][row, 1], own.mean(), rtol=1e-4)
    np.testing.assert_allclose(state["squares"][row, 1], np.sum((own - own.mean()) ** 2), rtol=1e-3)

    def density(value: float) -> float:
        off = (value - middle) / scale
        return float((1.0 + off * off / together) ** (-0.5 * (together + 1.0)))

    for off in (0.0, 0.5, 1.5, 3.0, 8.0):
        value = middle + scale * off
        said = _surprise(made._state, row, 4.0, np.array([1.0, value]), np.zeros(2))
        assert said == pytest.approx(-math.log(density(value)), rel=1e-3, abs=1e-4)


def test_one_far_value_does_not_widen_what_is_expected() -> None:
    values, keys = habits(10_000, 20)
    own = np.flatnonzero(keys == 5)
    values[own[-5]] = 1e6
    values[own[-1]] = 2.0  # usual for others
    assert KeySurprise(2, math.inf).run(sight(values, keys)).logits[own[-1]] > math.log(49.0)


def test_a_habit_that_changes_is_learned() -> None:
    values, keys = habits(20_000, 20)
    own = np.flatnonzero(keys == 5)
    values[own[200:]] = 2.0 + 0.1 * np.random.default_rng(1).normal(size=len(own) - 200)
    said = KeySurprise(2, math.inf, habit=50).run(sight(values, keys)).logits[own]
    assert said[200] > RARE
    assert np.mean(said[400:]) < 1.0


def test_the_key_may_be_another_column() -> None:
    values, keys = habits(6_000, 20)
    values[-1] = -values[-1]
    x = np.stack([np.ones(len(values)), values], axis=1)
    both = np.stack([np.ones(len(values), np.uint64), keys], axis=1)
    events = Sight(x, x, both, np.arange(float(len(values))))
    first, second = (KeySurprise(2, math.inf, key=key).run(events).logits[-1] for key in (0, 1))
    assert first < RARE < second


@pytest.mark.parametrize("max_keys", [1, 3])
def test_forgotten_keys_are_new_again(max_keys: int) -> None:
    values, keys = habits(3_000, 20)
    made = KeySurprise(2, math.inf, max_keys=max_keys)
    made.run(sight(values, keys))
    assert np.isfinite(made.run(sight(values, keys)).logits).all()
