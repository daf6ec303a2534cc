"""A batch's bytes into records."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from kafka.record.util import decode_varint

from models.compiled import compiled, inlined
from models.vectors import Bytes, Ints
from stream.events import Record

# What is found of each record; a key or value of length -1 is none.
OFFSET, TIME, KEY, KEY_END, VALUE, VALUE_END, HEADERS = range(7)
COLUMNS = 7
NO_HEADERS = -1
LAST_BYTE = 63  # bits that a number has at most below its last byte's


@inlined
def _number(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """A zigzag number and the place behind it, which is -1 where there is none before `end`."""
    bits: Any = 0
    shift = 0
    while at < end and shift <= LAST_BYTE:
        byte = np.int64(data[at])
        at += 1
        bits |= (byte & 0x7F) << shift
        if byte < 0x80:
            return ((bits >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(bits & 1), at
        shift += 7
    return 0, -1


@inlined
def _stretch(data: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """A length and so many bytes: place, length (-1 for none) and the place behind, or -1."""
    length, at = _number(data, at, end)
    if at < 0 or length < -1 or length > end - at:
        return 0, 0, -1
    return at, length, at + max(length, 0)


@compiled
def _find(data: Bytes, at: int, found: Ints) -> bool:
    """Where everything lies, a row for each record; whether all of it is as it must be."""
    for row in range(len(found)):
        length, at = _number(data, at, len(data))
        if at < 0 or length < 1 or length > len(data) - at:
            return False
        end = at + length
        time, at = _number(data, at + 1, end)  # behind the attributes, which mean nothing yet
        if at < 0:
            return False
        offset, at = _number(data, at, end)
        if at < 0:
            return False
        key, key_length, at = _stretch(data, at, end)
        if at < 0:
            return False
        value, value_length, at = _stretch(data, at, end)
        if at < 0:
            return False
        headers = at
        count, at = _number(data, at, end)
        if at < 0 or count < 0 or count > end - at:
            return False
        for _ in range(count):
            _, name_length, at = _stretch(data, at, end)
            if at < 0 or name_length < 0:
                return False
            _, _, at = _stretch(data, at, end)
            if at < 0:
                return False
        if at != end:
            return False
        found[row, OFFSET], found[row, TIME] = offset, time
        found[row, KEY], found[row, KEY_END] = key, key + key_length if key_length >= 0 else -1
        found[row, VALUE], found[row, VALUE_END] = value, value + max(value_length, 0)
        found[row, HEADERS] = headers if count else NO_HEADERS
    return bool(at == len(data))


class Batch(NamedTuple):
    """What a batch says of all its records.

    Attributes
    ----------
    data, start, size
        The records' bytes, uncompressed: where they start, and how many there are.
    topic, partition, offset
        Where the batch lies, and where it begins there.
    time
        Milliseconds since 1970 that records' own times count from.
    appended
        The time of all its records, where the broker has set it.
    """

    data: bytes
    start: int
    size: int
    topic: str
    partition: int
    offset: int
    time: int
    appended: int | None = None


def records(batch: Batch, first: int = 0) -> list[Record] | None:
    """The batch's records from offset `first` on, or None if they are not as they must be."""
    data = batch.data
    found = np.empty((batch.size, COLUMNS), np.int64)
    if not _find(np.frombuffer(data, np.uint8), batch.start, found):
        return None
    found[:, OFFSET] += batch.offset
    found[:, TIME] += batch.time
    if batch.appended is not None:
        found[:, TIME] = batch.appended
    if batch.offset < first:
        found = found[found[:, OFFSET] >= first]
    topic, partition = batch.topic, batch.partition
    try:
        return [
            Record(
                data[value:value_end], topic, partition, offset, time,
                None if key_end < 0 else data[key:key_end],
                () if headers < 0 else _headers(data, headers),
            )
            for offset, time, key, key_end, value, value_end, headers in found.tolist()
        ]  # fmt: skip
    except UnicodeDecodeError:  # in the name of a header
        return None


def _headers(data: bytes, at: int) -> tuple[tuple[str, bytes], ...]:
    """A record's headers; `_find` has been through them."""
    count, at = decode_varint(data, at)
    found = []
    for _ in range(count):
        length, at = decode_varint(data, at)
        name, at = data[at : at + length].decode(), at + length
        length, at = decode_varint(data, at)
        length = max(length, 0)
        found.append((name, data[at : at + length]))
        at += length
    return tuple(found)
