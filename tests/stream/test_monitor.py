"""The laws of the whole core: cuts, hash seeds and restarts never change a score."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from models.drift import Verdicts
from models.kernels import sigmoid
from models.logistic import LogisticRegression
from models.lru import EVICTED
from models.protocols import Drift
from models.vectors import Floats
from stream.events import Transactions
from stream.features.sliding import SlidingWindows
from stream.features.transactions import TransactionFeatures
from stream.features.windows import DecayedWindows
from stream.labels import CORRECTED, DUPLICATE, EARLY, EXPIRED, JOINED, ORPHANED, REPEATED
from stream.monitor import Monitor, Outcome
from tests.stream.streams import (
    BAD,
    EXTRA,
    START,
    event,
    new_monitor,
    polls,
    record,
    scores,
    steps,
    stream,
    told,
)

ROOT = Path(__file__).parents[2]
Make = Callable[[], Monitor]


def maker(engine: str, aggregates: str, expire_as: str = "unlabelled") -> Make:
    return lambda: new_monitor(
        fields=EXTRA,
        model={"engine": engine},
        features={"aggregates": aggregates},
        labels={"expire_as": expire_as},
    )


CHALLENGERS = [
    {"name": "slow", "schedule": {"name": "time", "rate": 0.01, "warm_up": 10}},
    {"name": "sgd", "optimizer": {"name": "sgd"}, "schedule": {"name": "constant", "rate": 0.05}},
]


def deciding(**decision: Any) -> Make:
    return lambda: new_monitor(fields=EXTRA, challengers=CHALLENGERS, decision=decision)


def limited() -> Monitor:
    return new_monitor(
        fields=EXTRA,
        labels={"per_source": 3, "per": "6h", "max_class_share": 0.6},
        alerts={"budget": 0.4, "false_positive_rate": 0.3, "confidence": 0.6, "min_labels": 20},
    )


KINDS: dict[str, Make] = {
    "limited": limited,
    "mixture": deciding(mode="mixture", share=0.01),
    "switch": deciding(mode="switch", level=0.9, reign=50),
    "decayed": maker("streamgauge", "decayed"),
    "sliding": maker("streamgauge", "sliding", "negative"),
    "river-decayed": maker("river", "decayed", "negative"),
    "river-sliding": maker("river", "sliding"),
    "bare": lambda: new_monitor(fields={"customer": "", "terminal": "", "amount": ""}),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def test_the_stream_has_everything_in_it() -> None:
    """So that the laws below are laws about something."""
    monitor = new_monitor(fields=EXTRA)
    outcomes = steps(monitor, stream(3_000), 1_000)
    counts = monitor.labels.counts
    for outcome in (JOINED, EARLY, DUPLICATE, CORRECTED, ORPHANED, EXPIRED, REPEATED):
        assert counts[outcome] > 5
    windows = cast(TransactionFeatures, monitor.features).windows
    assert isinstance(windows, DecayedWindows)
    assert all(table.meta[EVICTED] > 100 for table in windows.tables)
    assert {letter.reason for o in outcomes for letter in o.dead} == set(BAD)
    assert sum(int(o.alerts.sum()) for o in outcomes) > 30
    assert {drift.signal for o in outcomes for drift in o.drifts} >= {"error", "inputs"}
    assert sum(len(o.labels) for o in outcomes) == counts[JOINED] + _corrections(monitor)
    holding = limited()
    assert holding.limits
    assert holding.balance
    alerts = sum(int(o.alerts.sum()) for o in steps(holding, stream(3_000), 1_000))
    assert alerts > 30
    assert holding.limits.limited > 50
    assert sum(holding.balance.held) > 50
    sliding = KINDS["sliding"]()
    steps(sliding, stream(3_000), 1_000)
    kept = cast(TransactionFeatures, sliding.features).windows
    assert isinstance(kept, SlidingWindows)
    log = kept.events
    assert log.oldest[-1] > 2 * len(log.ts)  # it went round


def _corrections(monitor: Monitor) -> int:
    first, corrected = monitor.prequential.first_confusion, monitor.prequential.confusion
    assert first.sum() == corrected.sum() == monitor.labels.counts[JOINED]
    return int(monitor.arms[0].model.learned - monitor.labels.counts[JOINED])  # nothing was assumed


@each_kind
def test_cuts_change_nothing(make: Make) -> None:
    records = stream(2_500)
    whole = told(steps(make(), records, 1_000))
    assert whole["scores"]
    for size in (1, 7):
        assert told(steps(make(), records, size)) == whole


@each_kind
def test_empty_polls_change_nothing(make: Make) -> None:
    records = stream(300)
    ticking = make()
    outcomes = [ticking.step(part) for poll in polls(records, 50) for part in ([], poll, [])]
    assert told(outcomes) == told(steps(make(), records, 1_000))


def transactions(outcome: Outcome) -> Transactions:
    """An outcome's events, as the transactions that they are."""
    assert isinstance(outcome.events, Transactions)
    return outcome.events


