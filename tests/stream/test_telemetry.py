"""Metrics against the outcomes they were made from, read back through a registry of our own."""

from __future__ import annotations

import json
import math
import platform
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from models.logistic import LogisticRegression
from models.protocols import Drift
from stream.checkpoint import Checkpoints
from stream.codec import REASONS
from stream.errors import SnapshotError
from stream.labels import EXPIRED, OUTCOMES, REPEATED
from stream.metrics.buckets import exemplar
from stream.metrics.quality import SCORES
from stream.metrics.saves import Saves
from stream.metrics.stages import STAGES, Stages
from stream.monitor import Monitor, Outcome
from stream.snapshot_header import Header
from stream.telemetry import Telemetry
from tests.stream.streams import (
    BAD,
    EXTRA,
    START,
    event,
    new_monitor,
    polls,
    record,
    stream,
)

ARM = {"arm": "champion"}
TYPES = {
    "streamgauge_build": "info",
    "streamgauge_records_consumed": "counter",
    "streamgauge_events_processed": "counter",
    "streamgauge_end_to_end_latency_seconds": "histogram",
    "streamgauge_processing_seconds": "histogram",
    "streamgauge_snapshots": "counter",
    "streamgauge_snapshot_last_success_timestamp_seconds": "gauge",
    "streamgauge_snapshot_size_bytes": "gauge",
    "streamgauge_snapshot_duration_seconds": "histogram",
    "streamgauge_last_event_timestamp_seconds": "gauge",
    "streamgauge_decode_failures": "counter",
    "streamgauge_labels": "counter",
    "streamgauge_events_expired": "counter",
    "streamgauge_events_repeated": "counter",
    "streamgauge_label_join_remembered_events": "gauge",
    "streamgauge_consumer_lag_records": "gauge",
    "streamgauge_score_ratio": "histogram",
    "streamgauge_alerts_emitted": "counter",
    "streamgauge_alert_threshold_ratio": "gauge",
    "streamgauge_alert_budget_ratio": "gauge",
    "streamgauge_learning_rate": "gauge",
    "streamgauge_model_updates": "counter",
    "streamgauge_effective_learning_rate": "gauge",
    "streamgauge_gradient_norm": "gauge",
    "streamgauge_weights_norm": "gauge",
    "streamgauge_arm_stalled": "gauge",
    "streamgauge_arm_log_loss_nats": "summary",
    "streamgauge_arm_error_ratio": "gauge",
    "streamgauge_arm_labelled_predictions": "counter",
    "streamgauge_arm_weight_ratio": "gauge",
    "streamgauge_champion_switches": "counter",
    "streamgauge_log_loss_nats": "summary",
    "streamgauge_labelled_predictions": "counter",
    "streamgauge_prequential_error_ratio": "gauge",
    "streamgauge_prequential_auc_ratio": "gauge",
    "streamgauge_prequential_average_precision_ratio": "gauge",
    "streamgauge_drifts": "counter",
    "streamgauge_drifts_held": "counter",
    "streamgauge_last_drift_timestamp_seconds": "gauge",
    "streamgauge_drift_statistic": "gauge",
    "streamgauge_drift_threshold": "gauge",
    "streamgauge_population_stability_index": "gauge",
    "streamgauge_label_delay_seconds": "histogram",
    "streamgauge_matured_ratio": "gauge",
    "streamgauge_matured_cohort_timestamp_seconds": "gauge",
    "streamgauge_expected_ratio": "gauge",
    "streamgauge_label_coverage_ratio": "gauge",
    "streamgauge_expected_absolute_error_ratio": "gauge",
    "streamgauge_expected_calibration_error_ratio": "gauge",
    "streamgauge_card_precision_ratio": "gauge",
}
TOPICS = ("transactions", "labels")
LAG = {("transactions", 0): 5, ("labels", 1): 0}
NOW = 2e9


class Watched:
    """A monitor with its telemetry, and every outcome so far."""

    def __init__(self) -> None:
        self.monitor: Monitor = new_monitor(fields=EXTRA)
        self.registry = CollectorRegistry()
        self.telemetry = Telemetry(self.monitor, self.registry, "1.2.3", list(TOPICS), lambda: NOW)
        self.outcomes: list[Outcome] = []

    def step(self, n: int, size: int) -> None:
        for poll in polls(stream(n), size):
            self.outcomes.append(self.monitor.step(poll))
            self.telemetry.observe(poll, self.outcomes[-1], LAG)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"streamgauge_{name}", labels)


