"""Bytes into events and labels, or into dead letters with a reason. Pure: no clock, no socket.

What the kinds of events share is here: limits, times, labels, dead letters. What an event of one
kind holds is in `stream.transactions`, `stream.emails` and `stream.measurements`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
import numpy as np

from models.vectors import Codes, Floats, Hashes
from stream.events import Batch, DeadLetter, Decoded, Events, Record
from stream.hashing import ABSENT, hash64, hashes
from stream.labels import EVENT_ITEM, LABEL_ITEM
from stream.timestamps import epochs

REASONS = (
    "too_large",  # more bytes than `max_record_bytes`, or a text longer than `MAX_TEXT`
    "not_json",  # not JSON in UTF-8 (NaN and Infinity are no JSON either)
    "missing_field",
    "wrong_type",  # of a field, or of the whole: a record is one JSON object
    "out_of_range",  # a number beyond what a float or the field can hold
    "bad_message",  # a mail in two forms at once, or in characters that are no bytes
    "bad_time",  # neither ISO 8601 nor seconds since 1970
    "future_time",  # later than its record's own timestamp by more than `max_future`
    "own_verdict",  # a label that names this very program as its source
)

MAX_TEXT = 1024  # characters of an id, a key or a category

# A filter that learns from its own verdicts grows ever more certain of its errors, so whoever feeds
# them back must say whose they are, and they are refused.
OWN = "streamgauge"

Text = (
    Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
)
Time = Text | float
Truth = Annotated[int, msgspec.Meta(ge=0, le=1)]
Source = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | None
Column: TypeAlias = tuple[str, str, Any]


@dataclass(frozen=True)
class Fields:
    """Names of the fields in the stream's JSON objects; empty where the stream has none."""

    id: str = "id"
    ts: str = "ts"
    label: str = "label"
    source: str = "source"

    @property
    def own(self) -> Sequence[str]:
        """Fields that only an event has, so that one of them tells it from a label."""
        return ()

    @property
    def made_of(self) -> Sequence[str]:
        """Fields whose values make the id of an event that has none (see `made_id`)."""
        return ()


def made_id(values: Sequence[object]) -> str:
    """The id of an event that has none of its own.

    >>> made_id(["cpu-7", "2014-04-01T00:00:00Z"])
    'cpu-7@2014-04-01T00:00:00Z'
    """
    return "@".join(map(str, values))


class Unreadable(Exception):  # noqa: N818 - it is a verdict on a record, and no error of ours
    """Raised by a reader: the record is a dead letter."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


# What a reader raises for a record that it cannot read.
UNREADABLE = (Unreadable, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reader(Protocol):
    """What the codec asks of one kind of events."""

    @property
    def fields(self) -> Fields:
        """Names in the stream."""
        ...

    @property
    def time(self) -> Any:
        """Type of `ts` in events and labels: `Time`, or None too where the record's own will do."""
        ...

    def read(self, record: Record) -> Any:
        """What the record holds, with its `id` and `ts`.

        Raises
        ------
        Unreadable, msgspec.MsgspecError, UnicodeDecodeError, RecursionError
            If it is no event.
        """
        ...

    @property
    def parts(self) -> Sequence[Column]:
        """What `reader` is to take out of a record; nothing where records are no JSON."""
        ...

    @property
    def finish(self) -> Callable[[Any], Any] | None:
        """Makes what `read` gives of these parts, and raises as that does; None: they are it."""
        ...

    def columns(
        self, items: Sequence[Any], ts: Floats, appended: Floats, records: Sequence[Record]
    ) -> Events:
        """What was read, as columns; see `Events`."""
        ...