def digest() -> str:
    """Of the scores of all kinds."""
    lines = [line for make in KINDS.values() for line in scores(steps(make(), stream(700), 100))]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def test_hash_seeds_change_nothing() -> None:
    code = "from tests.stream.test_monitor import digest; print(digest())"
    for seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        got = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        assert got.stdout.strip() == digest()


@each_kind
@pytest.mark.parametrize("stop", [1, 700, 1_500])
def test_goes_on_from_a_snapshot_as_if_never_stopped(make: Make, stop: int) -> None:
    records = stream(2_000)
    first, second = make(), make()
    steps(first, records[:stop], 100)
    saved = deepcopy(first.snapshot())
    expected = told(steps(first, records[stop:], 100))
    second.restore(saved)
    got = told(steps(second, records[stop:], 100))
    assert {name: part for name, part in got.items() if name != "drifts"} == {
        name: part for name, part in expected.items() if name != "drifts"
    }
    again = deepcopy(second.snapshot())
    assert _flat(again) == _flat(first.snapshot())
    assert _flat(again) != _flat(saved)


def test_a_snapshot_is_plain_values_and_arrays() -> None:
    for make in KINDS.values():
        monitor = make()
        steps(monitor, stream(300), 100)
        assert _flat(monitor.snapshot())


def _flat(state: Any, at: str = "") -> dict[str, Any]:
    """A snapshot by dotted names, arrays as bytes; nothing else than plain values is let by."""
    if isinstance(state, dict):
        parts = [_flat(part, f"{at}.{name}") for name, part in state.items()]
    elif isinstance(state, list):
        parts = [_flat(part, f"{at}.{i}") for i, part in enumerate(state)]
    else:
        assert type(state) in {np.ndarray, int, float, str, bool}, (at, type(state))
        return {at: state.tobytes() if isinstance(state, np.ndarray) else state}
    return {name: value for part in parts for name, value in part.items()}


def test_a_snapshot_of_another_feature_set_does_not_fit() -> None:
    saved = deepcopy(new_monitor().snapshot())
    with pytest.raises(ValueError, match="does not fit"):
        new_monitor(fields=EXTRA).restore(saved)


@pytest.mark.parametrize("schedule", [{"name": "constant"}, {"name": "time", "k": 0.01}])
def test_the_two_engines_agree(schedule: dict[str, Any]) -> None:
    model = {"optimizer": {"name": "sgd"}, "schedule": {"rate": 0.05, **schedule}}
    ours, rivers = (
        steps(new_monitor(fields=EXTRA, model={"engine": engine, **model}), stream(2_500), 1_000)
        for engine in ("streamgauge", "river")
    )
    a, b = (np.concatenate([o.scores for o in outcomes]) for outcomes in (ours, rivers))
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert np.ptp(a) > 0.5
    assert told(ours)["labelled"] == told(rivers)["labelled"]


def test_challengers_shadow_the_champion() -> None:
    records = stream(2_000)
    shadowed, alone = deciding(mode="fixed")(), new_monitor(fields=EXTRA)
    assert scores(steps(shadowed, records, 70)) == scores(steps(alone, records, 70))
    assert [arm.name for arm in shadowed.arms] == ["champion", "slow", "sgd"]
    measured = [arm.prequential for arm in shadowed.arms]
    assert measured[0].log_loss == alone.prequential.log_loss
    assert len({seen.log_loss for seen in measured}) == 3
    assert {seen.count for seen in measured} == {alone.prequential.count}


def test_each_arm_is_what_it_would_be_alone() -> None:
    records = stream(2_000)
    together = deciding(mode="mixture")()
    steps(together, records, 70)
    sgd = {name: CHALLENGERS[1][name] for name in ("optimizer", "schedule")}
    alone = new_monitor(fields=EXTRA, model=sgd)
    steps(alone, records, 70)
    assert together.arms[2].prequential.log_loss == alone.prequential.log_loss


def test_a_mixture_lies_between_its_arms_and_a_switch_is_one_of_them() -> None:
    records = stream(2_500)
    mixture, switch = (KINDS[name]() for name in ("mixture", "switch"))
    steps(mixture, records, 70)
    losses = [arm.prequential.log_loss for arm in mixture.arms]
    assert mixture.prequential.log_loss < max(losses)
    assert mixture.decision.weights.sum() == pytest.approx(1.0)
    steps(switch, records, 70)
    assert sorted(switch.decision.weights) == [0.0, 0.0, 1.0]


