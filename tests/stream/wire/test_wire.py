"""Kafka's records as we read and write them, against kafka-python's own code."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.wire.reading import Batch, records
from stream.wire.writing import OVERHEAD, Texts, Writer, partitions

HEADER = 61  # bytes of a batch before its records

texts = st.binary(max_size=200)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | texts), max_size=3)
rows = st.tuples(st.integers(-(2**40), 2**40), st.none() | texts, st.none() | texts, headers)


def written(messages: list[Any]) -> bytes:
    builder = MemoryRecordsBuilder(2, 0, 10**9)
    for time, key, value, more in messages:
        builder.append(time, key, value, more)
    builder.close()
    return bytes(builder.buffer())


@given(st.lists(rows, min_size=1, max_size=20), st.integers(0, 25))
def test_what_the_library_writes_is_read(messages: list[Any], first: int) -> None:
    data = written(messages)
    found = records(Batch(data, HEADER, len(messages), "t", 3, 10, messages[0][0]), first)
    expected = [r for r in DefaultRecordBatch(data) if 10 + r.offset >= first]
    assert found is not None
    assert [(r.offset, r.timestamp, r.key, r.value) for r in found] == [
        (10 + r.offset, r.timestamp, r.key, r.value or b"") for r in expected
    ]
    assert [list(r.headers) for r in found] == [
        [(name, value or b"") for name, value in r.headers] for r in expected
    ]


@given(
    st.lists(rows, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    st.integers(0, 30),
)
def test_of_changed_bytes_nothing_is_read_that_the_library_would_not(
    messages: list[Any], changes: list[tuple[int, int]], cut: int
) -> None:
    """Where nothing is read, the library is asked, and has the last word."""
    data = bytearray(written(messages))
    for place, byte in changes:
        data[HEADER + place % (len(data) - HEADER)] = byte
    whole = bytes(data[: max(HEADER, len(data) - cut)])
    found = records(Batch(whole, HEADER, len(messages), "t", 0, 0, 0))
    if found is not None:
        expected = list(DefaultRecordBatch(whole))
        assert [(r.offset, r.key, r.value) for r in found] == [
            (r.offset, r.key, r.value or b"") for r in expected
        ]


def test_no_bytes_lead_out_of_the_batch() -> None:
    draw = np.random.default_rng(1)
    for length in draw.integers(1, 60, 3_000).tolist():
        data = draw.integers(0, 256, length, np.uint8)
        data[draw.random(length) < 0.3] = 0xFF
        records(Batch(data.tobytes(), 0, int(draw.integers(1, 4)), "t", 0, 0, 0))
    huge = bytes([0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    assert records(Batch(huge + b"\x00" * 20, 0, 1, "t", 0, 0, 0)) is None
    assert records(Batch(b"\x14\x00\x00\x00\x01" + huge, 0, 1, "t", 0, 0, 0)) is None


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=30), st.integers(0, 400))
def test_what_is_written_is_the_librarys_to_the_byte(
    messages: list[tuple[bytes, bytes]], room: int
) -> None:
    writer = Writer(
        Texts([key for key, _ in messages]),
        Texts([value for _, value in messages]),
        np.arange(len(messages)),
    )
    data, number = b"", 0
    while not writer.done:
        more, count = writer.write(max(room, writer.next_size), number, 0)
        data, number = data + more, number + count
        assert len(more) <= max(room, OVERHEAD + 400)
    assert data == written([(5, key, value, []) for key, value in messages])[HEADER:]


@given(st.lists(texts, min_size=1, max_size=30), st.integers(1, 12))
def test_keys_go_where_all_clients_put_them(keys: list[bytes], count: int) -> None:
    expected = [(murmur2(key) & 0x7FFFFFFF) % count for key in keys]
    assert partitions(Texts(keys), count).tolist() == expected
