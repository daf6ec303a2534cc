"""Recordings with the truth inside, many lines at once: what `stream.sources.recording` would give.

A line is read once, as the codec would read its event, and its label is kept as numbers until it is
due. Whatever is odd in any line (one that is no event, a time of its own kind, a record too large)
is left to the path that goes line by line: `take` gives None, and `held` what is still to come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from models.compiled import compiled
from models.vectors import Codes, Floats, Hashes, Ints
from stream.codec import OWN, UNREADABLE, Codec, Source, Truth, reader, sources
from stream.events import Batch, Decoded, Origins, Record
from stream.hashing import hashes
from stream.labels import EVENT_ITEM, LABEL_ITEM
from stream.timestamps import epochs

ROOM = 4_096  # labels, at first

Write: TypeAlias = Callable[[Any, Any, Any, Any], bytes]


@compiled
def _merge(
    now: Ints, brought: Ints, due: Ints, head: int, held: int, tie: int, at_once: bool,
    kind: Codes, at: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Put events and the labels that fall due between them in order.

    `now` is each line's time and `brought` how many labels the lines up to it have; `due` are the
    times of labels, of which `head` is the next to come and `held` the first of these lines' own.
    Gives how many records there are, and the next label to come.
    """
    n = 0
    there = held
    for i in range(len(now)):
        while head < there and due[head] < now[i] + tie:
            kind[n], at[n] = LABEL_ITEM, head
            n += 1
            head += 1
        kind[n], at[n] = EVENT_ITEM, i
        n += 1
        there = held + brought[i]
        while at_once and head < there:
            kind[n], at[n] = LABEL_ITEM, head
            n += 1
            head += 1
    return n, head


class _Told(msgspec.Struct, gc=False):
    """What an event's line says of its label, as it is written there."""

    id: Any
    ts: Any
    label: Any
    source: Any


class _Truths(NamedTuple):
    """Labels that are not due yet, as columns."""

    due: Ints  # milliseconds: their records' timestamps
    line: Ints
    ids: Hashes
    ts: Floats
    label: Codes
    source: Hashes


def _room(size: int) -> _Truths:
    return _Truths(
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.uint64),
        np.empty(size), np.empty(size, np.int8), np.empty(size, np.uint64),
    )  # fmt: skip


