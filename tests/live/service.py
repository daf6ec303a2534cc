"""Streamgauge as its users have it: a process, a broker, topics and an HTTP port."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

USES = ("events", "labels", "scores", "alerts", "dead_letters", "drifts", "journal", "models")
COMMAND = [sys.executable, "-m", "stream.cli"]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until something holds, and fail with `what` if it does not."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


class Stage:
    """Topics and a config of their own on a broker.

    Parameters
    ----------
    kafka
        The broker's address.
    folder
        Where the config goes.
    partitions
        Of the events topic, or of those in `spread`.
    create
        Which topics are made.
    sections
        Further ones of the config, by kind of events; the first line names the kind.
    settings
        Further keys of `[kafka]`.
    spread
        Which topics have more than one partition.
    """

    def __init__(
        self,
        kafka: str,
        folder: Path,
        partitions: int = 1,
        create: Sequence[str] = USES,
        sections: str = 'kind = "transactions"\n[features]\nmax_keys = 10000\n',
        settings: str = "",
        spread: Sequence[str] = ("events",),
    ) -> None:
        self.kafka = kafka
        prefix = uuid.uuid4().hex[:8]
        self.topics = {use: f"{prefix}-{use}" for use in USES}
        self.partitions = {use: partitions if use in spread else 1 for use in USES}
        self.create(create)
        self.config = folder / f"{prefix}.toml"
        topics = "\n".join(f'{use} = "{topic}"' for use, topic in self.topics.items())
        self.config.write_text(
            f'{sections}[kafka]\nbootstrap = "{kafka}"\ngroup = "{prefix}"\n'
            f'commit_interval = "200ms"\nsession_timeout = "6s"\n{settings}'
            f"[kafka.topics]\n{topics}\n"
            "[labels]\nmax_waiting = 50000\n[alerts]\nbudget = 0.02\nwarm_up = 500\n"
            f"[http]\nport = 0\n[snapshot]\nurl = '{folder}/snapshots-{prefix}'\nevery = '1s'\n"
        )

    def create(self, uses: Sequence[str]) -> None:
        """Make topics of the stage."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        admin.create_topics([NewTopic(self.topics[use], self.partitions[use], 1) for use in uses])
        admin.wait_for_topics([self.topics[use] for use in uses])
        admin.close()

    def produce(self, use: str, records: Sequence[tuple[bytes, int, int]]) -> None:
        """Append (value, partition, timestamp in ms), each acknowledged."""
        producer = KafkaProducer(bootstrap_servers=self.kafka, linger_ms=20)
        for value, partition, timestamp in records:
            producer.send(self.topics[use], value, partition=partition, timestamp_ms=timestamp)
        producer.flush()
        producer.close()

    def read(self, use: str, count: int, seconds: float = 60.0) -> list[Any]:
        """The topic's committed records from its beginning, at least `count` of them."""
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, isolation_level="read_committed")
        parts = [TopicPartition(self.topics[use], p) for p in range(self.partitions[use])]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        found: list[Any] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            for records in consumer.poll(200).values():
                found += records
        for records in consumer.poll(300).values():  # what should not be there
            found += records
        consumer.close()
        assert len(found) >= count, f"{len(found)} records in {use}, expected {count}"
        return found

    def committed(self, use: str) -> list[int | None]:
        """Committed offset of each partition of a topic."""
        group = self.config.stem
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, group_id=group)
        topic = self.topics[use]
        offsets = [
            consumer.committed(TopicPartition(topic, p)) for p in range(self.partitions[use])
        ]
        consumer.close()
        return offsets

    @contextmanager
    def service(self, *arguments: str, command: Sequence[str] = COMMAND) -> Iterator[Service]:
        """A running service; it is killed at the end if it is not ended before."""
        service = Service([*command, "run", str(self.config), *arguments])
        try:
            yield service
        except AssertionError as error:
            service.kill()
            error.add_note(f"the log of {self.config.stem}:\n{service.log}")
            raise
        finally:
            service.kill()


class Service:
    """A `streamgauge run` process."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.log = ""
        assert self._process.stderr is not None
        while "live page" not in self.log:
            line = self._process.stderr.readline()
            assert line, f"ended at once: {self.log}"
            self.log += line
        page = re.search(r"live page (http://\S+),", self.log)
        assert page
        self.url = page[1]

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def get(self, path: str) -> httpx.Response:
        """What the service answers."""
        return httpx.get(self.url + path, timeout=30, trust_env=False)

    def state(self) -> dict[str, Any]:
        """Figures of the live page."""
        return dict(self.get("/api/state").json())

    def has_read_all(self) -> bool:
        """Whether nothing waits behind the last poll; before the first, nobody knows."""
        lag = self.state()["lag"]
        return bool(lag) and not sum(lag.values())

    def wait_until_ready(self) -> None:
        """Return once /readyz says so."""
        eventually(lambda: self.get("/readyz").status_code == 200, "ready", 120)

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def signal(self, number: int) -> int:
        """Send a signal and wait; gives the exit status."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it ends; gives the exit status."""
        _, rest = self._process.communicate(timeout=60)
        self.log += rest
        return self._process.returncode

    def kill(self) -> None:
        """End it whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self.log += self._process.communicate()[1]


def streamgauge(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=150, check=False
    )
