"""An explanation is of the decision as it was, and its parts add up."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models.kernels import sigmoid
from stream.cli import app
from stream.events import Record
from stream.explain import Explainer, Explanation, find, place
from stream.monitor import Monitor
from tests.models.helpers import bits
from tests.stream.streams import (
    EXTRA,
    email_stream,
    new_email_monitor,
    new_monitor,
    polls,
    scores,
    steps,
    stream,
)

ARMS = [{"name": "slow", "schedule": {"name": "time", "rate": 0.1, "k": 0.1}}]


def explained(monitor: Monitor, records: Sequence[Record], at: int, size: int = 64) -> Explanation:
    explainer = Explainer(monitor, place(records[at]))
    for poll in polls(records, size):
        explainer.take(poll)
    assert explainer.found
    return explainer.found


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_decision_is_that_of_any_other_run(size: int) -> None:
    records, sections = stream(900), {"fields": EXTRA, "challengers": ARMS}
    plain = new_monitor(**sections, decision={"mode": "mixture"})
    lines = [json.loads(line) for line in scores(steps(plain, records, 100))]
    outcomes = steps(new_monitor(fields=EXTRA), records, 100)
    good = [records.index(record) for outcome in outcomes for record in outcome.events.records]
    for at in (good[0], good[5], good[200], good[-1]):
        monitor = new_monitor(**sections, decision={"mode": "mixture"})
        why = explained(monitor, records, at, size)
        assert bits(monitor.snapshot()) == bits(plain.snapshot())
        event = json.loads(records[at].value)
        said = {"id": why.id, "ts": why.ts, "score": why.score, "threshold": why.threshold}
        assert {**said, "alert": why.alert} in lines
        assert why.id == event["id"]
        values = {feature.feature: feature.value for feature in why.features}
        assert values["amount"] == event["amount"]
        assert values["risk"] == event["risk"]
        assert values[f"channel={event['channel']}"] == 1.0
        total = math.fsum([why.intercept, *(feature.contribution for feature in why.features)])
        assert total == pytest.approx(why.logit, abs=1e-9)
        arms = {arm.arm: arm for arm in why.arms}
        assert arms[why.arm].score == sigmoid(why.logit)


def test_the_rate_is_that_before_the_event() -> None:
    records = stream(600)
    monitor, rates = new_monitor(challengers=ARMS), {}
    for each in records:
        rates[place(each)] = [arm.model.rate for arm in monitor.arms]
        monitor.step([each])
    at = max(n for n, each in enumerate(records) if b"channel" in each.value)
    why = explained(new_monitor(challengers=ARMS), records, at)
    assert [arm.learning_rate for arm in why.arms] == rates[place(records[at])]


@pytest.mark.parametrize("text", [False, True])
def test_a_mail_is_quoted_only_if_the_config_says_so(text: bool) -> None:
    records = email_stream(200)
    (last, times) = find("m7-150", polls(records, 50), new_email_monitor().codec)
    assert last is not None
    assert times == 1
    why = explained(new_email_monitor(reasons={"text": text}), records, records.index(last))
    total = math.fsum([why.intercept, *(feature.contribution for feature in why.features)])
    assert total == pytest.approx(why.logit, abs=1e-9)
    assert why.arms[0].score == sigmoid(why.logit) == why.score
    quoted = [feature.feature for feature in why.features if '"' in feature.feature]
    assert bool(quoted) == text
    assert all(feature.value > 0.0 for feature in why.features)


def test_the_last_of_an_id_is_found() -> None:
    records = [each for each in stream(300) if each.topic == "transactions"]
    codec = new_monitor().codec
    twice = [*records, records[20]]
    name = str(json.loads(records[20].value)["id"])
    assert find(name, polls(twice, 30), codec) == (twice[-1], 2)
    assert find("nobody", polls(twice, 30), codec) == (None, 0)


def ask(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_explains_a_recording(tmp_path: Path) -> None:
    config, recording = tmp_path / "c.toml", tmp_path / "r.jsonl"
    config.write_text('kind = "emails"\n[email]\nhash_bits = 12\n[reasons]\ntext = true\n')
    ask("generate", recording, "--kind", "emails", "--events", "120", "--seed", "5")
    out = tmp_path / "scores.jsonl"
    ask("replay", recording, "--config", config, "--scores", out)
    line = json.loads(out.read_bytes().splitlines()[99])
    ran = ask("explain", line["id"], config, "--recording", recording, "--json")
    assert ran.exit_code == 0, ran.output
    why = json.loads(ran.stdout)
    assert {name: why[name] for name in line} == line
    shown = ask("explain", line["id"], config, "--recording", recording)
    assert shown.exit_code == 0, shown.output
    assert f"score {line['score']!r}" in shown.stdout
    assert " others " in shown.stdout
    assert len(shown.stdout.splitlines()) < 70

    with recording.open("ab") as file:
        file.write(recording.read_bytes())
    again = ask("explain", line["id"], config, "--recording", recording, "--json")
    assert again.stderr == f"2 events have the id {line['id']}: this is the last one\n"
    assert json.loads(again.stdout)["place"] == "emails-0-219"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody", "--recording", "r.jsonl"], "no event nobody in r.jsonl"),
        (["x", "--recording", "gone.jsonl"], "gone.jsonl: No such file or directory"),
        (["x", "--label-delay", "1h"], "--label-delay goes with --recording"),
        (["x", "--label-delay", "soon"], "--label-delay soon: "),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text("")
    Path("r.jsonl").write_text("")
    ran = ask("explain", arguments[0], "c.toml", *arguments[1:])
    assert ran.exit_code in (1, 2)
    (line,) = ran.stderr.splitlines()
    assert says in line
