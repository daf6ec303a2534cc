"""What flows: records in; events and labels, or dead letters, out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from models.vectors import Codes, Floats, Hashes


class Record(msgspec.Struct, frozen=True, gc=False):
    """Raw bytes from a topic. `timestamp` is Kafka's, in milliseconds since 1970."""

    value: bytes
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be read; `reason` is one of `stream.codec.REASONS`."""

    record: Record
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a batch, as columns in order.

    Attributes
    ----------
    ids, given_ts
        As the user wrote them, to be handed back with the scores.
    ts
        Shape (n,): event time in seconds since 1970.
    keys
        Shape (n, columns): 64-bit keys of customer and terminal.
    amount
        Shape (n,); zeros where the stream has none.
    numeric
        Shape (n, m): the further numeric features.
    categories
        Shape (n, c): 64-bit hashes of the categorical features.
    category_texts
        For each categorical feature, "name=value" of each event, for reasons.
    records
        Where each came from.
    """

    ids: Sequence[str | int]
    given_ts: Sequence[str | int | float]
    ts: Floats
    keys: Hashes
    amount: Floats
    numeric: Floats
    categories: Hashes
    category_texts: Sequence[Sequence[str]]
    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a poll's records decode to, in order.

    Attributes
    ----------
    kind, ids, ts, label
        For each good record, event or label: `EVENT_ITEM` or `LABEL_ITEM`, the hash of the event's
        id, its event time, and a label's 0 or 1.
    events
        The events among them.
    dead
        The records that could not be read.
    """

    kind: Codes
    ids: Hashes
    ts: Floats
    label: Codes
    events: Events
    dead: Sequence[DeadLetter]
