"""Snapshots in a topic of a real broker: whole under their names, or not there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from typer.testing import CliRunner

from stream.checkpoint import Checkpoints, load, names
from stream.cli import app
from stream.config import Kafka
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.folders import folder
from stream.folders.topic import PART, TopicFolder
from stream.snapshot_header import Header

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

LARGE = 3 * PART // 16  # numbers: some more parts than one


@pytest.fixture
def topic(kafka: str) -> Iterator[str]:
    name = f"{uuid.uuid4().hex[:8]}-snapshots"
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.create_topics([NewTopic(name, 2, 1, topic_configs={"cleanup.policy": "compact"})])
    admin.wait_for_topics([name])
    yield name
    admin.close()


def where(kafka: str) -> Kafka:
    return Kafka(bootstrap=kafka)


def save(to: Checkpoints, n: int) -> str:
    state = {"n": n, "array": np.random.default_rng(n).normal(size=LARGE)}
    return to.save(lambda: state, Header.of([], {}, {})).result(60)


def live_keys(kafka: str, topic: str) -> set[bytes]:
    """Keys that compaction would leave."""
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    at = TopicPartition(topic, 1)
    consumer.assign([at])
    consumer.seek_to_beginning(at)
    end, live = consumer.end_offsets([at])[at], {}
    while (consumer.position(at) or 0) < end:
        for record in consumer.poll(500).get(at, ()):
            live[record.key or b""] = record.value
    consumer.close()
    return {key for key, value in live.items() if value is not None}


def test_comes_back_and_keeps_so_many(kafka: str, topic: str) -> None:
    url = f"kafka://{topic}/partition-1"
    to = Checkpoints(url, keep=2, kafka=where(kafka))
    for n in range(3):
        save(to, n)
    found = list(Checkpoints(url, kafka=where(kafka)).newest())
    assert [one.state["n"] for one in found] == [2, 1]
    expected = np.random.default_rng(2).normal(size=LARGE)
    assert np.array_equal(found[0].state["array"], expected)
    assert [header.sequence for header in to.headers()] == [3, 2]
    assert load(f"{url}/snapshot-0000000002", where(kafka)).state["n"] == 1
    other = f"kafka://{topic}/partition-4"  # in the topic's first partition, for want of a fifth
    save(Checkpoints(other, kafka=where(kafka)), 0)
    at = "--set", f"kafka.bootstrap={kafka}"
    call = CliRunner().invoke
    listed = call(app, ["snapshot", "ls", f"kafka://{topic}", *at]).stdout
    assert [line.split()[1] for line in listed.splitlines() if "snapshot-" in line] == [
        f"partition-{place}" for place in ("1/snapshot-0000000003", "1/snapshot-0000000002",
                                           "4/snapshot-0000000001")
    ]  # fmt: skip
    assert listed.count("its head is good") == 3
    verified = call(app, ["snapshot", "verify", f"{url}/snapshot-0000000003", *at])
    assert verified.stdout.startswith("snapshot-0000000003: good, ")
    parts = {key for key in live_keys(kafka, topic) if key.count(b"/") > 1}
    assert len(parts) == sum(folder_about(url, name, kafka) for name in names(to._folder))
    with pytest.raises(SnapshotError, match="No such file"):
        load(f"{url}/snapshot-0000000001", where(kafka))


def folder_about(url: str, name: str, kafka: str) -> int:
    """How many parts a file has."""
    with folder(url, where(kafka)).open(name) as file:
        return -(-len(file.read()) // PART)


def test_what_was_cut_short_has_no_name_and_is_cleared_away(
    kafka: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"kafka://{topic}/partition-1"
    to = Checkpoints(url, kafka=where(kafka))
    save(to, 1)
    before = live_keys(kafka, topic)
    write = TopicFolder._write
    calls = count()

    def dies_before_the_name(folder: TopicFolder, records: Any) -> int:
        if next(calls):
            raise SnapshotError("the broker is away")
        return write(folder, records)

    with monkeypatch.context() as patch:
        patch.setattr(TopicFolder, "_write", dies_before_the_name)
        with pytest.raises(SnapshotError, match="away"):
            save(to, 2)
    assert live_keys(kafka, topic) > before
    again = Checkpoints(url, kafka=where(kafka))
    assert live_keys(kafka, topic) == before
    assert [one.state["n"] for one in again.newest()] == [1]


def test_a_snapshot_whose_parts_are_gone_is_torn(kafka: str, topic: str) -> None:
    url = f"kafka://{topic}/partition-1"
    save(Checkpoints(url, kafka=where(kafka)), 1)
    producer = KafkaProducer(bootstrap_servers=kafka)
    named = b'{"upload":"gone","count":2,"first":0,"size":1000000}'
    producer.send(topic, named, b"partition-1/snapshot-0000000002", partition=1).get(10)
    producer.close()
    with pytest.raises(SnapshotDamagedError, match="torn: a part of it is gone"):
        load(f"{url}/snapshot-0000000002", where(kafka))
    assert load(url, where(kafka)).state["n"] == 1


def test_a_topic_that_is_not_there(kafka: str) -> None:
    with pytest.raises(SnapshotError, match="has no topic nowhere: create it there"):
        Checkpoints("kafka://nowhere", kafka=where(kafka))
    with pytest.raises(SnapshotError, match="takes a config"):
        folder("kafka://nowhere")