class Codec:
    """Decodes the records of one events topic and one labels topic.

    Parameters
    ----------
    events
        Reads the events, and says how the stream names things.
    labels_topic
        Records of this topic are labels, all others events.
    max_record_bytes
        A record with more goes to the dead letters unread.
    max_future
        Seconds that an event time may lie ahead of its record's timestamp.
    """

    def __init__(
        self,
        events: Reader,
        labels_topic: str = "labels",
        max_record_bytes: int = 65_536,
        max_future: float = 86_400.0,
    ) -> None:
        self.fields = fields = events.fields
        self.labels_topic = labels_topic
        self.max_record_bytes = max_record_bytes
        self.max_future = max_future
        self.events = events
        self._event = reader(events.parts)
        columns = [("id", fields.id, Text), ("ts", fields.ts, events.time)]
        columns += [("label", fields.label, Truth), ("source", fields.source, Source)]
        self._label = reader(columns)

    def decode(self, records: Sequence[Record]) -> Batch:
        """Decode records, in order. Never raises for what a record holds."""
        if isinstance(records, Decoded) and records.by is self:
            return records.batch
        return self._all_good(records) or self._one_by_one(records)

    def _all_good(self, records: Sequence[Record]) -> Batch | None:
        """The same in little more than half the time, where no record is odd; else None."""
        finish, is_label = self.events.finish, [r.topic == self.labels_topic for r in records]
        if not (records and self.events.parts) or self._has_large(records):
            return None
        origins = list(compress(records, map(not_, is_label)))
        try:
            items = list(map(self._event, [record.value for record in origins]))
            items = list(map(finish, items)) if finish else items
            labels = list(map(self._label, [r.value for r in compress(records, is_label)]))
        except UNREADABLE:
            return None
        kind = np.array(is_label, bool).view(np.int8)
        stamps, ts = _stamps(records), np.empty(len(records))
        ts[kind == EVENT_ITEM] = epochs([item.ts for item in items])
        ts[kind == LABEL_ITEM] = epochs([item.ts for item in labels])
        if OWN in [label.source for label in labels] or not self.in_time(ts, stamps).all():
            return None
        return self._batch(kind, ts, stamps, items, origins, labels, [])

    def _has_large(self, records: Sequence[Record]) -> bool:
        return max(len(record.value) for record in records) > self.max_record_bytes

    def _one_by_one(self, records: Sequence[Record]) -> Batch:
        topic, readers = self.labels_topic, (self.events.read, self._read_label)
        kinds = [record.topic == topic for record in records]
        items: list[Any] = []
        dead: dict[int, DeadLetter] = {}  # by place in `records`, which is their order
        for place, (record, is_label) in enumerate(zip(records, kinds, strict=True)):
            if len(record.value) > self.max_record_bytes:
                detail = f"{len(record.value)} bytes, more than {self.max_record_bytes}"
                dead[place] = DeadLetter(record, "too_large", detail)
                continue
            try:
                items.append(readers[is_label](record))
            except UNREADABLE as error:
                dead[place] = DeadLetter(record, _reason(error), str(error))
        kind, good = np.array(kinds, bool).view(np.int8), records
        places: Sequence[int] = range(len(records))
        if dead:
            places = [place for place in places if place not in dead]
            kind, good = kind[places], [records[place] for place in places]
        stamps = _stamps(good)
        ts = _times(items, kind, stamps)
        wrong = ~self.in_time(ts, stamps)
        if wrong.any():
            for i in np.flatnonzero(wrong).tolist():
                ahead = not math.isnan(ts[i])
                reason = "future_time" if ahead else "bad_time"
                detail = "ts is neither ISO 8601 nor seconds since 1970"
                if ahead:
                    detail = f"ts lies ahead of its record by over {self.max_future:g} s"
                elif items[i].ts is None:
                    detail = "no ts, and its record has no timestamp"
                dead[places[i]] = DeadLetter(good[i], reason, detail)
            keep = np.flatnonzero(~wrong).tolist()
            items, good = [items[i] for i in keep], [good[i] for i in keep]
            ts, kind, stamps = ts[keep], kind[keep], stamps[keep]
        chosen = np.flatnonzero(kind == EVENT_ITEM).tolist()
        origins = [good[i] for i in chosen]
        labels = [items[i] for i in np.flatnonzero(kind == LABEL_ITEM).tolist()]
        letters = [dead[place] for place in sorted(dead)]
        return self._batch(kind, ts, stamps, [items[i] for i in chosen], origins, labels, letters)

    def _batch(
        self, kind: Codes, ts: Floats, stamps: Floats, items: Sequence[Any],
        origins: Sequence[Record], labels: Sequence[Any], dead: Sequence[DeadLetter],
    ) -> Batch:  # fmt: skip
        """Good records as columns: `items` of the events, which came as `origins`, and `labels`."""
        of_events, of_labels = kind == EVENT_ITEM, kind == LABEL_ITEM
        ids, source = np.empty(len(kind), np.uint64), np.full(len(kind), ABSENT, np.uint64)
        ids[of_events] = hashes([item.id for item in items])
        ids[of_labels] = hashes([item.id for item in labels])
        source[of_labels] = sources([item.source for item in labels])
        label = np.zeros(len(kind), np.int8)
        label[of_labels] = [item.label for item in labels]
        events = self.events.columns(items, ts[of_events], stamps[of_events], origins)
        return Batch(kind, ids, ts, label, source, events, dead)

    def in_time(self, ts: Floats, stamps: Floats) -> Any:
        """Whether each is a time, and none that its record's own lies too far behind."""
        return ts <= np.where(np.isnan(stamps), np.inf, stamps + self.max_future)

    def _read_label(self, record: Record) -> Any:
        item = self._label(record.value)
        if item.source == OWN:
            detail = f"{self.fields.source} is {OWN}, which cannot teach itself"
            raise Unreadable("own_verdict", detail)
        return item


