"""Topics into a recording: one line a record, in the order in which a monitor takes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

from stream.codec import Codec
from stream.events import Record
from stream.outfile import OutFile
from stream.sources import Source
from stream.sources.recording import envelopes, wrap


def record(
    source: Source,
    codec: Codec,
    out: Path,
    stop: Event,
    *,
    follow: bool = False,
    mask: Callable[[Record], Record] | None = None,
    on_poll: Callable[[int], None] = lambda _: None,
) -> int:
    """Write a source's records to `out` until it has no more, or until `stop` if `follow`.

    Where a plain line would not say what the record was in its topic (a dead letter, an event with
    a label of its own, one without a time, bytes that are not one line, headers), it is wrapped, so
    that a replay meets it as it was. `mask`, if any, is put over each record first.

    Returns
    -------
    Records written.
    """
    written = 0
    envelope = envelopes(codec.fields)
    target = OutFile(out)
    whole = False
    try:
        while not stop.is_set():
            records = source.poll(0.5)
            dead = {id(letter.record) for letter in codec.decode(records).dead}
            for r in records:
                given = mask(r) if mask else r
                plain = id(r) not in dead and _is_plain(given, envelope(given.value), codec)
                line = given.value if plain else wrap(given, r.topic == codec.labels_topic)
                target.file.write(line + b"\n")
            written += len(records)
            on_poll(len(records))
            if not records and not follow and _at_end(source):
                break
        whole = True
    finally:
        target.close(whole=whole)
    return written


def _is_plain(r: Record, envelope: Any, codec: Codec) -> bool:
    """Whether a replay takes the bytes, as a line, for what they were in their topic."""
    if r.headers or b"\n" in r.value or b"\r" in r.value:
        return False
    if envelope.ts is None or envelope.recorded is not None:
        return False
    is_label = r.topic == codec.labels_topic
    return bool(envelope.is_label() if is_label else envelope.label is None)


def _at_end(source: Source) -> bool:
    lag = source.lag()
    return source.exhausted or (bool(lag) and not any(lag.values()))
