"""Blocks in kafka-python's producer, without a broker; `tests.live.test_deliveries` has one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.outlets.blocks import blocks, extend
from stream.wire.writing import Texts, Writer

SIZE = 2_000


def producer() -> KafkaProducer:
    """The parts of one that blocks go through, and nobody who sends."""
    parts = SimpleNamespace(
        _accumulator=RecordAccumulator(batch_size=SIZE),
        _transaction_manager=None,
        _sender=SimpleNamespace(wakeup=lambda: None),
        partitions_for=lambda _: {0, 1, 2},
    )
    return cast(KafkaProducer, parts)


def test_all_arrive_in_order_in_batches_of_the_size() -> None:
    on = producer()
    through = blocks(on, SIZE)
    assert through
    keys = [b"%d" % n for n in range(500)] + [b"long"]
    values = [b"v" * (n % 90) for n in range(500)] + [b"x" * 3 * SIZE]
    futures = through.send("t", keys[:200], values[:200])
    futures += through.send("t", keys[200:], values[200:])
    found: dict[int, list[bytes]] = {}
    batches = cast(Any, on)._accumulator._batches
    for tp, queue in batches.items():
        for batch in queue:
            batch.records.close()
            data = batch.records.buffer()
            rows = list(DefaultRecordBatch(data))
            assert [r.offset for r in rows] == list(range(len(rows)))
            assert len(data) <= SIZE or len(rows) == 1
            found.setdefault(tp.partition, []).extend(r.key for r in rows)
    assert len(futures) >= sum(map(len, batches.values()))
    assert {tp.topic for tp in batches} == {"t"}
    assert sorted(key for some in found.values() for key in some) == sorted(keys)
    for some in found.values():
        assert some == sorted(some, key=keys.index)


def test_a_block_goes_behind_what_was_sent_alone() -> None:
    on = producer()
    through = blocks(on, SIZE)
    assert through
    accumulator = cast(Any, on)._accumulator
    tp = TopicPartition("t", 0)
    keys = [b"%d" % n for n in range(9)]
    accumulator.append(tp, 5, b"first", b"", [])
    through._append(tp, Writer(Texts(keys), Texts(keys), np.arange(9)))
    accumulator.append(tp, 5, b"last", b"", [])
    (batch,) = accumulator._batches[tp]
    batch.records.close()
    rows = list(DefaultRecordBatch(batch.records.buffer()))
    assert [r.key for r in rows] == [b"first", *keys, b"last"]
    assert [r.offset for r in rows] == list(range(11))


def test_a_batch_that_is_on_its_way_is_left_alone() -> None:
    builder = MemoryRecordsBuilder(2, 0, SIZE)
    builder.append(1, b"k", b"v", [])
    builder.close()
    writer = Writer(Texts([b"k"]), Texts([b"v"]), np.arange(1))
    assert extend(builder, writer, SIZE) == 0
    assert not writer.done


def test_this_kafka_python_is_as_we_know_it() -> None:
    """Where it fails, kafka-python has changed: read `stream.outlets.blocks` again."""
    assert blocks(producer(), SIZE)


def test_with_another_kafka_python_there_are_no_blocks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    append = MemoryRecordsBuilder.append

    def otherwise(self: Any, timestamp: int, *more: Any) -> Any:
        return append(self, timestamp + 1, *more)

    monkeypatch.setattr(MemoryRecordsBuilder, "append", otherwise)
    assert blocks(producer(), SIZE) is None
    monkeypatch.undo()
    monkeypatch.delattr(MemoryRecordsBuilder, "_next_offset")
    assert blocks(producer(), SIZE) is None
    monkeypatch.undo()
    assert blocks(cast(KafkaProducer, SimpleNamespace()), SIZE) is None
    assert "it sends one by one" in caplog.text
