"""Labels that are held back until they are due."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from stream.events import Record

NEVER = 1 << 63  # later than any timestamp
PACK = 1_000

_encode_lines = msgspec.json.Encoder().encode_lines


class HeldLabels:
    """First in, first out.

    There may be very many, for a long time. So they wait packed and become records when they go:
    objects between which others come and go would be spread over all the memory, and so would
    those others, out of reach of the processor's caches.
    """

    def __init__(self, topic: str) -> None:
        self.due = NEVER  # timestamp of the next to go
        self._topic = topic
        self._packs: deque[tuple[bytes, array[int], array[int]]] = deque()
        self._going: list[Record] = []  # the next to go is the last
        self._start_pack()

    def put(self, label: Any, offset: int, timestamp: int) -> None:
        """Hold back a label, a struct as it is to be in JSON."""
        self._labels.append(label)
        self._offsets.append(offset)
        self._timestamps.append(timestamp)
        if self.due == NEVER:
            self.due = timestamp
        if len(self._labels) == PACK:
            self._end_pack()

    def take(self) -> Record:
        """The next one, which must be there."""
        if not self._going:
            if not self._packs:
                self._end_pack()
            values, *columns = self._packs.popleft()
            packed = zip(values.splitlines(), *columns, strict=True)
            self._going = [Record(value, self._topic, 0, at, ts) for value, at, ts in packed]
            self._going.reverse()
        record = self._going.pop()
        if self._going:
            self.due = self._going[-1].timestamp
        elif self._packs:
            self.due = self._packs[0][-1][0]
        else:
            self.due = self._timestamps[0] if self._timestamps else NEVER
        return record

    def all(self) -> Iterator[Record]:
        """Take all that are left."""
        while self.due != NEVER:
            yield self.take()

    def _start_pack(self) -> None:
        self._labels: list[Any] = []
        self._offsets, self._timestamps = array("q"), array("q")

    def _end_pack(self) -> None:
        self._packs.append((_encode_lines(self._labels), self._offsets, self._timestamps))
        self._start_pack()
