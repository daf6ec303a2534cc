"""The past of a service again, from its topics and its journal: proved, explained, and changed."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from models.kernels import sigmoid
from stream import build, checkpoint, config, journal
from stream.cli import app
from stream.events import Record
from stream.generate import Stream, transactions
from stream.monitor import Monitor
from tests.live.crashing import COMMAND
from tests.live.service import Service, Stage, eventually, streamgauge
from tests.models.helpers import bits

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

EVENTS = 2_400
DELAY = 7_200.0  # seconds of event time that labels come late
SECTIONS = (
    'kind = "transactions"\n[features]\nmax_keys = 10000\n[decision]\nmode = "mixture"\n'
    '[[challengers]]\nname = "slow"\nschedule = { name = "time", rate = 0.1, k = 0.01 }\n'
)
SLOW = [*COMMAND, "poll:0"]  # so that there are several snapshots
KEPT = "keep = 100\ntrim_journal = false\n"


def source(number: int) -> str | None:
    """Who gives the label of an event: somebody new in each half of the stream."""
    names = ("early bird", None, "early bird") if number < EVENTS / 2 else ("liar", None, "fool")
    return names[number % 3]


def fill(stage: Stage) -> None:
    """Put a stream into a stage, with late labels from several sources."""
    events, labels = [], []
    for number, event in enumerate(transactions(Stream(events=EVENTS, seed=3, fraud=0.05))):
        at, late = round(event["ts"] * 1000), event["ts"] + DELAY
        label = {"id": event["id"], "label": event.pop("label"), "ts": late}
        label |= {"source": source(number)} if source(number) else {}
        events.append((json.dumps(event).encode(), number % 2, at))
        labels.append((json.dumps(label).encode(), 0, round(late * 1000)))
    stage.produce("events", events)
    stage.produce("labels", labels)


def finish(service: Service, events: int) -> str:
    """Wait for the end of the topics, and stop; gives the fingerprint of then."""
    eventually(lambda: service.state()["events"] == events, f"{events} events", 90)
    eventually(service.has_read_all, "all read", 60)
    fingerprint = str(service.state()["fingerprint"])
    assert service.signal(signal.SIGTERM) == 0, service.log
    return fingerprint


def ask(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def one_line(ran: Result) -> str:
    """The line with which a command ended."""
    assert ran.exit_code == 1, ran.output
    (line,) = ran.stderr.splitlines()
    return line.removeprefix("streamgauge: ")


@dataclass
class Ran:
    """A service that has come to the end of its topics, and was stopped."""

    stage: Stage
    fingerprint: str

    @property
    def snapshots(self) -> Path:
        return self.stage.config.parent / f"snapshots-{self.stage.config.stem}"

    def order(self) -> Iterator[tuple[journal.Entry, list[Record]]]:
        """What the journal says was given to the monitor, read by hand."""
        found = {
            (r.topic, r.partition, r.offset): Record(
                r.value, r.topic, r.partition, r.offset, r.timestamp
            )
            for use in ("events", "labels")
            for r in self.stage.read(use, EVENTS)
        }
        for message in self.stage.read("journal", 1):
            entry = journal.decode(message.value)
            yield (
                entry,
                [
                    found[run.topic, run.partition, offset]
                    for run in entry.runs
                    for offset in range(run.first, run.next)
                ],
            )

    def without(self, *sources: str, cuts: Mapping[str, int] = MappingProxyType({})) -> Monitor:
        """A monitor that was given the same in that order, but no label of some sources.

        Of those in `cuts`, no label of an earlier entry than that.
        """
        monitor = build.monitor(config.load(self.stage.config))
        for entry, records in self.order():
            if entry.sequence == 0:
                monitor = build.monitor(config.load(self.stage.config))
            out = {*sources, *(name for name, cut in cuts.items() if entry.sequence < cut)}
            monitor.step(
                [
                    record
                    for record in records
                    if record.topic != self.stage.topics["labels"]
                    or json.loads(record.value).get("source") not in out
                ]
            )
        return monitor


def run(kafka: str, folder: Path, settings: str = KEPT, delivery: str = "exactly-once") -> Ran:
    """Run a service over the stream."""
    more = f'max_poll_records = 30\ndelivery = "{delivery}"\n'
    stage = Stage(kafka, folder, 2, sections=SECTIONS, settings=more)
    with stage.config.open("a") as file:
        file.write(settings)
    fill(stage)
    with stage.service(command=SLOW) as service:
        return Ran(stage, finish(service, EVENTS))


def add(stage: Stage, count: int) -> None:
    """Put more events into a stage, and the liar's labels of them."""
    event = json.loads(stage.read("events", EVENTS)[-1].value)
    for number in range(count):
        event |= {"id": f"later {number}", "ts": event["ts"] + 60.0}
        label = {"id": event["id"], "label": 1, "ts": event["ts"], "source": "liar"}
        at = round(event["ts"] * 1000)
        stage.produce("events", [(json.dumps(event).encode(), number % 2, at)])
        stage.produce("labels", [(json.dumps(label).encode(), 0, at + 1)])


