"""Keys and values into a batch's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Bytes, Ints

OVERHEAD = 32  # bytes that a record takes at most beside its key and value

# murmur2 as in Java's client, by which all clients choose a key's partition.
SEED, FACTOR, BITS = 0x9747B28C, 0x5BD1E995, 0xFFFFFFFF


class Texts:
    """Many texts as compiled code takes them: back to back, with their ends."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.data = np.frombuffer(b"".join(texts), np.uint8)
        self.ends = np.fromiter(accumulate(map(len, texts)), np.int64, len(texts))

    def __len__(self) -> int:
        return len(self.ends)


@inlined
def _put(out: Bytes, at: int, value: int) -> int:
    """Write a number that is not negative, zigzag; the place behind it."""
    bits = value << 1
    while bits > 0x7F:
        out[at] = 0x80 | (bits & 0x7F)
        bits >>= 7
        at += 1
    out[at] = bits
    return at + 1


@inlined
def _size(value: int) -> int:
    """How many bytes `_put` takes."""
    bits, size = value << 1, 1
    while bits > 0x7F:
        bits >>= 7
        size += 1
    return size


@compiled
def _write(
    keys: Bytes,
    key_ends: Ints,
    values: Bytes,
    value_ends: Ints,
    rows: Ints,
    place: Ints,
    out: Bytes,
) -> None:
    """Write records until `out` is full or `rows` are through.

    `place` is, before and after: the place in `rows`, the record's number in its batch, the time
    behind the batch's first, and the place in `out`.
    """  # fmt: skip
    row, number, time, at = place
    while row < len(rows):
        i = rows[row]
        key = key_ends[i - 1] if i else 0
        value = value_ends[i - 1] if i else 0
        key_size, value_size = key_ends[i] - key, value_ends[i] - value
        body = 3 + _size(time) + _size(number) + _size(key_size) + key_size + _size(value_size)
        body += value_size - 1  # attributes and the count of headers are a byte each
        if at + body + _size(body) > len(out):
            break
        at = _put(out, at, body)
        out[at] = 0
        at = _put(out, at + 1, time)
        at = _put(out, at, number)
        at = _put(out, at, key_size)
        for byte in range(key, key + key_size):
            out[at] = keys[byte]
            at += 1
        at = _put(out, at, value_size)
        for byte in range(value, value + value_size):
            out[at] = values[byte]
            at += 1
        out[at] = 0
        at += 1
        row += 1
        number += 1
    place[0], place[1], place[3] = row, number, at


@compiled
def _partitions(keys: Bytes, ends: Ints, count: int, out: Ints) -> None:
    start = 0
    for i in range(len(ends)):
        end = ends[i]
        h = SEED ^ (end - start)
        at = start
        while at + 4 <= end:
            k = np.int64(keys[at]) | (np.int64(keys[at + 1]) << 8)
            k |= (np.int64(keys[at + 2]) << 16) | (np.int64(keys[at + 3]) << 24)
            k = (k * FACTOR) & BITS
            k ^= k >> 24
            k = (k * FACTOR) & BITS
            h = ((h * FACTOR) & BITS) ^ k
            at += 4
        if at < end:
            for byte in range(at, end):
                h ^= np.int64(keys[byte]) << (8 * (byte - at))
            h = (h * FACTOR) & BITS
        h ^= h >> 13
        h = (h * FACTOR) & BITS
        h ^= h >> 15
        out[i] = (h & 0x7FFFFFFF) % count
        start = end


def partitions(keys: Texts, count: int) -> Ints:
    """Which of `count` partitions each key belongs to."""
    found = np.zeros(len(keys), np.int64)
    if count > 1:
        _partitions(keys.data, keys.ends, count, found)
    return found


class Writer:
    """Writes records with these keys and values, one batch after another.

    Parameters
    ----------
    keys, values
        Of all records, of which `rows` are written, in order.
    """

    def __init__(self, keys: Texts, values: Texts, rows: Ints) -> None:
        self._texts = keys.data, keys.ends, values.data, values.ends
        self._rows = rows
        self._row = 0

    @property
    def done(self) -> bool:
        """Whether all rows are written."""
        return self._row == len(self._rows)

    @property
    def next_size(self) -> int:
        """Bytes that the next record takes at most."""
        row = self._rows[self._row]
        start = row - 1
        ends = self._texts[1], self._texts[3]
        return OVERHEAD + sum(int(each[row] - (each[start] if row else 0)) for each in ends)

    def write(self, room: int, number: int, time: int) -> tuple[bytes, int]:
        """As many records as there is room for.

        Parameters
        ----------
        room
            In bytes.
        number
            Of the first in its batch.
        time
            Of all of them, in milliseconds behind the batch's first.

        Returns
        -------
        The bytes, and how many records they are.
        """
        place = np.array([self._row, number, time, 0], np.int64)
        out = np.empty(max(0, room), np.uint8)
        _write(*self._texts, self._rows, place, out)
        self._row = int(place[0])
        return out[: place[3]].tobytes(), int(place[1]) - number
