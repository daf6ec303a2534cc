"""The order in which partitions are read, against the real broker."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from stream import config
from stream.events import Record
from stream.sources.kafka import KafkaSource
from tests.live.service import Stage

pytestmark = pytest.mark.kafka

NOW = 1_764_000_000_000


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
    kafka_settings = msgspec.structs.replace(config.load(stage.config).kafka, max_poll_records=size)
    source = KafkaSource(kafka_settings, [stage.topics["events"], stage.topics["labels"]])
    found = drain(source, 4_500)
    assert source.poll(0.2) == []
    expected = sorted(found, key=lambda r: (r.timestamp, r.topic, r.partition, r.offset))
    assert len(found) == 4_500
    assert found == expected
    assert sum(source.lag().values()) == 0
    source.close()


def test_only_what_was_given_is_committed(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path)
    stage.produce("events", [(b"%d" % n, 0, NOW + n) for n in range(100)])
    kafka_settings = msgspec.structs.replace(config.load(stage.config).kafka, max_poll_records=30)
    topics = [stage.topics["events"], stage.topics["labels"]]
    source = KafkaSource(kafka_settings, topics)
    given = drain(source, 1)
    source.commit()
    assert stage.committed("events") == [len(given)]
    assert source.lag()[stage.topics["events"], 0] == 100 - len(given)
    source.close()
    source = KafkaSource(kafka_settings, topics)
    assert [r.value for r in drain(source, 100 - len(given))] == [
        b"%d" % n for n in range(len(given), 100)
    ]
    source.close()


def test_a_quiet_partition_does_not_hold_the_others_back(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, partitions=2)
    stage.produce("events", [(b"x", 0, NOW + n) for n in range(10)])
    source = KafkaSource(config.load(stage.config).kafka, [stage.topics["events"]])
    assert len(drain(source, 10)) == 10
    stage.produce("events", [(b"x", 0, NOW + n) for n in range(10)])
    start = time.monotonic()
    assert len(drain(source, 10)) == 10
    assert time.monotonic() - start < 3.0
    source.close()
