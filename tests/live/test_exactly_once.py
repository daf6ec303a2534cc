"""Kill Streamgauge anywhere, as often as you like: the committed scores are those of a run that was
never disturbed, each of them once, to the last bit.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from deploy.kafka.broker import Broker
from stream import build, config, messages
from stream.events import Record
from stream.generate import Stream, transactions
from tests.live.crashing import COMMAND, HERE, OF_CLIENTS, POINTS
from tests.live.service import Service, Stage, eventually, streamgauge
from tests.stream.streams import polls

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

PARTITIONS = 3
DELAY = 7_200.0  # seconds of event time that labels come late
# Order goes by timestamps alone when nothing is ever too late to be waited for.
PATIENT = 'max_wait = "60s"\nmax_poll_records = 30\n'


def fill(stage: Stage, count: int, seed: int = 5) -> list[bytes]:
    """Put a stream with late labels into a stage; gives the scores of an undisturbed run."""
    events, labels, records = [], [], []
    for number, event in enumerate(transactions(Stream(events=count, seed=seed, fraud=0.05))):
        at, late = round(event["ts"] * 1000), round((event["ts"] + DELAY) * 1000)
        truth = event.pop("label")
        label = json.dumps({"id": event["id"], "label": truth, "ts": event["ts"] + DELAY}).encode()
        value, partition = json.dumps(event).encode(), number % PARTITIONS
        events.append((value, partition, at))
        labels.append((label, 0, late))
        offset = number // PARTITIONS
        records.append(Record(value, stage.topics["events"], partition, offset, at))
        records.append(Record(label, stage.topics["labels"], 0, number, late))
    stage.produce("events", events)
    stage.produce("labels", labels)
    records.sort(key=lambda r: (r.timestamp, r.topic, r.partition, r.offset))
    monitor = build.monitor(config.load(stage.config))
    return [line for poll in polls(records, 500) for line in messages.scores(monitor.step(poll))]


NEVER = [*COMMAND, "poll:0"]  # slowed down, and not killed


def scored(stage: Stage, expected: list[bytes]) -> list[bytes]:
    """The scores that a reader sees, which are as many as are expected at least."""
    return [record.value for record in stage.read("scores", len(expected))]


def finish(stage: Stage, expected: list[bytes]) -> Service:
    """Run the service to the end of its topics, and stop it."""
    with stage.service() as service:
        finished(service, expected)
        assert service.signal(signal.SIGTERM) == 0, service.log
    return service


def finished(service: Service, expected: list[bytes]) -> None:
    """Wait until a service has scored everything."""
    eventually(lambda: service.state()["events"] == len(expected), "all scored", 90)
    eventually(service.has_read_all, "all read", 60)


def run_until_killed(stage: Stage, point: str, number: int, *arguments: str) -> None:
    """Run the service, which kills itself at a point."""
    command = [*COMMAND, f"{point}:{number}", "run", str(stage.config), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def working(service: Service, events: int) -> None:
    """Wait until a service is at work, with so many events scored."""
    eventually(lambda: service.state()["events"] >= events, f"{events} events", 90)


@pytest.mark.parametrize(("client", "points"), [("kafka-python", HERE), ("librdkafka", OF_CLIENTS)])
def test_killed_at_every_point(kafka: str, tmp_path: Path, client: str, points: list[str]) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=f'{PATIENT}client = "{client}"\n')
    expected = fill(stage, 2_500)
    draw = random.Random(1)
    for point in draw.sample(points, len(points)):
        run_until_killed(stage, point, draw.randint(1, POINTS[point].often))
    service = finish(stage, expected)
    assert scored(stage, expected) == expected
    assert "back at the last commit" in service.log


@pytest.mark.parametrize("snapshots", ["1s", "1h"])
def test_killed_at_any_time(kafka: str, tmp_path: Path, snapshots: str) -> None:
    """With "1h" the journal is all that there is to come back by."""
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 2_000)
    draw = random.Random(2)
    for _ in range(2):  # `make chaos` does it often
        with stage.service("--set", f"snapshot.every={snapshots}", command=NEVER) as service:
            eventually(lambda: "joining" not in service.get("/readyz").text, "joined", 60)
            time.sleep(draw.uniform(0.0, 2.5))
    finish(stage, expected)
    assert scored(stage, expected) == expected


def test_at_least_once_repeats_lines_and_changes_none(kafka: str, tmp_path: Path) -> None:
    settings = PATIENT + 'delivery = "at-least-once"\n'
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=settings)
    expected = fill(stage, 2_000)
    # Lines come twice where they arrived and the journal had no entry of them yet.
    run_until_killed(stage, "produce", 9, "--set", "kafka.commit_interval=1m")
    for point, number in (("flushed", 2), ("learned", 7)):
        run_until_killed(stage, point, number)
    finish(stage, expected)
    found = scored(stage, expected)
    assert len(found) > len(expected)
    assert list(dict.fromkeys(found)) == expected


def test_a_standby_takes_over(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 2_000)
    with stage.service(command=NEVER) as first:
        working(first, 200)
        with stage.service() as second:
            eventually(lambda: "standing by" in second.get("/readyz").text, "a standby", 60)
            assert second.get("/healthz").status_code == 200
            working(first, 800)  # that somebody has joined does not disturb it
            assert first.get("/readyz").text == "ready\n"
            first.kill()
            killed = time.monotonic()
            second.wait_until_ready()
            assert time.monotonic() - killed < 6.0 + 5.0
            finished(second, expected)
            assert second.signal(signal.SIGTERM) == 0, second.log
    assert "warning" not in first.log + second.log
    assert scored(stage, expected) == expected


def test_who_has_slept_through_its_replacement_writes_nothing(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 2_000)
    with stage.service(command=NEVER) as first:
        working(first, 200)
        with stage.service() as second:
            first.send(signal.SIGSTOP)
            finished(second, expected)
            first.send(signal.SIGCONT)
            assert first.wait() == 3, first.log
            said = f"streamgauge: another worker of group {stage.config.stem} has taken over"
            assert first.log.splitlines()[-1] == said
            assert second.get("/readyz").status_code == 200
            assert second.signal(signal.SIGTERM) == 0, second.log
    assert scored(stage, expected) == expected


def test_a_broker_that_dies_and_comes_back(tmp_path: Path) -> None:
    with Broker(extra={"log.retention.ms": "-1"}) as broker:
        stage = Stage(broker.bootstrap, tmp_path, PARTITIONS, settings=PATIENT)
        expected = fill(stage, 2_000)
        with stage.service(command=NEVER) as service:
            for events in (300, 1_200):
                working(service, events)
                broker.kill()
                time.sleep(1.0)
                broker.start()
            finished(service, expected)
            assert service.signal(signal.SIGTERM) == 0, service.log
        assert scored(stage, expected) == expected
        assert "Traceback" not in service.log


def test_a_stop_without_a_broker_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    with Broker(extra={"log.retention.ms": "-1"}) as broker:
        stage = Stage(broker.bootstrap, tmp_path, PARTITIONS, settings=PATIENT)
        expected = fill(stage, 1_500)
        with stage.service(command=NEVER) as service:
            working(service, 300)
            broker.kill()
            time.sleep(1.0)
            told = time.monotonic()
            assert service.signal(signal.SIGTERM) == 1
            assert time.monotonic() - told < 20.0 + 10.0
            assert "what came after the last commit will be done again" in service.log
            assert "Traceback" not in service.log
        broker.start()
        finish(stage, expected)
        assert scored(stage, expected) == expected


def test_a_second_signal_loses_nothing(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 2_000)
    for events in (100, 600):
        with stage.service(command=NEVER) as service:
            working(service, events)
            service.send(signal.SIGTERM)
            time.sleep(0.02)
            assert service.signal(signal.SIGTERM) == 0, service.log
            assert "all" not in service.log.splitlines()[-1]
    finish(stage, expected)
    assert scored(stage, expected) == expected


def test_a_lost_folder_is_said_and_the_journal_is_enough(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 2_000)
    folder = tmp_path / f"snapshots-{stage.config.stem}"
    with stage.service("--set", "snapshot.trim_journal=false", command=NEVER) as service:
        working(service, 200)
        shutil.rmtree(folder)
        working(service, 1_500)
        service.kill()
        assert f"no snapshot: {folder}" in service.log
    assert scored(stage, expected[:1_400])[:1_400] == expected[:1_400]
    service = finish(stage, expected)
    assert "no snapshot, then" in service.log
    assert scored(stage, expected) == expected


def test_where_the_way_back_is_cut_one_line_says_so(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, settings=PATIENT)
    expected = fill(stage, 300)
    finish(stage, expected)

    def refused(*sets: str) -> str:
        done = streamgauge("run", str(stage.config), "--set", "http.port=0", *sets)
        assert done.returncode == 1, done
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1]

    assert "of another config: model.l2" in refused("--set", "model.l2=0.5")
    elsewhere = tmp_path / "elsewhere"
    said = refused("--set", f"snapshot.url={elsewhere}")
    gone = f"streamgauge: {stage.topics['journal']}: its first entries are gone"
    assert said.startswith(gone)
    assert said.endswith("or begin anew with --fresh")
    (tmp_path / "file").write_text("")
    said = refused("--set", f"snapshot.url={tmp_path}/file")
    assert said == f"streamgauge: {tmp_path}/file: File exists"
    with stage.service("--fresh", "--set", "model.l2=0.5") as service:
        service.wait_until_ready()
        assert service.state()["events"] == 0
        assert service.signal(signal.SIGTERM) == 0
