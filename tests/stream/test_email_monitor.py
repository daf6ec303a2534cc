"""The laws of the whole core, for mails; and mails through recordings, files and both engines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from models.kernels import sigmoid
from models.logistic import LogisticRegression
from stream import build
from stream.config import load, parse
from stream.events import Record
from stream.generate_emails import MailStream, emails
from stream.labels import CORRECTED, DUPLICATE, EARLY, EXPIRED, JOINED
from stream.record import record as write
from stream.replay import replay
from stream.sinks.files import FileSink
from stream.sources.memory import MemorySource
from stream.sources.recording import RecordingSource
from tests.stream.streams import email_stream, new_email_monitor, polls, scores, steps, told

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"


def test_the_stream_has_everything_in_it() -> None:
    monitor = new_email_monitor()
    outcomes = steps(monitor, email_stream(700), 100)
    for outcome in (JOINED, EARLY, DUPLICATE, CORRECTED, EXPIRED):
        assert monitor.labels.counts[outcome] > 5
    assert sum(len(o.dead) for o in outcomes) > 20
    assert sum(int(o.alerts.sum()) for o in outcomes) > 10


@pytest.mark.parametrize("engine", ["streamgauge", "river"])
def test_cuts_change_nothing(engine: str) -> None:
    records = email_stream(300)
    whole = told(steps(new_email_monitor(model={"engine": engine}), records, 1_000))
    assert whole["scores"]
    for size in (1, 7):
        assert told(steps(new_email_monitor(model={"engine": engine}), records, size)) == whole
    ticking = new_email_monitor(model={"engine": engine})
    outcomes = [ticking.step(part) for poll in polls(records, 50) for part in ([], poll, [])]
    assert told(outcomes) == whole


def test_goes_on_from_a_snapshot_as_if_never_stopped() -> None:
    records = email_stream(400)
    first, second = new_email_monitor(), new_email_monitor()
    steps(first, records[:400], 100)
    second.restore(first.snapshot())
    expected = steps(first, records[400:], 100)
    assert scores(steps(second, records[400:], 70)) == scores(expected)


def test_the_two_engines_agree() -> None:
    model = {"optimizer": {"name": "sgd"}, "schedule": {"name": "constant", "rate": 0.5}}
    ours, rivers = (
        steps(new_email_monitor(model={"engine": engine, **model}), email_stream(300), 100)
        for engine in ("streamgauge", "river")
    )
    for a, b in zip(ours, rivers, strict=True):
        assert b.scores == pytest.approx(a.scores, rel=1e-6, abs=1e-9)


def test_reasons_add_up_and_quote_nothing_unless_told_to() -> None:
    quiet = new_email_monitor(reasons={"count": 1_000})
    quoting = new_email_monitor(reasons={"count": 1_000, "text": True})
    model = quiet.arms[0].model
    assert isinstance(model, LogisticRegression)
    names: set[str] = set()
    quotes: set[str] = set()
    for each in email_stream(500):
        bias = model.weights[0]
        outcome, other = quiet.step([each]), quoting.step([each])
        if not outcome.alerts.any():
            continue
        for (parts,), said in ((outcome.reasons, names), (other.reasons, quotes)):
            assert parts[-1] == ("intercept", bias)
            logit = math.fsum(part for _, part in parts)
            assert outcome.scores[0] == pytest.approx(sigmoid(logit), rel=1e-9)
            said.update(name for name, _ in parts)
    # What is no quote is one of a few names, whatever the mails were.
    assert 0 < len(names) < 50
    assert len(quotes) > 10 * len(names)


def read(path: Path, of: Any, delay: float = 0.0) -> list[Record]:
    source = RecordingSource([path], build.fields(of), "emails", "labels", delay)
    records: list[Record] = []
    while not source.exhausted:
        records += source.poll(0.0)
    return records


def lines(path: Path, *given: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in given))
    return path


def test_lines_without_a_time_are_a_second_apart(tmp_path: Path) -> None:
    given = [{"id": i, "ts": None, "label": i % 2, "text": "x"} for i in range(4)]
    path = lines(tmp_path / "r.jsonl", *given)
    records = read(path, load(EXAMPLES / "emails.toml"))
    assert [r.timestamp for r in records] == [0, 0, 1000, 1000, 2000, 2000, 3000, 3000]
    assert [r.topic for r in records] == ["emails", "labels"] * 4
    assert json.loads(records[1].value) == {"id": 0, "label": 0}
    assert read(path, load(EXAMPLES / "sms.toml")) == records
    late = read(path, load(EXAMPLES / "emails.toml"), 2.0)
    assert [r.topic[0] for r in late] == list("eeelelll")
    assert json.loads(late[3].value) == {"id": 0, "label": 0}
    assert late[3].timestamp == 2000


def test_the_truth_inside_keeps_its_source(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", {"id": 1, "ts": 5, "text": "", "label": 1, "source": "trap"})
    records = read(path, load(EXAMPLES / "emails.toml"))
    assert json.loads(records[1].value) == {"id": 1, "label": 1, "ts": 5, "source": "trap"}


@pytest.mark.parametrize("form", ["json", "message"])
def test_a_recording_of_a_topic_gives_its_scores(form: str, tmp_path: Path) -> None:
    records = email_stream(200)
    if form == "message":
        records = [_carried(each) if each.topic == "emails" else each for each in records]
    input_ = {"format": form}
    source, out = MemorySource(records, 100), tmp_path / "r.jsonl.gz"
    config = parse({"kind": "emails", "input": input_}, "none")
    assert write(source, build.codec(config), out, Event()) == len(records)
    again = read(out, config)
    assert [(r.value, r.timestamp, r.headers) for r in again] == [
        (r.value, r.timestamp, r.headers) for r in records
    ]
    live, replayed = (steps(new_email_monitor(input=input_), r, 100) for r in (records, again))
    assert told(live)["scores"] == told(replayed)["scores"]
    assert sum(len(o.scores) for o in live) > 150


def _carried(r: Record) -> Record:
    mail = json.loads(r.value)
    headers = [("id", mail["id"].encode())]
    headers += [("ts", str(mail["ts"]).encode())] if "ts" in mail else []
    text = str(mail.get("raw") or mail.get("text") or "").encode("latin-1", "replace")
    return Record(text, r.topic, 0, r.offset, r.timestamp, headers=tuple(headers))


def test_generated_mails_are_learned(tmp_path: Path) -> None:
    path = lines(tmp_path / "r.jsonl", *emails(MailStream(events=1_500, seed=3)))
    config = load(EXAMPLES / "emails.toml")
    source = RecordingSource([path], build.fields(config), "emails", "labels")
    ledger = replay(source, build.monitor(config), FileSink())
    figures = ledger.figures(skip=500)
    assert (figures.events, figures.labels, figures.dead_letters) == (1_000, 1_000, 0)
    assert 0.97 < figures.roc_auc < 1.0