def reader(columns: Sequence[Column]) -> Callable[[bytes], Any]:
    """A decoder of JSON objects into structs.

    Parameters
    ----------
    columns
        (attribute, name in JSON, type). Where the type knows None, or is Raw, a missing field is
        None; where the name is empty, so it always is.
    """
    named = [column for column in columns if column[1]]
    needed = [(at, kind) for at, _, kind in named if not _knows_none(kind)]
    optional = [(at, kind, None) for at, _, kind in named if _knows_none(kind)]
    struct = msgspec.defstruct(
        "Item", [*needed, *optional], rename={at: name for at, name, _ in named}, gc=False,
        namespace={at: None for at, name, _ in columns if not name},
    )  # fmt: skip
    return msgspec.json.Decoder(struct).decode


def _knows_none(kind: Any) -> bool:
    return kind is msgspec.Raw or type(None) in getattr(kind, "__args__", ())


def _stamps(records: Sequence[Record]) -> Floats:
    """Kafka's timestamps in seconds, NaN where Kafka knows none."""
    stamps = np.array([record.timestamp for record in records], np.float64) / 1000.0
    stamps[stamps < 0.0] = np.nan  # it writes -1 there
    return stamps


def _times(items: Sequence[Any], kind: Any, stamps: Floats) -> Floats:
    """Event times: NaN where `ts` is no time, and the record's own where there is no `ts`."""
    ts = np.empty(len(items))
    for each in (EVENT_ITEM, LABEL_ITEM):  # apart, as a stream may write them differently
        which = np.flatnonzero(kind == each)
        ts[which] = epochs([items[i].ts for i in which.tolist()])
    for i in np.flatnonzero(np.isnan(ts)).tolist():
        if items[i].ts is None:
            ts[i] = stamps[i]
    return ts


def sources(given: Sequence[str | None]) -> Hashes:
    """Who said so, as hashes; `ABSENT` where nobody did."""
    known = {name: ABSENT if name is None else hash64(name) for name in set(given)}
    return np.array([known[name] for name in given], np.uint64)


def _reason(error: Exception) -> str:
    if isinstance(error, Unreadable):
        return error.reason
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return "not_json"
    if "missing required field" in text:
        return "missing_field"
    if "of length <=" in text:
        return "too_large"
    if "out of range" in text or "` >=" in text or "` <=" in text:
        return "out_of_range"
    return "wrong_type"