def test_reasons_are_contributions_that_add_up() -> None:
    # few enough features for the reasons to name all of them
    fields = {"customer": "", "terminal": "", "amount": "", **EXTRA}
    monitor = new_monitor(fields=fields)
    model = monitor.arms[0].model
    assert isinstance(model, LogisticRegression)
    alerts = 0
    for each in stream(2_500):
        bias = model.weights[0]
        outcome = monitor.step([each])
        if not outcome.alerts.any():
            continue
        alerts += 1
        (reasons,) = outcome.reasons
        *reasons, intercept = reasons
        assert intercept == ("intercept", bias)
        names = [name for name, _ in reasons]
        texts = [text for (text,) in transactions(outcome).category_texts]
        assert sorted(names) == sorted(["weekend", "night", "risk", *texts])
        logit = bias + math.fsum(part for _, part in reasons)
        assert outcome.scores[0] == pytest.approx(sigmoid(logit), rel=1e-9)
        sizes = [abs(part) for _, part in reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert outcome.scores[0] >= outcome.thresholds[0]
    assert alerts > 20


def test_reasons_name_the_largest_of_many() -> None:
    monitor = new_monitor(fields=EXTRA)
    model = monitor.arms[0].model
    assert isinstance(model, LogisticRegression)
    alerts = 0
    for each in stream(1_500):
        weights = model.weights.copy()
        outcome = monitor.step([each])
        if not outcome.alerts.any():
            continue
        alerts += 1
        slot = (monitor.given._seen[0] - 1) % monitor.labels.capacity
        names = [
            *monitor.features.names,
            *(text for (text,) in transactions(outcome).category_texts),
        ]
        width = len(monitor.features.names)
        at = [*range(width), *(width + monitor.examples._slots[slot])]
        values = [*monitor.examples._dense[slot], *monitor.examples._values[slot]]
        parts = dict(zip(names, weights[at] * values, strict=True))
        bias = parts.pop("bias")
        ranked = sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))
        rest = math.fsum(part for _, part in ranked[5:])
        (reasons,) = outcome.reasons
        assert reasons == [*ranked[:5], ("everything else", rest), ("intercept", bias)]
        logit = math.fsum(part for _, part in reasons)
        assert outcome.scores[0] == pytest.approx(sigmoid(logit), rel=1e-9)
    assert alerts > 20


def test_an_event_is_scored_before_its_label_is_learned() -> None:
    monitor = new_monitor()
    early = record({"id": 1, "label": 1, "ts": START}, "labels")
    label = record({"id": 2, "label": 0, "ts": START}, "labels")
    outcome = monitor.step([early, record(event(1, START)), record(event(2, START)), label])
    assert outcome.scores[0] == 0.5
    assert outcome.scores[1] > 0.5
    assert outcome.labelled.tolist() == [0, 1]
    assert outcome.labels.tolist() == [1, 0]
    # both were measured by the scores as given: 0.5 and the one above it
    expected = [math.log(2.0), -math.log(1.0 - outcome.scores[1])]
    assert monitor.prequential.first_loss_sum == pytest.approx(sum(expected), rel=1e-12)


def test_detectors_speak_in_the_order_of_the_labels() -> None:
    class Every:
        """Warns at every n-th value."""

        statistic = 0.0
        threshold = 0.0

        def __init__(self, n: int) -> None:
            self.n, self.seen = n, 0

        def run(self, values: Floats) -> Verdicts:
            counts = self.seen + 1 + np.arange(len(values))
            self.seen += len(values)
            levels = np.where(counts % self.n == 0, np.int8(Drift.WARNING), np.int8(Drift.NONE))
            return Verdicts(levels, np.zeros(len(values)))

        def snapshot(self) -> dict[str, Any]:
            return {}

        def restore(self, state: Mapping[str, Any]) -> None:
            pass

    told_by: list[list[str]] = []
    for size in (1, 1_000):
        monitor = new_monitor()
        watching = [Every(2), Every(3)]
        monitor.watch.detectors = dict(zip(["second", "third"], watching, strict=True))
        outcomes = steps(monitor, stream(200), size)
        told_by.append([r.detector for o in outcomes for r in o.drifts if r.signal == "error"])
        assert watching[0].seen == monitor.labels.counts[JOINED] > 20  # corrections are not shown
    assert told_by[0][:5] == ["second", "third", "second", "second", "third"]
    assert told_by[1] == told_by[0]
