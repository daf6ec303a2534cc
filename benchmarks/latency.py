"""`make bench`: how long a score takes, from its event's append to its own, by the broker's clock.

Events come at half the rate that the service can keep up with, exactly once. A reader with
`read_committed` sees a score only once its transaction is committed: that time is beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import confluent_kafka
import numpy as np
from confluent_kafka import Consumer, Producer
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from rich.console import Console
from rich.table import Table

from benchmarks.kafka_path import Track
from benchmarks.machine import processor
from benchmarks.row import Row, versions
from deploy.kafka.broker import Broker
from stream.commands.progress import bar
from stream.generate import Stream, transactions
from tests.live.service import Stage, eventually

WARM_UP = 3.0  # seconds of events that are not counted: what is met for the first time is slower
TICK = 0.002  # seconds between two appends
WANTED_P50, WANTED_P99 = 15.0, 60.0


class Times(NamedTuple):
    """Milliseconds until a score is appended, and until one can read it."""

    p50: float
    p99: float
    seen_p50: float
    seen_p99: float


class Settings(NamedTuple):
    """What is tried; values as in `[kafka]`."""

    client: str = "kafka-python"
    linger: str = "1ms"
    commit_interval: str = "1s"
    max_poll_records: int = 10_000
    half: float = 0.5  # of the greatest rate

    @property
    def name(self) -> str:
        """What is not as it is by default."""
        pairs = zip(self._fields, self, self._field_defaults.values(), strict=True)
        return ", ".join(f"{key} = {value}" for key, value, usual in pairs if value != usual)


TRIALS = [
    Settings(), Settings(linger="0ms"), Settings(linger="5ms"), Settings(linger="20ms"),
    Settings(commit_interval="100ms"), Settings(commit_interval="200ms"),
    Settings(commit_interval="5s"), Settings(max_poll_records=500), Settings(half=0.25),
    Settings(client="librdkafka"), Settings(client="librdkafka", half=0.25),
]  # fmt: skip


class Watch(threading.Thread):
    """Reads what is committed, and notes when; by librdkafka, to take little of the cores."""

    def __init__(self, kafka: str, topic: str) -> None:
        super().__init__(daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka, "group.id": "watch", "enable.auto.commit": False,
                "isolation.level": "read_committed", "fetch.wait.max.ms": 20,
            }
        )  # fmt: skip
        self._consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        self.appended: dict[bytes, int] = {}
        self.seen: dict[bytes, float] = {}
        self.done = False

    def run(self) -> None:
        """Read until told that it is enough."""
        while not self.done:
            records = self._consumer.consume(10_000, 0.02)
            now = time.time() * 1_000
            for r in records:
                key = r.key() or b""
                self.appended[key] = r.timestamp()[1]
                self.seen[key] = now
        self._consumer.close()


def measured(kafka: str, folder: Path, settings: Settings, rate: float, seconds: float) -> Times:
    """Let events come at a rate, and measure."""
    others = ("labels", "alerts", "dead_letters", "drifts", "journal")
    stage = Stage(kafka, folder, 3, create=others)
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    stamped = {"message.timestamp.type": "LogAppendTime"}
    topics = [stage.topics[use] for use in ("events", "scores")]
    sizes = [3, 1]
    admin.create_topics(
        [
            NewTopic(topic, size, 1, topic_configs=stamped)
            for topic, size in zip(topics, sizes, strict=True)
        ]
    )
    admin.wait_for_topics(topics)
    admin.close()
    count = int(rate * (seconds + WARM_UP))
    events = [
        (str(event["id"]).encode(), json.dumps({k: v for k, v in event.items() if k != "label"}))
        for event in transactions(Stream(events=count, seed=5))
    ]
    sets = ["--set", "snapshot.url="]
    for key in ("client", "linger", "commit_interval", "max_poll_records"):
        sets += ["--set", f"kafka.{key}={getattr(settings, key)}"]
    with stage.service(*sets) as service:
        service.wait_until_ready()
        watch = Watch(kafka, stage.topics["scores"])
        watch.start()
        _produce(kafka, stage.topics["events"], events, rate)
        eventually(lambda: len(watch.seen) == count, "all scored", 60)
        watch.done = True
        watch.join()
    came = {r.key: r.timestamp for r in stage.read("events", count)}
    later = [key for key, _ in events[int(rate * WARM_UP) :]]
    took = np.array([watch.appended[key] - came[key] for key in later], np.float64)
    seen = np.array([watch.seen[key] - came[key] for key in later], np.float64)
    return Times(*np.percentile(took, [50, 99]), *np.percentile(seen, [50, 99]))


def _produce(kafka: str, topic: str, events: list[tuple[bytes, str]], rate: float) -> None:
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "acks": 1})
    start, sent = time.monotonic(), 0
    while sent < len(events):
        due = min(len(events), int((time.monotonic() - start) * rate))
        for number in range(sent, due):
            key, value = events[number]
            producer.produce(topic, value, key, number % 3)
        producer.poll(0)
        sent = due
        time.sleep(TICK)
    producer.flush()


def trials(events: int, seconds: float) -> Iterator[tuple[Settings, float, Times]]:
    """Settings, the rate, and what was measured."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka", extra={"log.retention.ms": "-1"})
        broker.start()
        try:
            with bar("latency", len(TRIALS)) as (progress, task):
                track = Track(broker.bootstrap, folder, events)
                most = {s.client: 0.0 for s in TRIALS}
                most = {client: track.ours(client) for client in most}
                for settings in TRIALS:
                    rate = settings.half * most[settings.client]
                    times = measured(broker.bootstrap, folder, settings, rate, seconds)
                    yield settings, rate, times
                    progress.advance(task)
        finally:
            broker.stop()


def rows(events: int = 40_000, seconds: float = 10.0) -> Iterator[Row]:
    """The rows of `make bench`: what is wanted of the settings as they are by default."""
    _, _, times = next(trials(events, seconds))
    for p, wanted, found in ((50, WANTED_P50, times.p50), (99, WANTED_P99, times.p99)):
        yield Row(
            name=f"event's append to score's append, p{p}, exactly once, at half the rate",
            peer="what is wanted", versions=versions("kafka-python"), ours=found, theirs=wanted,
            unit="ms", wanted=1.0, at_most=True,
        )  # fmt: skip


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=40_000, help="to find the rate by")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each trial")
    arguments = parser.parse_args()
    table = Table(
        title="milliseconds from an event's append",
        caption=f"broker, service, writer and reader on the same cores; {processor()}",
    )
    for column in ("settings", "events/s", "appended p50", "p99", "readable p50", "p99"):
        table.add_column(column)
    for settings, rate, times in trials(arguments.events, arguments.seconds):
        table.add_row(settings.name or "as they are", f"{rate:,.0f}", *(f"{t:,.0f}" for t in times))
        print(settings.name, f"{rate:,.0f}", *times, file=sys.stderr)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