@pytest.fixture(scope="module")
def watched() -> Watched:
    watched = Watched()
    watched.step(2_500, 70)
    return watched


def test_names_and_types(watched: Watched) -> None:
    assert {family.name: family.type for family in watched.registry.collect()} == TYPES
    about = {"version": "1.2.3", "revision": "", "python": platform.python_version()}
    assert watched.value("build_info", **about) == 1
    text = generate_latest(watched.registry).decode()
    for name in ("events_processed_total", "decode_failures_total", "score_ratio_bucket"):
        assert f"\nstreamgauge_{name}" in text


def test_every_label_set_is_there_from_the_start() -> None:
    fresh, later = Watched(), Watched()
    later.step(2_500, 500)

    def series(of: Watched) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {
            (sample.name, tuple(sorted(sample.labels.items())))
            for family in of.registry.collect()
            for sample in family.samples
            if family.name != "streamgauge_consumer_lag_records"
        }

    assert series(fresh) == series(later)
    counters = [family for family in fresh.registry.collect() if family.type == "counter"]
    assert {sample.value for family in counters for sample in family.samples} == {0}
    assert math.isnan(fresh.value("prequential_error_ratio", window="all") or 0.0)
    assert fresh.value("score_ratio_count") == 0
    assert fresh.value("alert_threshold_ratio") == 1


def test_the_flow_adds_up(watched: Watched) -> None:
    outcomes = watched.outcomes
    events = sum(len(o.events) for o in outcomes)
    assert watched.value("events_processed_total") == events
    assert watched.value("alerts_emitted_total") == sum(int(o.alerts.sum()) for o in outcomes) > 0
    latest = max(o.events.ts.max() for o in outcomes if len(o.events))
    assert watched.value("last_event_timestamp_seconds") == latest
    dead = Counter((letter.record.topic, letter.reason) for o in outcomes for letter in o.dead)
    for topic in TOPICS:
        for reason in REASONS:
            got = watched.value("decode_failures_total", topic=topic, reason=reason)
            assert got == dead[topic, reason]
    assert {reason for _, reason in dead} == set(BAD)
    consumed = [watched.value("records_consumed_total", topic=topic) for topic in TOPICS]
    records = stream(2_500)
    assert consumed == [sum(r.topic == topic for r in records) for topic in TOPICS]
    counts = watched.monitor.labels.counts
    given = [watched.value("labels_total", outcome=outcome) for outcome in OUTCOMES]
    assert given == counts[: len(OUTCOMES)].tolist()
    assert watched.value("events_expired_total") == counts[EXPIRED] > 0
    assert watched.value("events_repeated_total") == counts[REPEATED] > 0
    assert watched.value("label_join_remembered_events") == watched.monitor.labels.waiting
    for (topic, partition), lag in LAG.items():
        got = watched.value("consumer_lag_records", topic=topic, partition=str(partition))
        assert got == lag


def test_the_latest_time_is_not_that_of_a_late_event() -> None:
    watched = Watched()
    for times in ([START + 9, START + 5], [START + 7]):
        records = [record(event(1, ts, risk=0, channel="web", country="de")) for ts in times]
        watched.telemetry.observe(records, watched.monitor.step(records), {})
        assert watched.value("last_event_timestamp_seconds") == START + 9


def test_the_histogram_is_cumulative(watched: Watched) -> None:
    scores = np.concatenate([o.scores for o in watched.outcomes])
    bounds = [*map(str, SCORES), "+Inf"]
    for le in bounds:
        got = watched.value("score_ratio_bucket", le=le)
        assert got == np.count_nonzero(scores <= float(le))
    assert watched.value("score_ratio_count") == len(scores)
    assert watched.value("score_ratio_sum") == pytest.approx(scores.sum(), rel=1e-9)


