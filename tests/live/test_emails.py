"""Topics that carry raw messages, with their ids and times in Kafka headers."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from kafka import KafkaProducer

from stream.generate_emails import MailStream, emails
from tests.live.service import Stage, eventually, streamgauge

pytestmark = pytest.mark.kafka

EVENTS = 1_500
SECTIONS = 'kind = "emails"\n[input]\nformat = "message"\n[reasons]\ncount = 3\n'


def test_raw_messages_are_scored_and_their_recording_too(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, sections=SECTIONS)
    producer = KafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    labels = []
    for mail in emails(MailStream(events=EVENTS, seed=4)):
        at = round(mail["ts"] * 1000)
        headers = [("id", mail["id"].encode()), ("ts", str(mail["ts"]).encode())]
        value = mail["raw"].encode("latin-1")
        producer.send(stage.topics["events"], value, headers=headers, timestamp_ms=at)
        names = ("id", "ts", "label", "source")
        labels.append((json.dumps({name: mail[name] for name in names}).encode(), 0, at + 1))
    producer.send(stage.topics["events"], b"who?", timestamp_ms=at)
    producer.flush()
    producer.close()
    own = {"id": "m4-0", "ts": at / 1000, "label": 1, "source": "streamgauge"}
    labels.append((json.dumps(own).encode(), 0, at + 2))
    stage.produce("labels", labels)

    with stage.service() as service:
        service.wait_until_ready()
        eventually(lambda: service.state()["labels"] == EVENTS, "all labels joined", 90)
        lines = [record.value for record in stage.read("scores", EVENTS)]
        assert service.signal(signal.SIGTERM) == 0, service.log
    assert "Traceback" not in service.log
    assert "example" not in service.log.replace(str(stage.config), "")  # no address in a log
    scores = [json.loads(line) for line in lines]
    assert [score["id"] for score in scores] == [f"m4-{n}" for n in range(EVENTS)]
    reasons = {
        (letter := dict(record.headers))["reason"]: (letter["topic"], record.value)
        for record in stage.read("dead_letters", 2)
    }
    assert reasons == {
        b"missing_field": (stage.topics["events"].encode(), b"who?"),
        b"own_verdict": (stage.topics["labels"].encode(), labels[-1][0]),
    }
    alerts = [json.loads(record.value) for record in stage.read("alerts", 1)]
    assert all(len(alert["reasons"]) == 3 + 2 for alert in alerts)

    recording = tmp_path / "recording.jsonl.gz"
    recorded = streamgauge("record", str(stage.config), str(recording))
    assert f"{EVENTS + len(labels) + 1:,} records" in recorded.stdout, recorded
    again = tmp_path / "scores.jsonl"
    config = ["--config", str(stage.config)]
    replayed = streamgauge("replay", str(recording), *config, "--scores", str(again))
    assert replayed.returncode == 0, replayed.stderr
    assert again.read_bytes().splitlines() == lines

    # Played into topics of their own, the records are what they were, headers and all.
    other = Stage(kafka, tmp_path, sections=SECTIONS)
    played = streamgauge("play", str(recording), "--config", str(other.config), "--pace", "0")
    assert played.returncode == 0, played.stderr
    first, second = (
        [(r.value, list(r.headers or ()), r.timestamp) for r in of.read("events", EVENTS)]
        for of in (stage, other)
    )
    assert first == second
    assert [r.value for r in other.read("labels", EVENTS)] == [value for value, _, _ in labels]
