"""An arm answers drift by a copy, which wins after a real one and changes nothing after a false."""

from __future__ import annotations

import numpy as np
import pytest

from models.answering import Answering, Watch, What
from models.answers import OnDrift
from models.logistic import LogisticRegression
from models.optimizers import SGD, AdaGrad, Adam, DoG, FTRLProximal, RMSProp
from models.protocols import Optimizer, Schedule
from models.schedules import Constant, TimeBasedDecay
from models.vectors import LEARN, Codes, Floats, Steps, Vectors

N, WIDTH = 3_000, 6
ARMS = {
    "time": (SGD(), TimeBasedDecay(0.3, k=0.05)),
    "adagrad": (AdaGrad(), Constant(0.3)),
    "ftrl": (FTRLProximal(), Constant(0.3)),
    "adam": (Adam(), Constant(0.003)),
    "rmsprop": (RMSProp(), Constant(0.01)),
}
every_arm = pytest.mark.parametrize(("optimizer", "schedule"), ARMS.values(), ids=ARMS.keys())


def stream(drifts: bool, seed: int = 1) -> Steps:
    """Labels of a logistic model, whose weights turn round in the middle if it drifts."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(2 * N, WIDTH))
    x[:, 0] = 1.0
    weights = np.tile(np.linspace(-2.0, 2.0, WIDTH), (2 * N, 1))
    if drifts:
        weights[N:] *= -1.0
    y = draw.random(2 * N) < 1.0 / (1.0 + np.exp(-(x * weights).sum(axis=1)))
    return Steps(np.full(2 * N, LEARN, np.int8), y.astype(np.int8), Vectors.of_dense(x))


def plain(optimizer: Optimizer, schedule: Schedule) -> LogisticRegression:
    return LogisticRegression(WIDTH, optimizer, schedule)


def loss(logits: Floats, y: Codes) -> float:
    return float(np.mean(np.logaddexp(0.0, np.where(y == 1, -logits, logits))))


@every_arm
def test_after_a_real_drift_the_copy_takes_over(optimizer: Optimizer, schedule: Schedule) -> None:
    steps = stream(drifts=True)
    answering = Answering(lambda: plain(optimizer, schedule))
    with_answer = answering.run(steps).logits[N:]
    without = plain(optimizer, schedule).run(steps).logits[N:]
    told = [answer.what for answer in answering.answers if answer.step >= N]
    assert told[:2] == [What.TRIAL, What.PROMOTED]
    assert loss(with_answer, steps.y[N:]) < 0.97 * loss(without, steps.y[N:])
    trial, promoted = [answer for answer in answering.answers if answer.step >= N][:2]
    assert promoted.step - trial.step < 200
    assert trial.rate_after >= trial.rate_before
    assert trial.done


@every_arm
def test_a_false_alarm_changes_no_score(optimizer: Optimizer, schedule: Schedule) -> None:
    """Of a detector that takes noise for drift, where only certainty would promote."""
    steps = stream(drifts=False)
    answering = Answering(
        lambda: plain(optimizer, schedule), watch=Watch(0.9, clock=2), trial=50, level=1e-12
    )
    said, expected = answering.run(steps), plain(optimizer, schedule).run(steps)
    assert {answer.what for answer in answering.answers} == {What.TRIAL, What.DROPPED}
    assert said.logits.tobytes() == expected.logits.tobytes()
    assert said.dense_parts.tobytes() == expected.dense_parts.tobytes()


@every_arm
def test_an_answer_leaves_the_weights(optimizer: Optimizer, schedule: Schedule) -> None:
    model = plain(optimizer, schedule)
    model.run(stream(drifts=False))
    before, rate = model.weights.copy(), model.rate
    model.answer(OnDrift(cut=0.05))
    assert model.weights.tobytes() == before.tobytes()
    assert model.rate >= rate
    # What comes next is a step from there, also of FTRL, which keeps weights by their sums.
    still = Vectors.of_dense(np.full((1, WIDTH), 1e-12))
    model.run(Steps(np.array([LEARN], np.int8), np.array([1], np.int8), still))
    assert np.abs(model.weights - before).max() < 0.05


def test_who_recovers_unaided_has_no_answer() -> None:
    with pytest.raises(ValueError, match="DoG recovers unaided: it has no answer to drift"):
        Answering(lambda: plain(DoG(), Constant(1.0)))
