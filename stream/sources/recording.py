"""Records from a file: JSON lines, plain or .gz, in the order of the file.

An event line that carries its own label is a recording with the truth inside. The label is taken
out, held back for the label delay in event time, and given where the record would come in a labels
topic; with a delay of 0 right after its own event. A line without a time comes a second after the
line before it.
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

from stream.codec import Codec, Fields, Text, made_id
from stream.errors import RecordingError
from stream.events import Record
from stream.sources.many_lines import ManyLines
from stream.timestamps import epochs

TICK = 1_000  # milliseconds from the line before to one without a time


class RecordingSource:
    """Gives the records of files, `size` at a time.

    Parameters
    ----------
    paths
        Files, read one after another as one stream.
    fields
        How the stream names things: a line with a label and none of the event's own fields is a
        label record.
    events_topic, labels_topic
        The topics that the records are given as coming from.
    label_delay
        Seconds of event time for which labels inside of event lines are held back.
    size
        Most records given at a time.
    codec
        Whose work can be done on the way, where lines allow it: that takes half as long.

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
        size: int = 10_000,
        codec: Codec | None = None,
    ) -> None:
        self.size = size
        self._lines = max(1, 2 * size // 5)  # read together; each may bring a label too
        self.bytes_read = 0
        self._events_topic = events_topic
        self._labels_topic = labels_topic
        self._delay = label_delay
        self._envelope = envelopes(fields)
        self._truth = truths(fields)
        self._held: deque[Record] = deque()
        self._line = 0
        self._clock = -TICK  # timestamp of the line before
        self._many: ManyLines | None = None  # until a line is odd
        if codec and codec.events.parts:
            self._many = ManyLines(codec, events_topic, label_delay, self._truth, WRAPPED)
        self._chunks = self._all(paths)
        self._rest: Sequence[Record] = ()
        self.exhausted = False

    def poll(self, timeout: float) -> Sequence[Record]:
        records: Sequence[Record] = self._rest or next(self._chunks, [])
        self.exhausted = not records
        self._rest = records[self.size :]
        return records if len(records) <= self.size else records[: self.size]

    def commit(self) -> None:
        pass

    def lag(self) -> Mapping[tuple[str, int], int]:
        return {}

    def close(self) -> None:
        self._chunks.close()

    def _all(self, paths: Sequence[Path]) -> Generator[Sequence[Record]]:
        for path in paths:
            yield from self._file(path)
        while self._many and len(last := self._many.rest(self.size)):
            yield last
        while left := list(islice(self._due(math.inf), self.size)):
            yield left

    def _file(self, path: Path) -> Iterator[Sequence[Record]]:
        before = self.bytes_read
        try:
            with path.open("rb") as raw:
                lines = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
                while chunk := list(islice(lines, self._lines)):
                    self.bytes_read = before + raw.tell()
                    yield self._at_once(chunk) or self._chunk(chunk)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecordingError(f"{path}: {reason}") from None

    def _at_once(self, lines: Sequence[bytes]) -> Sequence[Record] | None:
        """The records of some lines, unless one of them is odd, or one of those before was."""
        if self._many is None:
            return None
        records = self._many.take(lines, self._line)
        if records is None:
            self._held, self._many = self._many.held(), None
            return None
        self._line += len(lines)
        self._clock = round(float(records.batch.events.appended[-1]) * 1000.0)
        return records

    def _due(self, now: float) -> Iterator[Record]:
        """Held labels of before `now`."""
        while self._held and self._held[0].timestamp < now:
            yield self._held.popleft()

    def _chunk(self, lines: Sequence[bytes]) -> Sequence[Record]:
        """The records of some lines, and of the labels that become due between them."""
        events, labels = self._events_topic, self._labels_topic
        # A label is due before an event of its own time where a monitor takes its topic first.
        tie = labels < events
        delay, delay_ms = self._delay, round(self._delay * 1000)
        now, truth = self._clock, self._truth
        read = [self._envelope(line) for line in lines]
        ts = epochs([item.ts for item in read])
        stamps = np.rint(np.nan_to_num(ts) * 1000.0).astype(np.int64).tolist()
        records: list[Record] = []
        add = records.append
        hold = self._held.append if delay else add
        for number, (line, item, seconds, stamp) in enumerate(
            zip(lines, read, ts.tolist(), stamps, strict=True), self._line
        ):
            value = line.rstrip(b"\r\n")
            if not value:
                continue
            if item.recorded is not None and (wrapped := _unwrap(item.recorded)):
                topic = labels if wrapped.labels else events
                add(
                    Record(
                        wrapped.value, topic, 0, number, wrapped.timestamp,
                        headers=wrapped.headers,
                    )
                )  # fmt: skip
                continue
            undated = math.isnan(seconds)
            now = now + TICK if undated else stamp
            records += self._due(now + tie)
            if item.is_label():
                add(Record(value, labels, 0, number, now))
                continue
            add(Record(value, events, 0, number, now))
            if item.label is None:
                continue
            due = item.ts if not delay else None if undated else seconds + delay
            value = truth(item.named_as(), item.label, due, item.source)
            hold(Record(value, labels, 0, number, now + delay_ms))
        self._clock = now
        self._line += len(lines)
        return records


WRAPPED = "recorded"  # the one name that an event's fields cannot have


class _Wrapped(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A record just as it was in its topic, where a plain line would not say that; in base64."""

    value: bytes
    labels: bool
    timestamp: int
    headers: tuple[tuple[str, bytes], ...] = ()


_read_wrapped = msgspec.json.Decoder(_Wrapped).decode
_encode = msgspec.json.Encoder().encode


def wrap(record: Record, is_label: bool) -> bytes:
    """A line that gives back a record just as it was, whatever is in it."""
    wrapped = _Wrapped(record.value, is_label, record.timestamp, record.headers)
    return _encode({WRAPPED: wrapped})


def _unwrap(raw: msgspec.Raw | None) -> _Wrapped | None:
    try:
        return None if raw is None else _read_wrapped(raw)
    except (
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
    ):  # an event's own field that happens to have the name
        return None


def envelopes(fields: Fields) -> Callable[[bytes], Any]:
    """A reader of what a line says about itself, whatever else may be wrong with it.

    What it reads has `id`, `ts`, `label`, `source` and `recorded` (each None where the line has
    none); `is_label()`: whether the line is a label record; and `named_as()`: the id by which
    labels name its event.
    """
    own = fields.own
    source = "" if fields.source in own else fields.source  # the event's, and not the label's
    named: list[tuple[str, Any, str]] = []
    named += [("id", Any, fields.id), ("label", Any, fields.label), ("source", Any, source)]
    named += [("ts", Text | float | None, fields.ts), ("recorded", msgspec.Raw, WRAPPED)]
    named += [(f"f{i}", msgspec.Raw, name) for i, name in enumerate(own)]
    columns = [
        (at, kind, msgspec.field(default=None, name=name)) for at, kind, name in named if name
    ]
    bare = tuple(f"f{i}" for i in range(len(own)))
    at_name = {name: at for at, _, name in named}
    made_of = [at_name[name] for name in fields.made_of]

    def is_label(item: Any) -> bool:
        """Whether a line has a label and nothing else of an event."""
        if item.label is None or not bare:
            return False
        for name in bare:  # noqa: SIM110 - a generator would cost as much as the decoding
            if getattr(item, name) is not None:
                return False
        return True

    def named_as(item: Any) -> Any:
        """The id of the event in a line, which may have to be made."""
        if item.id is not None or not made_of:
            return item.id
        values = [_plain(getattr(item, at)) for at in made_of]
        return None if None in values else made_id(values)

    methods = {"is_label": is_label, "named_as": named_as}
    struct = msgspec.defstruct(
        "Envelope", columns, gc=False,
        namespace={**methods, **{at: None for at, _, name in named if not name}},
    )  # fmt: skip
    nothing, decode = struct(), msgspec.json.Decoder(struct).decode

    def read(line: bytes) -> Any:
        try:
            return decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return nothing

    return read


def _plain(value: Any) -> Any:
    """What a field holds, None where it cannot be read."""
    try:
        return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def truths(fields: Fields) -> Callable[[Any, Any, Any, Any], bytes]:
    """A writer of label records: of an event's id, its label, when it is due and who says so."""

    def write(name: Any, label: Any, due: Any, source: Any) -> bytes:
        told = {fields.id: name, fields.label: label}
        if due is not None:
            told[fields.ts] = due
        if isinstance(source, str):
            told[fields.source] = source
        return _encode(told)

    return write


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
