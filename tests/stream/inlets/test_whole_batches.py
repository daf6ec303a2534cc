"""kafka-python's consumer with whole batches, against itself with records one by one."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c

from stream.events import Record
from stream.inlets import whole_batches
from stream.inlets.whole_batches import WholePart, read_whole_batches, taken_apart

AT = TopicPartition("t", 2)
CONTROL, APPEND_TIME = 0x20, 0x08


def batch(offset: int, count: int, producer: int = -1, flags: int = 0, **more: Any) -> bytes:
    """A batch at an offset; `flags` go into its attributes."""
    builder = MemoryRecordsBuilder(2, more.get("compression", 0), 10**6)
    for n in range(count):
        key = struct.pack(">hh", 0, 0) if flags & CONTROL else b"k"  # 0: aborted
        builder.append(1_000 + n, key, b"%d" % (offset + n) * 9, [])
    builder.set_producer_state(producer, 0 if producer >= 0 else -1, 0, producer >= 0)
    builder.close()
    data = bytearray(builder.buffer())
    struct.pack_into(">q", data, 0, offset)
    (attributes,) = struct.unpack_from(">h", data, 21)
    struct.pack_into(">h", data, 21, attributes | flags)
    struct.pack_into(">I", data, 17, calc_crc32c(memoryview(data)[21:]))
    return bytes(data)


def taken(part: Any, data: bytes, first: int = 0) -> tuple[list[Record], int, int]:
    aborted = [SimpleNamespace(producer_id=7, first_offset=3)]
    level = IsolationLevel.READ_COMMITTED
    records = part(
        first, AT, MemoryRecords(data), isolation_level=level, aborted_transactions=aborted
    )
    return taken_apart(AT, records.take()), records.next_fetch_offset, records.leader_epoch


@pytest.mark.parametrize("first", [0, 1, 11, 13])
def test_the_same_records_and_offsets(first: int) -> None:
    """Aborted ones are left out, and marks; a fetch may begin amid a batch."""
    data = b"".join(
        [
            batch(0, 3),
            batch(3, 2, producer=7),
            batch(5, 2, producer=8, compression=1),
            batch(7, 1, producer=7, flags=CONTROL),
            batch(8, 1, producer=7),
            batch(9, 5, flags=APPEND_TIME),
            batch(14, 1, producer=8, flags=CONTROL),
        ]
    )
    ours, theirs = (taken(part, data, first) for part in (WholePart, Fetcher.PartitionRecords))
    assert ours == theirs
    assert ours[1] == 15
    assert {r.offset for r in ours[0]} == {0, 1, 2, 5, 6, *range(8, 14)} & set(range(first, 14))
    assert {r.timestamp for r in ours[0] if r.offset >= 9} == {1_004}


def test_what_is_torn_is_the_librarys_to_complain_of() -> None:
    data = bytearray(batch(0, 3))
    data[61] ^= 2  # a record's length
    with pytest.raises(Exception, match="failed crc check"):
        taken(WholePart, bytes(data))
    struct.pack_into(">I", data, 17, calc_crc32c(memoryview(data)[21:]))
    with pytest.raises(Exception, match="record"):
        taken(WholePart, bytes(data))


def consumer() -> KafkaConsumer:
    fetcher = SimpleNamespace(PartitionRecords=Fetcher.PartitionRecords)
    return cast(KafkaConsumer, SimpleNamespace(_fetcher=fetcher))


def test_this_kafka_python_is_as_we_know_it() -> None:
    """Where it fails, kafka-python has changed: read `stream.inlets.whole_batches` again."""
    changed = consumer()
    assert read_whole_batches(changed)
    assert cast(Any, changed)._fetcher.PartitionRecords is WholePart


def test_another_kafka_python_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(DefaultRecordBatch, "records_count", property(lambda _: 1))
    same = consumer()  # it finds no batch that is as it must be
    assert not read_whole_batches(same)
    assert cast(Any, same)._fetcher.PartitionRecords is Fetcher.PartitionRecords
    assert "it reads one by one" in caplog.text
    monkeypatch.undo()
    monkeypatch.delattr(DefaultRecordBatch, "_maybe_uncompress")
    assert not read_whole_batches(consumer())
    monkeypatch.undo()
    assert not read_whole_batches(cast(KafkaConsumer, SimpleNamespace()))
    assert whole_batches.read_whole_batches(consumer())
