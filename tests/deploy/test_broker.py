"""The local broker, with a real Java and a real Kafka; it must never leave anything running."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaTimeoutError

from deploy.kafka import broker as module
from deploy.kafka.broker import Broker, BrokerUnavailable, fetch

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[2]

# What a Maven of ours does, in sh: its last argument is -DoutputDirectory=...
MAKE_JARS = 'for last; do :; done; /bin/mkdir "${last#*=}"; echo > "${last#*=}/kafka.jar"'


def running_in(folder: Path) -> list[int]:
    """Ids of the processes that work in a folder; a broker works in its data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    left = running_in(tmp_path)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert left == []
    assert list(tmp_path.glob("streamgauge-kafka-*")) == []


@pytest.fixture(scope="module")
def kafka() -> None:
    """Java and the jars are here; otherwise the test is skipped, and in CI it fails."""
    try:
        module._find_java()
        fetch()
    except BrokerUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


def create_topic(broker: Broker, topic: str) -> None:
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])


def produce(broker: Broker, topic: str, value: bytes) -> None:
    """Return once the broker has acknowledged the record."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, max_block_ms=2_000)
    with contextlib.closing(producer):
        producer.send(topic, value).get(timeout=10)


def consume(broker: Broker, topic: str, count: int) -> list[bytes | None]:
    """What the topic holds, once it holds that many records."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id="readers",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=1_000,
        heartbeat_interval_ms=300,
    )
    found: list[bytes | None] = []

    def enough() -> bool:
        # Not less: a join that outlasts a poll may hang (see `Membership`).
        for records in consumer.poll(timeout_ms=5_000).values():
            found.extend(record.value for record in records)
        return len(found) >= count

    with contextlib.closing(consumer):
        assert eventually(enough)
    return found


def test_serves_on_loopback_and_leaves_nothing(kafka: None) -> None:
    with Broker() as broker:
        assert broker.pid is not None
        create_topic(broker, "rivers")
        produce(broker, "rivers", b"Elbe")
        assert consume(broker, "rivers", 1) == [b"Elbe"]
        with pytest.raises(KafkaTimeoutError):
            produce(broker, "misspelt", b"lost")
        for port in broker._ports.values():
            with pytest.raises(ConnectionRefusedError):  # it would accept if bound to 0.0.0.0
                socket.create_connection(("127.0.0.2", port))
        with pytest.raises(RuntimeError, match="running already"):
            broker.start()
    assert broker.pid is None
    broker.stop()  # again does no harm


def test_killed_and_started_again_it_has_every_acknowledged_record(
    kafka: None, tmp_path: Path
) -> None:
    with Broker(tmp_path / "data") as broker:
        address, first = broker.bootstrap, broker.pid
        create_topic(broker, "rivers")
        produce(broker, "rivers", b"Elbe")
        broker.kill()
        assert broker.pid is None
        assert running_in(tmp_path) == []
        broker.start()
        assert broker.bootstrap == address
        assert broker.pid != first
        assert consume(broker, "rivers", 1) == [b"Elbe"]
        produce(broker, "rivers", b"Oder")
    # The folder was given, so it stays, and serves another broker on other ports.
    with Broker(tmp_path / "data") as broker:
        assert consume(broker, "rivers", 2) == [b"Elbe", b"Oder"]


def test_outlives_the_thread_that_started_it(kafka: None) -> None:
    broker = Broker(extra={"auto.create.topics.enable": "true"})
    starter = threading.Thread(target=broker.start)
    starter.start()
    starter.join()
    try:
        time.sleep(0.2)
        produce(broker, "made-by-the-extra-setting", b"Elbe")
    finally:
        broker.stop()


def test_dies_with_a_parent_that_is_killed(kafka: None, tmp_path: Path) -> None:
    code = """
import pathlib, sys, time
from deploy.kafka.broker import Broker
with Broker(pathlib.Path(sys.argv[1])):
    print("started", flush=True)
    time.sleep(99)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "started\n"
            assert running_in(tmp_path) != []
        finally:
            parent.kill()
    assert eventually(lambda: running_in(tmp_path) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_foreground_stops_in_good_order(
    number: signal.Signals, kafka: None, tmp_path: Path
) -> None:
    port = module._free_port()
    command = [sys.executable, "-m", "deploy.kafka.broker", f"--port={port}", f"--data={tmp_path}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as foreground:
        try:
            assert foreground.stdout is not None
            assert f"127.0.0.1:{port}" in foreground.stdout.readline()
            os.killpg(foreground.pid, number)  # the whole group, as the terminal's Ctrl-C does
            assert foreground.wait(20) == 0
        finally:
            foreground.kill()
    assert running_in(tmp_path) == []
    assert (tmp_path / "logs" / ".kafka_cleanshutdown").exists()


def test_foreground_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "kafka" / "broker.py"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Java 17 or later not found: Kafka runs on it\n"


def test_a_failed_start_shows_the_log_and_leaves_nothing(kafka: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", module._free_port()))
        taken.listen()
        with pytest.raises(RuntimeError, match=r"(?s)log ends:\n.*Address already in use"):
            Broker(port=taken.getsockname()[1]).start()


def test_a_start_past_the_deadline_leaves_nothing(
    kafka: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    with pytest.raises(RuntimeError, match="did not start"):
        Broker().start()


def program(folder: Path, name: str, script: str) -> None:
    """Put a program of ours in a folder for $PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on $PATH, and it is empty; the cache is empty too."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("STREAMGAUGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "bin"


def test_without_java(only: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"^Java 17 or later not found: [^\n]+$"):
        Broker().start()


@pytest.mark.parametrize("says", ["echo 'openjdk version \"1.8.0_402\"' >&2", "exit 1"])
def test_with_a_java_too_old_or_broken(says: str, only: Path) -> None:
    program(only, "java", says)
    with pytest.raises(BrokerUnavailable, match=r"^Java 17 or later not found: [^\n]+$"):
        Broker().start()


def test_without_maven(only: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"^Maven \(mvn\) not found[^\n]+$"):
        fetch()


def test_a_failed_download_says_why_and_leaves_no_half_of_it(only: Path, tmp_path: Path) -> None:
    errors = "\033[0m[ERROR] no route to the registry\n[ERROR] Re-run Maven with -X"
    program(only, "mvn", f"{MAKE_JARS}\necho '{errors}'\nexit 1")
    with pytest.raises(BrokerUnavailable, match=r"^[^\n]+: no route to the registry$"):
        fetch()
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_two_processes_at_once_download_once(only: Path, tmp_path: Path) -> None:
    program(only, "mvn", f"echo download >> {tmp_path}/downloads\n/bin/sleep 0.5\n{MAKE_JARS}")
    code = "from deploy.kafka.broker import fetch; print(fetch())"
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    shown = [process.communicate()[0].strip() for process in both]
    jars = fetch()  # and a third time, when it is there
    assert shown == [str(jars), str(jars)]
    assert (tmp_path / "downloads").read_text() == "download\n"
    assert [jar.name for jar in jars.iterdir()] == ["kafka.jar"]
