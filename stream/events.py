"""What flows: records in; events and labels, or dead letters, out of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import msgspec

from models.vectors import Bytes, Codes, Floats, Hashes, Ints


class Record(msgspec.Struct, frozen=True, gc=False):
    """Raw bytes from a topic. `timestamp` is Kafka's, in milliseconds since 1970, or -1."""

    value: bytes
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Origins(Sequence[Record]):
    """Records that are made when somebody asks for one, as hardly anybody does.

    Parameters
    ----------
    size
        How many there are.
    make
        Gives the one in a place.
    """

    def __init__(self, size: int, make: Callable[[int], Record]) -> None:
        self._places = range(size)
        self._make = make

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Record: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Record]: ...

    def __getitem__(self, at: int | slice) -> Record | Sequence[Record]:
        if isinstance(at, slice):
            return [self._make(place) for place in self._places[at]]
        return self._make(self._places[at])


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be read; `reason` is one of `stream.codec.REASONS`."""

    record: Record
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a batch, as columns in order: what every kind has.

    Attributes
    ----------
    ids, given_ts
        As the user wrote them, to be handed back with the scores; a time may be None where the
        record's timestamp stands for it.
    ts
        Shape (n,): event time in seconds since 1970.
    appended
        Shape (n,): Kafka's timestamp of each, likewise; NaN where Kafka knows none.
    records
        Where each came from.
    """

    ids: Sequence[str | int]
    given_ts: Sequence[str | int | float | None]
    ts: Floats
    appended: Floats
    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Transactions(Events):
    """Card transactions.

    Attributes
    ----------
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
    """

    keys: Hashes
    amount: Floats
    numeric: Floats
    categories: Hashes
    category_texts: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Emails(Events):
    """Messages: mails, or texts with an empty header block.

    Attributes
    ----------
    text
        The bytes of all messages, back to back.
    start
        Shape (n + 1,): message `i` is ``text[start[i] : start[i + 1]]``.
    """

    text: Bytes
    start: Ints


@dataclass(frozen=True, slots=True)
class Measurements(Events):
    """Values of many series.

    Attributes
    ----------
    keys
        Shape (n, 1): the 64-bit key of the series.
    value
        Shape (n,).
    """

    keys: Hashes
    value: Floats


@dataclass(frozen=True, slots=True)
class Batch:
    """What a poll's records decode to, in order.

    Attributes
    ----------
    kind, ids, ts, label, source
        For each good record, event or label: `EVENT_ITEM` or `LABEL_ITEM`, the hash of the event's
        id, its event time, a label's 0 or 1, and the hash of who said so (`ABSENT` if nobody did).
    events
        The events among them.
    dead
        The records that could not be read.
    """

    kind: Codes
    ids: Hashes
    ts: Floats
    label: Codes
    source: Hashes
    events: Events
    dead: Sequence[DeadLetter]


class Decoded(Origins):
    """Records with what a codec has made of them on the way, so that it need not do it again.

    Parameters
    ----------
    size, make
        See `Origins`.
    by
        The codec.
    batch
        What it gives for these records.
    """

    def __init__(self, size: int, make: Callable[[int], Record], by: Any, batch: Batch) -> None:
        super().__init__(size, make)
        self.by = by
        self.batch = batch
