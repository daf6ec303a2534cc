"""When the broker is away, refuses us, or lacks a topic: a clear line, then patience."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from deploy.kafka.broker import Broker
from stream.generate import Stream, transactions
from tests.live.service import USES, Stage, eventually, free_port, streamgauge

pytestmark = pytest.mark.kafka


def some_events(count: int, seed: int = 1) -> list[tuple[bytes, int, int]]:
    stream = transactions(Stream(events=count, seed=seed))
    return [(json.dumps(event).encode(), 0, round(event["ts"] * 1000)) for event in stream]


def test_a_missing_topic_is_named_and_waited_for(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, create=[use for use in USES if use != "labels"])
    stage.produce("events", some_events(50))
    checked = streamgauge("check", str(stage.config))
    assert checked.returncode == 1
    assert "missing" in checked.stdout
    assert f"has no topic {stage.topics['labels']}" in checked.stderr
    with stage.service() as service:
        missing = f"{kafka} has no topic {stage.topics['labels']}: create it there"
        eventually(lambda: service.get("/readyz").text.strip() == missing, "named at /readyz", 120)
        assert service.get("/readyz").status_code == 503
        assert service.get("/healthz").status_code == 200
        stage.create(["labels"])
        service.wait_until_ready()
        stage.read("scores", 50)
        assert service.signal(signal.SIGTERM) == 0
    assert missing in service.log
    assert "Traceback" not in service.log


def test_a_refused_connection_is_said_and_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'[kafka]\nbootstrap = "127.0.0.1:{free_port()}"\n')
    checked = streamgauge("check", str(config))
    assert checked.returncode == 1
    assert checked.stderr.startswith("streamgauge: no answer from 127.0.0.1:")
    assert "ECONNREFUSED" in checked.stderr
    assert len(checked.stderr.splitlines()) == 1


def test_an_outage_is_waited_out_and_loses_nothing(tmp_path: Path) -> None:
    with Broker(extra={"log.retention.ms": "-1"}) as broker:
        stage = Stage(broker.bootstrap, tmp_path)
        events = some_events(400)
        stage.produce("events", events[:200])
        with stage.service() as service:
            service.wait_until_ready()
            stage.read("scores", 200)
            broker.kill()
            eventually(lambda: service.get("/readyz").status_code == 503, "not ready", 60)
            assert broker.bootstrap in service.get("/readyz").text
            assert service.get("/healthz").status_code == 200
            broker.start()
            stage.produce("events", events[200:])
            scored = stage.read("scores", 400, 120)
            service.wait_until_ready()
            assert service.signal(signal.SIGTERM) == 0, service.log
        assert {json.loads(r.value)["id"] for r in scored} == {f"t1-{n}" for n in range(400)}
        assert "Traceback" not in service.log


def test_a_restarted_service_goes_on_where_it_was(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    events = some_events(300)
    stage.produce("events", events[:100])
    with stage.service() as service:
        stage.read("scores", 100, 120)
        assert service.signal(signal.SIGTERM) == 0
    stage.produce("events", events[100:])
    with stage.service() as service:
        scored = stage.read("scores", 300, 120)
        assert service.signal(signal.SIGTERM) == 0
    assert [json.loads(r.value)["id"] for r in scored] == [f"t1-{n}" for n in range(300)]


def test_what_was_not_committed_comes_again_after_a_kill(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    text = stage.config.read_text().replace('"200ms"', '"1h"\ndelivery = "at-least-once"')
    stage.config.write_text(text)
    stage.produce("events", some_events(100))
    with stage.service() as service:
        stage.read("scores", 100, 120)
    assert stage.committed("events") == [None]
    with stage.service() as service:
        scored = stage.read("scores", 200, 120)
        assert service.signal(signal.SIGTERM) == 0
    assert len(scored) == 200
    assert stage.committed("events") == [100]
