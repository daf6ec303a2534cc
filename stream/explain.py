"""Why a past event got its score: the stream again up to that event, and then a close look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from stream.codec import Codec
from stream.events import Record
from stream.monitor import Monitor

Place = tuple[str, int, int]  # topic, partition, offset


class Feature(msgspec.Struct, frozen=True):
    """A feature of an event: its value, and how much it added to the logit."""

    feature: str
    value: float
    contribution: float


class Said(msgspec.Struct, frozen=True):
    """What an arm said, and the rate at which it would have learned the next label."""

    arm: str
    score: float
    learning_rate: float


class Explanation(msgspec.Struct, frozen=True):
    """A decision.

    Attributes
    ----------
    place
        Topic, partition and offset of the event, as in an alert's `alert_id`.
    id, ts, score, threshold, alert
        As in the scores.
    arm
        The one that led, whose logit is explained. Where arms decide together it need not be the
        score's.
    logit
        Of that arm: the sum of the intercept and of all contributions.
    features
        All of them, those that added most first.
    arms
        All of them, the champion first.
    """

    place: str
    id: str | int
    ts: str | int | float | None
    score: float
    threshold: float
    alert: bool
    arm: str
    logit: float
    intercept: float
    features: list[Feature]
    arms: list[Said]


def find(
    event_id: str, polls: Iterable[Sequence[Record]], codec: Codec
) -> tuple[Record | None, int]:
    """Look for an event by its id.

    Returns
    -------
    The last record that holds it, if there is one, and how many do.
    """
    last, times = None, 0
    for records in polls:
        events = codec.decode(records).events
        for name, record in zip(events.ids, events.records, strict=True):
            if str(name) == event_id:
                last, times = record, times + 1
    return last, times


def place(record: Record) -> Place:
    """Where a record is."""
    return record.topic, record.partition, record.offset


class Explainer:
    """Takes a monitor through records, and looks closely at one of them.

    Parameters
    ----------
    monitor
        Is brought to where the records lead.
    wanted
        Where the event is.

    Attributes
    ----------
    found
        The explanation, once the event has come.
    """

    def __init__(self, monitor: Monitor, wanted: Place) -> None:
        self._monitor = monitor
        self._wanted = wanted
        self.found: Explanation | None = None

    def take(self, records: Sequence[Record]) -> None:
        """Take the next records."""
        at = next((i for i, r in enumerate(records) if place(r) == self._wanted), None)
        if at is None:
            self._monitor.step(records)
            return
        # The rates are those before the event, which is why it is taken alone.
        self._monitor.step(records[:at])
        self.found = self._explain(records[at])
        self._monitor.step(records[at + 1 :])

    def _explain(self, record: Record) -> Explanation:
        monitor = self._monitor
        rates = [arm.model.rate for arm in monitor.arms]
        outcome = monitor.step([record])
        events, workings = outcome.events, outcome.workings
        values = workings.values(monitor.features, events, 0)
        added = workings.contributions(monitor.features, events, 0)
        features = [
            Feature(name, value, part)
            for (name, value), (_, part) in zip(values, added, strict=True)
        ]
        features.sort(key=lambda feature: (-abs(feature.contribution), feature.feature))
        return Explanation(
            place="-".join(map(str, self._wanted)),
            id=events.ids[0],
            ts=events.given_ts[0],
            score=float(outcome.scores[0]),
            threshold=float(outcome.thresholds[0]),
            alert=bool(outcome.alerts[0]),
            arm=monitor.arms[workings.leader(0)].name,
            logit=workings.logit(0),
            intercept=workings.intercept(0),
            features=features,
            arms=[
                Said(arm.name, score, rate)
                for arm, score, rate in zip(
                    monitor.arms, outcome.by_arm[0].tolist(), rates, strict=True
                )
            ],
        )
