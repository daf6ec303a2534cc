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
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
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
        size: int = 2_000,
    ) -> None:
        self.size = size
        self.bytes_read = 0
        self._events_topic = events_topic
        self._labels_topic = labels_topic
        self._delay = label_delay
        self._envelope = envelopes(fields)
        self._truth = _truths(fields)
        self._held: deque[Record] = deque()
        self._line = 0
        self._clock = 0  # timestamp of the latest line that had a time
        self._chunks = self._all(paths)
        self._records = chain.from_iterable(self._chunks)
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
        self._chunks.close()

    def _all(self, paths: Sequence[Path]) -> Generator[Iterable[Record]]:
        for path in paths:
            yield from self._file(path)
        yield self._held

    def _file(self, path: Path) -> Iterator[Sequence[Record]]:
        before = self.bytes_read
        try:
            with path.open("rb") as raw:
                lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
                while chunk := list(islice(lines, LINES)):
                    self.bytes_read = before + raw.tell()
                    yield self._chunk(chunk)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecordingError(f"{path}: {reason}") from None

    def _chunk(self, lines: Sequence[bytes]) -> Sequence[Record]:
        """The records of some lines, and of the labels that become due between them."""
        events, labels = self._events_topic, self._labels_topic
        # A label is due before an event of its own time where a monitor takes its topic first.
        tie = labels < events
        delay, delay_ms = self._delay, round(self._delay * 1000)
        held, now, new_truth = self._held, self._clock, self._truth
        read = [self._envelope(line) for line in lines]
        ts = epochs([item.ts for item in read])
        stamps = np.rint(np.nan_to_num(ts) * 1000.0).astype(np.int64).tolist()
        records: list[Record] = []
        add = records.append
        hold = held.append if delay else add
        for number, (line, item, seconds, stamp) in enumerate(
            zip(lines, read, ts.tolist(), stamps, strict=True), self._line
        ):
            value = line.rstrip(b"\r\n")
            if not value:
                continue
            if item.recorded is not None and (wrapped := _unwrap(item.recorded)):
                topic = labels if wrapped.labels else events
                add(Record(wrapped.value, topic, 0, number, wrapped.timestamp))
                continue
            now = stamp or now
            while held and held[0].timestamp < now + tie:
                add(held.popleft())
            if item.is_label():
                add(Record(value, labels, 0, number, now))
                continue
            add(Record(value, events, 0, number, now))
            if item.label is None:
                continue
            due = seconds + delay if delay else item.ts
            truth = _encode(new_truth(item.id, item.label, due))
            hold(Record(truth, labels, 0, number, now + delay_ms))
        self._clock = now
        self._line += len(lines)
        return records


WRAPPED = "recorded"  # the one name that an event's fields cannot have


class _Wrapped(msgspec.Struct, frozen=True, gc=False):
    """A record just as it was in its topic, where a plain line would not say that; in base64."""

    value: bytes
    labels: bool
    timestamp: int


_read_wrapped = msgspec.json.Decoder(_Wrapped).decode
_encode = msgspec.json.Encoder().encode


def wrap(record: Record, is_label: bool) -> bytes:
    """A line that gives back a record just as it was, whatever is in it."""
    wrapped = _Wrapped(record.value, is_label, record.timestamp)
    return _encode({WRAPPED: wrapped})


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

    def is_label(item: Any) -> bool:
        """Whether a line has a label and nothing else of an event."""
        if item.label is None or not bare:
            return False
        for name in bare:  # noqa: SIM110 - a generator would cost as much as the decoding
            if getattr(item, name) is not None:
                return False
        return True

    struct = msgspec.defstruct(
        "Envelope", [*columns, ts], gc=False,
        namespace={"is_label": is_label},
    )  # fmt: skip
    nothing, decode = struct(), msgspec.json.Decoder(struct).decode

    def read(line: bytes) -> Any:
        try:
            return decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return nothing

    return read


def _truths(fields: Fields) -> Callable[[Any, Any, Any], Any]:
    """What a label record holds: id, label and event time, under the names of the stream."""
    names = {"id": fields.id, "label": fields.label, "ts": fields.ts}
    return msgspec.defstruct("Truth", list(names), rename=names, gc=False)


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
