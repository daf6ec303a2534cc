"""River's logistic regression and ours: written apart, and the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from river import optim

from models.logistic import LogisticRegression
from models.optimizers import (
    COCOB,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    DoG,
    FTRLProximal,
    HypergradientSGD,
    Momentum,
    Nadam,
    NesterovMomentum,
    RMSProp,
)
from models.protocols import Model, Optimizer, Schedule
from models.river_model import RiverLogisticRegression
from models.schedules import Constant
from models.vectors import LEARN, SCORE, Floats, Steps, Vectors
from tests.models.helpers import DENSE, HASH_BITS, SCHEDULES, Failing, random_steps

# Ours divides by sqrt(G) + eps, River by sqrt(G + eps). Both are sqrt(G) where eps is too small to
# change any G that is not 0; and where G is 0 so is the gradient, and neither changes the weight.
TINY = 1e-300
SPARSE: list[Optimizer] = [SGD(), AdaGrad(TINY), Momentum(0.3), NesterovMomentum(0.3)]
# River's count the steps of all weights together, and fade those of features that are away. Where
# none is ever away that is the same.
DENSE_ONLY: list[Optimizer] = [
    *SPARSE,
    RMSProp(eps=TINY),
    Adam(eps=TINY),
    AMSGrad(eps=TINY),
    AMSGrad(eps=TINY, correct_bias=0),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("optimizer", SPARSE, ids=str)
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


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("optimizer", DENSE_ONLY, ids=str)
def test_the_engines_agree_where_no_feature_is_ever_away(
    optimizer: Optimizer, schedule: Schedule
) -> None:
    steps = random_steps(1_500)
    steps = Steps(steps.code, steps.y, Vectors.of_dense(steps.vectors.dense / 3))
    expected = LogisticRegression(DENSE, optimizer, schedule).run(steps)
    got = RiverLogisticRegression(optimizer, schedule).run(steps)
    assert np.abs(expected.logits).max() < 18
    np.testing.assert_allclose(got.logits, expected.logits, rtol=1e-9, atol=1e-9)


def test_adadelta_at_a_rate_of_1_is_rivers() -> None:
    """River's has no rate; so it is held to ours here, and not offered as an engine."""
    steps = random_steps(1_500)
    ours = LogisticRegression(DENSE, AdaDelta(eps=1e-6), Constant(1.0), HASH_BITS)
    river = RiverLogisticRegression(SGD(), Constant(1.0))
    river._model.optimizer = optim.AdaDelta(rho=0.95, eps=1e-6)
    expected, got = ours.run(steps).logits, river.run(steps).logits
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


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
    vectors = Vectors.in_order(np.ones((2, 1)), np.array([0, 3, 4]), slots, values)
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


class Mine(SGD):
    """Even one of the same step."""


OTHERS: list[Optimizer] = [
    Mine(), AdaDelta(), AdamW(), Nadam(), FTRLProximal(), DoG(), COCOB(), HypergradientSGD()
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OTHERS, ids=str)
def test_an_optimizer_that_river_has_not(optimizer: Optimizer) -> None:
    known = "AMSGrad, AdaGrad, Adam, Momentum, NesterovMomentum, RMSProp, SGD"
    name = type(optimizer).__name__
    with pytest.raises(ValueError, match=rf"^River runs {known} here, not {name}$"):
        RiverLogisticRegression(optimizer, Constant(0.1))