class ManyLines:
    """Turns lines into what the codec makes of their records.

    Parameters
    ----------
    codec
        Whose records are JSON.
    events_topic
        Where events come from.
    delay
        Seconds for which labels are held back.
    write
        Gives a label record: of an id, a label, the time it is due and who says so.
    wrapped
        The field that no plain line has.
    """

    def __init__(
        self, codec: Codec, events_topic: str, delay: float, write: Write, wrapped: str
    ) -> None:
        fields = codec.fields
        source = "" if fields.source in fields.own else fields.source  # the event's
        more = [("label", fields.label, Truth | None), ("source", source, Source)]
        self._read = reader([*codec.events.parts, *more, ("recorded", wrapped, msgspec.Raw)])
        self._codec = codec
        self._topics = (events_topic, codec.labels_topic)
        self._delay, self._delay_ms = delay, round(delay * 1000)
        self._write = write
        self._truths = _room(ROOM)
        self._told: deque[Any] = deque()  # of each held label what `_Told` has
        self._head = self._end = 0

    def take(self, lines: Sequence[bytes], first: int) -> Decoded | None:
        """The records of lines, of which the first has this number; None if any line is odd."""
        codec = self._codec
        if max(map(len, lines)) > codec.max_record_bytes:
            return None
        finish = codec.events.finish
        try:
            read = list(map(self._read, lines))
            items = list(map(finish, read)) if finish else read
        except UNREADABLE:
            return None
        ts = epochs([item.ts for item in items])
        if not np.all(ts >= 0.0) or [item for item in read if item.recorded is not None]:
            return None
        now = np.rint(ts * 1000.0)
        told = read
        if finish:
            told = [_Told(i.id, i.ts, r.label, r.source) for i, r in zip(items, read, strict=True)]
        labelled = np.array([each.label is not None for each in told], bool)
        held = self._end
        good = codec.in_time(ts, now / 1000.0).all()
        ids = hashes([item.id for item in items])
        if not (good and self._hold(told, labelled, first, ts, now, ids)):
            return None
        room = len(lines) + self._end - self._head
        kind, at = np.empty(room, np.int8), np.empty(room, np.int64)
        tie = self._topics[LABEL_ITEM] < self._topics[EVENT_ITEM]
        size, head = _merge(
            now.astype(np.int64), np.cumsum(labelled), self._truths.due, self._head, held,
            int(tie), not self._delay, kind, at,
        )  # fmt: skip
        return self._decoded(kind[:size], at[:size], head, lines, items, first, ids, ts, now)

    def rest(self, most: int) -> Decoded:
        """The next labels that no line came for."""
        head = min(self._head + most, self._end)
        at = np.arange(self._head, head)
        kind = np.full(len(at), LABEL_ITEM, np.int8)
        nothing = np.empty(0)
        return self._decoded(kind, at, head, (), (), 0, nothing.view(np.uint64), nothing, nothing)

    def held(self) -> deque[Record]:
        """The records of all labels that are still to come."""
        lines, dues = (each[self._head : self._end].tolist() for each in self._truths[1::-1])
        return deque(map(self._label, self._told, lines, dues))

    def _hold(
        self, told: Sequence[Any], labelled: Any, first: int, ts: Floats, now: Floats,
        ids: Hashes,
    ) -> bool:  # fmt: skip
        """Keep the labels of lines until they are due, unless one of them is odd."""
        chosen = np.flatnonzero(labelled)
        brought = told if len(chosen) == len(told) else [told[i] for i in chosen.tolist()]
        said = [each.source for each in brought]
        due, stamps = ts[chosen] + self._delay, now[chosen] + self._delay_ms
        if OWN in said or not self._codec.in_time(due, stamps / 1000.0).all():
            return False
        self._make_room(len(chosen))
        new = slice(self._end, self._end + len(chosen))
        truths = self._truths
        truths.due[new], truths.line[new] = stamps, chosen + first
        truths.ids[new], truths.ts[new] = ids[chosen], due
        truths.label[new] = [each.label for each in brought]
        truths.source[new] = sources(said)
        self._told += brought
        self._end = new.stop
        return True

    def _make_room(self, size: int) -> None:
        waiting = self._end - self._head
        if self._end + size > len(self._truths.due):
            grown: Any = _room(max(len(self._truths.due), 2 * (waiting + size)))
            old: Any
            for column, old in enumerate(self._truths):
                grown[column][:waiting] = old[self._head : self._end]
            self._truths, self._head, self._end = grown, 0, waiting

    def _decoded(
        self, kind: Codes, at: Ints, head: int, lines: Sequence[bytes], items: Sequence[Any],
        first: int, ids: Hashes, ts: Floats, now: Floats,
    ) -> Decoded:  # fmt: skip
        """Records in order, of which place `at` is a line's, or a held label's."""
        truths, start = self._truths, self._head
        due = slice(start, head)
        gone = [self._told.popleft() for _ in range(head - start)]
        numbers, dues = truths.line[due].tolist(), truths.due[due].tolist()
        self._head = head
        is_label = kind == LABEL_ITEM

        def columns(dtype: Any, of_events: Any, of_labels: Any) -> Any:
            both = np.empty(len(kind), dtype)
            both[~is_label], both[is_label] = of_events, of_labels
            return both

        def event(place: int) -> Record:
            value = lines[place].rstrip(b"\r\n")
            return Record(value, self._topics[EVENT_ITEM], 0, first + place, int(now[place]))

        def record(place: int) -> Record:
            if kind[place] == EVENT_ITEM:
                return event(int(at[place]))
            which = int(at[place]) - start
            return self._label(gone[which], numbers[which], dues[which])

        events = self._codec.events.columns(items, ts, now / 1000.0, Origins(len(lines), event))
        batch = Batch(
            kind,
            columns(np.uint64, ids, truths.ids[due]),
            columns(np.float64, ts, truths.ts[due]),
            columns(np.int8, 0, truths.label[due]),
            columns(np.uint64, 0, truths.source[due]),
            events,
            [],
        )
        return Decoded(len(kind), record, self._codec, batch)

    def _label(self, told: Any, line: int, due: int) -> Record:
        then = float(epochs([told.ts])[0]) + self._delay if self._delay else told.ts
        value = self._write(told.id, told.label, then, told.source)
        return Record(value, self._topics[LABEL_ITEM], 0, line, due)
