"""Every optimizer and schedule as an arm of one service, against the real broker."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.learners import OPTIMIZERS, SCHEDULES
from tests.live.service import Stage, eventually, streamgauge

pytestmark = pytest.mark.kafka

EVENTS = 2_000


def test_all_of_them_learn_and_a_replay_agrees(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    arms = [
        f'[[challengers]]\nname = "{name}"\noptimizer = {{ name = "{name}" }}\n'
        'schedule = { name = "constant", rate = 0.05 }\n'
        for name in OPTIMIZERS
    ]
    arms += [
        f'[[challengers]]\nname = "rate-{name}"\noptimizer = {{ name = "sgd" }}\n'
        f'schedule = {{ name = "{name}"{"" if name == "optimal" else ", rate = 0.05"} }}\n'
        for name in SCHEDULES
    ]
    with stage.config.open("a") as config:
        config.write('[decision]\nmode = "mixture"\n' + "".join(arms))
    recording, scores = tmp_path / "stream.jsonl", tmp_path / "scores.jsonl"
    made = streamgauge("generate", str(recording), "--events", str(EVENTS))
    assert made.returncode == 0, made.stderr
    late = ["--config", str(stage.config), "--label-delay", "1h"]
    played = streamgauge("play", str(recording), *late, "--pace", "0")
    assert played.returncode == 0, played.stderr
    with stage.service() as service:
        eventually(lambda: service.state()["labels"] == EVENTS, "all labels joined", 150)
        metrics = service.get("/metrics").text
        lines = [record.value for record in stage.read("scores", EVENTS)]
        assert service.signal(signal.SIGTERM) == 0, service.log
    applied = {
        s.labels["arm"]: s.value
        for family in text_string_to_metric_families(metrics)
        for s in family.samples
        if s.name == "streamgauge_model_updates_total" and s.labels["outcome"] == "applied"
    }
    names = {"champion", *OPTIMIZERS, *(f"rate-{name}" for name in SCHEDULES)}
    assert applied == dict.fromkeys(names, EVENTS)
    replayed = streamgauge("replay", str(recording), *late, "--scores", str(scores))
    assert replayed.returncode == 0, replayed.stderr
    assert scores.read_bytes().splitlines() == lines
