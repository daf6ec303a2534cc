"""Outcomes as bytes: what goes to the topics and into files."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec
import numpy as np

from stream.events import DeadLetter, Record
from stream.monitor import Outcome

# A dead letter with more goes cut off, with its true size beside it: a topic takes 1,048,588 bytes
# unless told otherwise, and some of them are for the reason.
MOST_BYTES = 1_047_000

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode


class Score(msgspec.Struct, gc=False):
    """A line of the scores: id and ts as the event had them, numbers with all their digits."""

    id: str | int
    ts: str | int | float | None
    score: float
    alert: bool
    threshold: float


class Reason(msgspec.Struct, gc=False):
    """A feature and how much it added to the logit."""

    feature: str
    contribution: float


class Alert(msgspec.Struct, gc=False):
    """An alert. `alert_id` is the event's place in Kafka, so a repeated one is known as such."""

    alert_id: str
    id: str | int
    ts: str | int | float | None
    score: float
    threshold: float
    reasons: list[Reason]


def scores(outcome: Outcome) -> list[bytes]:
    """A message for each event, in order."""
    return [_encode(score) for score in _scores(outcome)]


def score_lines(outcome: Outcome) -> bytes:
    """The same as lines of a file."""
    return _encoder.encode_lines(_scores(outcome))


def _scores(outcome: Outcome) -> list[Score]:
    events = outcome.events
    columns = outcome.scores, outcome.alerts == 1, outcome.thresholds
    return list(map(Score, events.ids, events.given_ts, *(each.tolist() for each in columns)))


def alerts(outcome: Outcome) -> Iterator[tuple[Record, bytes]]:
    """For each alert the record of its event, and the message."""
    events = outcome.events
    rows = np.flatnonzero(outcome.alerts).tolist()
    for row, reasons in zip(rows, outcome.reasons, strict=True):
        record = events.records[row]
        message = Alert(
            f"{record.topic}-{record.partition}-{record.offset}",
            events.ids[row],
            events.given_ts[row],
            float(outcome.scores[row]),
            float(outcome.thresholds[row]),
            [Reason(name, part) for name, part in reasons],
        )
        yield record, _encode(message)


def dead_letter_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Why and where from, as Kafka headers beside the original bytes."""
    record = letter.record
    about = {
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "bytes": len(record.value),
    }
    return [(name, str(value).encode()) for name, value in about.items()]


def dead_letter_line(letter: DeadLetter) -> bytes:
    """The same as one JSON object, for files."""
    about: dict[str, object] = {k: v.decode() for k, v in dead_letter_headers(letter)}
    for name in ("partition", "offset", "timestamp", "bytes"):
        about[name] = int(str(about[name]))
    about["value_base64"] = base64.b64encode(letter.record.value[:MOST_BYTES]).decode()
    return _encode(about)