@pytest.fixture(scope="module")
def ran(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run(kafka, tmp_path_factory.mktemp("history"))


def names(ran: Ran) -> list[str]:
    return sorted(file.name for file in ran.snapshots.iterdir())


def test_a_replay_from_any_snapshot_proves_what_was(ran: Ran) -> None:
    at = ["--config", ran.stage.config]
    kept = names(ran)
    assert len(kept) > 3
    (file,) = {ran.snapshots / name for name in kept[1:2]}
    ending = f"reproduced: after event {EVENTS:,} the fingerprint was {ran.fingerprint}\n"
    for name in kept:
        replayed = ask("replay", *at, "--from", ran.snapshots / name, "--expect", ran.fingerprint)
        assert replayed.exit_code == 0, replayed.output
        assert replayed.stdout.endswith(ending)
        assert "each with the fingerprint of then" in replayed.stdout
    for start in ([], ["--from", ran.snapshots], ["--from", f"file://{file}"]):
        assert ask("replay", *at, *start, "--expect", ran.fingerprint).stdout.endswith(ending)

    # The fingerprint of a snapshot is met on the way, by those that begin before it.
    header = checkpoint.load(str(ran.snapshots / kept[2])).header
    met = ask("replay", *at, "--from", file, "--expect", header.scores)
    assert f"reproduced: after event {header.events:,} the" in met.stdout
    late = ask("replay", *at, "--from", ran.snapshots / kept[3], "--expect", header.scores)
    said = f"at the end, which is event {EVENTS:,}, the fingerprint is {ran.fingerprint}"
    assert one_line(late) == f"--expect {header.scores}: no event had it; {said}"


def test_the_replayed_scores_are_those_of_then(ran: Ran, tmp_path: Path) -> None:
    lines = [record.value for record in ran.stage.read("scores", EVENTS)]
    snapshot = checkpoint.load(str(ran.snapshots / names(ran)[1]))
    scores = tmp_path / "scores.jsonl"
    start = ["--from", ran.snapshots / snapshot.name]
    replayed = ask("replay", "--config", ran.stage.config, *start, "--scores", scores)
    assert replayed.exit_code == 0, replayed.output
    assert scores.read_bytes().splitlines() == lines[snapshot.header.events :]
    assert f"{EVENTS - snapshot.header.events:,} events measured" in replayed.stdout

    # A recording goes on from a snapshot in the same way.
    rest = tmp_path / "rest.jsonl"
    taken = snapshot.header.next_offsets
    records = [r for _, each in ran.order() for r in each]
    rest.write_bytes(
        b"".join(r.value + b"\n" for r in records if r.offset >= taken[r.topic, r.partition])
    )
    expect = ["--expect", ran.fingerprint]
    again = ask("replay", rest, "--config", ran.stage.config, *start, *expect)
    assert again.exit_code == 0, again.output


def test_another_config_is_said_to_give_other_scores(ran: Ran) -> None:
    other = ["--config", ran.stage.config, "--set", "model.l2=0.01"]
    replayed = ask("replay", *other)
    assert replayed.exit_code == 0, replayed.output
    assert "is the first with other scores" in replayed.stdout
    assert "of another config: model.l2" in one_line(ask("replay", *other, "--from", ran.snapshots))
    wrong = ask("replay", "--config", ran.stage.config, "--expect", "12ab")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("streamgauge: --expect 12ab: expected a fingerprint")
    delayed = ask("replay", "--config", ran.stage.config, "--label-delay", "1h")
    assert "--label-delay goes with recordings" in delayed.stderr


def test_an_explanation_is_of_the_very_decision(ran: Ran) -> None:
    lines = [json.loads(record.value) for record in ran.stage.read("scores", EVENTS)]
    alerts = {a["id"]: a for a in (json.loads(r.value) for r in ran.stage.read("alerts", 1))}
    alerted = next(line for line in reversed(lines) if line["alert"])
    for line in (lines[0], lines[EVENTS // 3], lines[-1], alerted):
        explained = ask("explain", line["id"], ran.stage.config, "--json")
        assert explained.exit_code == 0, explained.output
        why = json.loads(explained.stdout)
        assert {name: why[name] for name in line} == line
        added = [feature["contribution"] for feature in why["features"]]
        assert math.fsum([*added, why["intercept"]]) == pytest.approx(why["logit"], abs=1e-9)
        arms = {arm["arm"]: arm for arm in why["arms"]}
        assert arms.keys() == {"champion", "slow"}
        assert sigmoid(why["logit"]) == arms[why["arm"]]["score"]
        assert arms["champion"]["learning_rate"] == 0.3
        assert 0.0 < arms["slow"]["learning_rate"] <= 0.1
        if line["alert"]:
            reasons = alerts[line["id"]]["reasons"]
            parts = {f["feature"]: f["contribution"] for f in why["features"]}
            assert all(parts[r["feature"]] == r["contribution"] for r in reasons[:5])
            assert why["place"] == alerts[line["id"]]["alert_id"]
    values = {f["feature"]: f["value"] for f in why["features"]}
    events = [json.loads(record.value) for record in ran.stage.read("events", EVENTS)]
    (event,) = (event for event in events if event["id"] == alerted["id"])
    assert values["amount"] == event["amount"]
    other_words = ["--set", "reasons.count=1"]
    shown = ask("explain", alerted["id"], ran.stage.config, *other_words).stdout
    assert f"score {alerted['score']!r}, threshold {alerted['threshold']!r}: an alert" in shown
    assert "logit of" in shown


def test_what_cannot_be_explained_is_said_in_one_line(ran: Ran) -> None:
    gone = one_line(ask("explain", "nobody", ran.stage.config))
    assert gone == f"no event nobody in {ran.stage.topics['events']}"
    event = json.loads(ran.stage.read("events", EVENTS)[-1].value)
    again = {**event, "id": "twice"}
    later = round((event["ts"] + 10.0) * 1000)
    ran.stage.produce("events", [(json.dumps(again).encode(), 0, later)] * 2)
    said = ask("explain", "twice", ran.stage.config)
    assert said.exit_code == 1
    first, second = said.stderr.splitlines()
    assert first == "2 events have the id twice: this is the last one"
    assert "is not scored yet: it comes after all that is in the journal" in second


def test_a_recording_explains_itself(ran: Ran, tmp_path: Path) -> None:
    recording, scores = tmp_path / "stream.jsonl", tmp_path / "scores.jsonl"
    made = ask("generate", recording, "--events", "300", "--seed", "9")
    assert made.exit_code == 0, made.output
    late = ["--label-delay", "1h"]
    ask("replay", recording, "--config", ran.stage.config, *late, "--scores", scores)
    line = json.loads(scores.read_bytes().splitlines()[200])
    at = [line["id"], ran.stage.config, "--recording", recording, *late]
    why = json.loads(ask("explain", *at, "--json").stdout)
    assert {name: why[name] for name in line} == line
    at[0] = "nobody"
    assert one_line(ask("explain", *at)) == f"no event nobody in {recording}"


def undo(ran: Ran, *sources: str) -> Result:
    named = [part for source in sources for part in ("--source", source)]
    return ask("labels", "undo", ran.stage.config, *named)


def state(ran: Ran) -> tuple[str, dict[str, Any]]:
    """Name and state of the newest snapshot."""
    newest = checkpoint.load(str(ran.snapshots))
    return newest.name, newest.state


def test_labels_are_taken_back_as_if_they_had_never_been(kafka: str, tmp_path: Path) -> None:
    ran = run(kafka, tmp_path)
    assert "no label of nobody was taken" in one_line(undo(ran, "nobody"))
    before = names(ran)
    done = undo(ran, "liar")
    assert done.exit_code == 0, done.output
    name, undone = state(ran)
    assert bits(undone) == bits(ran.without("liar").snapshot())
    labels, start, _ = done.stdout.splitlines()
    assert labels == f"{EVENTS // 6:,} labels of liar are taken back"
    assert "from the beginning on" not in start
    left = names(ran)
    assert left[-1] == name
    assert 1 < len(left) < len(before)
    assert left[:-1] == before[: len(left) - 1]

    # The service goes on from there, and learns what the source says next.
    add(ran.stage, 20)
    with ran.stage.service() as service:
        fingerprint = finish(service, EVENTS + 20)
    cut = next(entry.sequence for entry, _ in ran.order() if entry.without)
    monitor = ran.without(cuts={"liar": cut})
    assert fingerprint == monitor.chain.hex
    assert bits(state(ran)[1]) == bits(monitor.snapshot())
    begin = ["--from", ran.snapshots / name, "--expect", fingerprint]
    assert ask("replay", "--config", ran.stage.config, *begin).exit_code == 0

    # Nothing leads back: who has only what came before meets the change, and is refused.
    with ran.stage.service() as service:
        service.wait_until_ready()
        assert "has a worker at 127.0.0.1: stop it first" in one_line(undo(ran, "fool"))
        line = json.loads(ran.stage.read("scores", EVENTS + 20)[-1].value)
        why = json.loads(ask("explain", line["id"], ran.stage.config, "--json").stdout)
        assert {name: why[name] for name in line} == line
        assert service.get("/readyz").status_code == 200
        assert service.signal(signal.SIGTERM) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / left[0]).write_bytes((ran.snapshots / left[0]).read_bytes())
    refused = ask(
        "run", ran.stage.config, "--set", f"snapshot.url={elsewhere}", "--set", "http.port=0"
    )
    assert refused.exit_code == 1
    assert "takes back the labels of liar" in refused.stderr.splitlines()[-1]

    # One more source, whose labels are as old: what was undone stays so.
    assert undo(ran, "fool", "early bird").exit_code == 0
    monitor = ran.without("fool", "early bird", cuts={"liar": cut})
    assert bits(state(ran)[1]) == bits(monitor.snapshot())
    with ran.stage.service() as service:
        service.wait_until_ready()
        assert service.signal(signal.SIGTERM) == 0, service.log


def test_a_fresh_start_is_repeated_as_one(kafka: str, tmp_path: Path) -> None:
    ran = run(kafka, tmp_path, delivery="at-least-once")
    first = names(ran)
    add(ran.stage, 30)
    with ran.stage.service("--fresh") as service:
        fingerprint = finish(service, 30)
    assert fingerprint == ran.without().chain.hex
    for start in ([], ["--from", ran.snapshots / first[0]], ["--from", ran.snapshots]):
        replayed = ask("replay", "--config", ran.stage.config, *start, "--expect", fingerprint)
        assert replayed.exit_code == 0, replayed.output
        assert "each with the fingerprint of then" in replayed.stdout
    # What the liar said in the first life is forgotten anyway.
    done = undo(ran, "liar")
    assert done.stdout.startswith("30 labels of liar are taken back\n30 events taken again"), done
    assert bits(state(ran)[1]) == bits(ran.without("liar").snapshot())
    with ran.stage.service() as service:
        service.wait_until_ready()
        assert service.state()["fingerprint"] == ran.without("liar").chain.hex
        assert service.signal(signal.SIGTERM) == 0


def test_a_broker_that_is_away_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("")
    at = [str(tmp_path / "c.toml"), "--set", "kafka.bootstrap=127.0.0.1:1"]
    for command in (
        ["replay", "--config", *at],
        ["explain", "x", *at],
        ["labels", "undo", *at, "--source", "x"],
    ):
        done = streamgauge(*command)
        assert done.returncode == 1, done
        (line,) = done.stderr.splitlines()
        assert "127.0.0.1:1" in line


def test_where_the_way_back_is_gone_nothing_is_done(kafka: str, tmp_path: Path) -> None:
    ran = run(kafka, tmp_path, "keep = 1\n")
    kept = names(ran)
    assert len(kept) == 1
    before = (ran.snapshots / kept[0]).read_bytes()
    too_late = one_line(undo(ran, "early bird"))
    assert too_late.startswith(
        f"labels of early bird begin at {ran.stage.topics['labels']}-0, offset 0"
    )
    assert names(ran) == kept
    assert (ran.snapshots / kept[0]).read_bytes() == before
    first = json.loads(ran.stage.read("scores", EVENTS)[0].value)["id"]
    assert f"event {first} (" in one_line(ask("explain", first, ran.stage.config))
    assert "first entries are gone" in one_line(ask("replay", "--config", ran.stage.config))
    unsaved = ask("labels", "undo", ran.stage.config, "--source", "liar", "--set", "snapshot.url=")
    assert unsaved.stderr.startswith('streamgauge: snapshot.url = "": labels undo needs a folder')
