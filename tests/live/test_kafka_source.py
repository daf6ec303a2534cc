"""The order in which partitions are read, against the real broker."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from stream import config
from stream.errors import RecoveryError
from stream.events import Record
from stream.inlets import kafka_python, librdkafka
from stream.journal import Order, Partition, Run
from stream.sources.kafka import KafkaSource
from tests.live.service import Stage

pytestmark = pytest.mark.kafka

NOW = 1_764_000_000_000


@pytest.fixture(params=["kafka-python", "librdkafka"], autouse=True)
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test with each of the two."""
    monkeypatch.setenv("CLIENT", request.param)
    return str(request.param)


def opened(stage: Stage, size: int, offsets: Mapping[Partition, int] | None = None) -> KafkaSource:
    """A source that starts at offsets, by default at the beginning."""
    named = {"kafka.max_poll_records": size, "kafka.client": os.environ["CLIENT"]}
    kafka = config.load(stage.config, named).kafka
    source = KafkaSource(kafka, [stage.topics["events"], stage.topics["labels"]])
    source.start(dict.fromkeys(source.partitions, 0) if offsets is None else offsets)
    return source


def drain(source: KafkaSource, count: int, seconds: float = 30.0) -> list[Record]:
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += source.poll(0.2)
    return found


@pytest.mark.parametrize("size", [7, 1_000])
def test_partitions_are_merged_by_timestamp(kafka: str, tmp_path: Path, size: int) -> None:
    stage = Stage(kafka, tmp_path, partitions=3)
    # Partition 2 lies far ahead of the others, and two records share a timestamp.
    events = [(f"{p}-{n}".encode(), p, NOW + 10 * n + p) for p in range(2) for n in range(500)]
    events += [(f"2-{n}".encode(), 2, NOW + 4_000 + n) for n in range(3_000)]
    stage.produce("events", sorted(events, key=lambda event: event[2]))
    stage.produce("labels", [(b"label", 0, NOW + 10 * n) for n in range(500)])
    source = opened(stage, size)
    found = drain(source, 4_500)
    assert source.poll(0.2) == []
    expected = sorted(found, key=lambda r: (r.timestamp, r.topic, r.partition, r.offset))
    assert len(found) == 4_500
    assert found == expected
    assert sum(source.lag().values()) == 0
    source.close()


def test_a_partition_rests_late_and_for_long(kafka: str, tmp_path: Path, client: str) -> None:
    """A fetch of the others alone may be kept by the broker, while this one would have more."""
    stage = Stage(kafka, tmp_path)
    at = (stage.topics["events"], 0)
    of: Any = opened(stage, 100, {at: 0})._inlet
    rest = librdkafka.REST if client == "librdkafka" else kafka_python.REST
    for held, rests in [(100 * rest - 1, False), (100 * rest, True), (100, True), (99, False)]:
        of.fetch(0.0, {at: held})
        resting = of._resting if client == "librdkafka" else of._consumer.paused()
        assert (at in resting) == rests, held
    of.close()


def test_it_begins_where_it_is_told_and_says_where_to_go_on(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    stage.produce("events", [(b"%d" % n, 0, NOW + n) for n in range(100)])
    events = (stage.topics["events"], 0)
    source = opened(stage, 30, {events: 20})
    given = drain(source, 1)
    assert given[0].offset == 20
    assert source.offsets[events] == given[-1].offset + 1
    assert source.lag()[events] == 99 - given[-1].offset
    source.close()
    source = opened(stage, 30, source.offsets)
    assert drain(source, 1)[0].offset == given[-1].offset + 1
    source.close()


def test_a_journal_s_order_is_followed_whatever_the_timestamps(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, partitions=3)
    draw = random.Random(3)
    at = [0, 0, 0]
    order = Order()
    expected: list[tuple[int, int]] = []
    while len(expected) < 2_000:
        partition, length = draw.randrange(3), draw.randint(1, 40)
        for offset in range(at[partition], at[partition] + length):
            expected.append((partition, offset))
            order.add([Record(b"", stage.topics["events"], partition, offset, 0)])
        at[partition] += length
    stage.produce("events", [(b"x", p, NOW) for p in range(3) for _ in range(at[p] + 100)])
    source = opened(stage, 70, {})
    entry = order.entry(0, "", 0, 0)
    found = [record for records in source.follow(entry.runs) for record in records]
    assert [(record.partition, record.offset) for record in found] == expected
    source.start({at: 0 for at in source.partitions if at not in source.offsets})
    rest = drain(source, 300)
    assert sorted((r.partition, r.offset) for r in rest) == [
        (p, at[p] + n) for p in range(3) for n in range(100)
    ]
    source.close()


def test_records_that_are_gone_are_missed_when_a_journal_needs_them(
    kafka: str, tmp_path: Path
) -> None:
    stage = Stage(kafka, tmp_path)
    topic = stage.topics["events"]
    stage.produce("events", [(b"x", 0, NOW) for _ in range(50)])
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records({TopicPartition(topic, 0): 20})
    admin.close()
    source = opened(stage, 70, {})
    missing = f"records of {topic}-0 from offset 10 on are gone: the first that is left there is 20"
    with pytest.raises(RecoveryError, match=missing):
        list(source.follow([Run(topic, 0, 10, 30)]))
    source.close()


def test_a_quiet_partition_does_not_hold_the_others_back(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, partitions=2)
    stage.produce("events", [(b"x", 0, NOW + n) for n in range(10)])
    source = opened(stage, 1_000)
    assert len(drain(source, 10)) == 10
    stage.produce("events", [(b"x", 0, NOW + n) for n in range(10)])
    start = time.monotonic()
    assert len(drain(source, 10)) == 10
    assert time.monotonic() - start < 3.0
    source.close()
