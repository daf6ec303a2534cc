"""River's logistic regression and ours: written apart, and the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from models.logistic import LogisticRegression
from models.optimizers import SGD, AdaGrad
from models.protocols import Model, Optimizer, Schedule
from models.river_model import RiverLogisticRegression
from models.schedules import Constant
from models.vectors import LEARN, SCORE, Floats, Steps, Vectors
from tests.models.helpers import DENSE, HASH_BITS, SCHEDULES, Failing, random_steps

# Ours divides by sqrt(G) + eps, River by sqrt(G + eps). Both are sqrt(G) where eps is too small to
# change any G that is not 0; and where G is 0 so is the gradient, and neither changes the weight.
OPTIMIZERS: list[Optimizer] = [SGD(), AdaGrad(eps=1e-300)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_the_engines_agree(optimizer: Optimizer, schedule: Schedule) -> None:
    steps = random_steps(2_000, bad=0.01)
    ours = LogisticRegression(DENSE, optimizer, schedule, HASH_BITS)
    river = RiverLogisticRegression(optimizer, schedule)
    expected, got = ours.run(steps), river.run(steps)
    assert np.abs(expected.logits).max() < 18  # beyond, River takes a loss's gradient as 1
    for name in ("logits", "dense_parts", "hashed_parts"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), rtol=0, atol=1e-9)
    assert (river.learned, river.refused) == (ours.learned, ours.refused)
    assert ours.refused > 0
    assert river.rate == ours.rate


@pytest.mark.parametrize("rate", [np.nan, np.inf, -0.1, 1e10])
def test_refuses_a_rate_that_is_not_usable(rate: float) -> None:
    steps = random_steps(300)
    models: list[Model] = [
        LogisticRegression(DENSE, SGD(), Failing(rate), HASH_BITS),
        RiverLogisticRegression(SGD(), Failing(rate)),
    ]
    expected, got = (model.run(steps).logits for model in models)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    assert models[0].refused == models[1].refused > 0


def test_a_slot_met_twice_in_a_vector_counts_as_the_sum() -> None:
    slots, values = np.array([3, 3, 1, 3], np.int32), np.array([1.0, 2.0, -1.0, 0.5])
    vectors = Vectors(np.ones((2, 1)), np.array([0, 3, 4]), slots, values)
    steps = Steps(np.array([LEARN, SCORE], np.int8), np.array([1, 0], np.int8), vectors)
    ours = LogisticRegression(1, SGD(), Constant(0.5), hash_bits=2)
    river = RiverLogisticRegression(SGD(), Constant(0.5))
    expected, got = ours.run(steps), river.run(steps)
    assert got.logits.tolist() == expected.logits.tolist() == [0.0, 0.25 + 0.75 * 0.5]
    assert got.hashed_parts.tolist() == expected.hashed_parts.tolist()


def test_logits_are_exact_where_probabilities_are_not() -> None:
    river = RiverLogisticRegression(SGD(), Constant(40.0))

    def step(code: int, x: float) -> Floats:
        row = Vectors.of_dense(np.array([[1.0, x]]))
        return river.run(Steps(np.array([code], np.int8), np.array([1], np.int8), row)).logits

    step(LEARN, 1.0)  # from 0 to 40 / 2 for both weights
    assert [step(SCORE, x)[0] for x in (1.0, 2.0, -3.0)] == [40.0, 60.0, -40.0]


def test_an_optimizer_that_river_has_not() -> None:
    class Mine(SGD):
        """Even one of the same step."""

    with pytest.raises(ValueError, match=r"^River runs AdaGrad, SGD here, not Mine$"):
        RiverLogisticRegression(Mine(), Constant(0.1))
