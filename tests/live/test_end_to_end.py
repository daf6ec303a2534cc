"""Through the real broker: produce, run as a process, read the scores, scrape, stop."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.generate import Stream, transactions
from tests.live.service import Stage, eventually, streamgauge

pytestmark = pytest.mark.kafka

EVENTS = 6_000
DELAY = 7_200.0  # seconds of event time
BAD = {
    b"no json at all": "not_json",
    b'{"id": 1}': "missing_field",
    b'{"id":"x","ts":1.5,"customer":"c","terminal":"t","amount":"much"}': "wrong_type",
    b'{"id":"x","ts":NaN,"customer":"c","terminal":"t","amount":1}': "not_json",
    b'{"id":"x","ts":1,"customer":"c","terminal":"t","amount":1e999}': "out_of_range",
    b'{"id":"x","ts":"soon","customer":"c","terminal":"t","amount":1}': "bad_time",
    b'{"id":"x","ts":4e9,"customer":"c","terminal":"t","amount":1}': "future_time",
    b'{"id":"' + b"x" * 1_000_000 + b'"}': "too_large",
}


def sample(text: str, name: str, **labels: str) -> float:
    """Sum of a metric's samples with these labels."""
    return sum(
        s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if s.name == name and labels.items() <= s.labels.items()
    )


def test_every_event_is_scored_once_and_a_replay_agrees_to_the_bit(
    kafka: str, tmp_path: Path
) -> None:
    stage = Stage(kafka, tmp_path, partitions=3)
    stream = list(transactions(Stream(events=EVENTS, seed=5, fraud=0.05)))
    events, labels = [], []
    for number, event in enumerate(stream):
        at = round(event["ts"] * 1000)
        truth = event.pop("label")
        events.append((json.dumps(event).encode(), number % 3, at))
        label = {"id": event["id"], "label": truth, "ts": event["ts"] + DELAY}
        labels.append((json.dumps(label).encode(), 0, at + round(DELAY * 1000)))
    middle = events[EVENTS // 2][2]
    events[EVENTS // 2 : EVENTS // 2] = [(value, 1, middle) for value in BAD]
    labels.insert(100, (b'{"id":"x","label":2,"ts":1}', 0, labels[100][2]))
    stage.produce("events", events)
    stage.produce("labels", labels)

    with stage.service() as service:
        service.wait_until_ready()
        eventually(lambda: service.state()["labels"] == EVENTS, "all labels joined", 90)
        lines = [record.value for record in stage.read("scores", EVENTS)]
        metrics = service.get("/metrics").text
        assert service.get("/healthz").status_code == 200
        assert service.get("/").status_code == 200
        assert service.signal(signal.SIGTERM) == 0, service.log
    assert "Traceback" not in service.log

    assert sorted(json.loads(line)["id"] for line in lines) == sorted(e["id"] for e in stream)
    assert sample(metrics, "streamgauge_events_processed_total") == EVENTS
    assert sample(metrics, "streamgauge_labels_total", outcome="joined") == EVENTS
    assert sample(metrics, "streamgauge_decode_failures_total") == len(BAD) + 1
    assert sample(metrics, "streamgauge_score_ratio_count") == EVENTS
    assert sample(metrics, "streamgauge_log_loss_nats_count") == EVENTS
    assert sample(metrics, "streamgauge_learning_rate", arm="champion") == 0.3
    assert 0 < sample(metrics, "streamgauge_prequential_error_ratio", window="faded") < 0.05
    assert sample(metrics, "streamgauge_consumer_lag_records") == 0
    alerts = [json.loads(record.value) for record in stage.read("alerts", 1)]
    assert len(alerts) == sample(metrics, "streamgauge_alerts_emitted_total")
    assert all(alert["reasons"] for alert in alerts)

    dead = stage.read("dead_letters", len(BAD) + 1)
    in_partition_1 = [value for value, partition, _ in events if partition == 1]
    about = {hash(record.value): dict(record.headers) for record in dead}  # a megabyte is no key
    for value, reason in BAD.items():
        headers = about[hash(value)]
        assert headers["reason"].decode() == reason
        assert headers["topic"].decode() == stage.topics["events"]
        assert headers["partition"] == b"1"
        assert in_partition_1[int(headers["offset"])] == value
    assert stage.committed("events") == [
        sum(1 for _, partition, _ in events if partition == p) for p in range(3)
    ]
    assert stage.committed("labels") == [len(labels)]

    recording, scores = tmp_path / "recording.jsonl.gz", tmp_path / "scores.jsonl"
    recorded = streamgauge("record", str(stage.config), str(recording))
    assert f"{len(events) + len(labels):,} records" in recorded.stdout, recorded
    replayed = streamgauge(
        "replay", str(recording), "--config", str(stage.config), "--scores", str(scores)
    )
    assert replayed.returncode == 0, replayed.stderr
    assert scores.read_bytes().splitlines() == lines


def test_a_played_recording_scores_as_its_replay_does(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    recording, scores = tmp_path / "stream.jsonl", tmp_path / "scores.jsonl"
    made = streamgauge("generate", str(recording), "--events", "3000", "--seed", "9")
    assert made.returncode == 0, made.stderr
    late = ["--label-delay", "2h"]
    played = streamgauge(
        "play", str(recording), "--config", str(stage.config), "--pace", "0", *late
    )
    assert "6,000 records" in played.stdout, played
    with stage.service() as service:
        lines = [record.value for record in stage.read("scores", 3_000, 120)]
        assert service.signal(signal.SIGINT) == 0, service.log
    replayed = streamgauge(
        "replay", str(recording), "--config", str(stage.config), "--scores", str(scores), *late
    )
    assert replayed.returncode == 0, replayed.stderr
    assert scores.read_bytes().splitlines() == lines
