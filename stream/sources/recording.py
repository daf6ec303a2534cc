"""Records from a file: JSON lines, plain or .gz, in the order of the file.

An event line that carries its own label is a recording with the truth inside. The label is taken
out, held back for the label delay in event time, and given where the record would come in a labels
topic; with a delay of 0 right after its own event.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import numpy as np

from stream.codec import Fields, Text
from stream.errors import RecordingError
from stream.events import Record
from stream.timestamps import epochs

LINES = 1_000  # read and decoded together


class RecordingSource:
    """Gives the records of files, `size` at a time.

    Parameters
    ----------
    paths
        Files, read one after another as one stream.
    fields
        How the stream names things: a line with a label and none of the event's other fields is a
        label record.
    events_topic, labels_topic
        The topics that the records are given as coming from.
    label_delay
        Seconds of event time for which labels inside of event lines are held back.
    size
        Most records given at a time.

    Raises
    ------
    RecordingError
        When polled, if a file is missing or broken.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        fields: Fields,
        events_topic: str,
        labels_topic: str,
        label_delay: float = 0.0,
        size: int = 1_000,
    ) -> None:
        self.size = size
        self.bytes_read = 0
        self._events_topic = events_topic
        self._labels_topic = labels_topic
        self._delay = label_delay
        self._envelope = envelopes(fields)
        self._names = (fields.id, fields.label, fields.ts)
        self._held: deque[Record] = deque()
        self._line = 0
        self._clock = 0  # timestamp of the latest line that had a time
        self._records = self._all(paths)
        self.exhausted = False

    def poll(self, timeout: float) -> Sequence[Record]:
        records = list(islice(self._records, self.size))
        self.exhausted = len(records) < self.size
        return records

    def commit(self) -> None:
        pass

    def lag(self) -> Mapping[tuple[str, int], int]:
        return {}

    def close(self) -> None:
        self._records.close()

    def _all(self, paths: Sequence[Path]) -> Generator[Record]:
        for path in paths:
            yield from self._file(path)
        yield from self._held

    def _file(self, path: Path) -> Iterator[Record]:
        before = self.bytes_read
        try:
            with path.open("rb") as raw:
                lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
                while chunk := list(islice(lines, LINES)):
                    self.bytes_read = before + raw.tell()
                    yield from self._chunk(chunk)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecordingError(f"{path}: {reason}") from None

    def _chunk(self, lines: Sequence[bytes]) -> Iterator[Record]:
        """The records of some lines, and of the labels that become due between them."""
        events = self._events_topic
        read = [self._envelope(line) for line in lines]
        ts = epochs([item.ts for item in read])
        stamps = np.rint(np.nan_to_num(ts) * 1000.0).astype(np.int64).tolist()
        for line, item, seconds, stamp in zip(lines, read, ts.tolist(), stamps, strict=True):
            number = self._line
            self._line += 1
            value = line.rstrip(b"\r\n")
            if not value:
                continue
            wrapped = _unwrap(item.recorded)
            if wrapped:
                topic = self._labels_topic if wrapped.labels else self._events_topic
                yield Record(wrapped.value, topic, 0, number, wrapped.timestamp)
                continue
            self._clock = now = stamp or self._clock
            while self._held and (self._held[0].timestamp, self._labels_topic) < (now, events):
                yield self._held.popleft()  # the order in which a monitor takes topics
            if item.is_label():
                yield Record(value, self._labels_topic, 0, number, now)
                continue
            yield Record(value, self._events_topic, 0, number, now)
            if item.label is None:
                continue
            due = item.ts if self._delay == 0 else seconds + self._delay
            truth = dict(zip(self._names, (item.id, item.label, due), strict=True))
            label = Record(
                msgspec.json.encode(truth), self._labels_topic, 0, number,
                now + round(self._delay * 1000),
            )  # fmt: skip
            if self._delay == 0:
                yield label
            else:
                self._held.append(label)


WRAPPED = "recorded"  # the one name that an event's fields cannot have


class _Wrapped(msgspec.Struct, frozen=True, gc=False):
    """A record just as it was in its topic, where a plain line would not say that; in base64."""

    value: bytes
    labels: bool
    timestamp: int


_read_wrapped = msgspec.json.Decoder(_Wrapped).decode


def wrap(record: Record, is_label: bool) -> bytes:
    """A line that gives back a record just as it was, whatever is in it."""
    wrapped = _Wrapped(record.value, is_label, record.timestamp)
    return msgspec.json.encode({WRAPPED: wrapped})


def _unwrap(raw: msgspec.Raw | None) -> _Wrapped | None:
    try:
        return None if raw is None else _read_wrapped(raw)
    except msgspec.MsgspecError:  # an event's own field that happens to have the name
        return None


def envelopes(fields: Fields) -> Callable[[bytes], Any]:
    """A reader of what a line says about itself, whatever else may be wrong with it.

    What it reads has `id`, `ts`, `label` and `recorded` (each None, and `ts` NaN, where the line
    has none) and `is_label()`: whether the line is a label record.
    """
    features = [name for name in (fields.customer, fields.terminal, fields.amount) if name]
    features += [*fields.numeric, *fields.categorical]
    named: list[tuple[str, Any, str]] = [("id", Any, fields.id), ("label", Any, fields.label)]
    named += [("recorded", msgspec.Raw, WRAPPED)]
    named += [(f"f{i}", msgspec.Raw, name) for i, name in enumerate(features)]
    columns = [(at, kind, msgspec.field(default=None, name=name)) for at, kind, name in named]
    ts = ("ts", Text | float, msgspec.field(default=math.nan, name=fields.ts))
    bare = tuple(f"f{i}" for i in range(len(features)))
    struct = msgspec.defstruct(
        "Envelope", [*columns, ts], gc=False,
        namespace={"is_label": lambda self: _is_label(self, bare)},
    )  # fmt: skip
    nothing, decode = struct(), msgspec.json.Decoder(struct).decode

    def read(line: bytes) -> Any:
        try:
            return decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return nothing

    return read


def _is_label(item: Any, features: Sequence[str]) -> bool:
    """Whether a line has a label and nothing else of an event."""
    if item.label is None or not features:
        return False
    for name in features:  # noqa: SIM110 - a generator would cost as much as the decoding
        if getattr(item, name) is not None:
            return False
    return True


def total_bytes(paths: Sequence[Path]) -> int:
    """Bytes of all files, as they lie on the disk.

    Raises
    ------
    RecordingError
        If one is missing.
    """
    try:
        return sum(path.stat().st_size for path in paths)
    except OSError as error:
        raise RecordingError(f"{error.filename}: {error.strerror}") from None
