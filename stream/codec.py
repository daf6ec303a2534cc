"""Bytes into events and labels, or into dead letters with a reason. Pure: no clock, no socket."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np

from models.vectors import Floats
from stream.events import Batch, DeadLetter, Events, Record
from stream.hashing import hashes
from stream.labels import EVENT_ITEM, LABEL_ITEM
from stream.timestamps import epochs

REASONS = (
    "too_large",  # more bytes than `max_record_bytes`, or a text longer than `MAX_TEXT`
    "not_json",  # not JSON in UTF-8 (NaN and Infinity are no JSON either)
    "missing_field",
    "wrong_type",  # of a field, or of the whole: a record is one JSON object
    "out_of_range",  # a number beyond what a float or the field can hold
    "bad_time",  # neither ISO 8601 nor seconds since 1970
    "future_time",  # later than its record's own timestamp by more than `max_future`
)

MAX_TEXT = 1024  # characters of an id, a key or a category
LARGEST = 1e15  # of an amount or a numeric feature, either way

Text = (
    Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
    | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
)
Number = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Truth = Annotated[int, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True)
class Fields:
    """Names of the fields in the stream's JSON objects; empty where the stream has none."""

    id: str = "id"
    ts: str = "ts"
    label: str = "label"
    customer: str = "customer"
    terminal: str = "terminal"
    amount: str = "amount"
    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()

    @property
    def keys(self) -> list[str]:
        """The key columns that the stream has: "customer", "terminal"."""
        return [name for name in ("customer", "terminal") if getattr(self, name)]


class Codec:
    """Decodes the records of one events topic and one labels topic.

    Parameters
    ----------
    fields
        How the stream names things.
    labels_topic
        Records of this topic are labels, all others events.
    max_record_bytes
        A record with more goes to the dead letters unread.
    max_future
        Seconds that an event time may lie ahead of its record's timestamp.
    """

    def __init__(
        self,
        fields: Fields,
        labels_topic: str = "labels",
        max_record_bytes: int = 65_536,
        max_future: float = 86_400.0,
    ) -> None:
        self.fields = fields
        self.labels_topic = labels_topic
        self.max_record_bytes = max_record_bytes
        self.max_future = max_future
        categorical = [(f"c{i}", name) for i, name in enumerate(fields.categorical)]
        numeric = [(f"n{i}", name) for i, name in enumerate(fields.numeric)]
        columns: list[tuple[str, str, Any]] = [("id", fields.id, Text)]
        columns += [("ts", fields.ts, Text | float)]
        self._label = _reader([*columns, ("label", fields.label, Truth)])
        columns += [(key, getattr(fields, key), Text) for key in fields.keys]
        columns += [("amount", fields.amount, Number)] if fields.amount else []
        columns += [(at, name, Text | float | bool) for at, name in categorical]
        columns += [(at, name, Number) for at, name in numeric]
        self._event = _reader(columns)
        self._numeric = [at for at, _ in numeric]
        self._categorical = categorical

    def decode(self, records: Sequence[Record]) -> Batch:
        """Decode records, in order. Never raises for what a record holds."""
        topic, readers = self.labels_topic, (self._event, self._label)
        kinds = [record.topic == topic for record in records]
        items: list[Any] = []
        dead: dict[int, DeadLetter] = {}  # by place in `records`, which is their order
        for place, (record, is_label) in enumerate(zip(records, kinds, strict=True)):
            value = record.value
            if len(value) > self.max_record_bytes:
                detail = f"{len(value)} bytes, more than {self.max_record_bytes}"
                dead[place] = DeadLetter(record, "too_large", detail)
                continue
            try:
                items.append(readers[is_label](value))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                dead[place] = DeadLetter(record, _reason(error), str(error))
        kind, sources = np.array(kinds, bool).view(np.int8), records
        places: Sequence[int] = range(len(records))
        if dead:
            places = [place for place in places if place not in dead]
            kind, sources = kind[places], [records[place] for place in places]
        ts = np.empty(len(items))
        for each in (EVENT_ITEM, LABEL_ITEM):
            which = np.flatnonzero(kind == each)
            ts[which] = epochs([items[i].ts for i in which.tolist()])
        stamps = np.array([r.timestamp for r in sources], np.float64)
        # Kafka writes -1 where it knows no time.
        latest = np.where(stamps < 0.0, np.inf, stamps / 1000.0 + self.max_future)
        wrong = ~(ts <= latest)
        if wrong.any():
            for i in np.flatnonzero(wrong).tolist():
                ahead = not math.isnan(ts[i])
                reason = "future_time" if ahead else "bad_time"
                detail = "ts is neither ISO 8601 nor seconds since 1970"
                if ahead:
                    detail = f"ts lies ahead of its record by over {self.max_future:g} s"
                dead[places[i]] = DeadLetter(sources[i], reason, detail)
            keep = np.flatnonzero(~wrong).tolist()
            items, sources = [items[i] for i in keep], [sources[i] for i in keep]
            ts, kind = ts[keep], kind[keep]
        ids = hashes([item.id for item in items])
        label = np.zeros(len(items), np.int8)
        which = np.flatnonzero(kind == LABEL_ITEM)
        label[which] = [items[i].label for i in which.tolist()]
        which = np.flatnonzero(kind == EVENT_ITEM)
        chosen = which.tolist()
        events = self._columns([items[i] for i in chosen], [sources[i] for i in chosen], ts[which])
        return Batch(kind, ids, ts, label, events, [dead[place] for place in sorted(dead)])

    def _columns(self, items: Sequence[Any], records: Sequence[Record], ts: Floats) -> Events:
        n = len(items)
        fields = self.fields
        keys = np.empty((n, len(fields.keys)), np.uint64)
        for column, key in enumerate(fields.keys):
            keys[:, column] = hashes([getattr(item, key) for item in items])
        numeric = np.empty((n, len(self._numeric)))
        for column, at in enumerate(self._numeric):
            numeric[:, column] = [getattr(item, at) for item in items]
        texts = [
            [f"{name}={getattr(item, at)}" for item in items] for at, name in self._categorical
        ]
        categories = np.empty((n, len(texts)), np.uint64)
        for column, values in enumerate(texts):
            categories[:, column] = hashes(values)
        amount = [item.amount for item in items] if fields.amount else np.zeros(n)
        return Events(
            ids=[item.id for item in items],
            given_ts=[item.ts for item in items],
            ts=ts,
            keys=keys,
            amount=np.array(amount, np.float64),
            numeric=numeric,
            categories=categories,
            category_texts=texts,
            records=records,
        )


def _reader(columns: Sequence[tuple[str, str, Any]]) -> Callable[[bytes], Any]:
    """A decoder of JSON objects into structs; each column is (attribute, name in JSON, type)."""
    struct = msgspec.defstruct(
        "Item", [(at, kind) for at, _, kind in columns],
        rename={at: name for at, name, _ in columns}, gc=False,
    )  # fmt: skip
    return msgspec.json.Decoder(struct).decode


def _reason(error: Exception) -> str:
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return "not_json"
    if "missing required field" in text:
        return "missing_field"
    if "of length" in text:
        return "too_large"
    if "out of range" in text or "` >=" in text or "` <=" in text:
        return "out_of_range"
    return "wrong_type"
