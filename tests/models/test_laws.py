"""What holds for everything that keeps state, however the stream is cut and wherever it stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pytest

from models.alerting import Alerting, AlertRule
from models.allowance import Allowance
from models.answering import Answering, Watch
from models.balance import ClassBalance
from models.budget import AlertBudget
from models.ceiling import FalsePositiveCeiling
from models.examples import Examples
from models.given import GivenScores
from models.logistic import LogisticRegression
from models.minimum_labels import MinimumLabels
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
from models.prequential import Prequential
from models.protocols import Model, Optimizer, Stateful
from models.river_model import RiverLogisticRegression
from models.scaler import StandardScaler
from models.schedules import TimeBasedDecay
from models.state import come_back, leave
from models.vectors import SCORE
from tests.models.helpers import DENSE, HASH_BITS, PAIRS, bits, cuts, pairs, random_steps

LENGTH, STOP = 700, 313
STEPS = random_steps(LENGTH, bad=0.02)
SCORES = 1.0 / (1.0 + np.exp(-STEPS.vectors.dense[:, 2]))
WAS = np.where(STEPS.code == 2, 1 - STEPS.y, -1).astype(np.int8)
PLACES = np.random.default_rng(4).integers(0, 20, LENGTH)
HELD = ClassBalance(0.7, memory=5).hold(STEPS.code, STEPS.y)
SCHEDULE = TimeBasedDecay(0.5, k=0.01)

Outputs = tuple[Any, ...]  # arrays, which pieces of a stream give in pieces


def answering(optimizer: Optimizer | None = None) -> Answering:
    """One that finds drift in noise, tries its copy at once, and soon promotes or drops it."""
    return Answering(
        lambda: logistic(optimizer or AdaGrad()), watch=Watch(0.9, clock=2), trial=20, level=0.9
    )


def feed_model(model: Model, i: int, j: int) -> Outputs:
    said = model.run(STEPS.rows(i, j))
    return said.logits, said.dense_parts, said.hashed_parts


def feed_scaler(scaler: StandardScaler, i: int, j: int) -> Outputs:
    return (scaler.scale(STEPS.vectors.dense[i:j].copy()),)


def feed_budget(budget: AlertBudget, i: int, j: int) -> Outputs:
    return budget.decide(STEPS.vectors.dense[i:j, 2])


def feed_rule(rule: AlertRule, i: int, j: int) -> Outputs:
    logits = STEPS.vectors.dense[i:j, 2]
    return (rule.thresholds(HELD[i:j], STEPS.y[i:j], WAS[i:j], logits),)


def feed_alerting(alerting: Alerting, i: int, j: int) -> Outputs:
    logits, ts = STEPS.vectors.dense[i:j, 2], np.arange(600.0 * i, 600.0 * j, 600.0)
    return alerting.decide(HELD[i:j], STEPS.y[i:j], WAS[i:j], logits, ts)


def feed_balance(balance: ClassBalance, i: int, j: int) -> Outputs:
    return (balance.hold(STEPS.code[i:j], STEPS.y[i:j]),)


def feed_prequential(seen: Prequential, i: int, j: int) -> Outputs:
    seen.update(SCORES[i:j], STEPS.y[i:j], WAS[i:j])
    return ()


def feed_examples(examples: Examples, i: int, j: int) -> Outputs:
    code, places = STEPS.code[i:j], PLACES[i:j]
    first, last = (
        np.count_nonzero(STEPS.code[:i] == SCORE),
        np.count_nonzero(STEPS.code[:j] == SCORE),
    )
    got = examples.recall(code, places, STEPS.vectors.rows(int(first), int(last)))
    slots, values = (list(chain.from_iterable(rows)) for rows in pairs(got))
    return got.dense, got.counts, np.array(slots, np.int32), np.array(values, np.float64)


def feed_given(given: GivenScores, i: int, j: int) -> Outputs:
    return given.recall(STEPS.code[i:j], PLACES[i:j], SCORES[i:j, np.newaxis])


@dataclass(frozen=True)
class Part:
    """How to make one, how to give it steps `i` to `j`, and one that its state does not fit."""

    make: Callable[[], Stateful]
    feed: Callable[[Any, int, int], Outputs]
    other: Callable[[], Stateful] | None


def logistic(
    optimizer: Optimizer, dense: int = DENSE, hash_bits: int = HASH_BITS
) -> LogisticRegression:
    return LogisticRegression(dense, optimizer, SCHEDULE, hash_bits, l2=0.01)


def ours(optimizer: Optimizer) -> Part:
    return Part(
        lambda: logistic(optimizer), feed_model, lambda: logistic(optimizer, dense=DENSE + 1)
    )


def rivers(optimizer: Optimizer) -> Part:
    return Part(lambda: RiverLogisticRegression(optimizer, SCHEDULE), feed_model, None)


def alerting() -> Alerting:
    return Alerting(
        {
            "budget": AlertBudget(0.4, memory=2, warm_up=20),
            "ceiling": FalsePositiveCeiling(0.3, 0.8, memory=30),
            "labels": MinimumLabels(20),
        }
    )


OURS: list[Optimizer] = [
    SGD(), Momentum(), NesterovMomentum(), AdaGrad(), AdaDelta(), RMSProp(), Adam(), AdamW(),
    AMSGrad(), Nadam(), FTRLProximal(l1=0.1), DoG(), COCOB(), HypergradientSGD(),
]  # fmt: skip
RIVERS: list[Optimizer] = [
    SGD(), Momentum(), NesterovMomentum(), AdaGrad(), RMSProp(), Adam(), AMSGrad()
]  # fmt: skip

PARTS = {
    **{type(optimizer).__name__: ours(optimizer) for optimizer in OURS},
    **{f"River's {type(optimizer).__name__}": rivers(optimizer) for optimizer in RIVERS},
    "another optimizer": Part(
        lambda: logistic(AdaGrad()), feed_model, lambda: logistic(AdaDelta())
    ),
    "scaler": Part(lambda: StandardScaler(DENSE), feed_scaler, lambda: StandardScaler(DENSE + 1)),
    "budget": Part(lambda: AlertBudget(0.1, memory=2, warm_up=20), feed_budget, None),
    "ceiling": Part(lambda: FalsePositiveCeiling(0.3, 0.8, memory=30), feed_rule, None),
    "minimum labels": Part(lambda: MinimumLabels(150), feed_rule, None),
    "alerting": Part(alerting, feed_alerting, None),
    "allowance": Part(
        lambda: Alerting({}, Allowance(3, span=36_000.0, warm_up=20)), feed_alerting, None
    ),
    "answering": Part(answering, feed_model, lambda: answering(AdaDelta())),
    "balance": Part(lambda: ClassBalance(0.6, memory=20), feed_balance, None),
    "prequential": Part(lambda: Prequential(50, 0.9), feed_prequential, lambda: Prequential(51)),
    "examples": Part(
        lambda: Examples(20, DENSE, PAIRS), feed_examples, lambda: Examples(20, DENSE + 1, PAIRS)
    ),
    "given": Part(lambda: GivenScores(20), feed_given, lambda: GivenScores(20, 2)),
}

every_part = pytest.mark.parametrize("about", PARTS.values(), ids=PARTS.keys())


def run(about: Part, stateful: Stateful, pieces: list[tuple[int, int]]) -> Any:
    """Outputs of `pieces`, put together, to the bit."""
    outputs = [about.feed(stateful, i, j) for i, j in pieces]
    return bits([np.concatenate(arrays) for arrays in zip(*outputs, strict=True)])


@every_part
@pytest.mark.parametrize("size", [1, 7])
def test_cuts_change_nothing(about: Part, size: int) -> None:
    whole, cut = about.make(), about.make()
    assert run(about, whole, [(0, LENGTH)]) == run(about, cut, list(cuts(LENGTH, size)))
    assert bits(whole.snapshot()) == bits(cut.snapshot())


@every_part
def test_an_empty_piece_changes_nothing(about: Part) -> None:
    stateful = about.make()
    about.feed(stateful, 0, STOP)
    before = bits(stateful.snapshot())
    about.feed(stateful, STOP, STOP)
    assert bits(stateful.snapshot()) == before


@every_part
def test_going_on_from_a_snapshot_is_never_having_stopped(about: Part) -> None:
    never_stopped, resumed = about.make(), about.make()
    about.feed(never_stopped, 0, STOP)
    saved = deepcopy(never_stopped.snapshot())
    before = bits(saved)
    expected = run(about, never_stopped, [(STOP, LENGTH)])
    assert bits(saved) == before  # a copy, that going on does not change

    about.feed(resumed, 0, 50)  # whatever it was before
    resumed.restore(saved)
    assert bits(resumed.snapshot()) == before
    assert run(about, resumed, [(STOP, LENGTH)]) == expected
    assert bits(resumed.snapshot()) == bits(never_stopped.snapshot())
    assert bits(saved) == before != bits(resumed.snapshot())


@every_part
def test_a_snapshot_is_plain(about: Part) -> None:
    stateful = about.make()
    about.feed(stateful, 0, STOP)

    def plain(value: Any) -> bool:
        if type(value) is dict:
            return all(type(name) is str and plain(part) for name, part in value.items())
        if type(value) is list:
            return all(plain(part) for part in value)
        return (
            isinstance(value, np.ndarray | float | int | str) and np.asarray(value).dtype != object
        )

    assert plain(stateful.snapshot())


@pytest.mark.parametrize("name", [name for name, about in PARTS.items() if about.other])
def test_state_of_another_shape_is_refused(name: str) -> None:
    about = PARTS[name]
    assert about.other is not None
    with pytest.raises(
        ValueError, match=r"^state of shape \(.*\) and type \w+ does not fit \(.*\) and \w+$"
    ):
        about.make().restore(about.other().snapshot())


@pytest.mark.parametrize(
    "saved",
    [
        {"a": np.zeros(2)},
        {"a": np.zeros(2), "b": [np.zeros(1)], "c": np.zeros(1)},
        {"a": np.zeros(2, np.float32), "b": [np.zeros(1)]},
        {"a": np.zeros(1), "b": [np.zeros(1)]},
        {"a": np.zeros(2), "b": []},
        {"a": np.zeros(2), "b": [np.zeros(1), np.zeros(1)]},
    ],
    ids=["missing", "unknown", "type", "would broadcast", "shorter", "longer"],
)
def test_nothing_is_broadcast_or_left_out(saved: Mapping[str, Any]) -> None:
    state = {"a": np.zeros(2), "b": (np.zeros(1),)}
    come_back(state, leave(state))
    with pytest.raises(ValueError, match=r"^(state of|state has|zip)"):
        come_back(state, saved)
