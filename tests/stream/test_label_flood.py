"""What a flood of wrong reports does to a small stream, with and without limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from models.balance import ClassBalance
from models.kernels import sigmoids
from models.logistic import LogisticRegression
from models.optimizers import SGD
from models.schedules import Constant
from models.vectors import SCORE, Floats, Steps, Vectors, to_learn
from stream.hashing import ABSENT, hash64
from stream.label_limits import LabelLimits
from stream.labels import EVENT_ITEM, LABEL_ITEM, Labels

EVENTS, MINUTE, DAY = 3_000, 60.0, 86_400.0
FLOOD_AT, REPORTS = 1_500, 10  # the event it starts at, and reports for each event from there on
RATE = 0.02
RADIUS = np.sqrt(2.0)  # of the vectors: an intercept, and a value from -1 to 1
LIAR = hash64("liar")

rng = np.random.default_rng(6)
X = np.column_stack([np.ones(EVENTS), rng.uniform(-1, 1, EVENTS)])
TRUTH = (rng.random(EVENTS) < sigmoids(8.0 * X[:, 1] - 2.0)).astype(np.int8)


@dataclass
class Stream:
    """Decoded records."""

    kind: list[int]
    ids: list[int]
    ts: list[float]
    label: list[int]
    source: list[int]

    def add(self, kind: int, of: int, ts: float, label: int, source: int) -> None:
        self.kind.append(kind)
        self.ids.append(of + 1)
        self.ts.append(ts)
        self.label.append(label)
        self.source.append(source)


def stream(*, flood: bool) -> Stream:
    """Each event, ten minutes later its label from a user, and a liar's about any so far."""
    made = Stream([], [], [], [], [])
    of_whom = np.random.default_rng(7)
    for i in range(EVENTS):
        now = i * MINUTE
        made.add(EVENT_ITEM, i, now, 0, ABSENT)
        if i >= 10:
            made.add(LABEL_ITEM, i - 10, now, int(TRUTH[i - 10]), hash64(f"user {i}"))
        if flood and i >= FLOOD_AT:
            for of in of_whom.integers(0, i + 1, REPORTS).tolist():
                made.add(LABEL_ITEM, of, now + 1e6, 1 - int(TRUTH[of]), LIAR)
    return made


def one_sided(*, flood: bool) -> Stream:
    """The operator labels all events, later one of 20; then many sources call each event a 1."""
    made = Stream([], [], [], [], [])
    for i in range(EVENTS):
        now = i * MINUTE
        made.add(EVENT_ITEM, i, now, 0, ABSENT)
        if flood and i >= FLOOD_AT:
            made.add(LABEL_ITEM, i, now, 1, hash64(f"liar {i}"))
        if i < FLOOD_AT or i % 20 == 0:
            made.add(LABEL_ITEM, i, now, int(TRUTH[i]), ABSENT)
    return made


def losses(
    s: Stream, limits: LabelLimits | None = None, balance: ClassBalance | None = None
) -> Floats:
    """Log-loss of every event's score, as it was given, under its true label."""
    kind, label = np.array(s.kind, np.int8), np.array(s.label, np.int8)
    ids, ts, source = np.array(s.ids, np.uint64), np.array(s.ts), np.array(s.source, np.uint64)
    if limits:
        on = limits.admit(kind, source, ts)
        kind, label, ids, ts = kind[on], label[on], ids[on], ts[on]
    ops = Labels(EVENTS, 100, 1e9).join(kind, ids, ts, label)
    code = balance.hold(ops.code, ops.y) if balance else ops.code
    model = LogisticRegression(2, SGD(), Constant(RATE))
    vectors = Vectors.of_dense(X[ops.slot])  # nothing leaves, so places are numbers of events
    p = sigmoids(model.run(Steps(to_learn(code), ops.y, vectors)).logits[ops.code == SCORE])
    return -np.log(np.where(TRUTH == 1, p, 1.0 - p))


def after(losses: Floats) -> float:
    return float(losses[FLOOD_AT:].mean())


@pytest.fixture(scope="module")
def clean() -> Floats:
    return losses(stream(flood=False))


@pytest.mark.parametrize("per_source", [1, 5])
def test_a_limit_for_each_source_bounds_the_damage(clean: Floats, per_source: int) -> None:
    """Every score's loss moves by at most ``rate * R**2`` for each label that the source gets in.

    A step on a label changes the weights by at most ``rate * R``, as a gradient is at most `R`. The
    steps on all other labels are the same as without the flood, and never drive two models apart,
    the loss being convex and smooth (Hardt, Recht & Singer 2016, "Train faster, generalize better",
    lemma 3.6; ``rate <= 8 / R**2``). And a loss moves no more than its logit does, which is `R`
    times what the weights do.
    """
    limits = LabelLimits(per_source, DAY)
    flooded = losses(stream(flood=True), limits)
    given = (EVENTS - FLOOD_AT) * REPORTS - limits.limited
    assert 0 < given <= per_source * (1 + (EVENTS - FLOOD_AT) * MINUTE / DAY)
    assert np.abs(flooded - clean).max() <= given * RATE * RADIUS**2
    assert after(flooded) < after(clean) + 0.002


def test_without_limits_the_same_flood_ruins_the_model(clean: Floats) -> None:
    assert after(losses(stream(flood=True))) > after(clean) + 0.5 > after(clean) * 2


def test_a_limit_to_a_class_dampens_a_flood_from_many_sources() -> None:
    """Each is within its limit, so that a class's share is all there is to hold them to."""
    clean = after(losses(one_sided(flood=False)))
    free = after(losses(one_sided(flood=True))) - clean
    held = after(losses(one_sided(flood=True), balance=ClassBalance(0.8, memory=100))) - clean
    assert free > 0.9
    assert held < free / 3
