"""Outcomes as bytes: what goes to the topics and into files."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import msgspec
import numpy as np

from stream.drifts import DriftReport
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


class MovedFeature(msgspec.Struct, gc=False):
    """A feature whose distribution has moved."""

    feature: str
    psi: float
    ks: float | None
    before: float
    after: float


class Answered(msgspec.Struct, gc=False):
    """What an arm did about a drift of its error."""

    arm: str
    what: str
    done: str
    rate_before: float
    rate_after: float


class DriftMessage(msgspec.Struct, gc=False, omit_defaults=True):
    """A drift. `drift_id` is the same whenever the same stream is read."""

    drift_id: str
    ts: float
    signal: str
    detector: str
    level: str
    statistic: float | None
    before: float
    after: float
    moved: list[MovedFeature] = []
    answer: Answered | None = None


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
    for record, message in alert_messages(outcome):
        yield record, _encode(message)


def alert_messages(outcome: Outcome) -> Iterator[tuple[Record, Alert]]:
    """The same, before it is encoded."""
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
        yield record, message


def drifts(outcome: Outcome) -> Iterator[tuple[str, bytes]]:
    """For each drift its signal, and the message. JSON has no NaN: that is null."""
    for report in outcome.drifts:
        yield report.signal, _encode(drift(report))


def drift(report: DriftReport) -> DriftMessage:
    """A report as others read it."""
    answer = report.answer
    answered = None
    if answer:
        answered = Answered(
            answer.arm, answer.what, answer.done, answer.rate_before, answer.rate_after
        )
    return DriftMessage(
        f"{report.signal}-{report.number}",
        report.ts,
        report.signal,
        report.detector,
        report.level.name.lower(),
        report.statistic,
        report.before,
        report.after,
        [MovedFeature(m.feature, m.psi, m.ks, m.before, m.after) for m in report.moved],
        answered,
    )


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