def test_a_score_on_a_bound_belongs_below_it() -> None:
    watched = Watched()
    watched.step(40, 40)
    (outcome,) = watched.outcomes
    n = len(outcome.scores)
    outcome.scores[:] = [0.5, 1.0] * (n // 2) + [0.0] * (n % 2)
    before = watched.value("score_ratio_bucket", le="0.5") or 0
    ones = watched.value("score_ratio_bucket", le="0.99") or 0
    watched.telemetry.observe([], outcome, {})
    assert watched.value("score_ratio_bucket", le="0.5") == before + n - n // 2
    assert watched.value("score_ratio_bucket", le="0.99") == ones + n - n // 2
    assert watched.value("score_ratio_bucket", le="+Inf") == 2 * n


def test_the_learning_adds_up(watched: Watched) -> None:
    monitor, outcomes = watched.monitor, watched.outcomes
    scores = np.concatenate([o.scores for o in outcomes])
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for o in outcomes:
        for number, y in zip(o.labelled.tolist(), o.labels.tolist(), strict=True):
            first.setdefault(number, y)
            last[number] = y
    assert first != last  # there were corrections
    predicted = (scores > 0.5).astype(int)
    for p in (0, 1):
        for y in (0, 1):
            expected = sum(predicted[number] == p and label == y for number, label in first.items())
            got = watched.value("labelled_predictions_total", predicted=str(p), actual=str(y))
            assert got == expected > 0
    losses = [-math.log(scores[i] if y else 1.0 - scores[i]) for i, y in first.items()]
    assert watched.value("log_loss_nats_count") == len(first)
    assert watched.value("log_loss_nats_sum") == pytest.approx(math.fsum(losses), rel=1e-9)
    wrong = sum(predicted[number] != y for number, y in last.items())
    error = watched.value("prequential_error_ratio", window="all")
    assert error == pytest.approx(wrong / len(last), rel=1e-12)
    faded = watched.value("prequential_error_ratio", window="faded")
    assert faded == monitor.prequential.faded_error
    updates = sum(len(o.labels) for o in outcomes)
    assert watched.value("model_updates_total", **ARM, outcome="applied") == updates
    assert watched.value("model_updates_total", **ARM, outcome="skipped_nonfinite") == 0
    assert watched.value("learning_rate", **ARM) == monitor.arms[0].model.rate == 0.3
    assert watched.value("alert_threshold_ratio") == monitor.alerting.threshold < 1


def test_the_drifts_add_up(watched: Watched) -> None:
    drifts = [drift for o in watched.outcomes for drift in o.drifts]
    assert drifts
    verdicts = Counter((v.detector, v.level) for v in drifts if v.signal == "error")
    for name, detector in watched.monitor.watch.detectors.items():
        about = {"detector": name, "signal": "error"}
        for level in (Drift.WARNING, Drift.DRIFT):
            got = watched.value("drifts_total", **about, level=level.name.lower())
            assert got == verdicts[name, level]
        assert watched.value("drift_statistic", **about) == detector.statistic
        threshold = watched.value("drift_threshold", **about)
        assert threshold == detector.threshold or math.isnan(threshold or 0.0)


def test_the_state_is_json_and_says_the_same(watched: Watched) -> None:
    for of in (watched, Watched()):
        state = json.loads(json.dumps(of.telemetry.state(), allow_nan=False))
        assert state["events"] == of.value("events_processed_total")
        assert state["alerts"] == of.value("alerts_emitted_total")
        assert state["labels"] == of.monitor.prequential.count
        assert sum(state["dead_letters"].values()) == sum(len(o.dead) for o in of.outcomes)
        assert sum(n for _, n in state["scores"]) == state["events"]
        error = of.value("prequential_error_ratio", window="all") or 0.0
        assert state["all"]["error"] == (None if math.isnan(error) else error)
        assert state["lag"] == ({"transactions-0": 5, "labels-1": 0} if of.outcomes else {})


def test_the_rate_as_it_is(watched: Watched) -> None:
    model = watched.monitor.arms[0].model
    assert isinstance(model, LogisticRegression)
    norm = float(np.linalg.norm(model.weights))
    assert watched.value("weights_norm", **ARM) == pytest.approx(norm)
    assert watched.value("gradient_norm", **ARM) == model.gradient_norm > 0
    assert 0 < (watched.value("effective_learning_rate", **ARM) or 0) < 0.3  # as AdaGrad's is


def test_an_arm_that_learns_no_more_is_named() -> None:
    decays: dict[str, dict[str, float]] = {"step": {"every": 10}, "exponential": {"k": 0.1}}
    challengers = [
        {"name": name, "schedule": {"name": name, "rate": 0.3, **settings}}
        for name, settings in decays.items()
    ]
    monitor, registry = new_monitor(challengers=challengers), CollectorRegistry()
    Telemetry(monitor, registry, "1.2.3")

    def stalled() -> list[float | None]:
        names = ("champion", *decays)
        return [registry.get_sample_value("streamgauge_arm_stalled", {"arm": n}) for n in names]

    assert stalled() == [0, 0, 0]
    for poll in polls(stream(2_500), 70):
        monitor.step(poll)
    assert stalled() == [0, 1, 1]


def test_a_budget_of_so_many_a_day_says_what_is_left() -> None:
    monitor = new_monitor(alerts={"budget": "2/day"})
    registry = CollectorRegistry()
    telemetry = Telemetry(monitor, registry, "0")
    for poll in polls(stream(3_000), 500):
        telemetry.observe(poll, monitor.step(poll), {})
    told = {
        which: registry.get_sample_value("streamgauge_alert_budget_alerts", {"which": which})
        for which in ("allowed", "used", "last_used", "last_unused")
    }
    allowance = monitor.alerting.allowance
    assert allowance
    assert told == {
        "allowed": 2,
        "used": allowance.used,
        "last_used": allowance.last_used,
        "last_unused": 2 - allowance.last_used,
    }
    held = registry.get_sample_value("streamgauge_alert_budget_held_total")
    assert held == allowance.held_back


def test_the_latency_is_from_the_timestamp_to_the_commit() -> None:
    watched = Watched()
    watched.step(300, 100)
    events = sum(len(o.events) for o in watched.outcomes)
    assert watched.value("end_to_end_latency_seconds_count") == 0  # nobody can read them yet
    for _ in range(2):  # the second has nothing to say
        watched.telemetry.committed()
        assert watched.value("end_to_end_latency_seconds_count") == events
    stamps = [r.timestamp / 1e3 for o in watched.outcomes for r in o.events.records]
    total = watched.value("end_to_end_latency_seconds_sum")
    assert total == pytest.approx(math.fsum(NOW - stamp for stamp in stamps), rel=1e-9)


def test_latency_and_alerts_name_an_event_in_openmetrics(watched: Watched) -> None:
    watched.telemetry.committed()
    text = openmetrics.generate_latest(watched.registry).decode()  # type: ignore[no-untyped-call]
    alerts = [
        event
        for o in watched.outcomes
        for event, a in zip(o.events.ids, o.alerts, strict=True)
        if a
    ]
    (line,) = [
        line for line in text.splitlines() if line.startswith("streamgauge_alerts_emitted_t")
    ]
    assert f'# {{event_id="{alerts[-1]}"}} 1.0' in line
    assert any(
        line.startswith("streamgauge_end_to_end_latency_seconds_bucket") and "event_id" in line
        for line in text.splitlines()
    )


def test_an_id_too_long_for_an_exemplar_is_none() -> None:
    assert exemplar("x" * 101, 1.0, NOW) is None


def test_stages_take_up_all_the_time_between_start_and_end() -> None:
    times = iter([0.0, 5.0, 5.2, 5.7])
    stages = Stages(lambda: next(times))
    stages.start()
    stages.lap("decode")
    stages.lap("arms")
    (family,) = stages.families()
    sums = {s.labels["stage"]: s.value for s in family.samples if s.name.endswith("_sum")}
    assert sums.pop("decode") == pytest.approx(0.2)
    assert sums.pop("arms") == pytest.approx(0.5)
    assert set(sums.values()) == {0.0}


def test_a_step_tells_its_stages(watched: Watched) -> None:
    told: list[str] = []
    monitor = new_monitor()
    monitor.lap = told.append
    monitor.step(stream(50))
    assert told == ["decode", "features", "label-free", "arms", "measures"]
    assert set(told) < set(STAGES)


def test_snapshots_are_counted(tmp_path: Path) -> None:
    monitor, registry = new_monitor(), CollectorRegistry()
    saves = Telemetry(monitor, registry, "0").saves
    header = Header(feature_set="", config_set="", features=(), config={}, versions={}, offsets=())
    value = registry.get_sample_value
    to = Checkpoints(str(tmp_path), 3, saves, clock=lambda: 1.7e9)
    assert value("streamgauge_snapshot_last_success_timestamp_seconds") == 0
    name = to.save(monitor.snapshot, header).result(30)
    assert value("streamgauge_snapshots_total", {"outcome": "success"}) == 1
    assert value("streamgauge_snapshot_size_bytes") == (tmp_path / name).stat().st_size
    assert value("streamgauge_snapshot_last_success_timestamp_seconds") == 1.7e9
    assert value("streamgauge_snapshot_duration_seconds_count") == 1
    with pytest.raises(SnapshotError):
        to.save(lambda: {"no": object()}, header).result(30)
    assert value("streamgauge_snapshots_total", {"outcome": "failure"}) == 1
    again = Saves()
    Checkpoints(str(tmp_path), 3, again)
    assert again.last == 1.7e9  # a restart knows it
