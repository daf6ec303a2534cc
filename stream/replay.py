"""A stream that was, through the same core as the live service, and how well the scores did."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.prequential import CLIP
from models.protocols import Drift
from models.ranking import average_precision, roc_auc
from models.vectors import Codes, Floats
from stream.finite import all_finite
from stream.journal import Entry
from stream.monitor import Monitor, Outcome
from stream.sinks import Sink
from stream.sources import Source
from stream.timestamps import UNITS, duration, epoch

if TYPE_CHECKING:  # it brings kafka-python along, which no recording needs
    from stream.history import History


@dataclass(frozen=True, slots=True)
class Figures:
    """Prequential metrics over the events of a replay that got a label; NaN where undefined.

    Attributes
    ----------
    events, labels, positives
        Events scored, those of them with a label, and those with label 1.
    error
        Share of scores on the wrong side of 0.5.
    log_loss
        Mean, in nats.
    roc_auc, average_precision
        Exact, over all scores as they were given.
    alerts, precision, recall
        Labelled events above the threshold, share of them with label 1, share of label 1 found.
    dead_letters, drifts
        How many.
    """

    events: int
    labels: int
    positives: int
    error: float
    log_loss: float
    roc_auc: float
    average_precision: float
    alerts: int
    precision: float
    recall: float
    dead_letters: int
    drifts: int

    def plain(self) -> dict[str, float | None]:
        """By name, as JSON can have them: None where one is not defined."""
        return all_finite(asdict(self))


class Ledger:
    """Every event's score, alert and label, for exact metrics at the end: 18 bytes an event.

    Parameters
    ----------
    first
        Events that the monitor has had before; labels of those are not counted.
    """

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._scores = array("d")
        self._times = array("d")
        self._alerts = array("b")
        self._labels = array("b")  # -1 for none
        self._dead = 0
        self._drifts = 0

    def extend(self, other: Ledger) -> None:
        """Take all events of another one, which come after those here."""
        times, scores, alerts, labels = other.columns
        self._times.frombytes(times.tobytes())
        self._scores.frombytes(scores.tobytes())
        self._alerts.frombytes(alerts.tobytes())
        self._labels.frombytes(labels.tobytes())
        dead, drifts = other.counts
        self._dead += dead
        self._drifts += drifts

    def add(self, outcome: Outcome) -> None:
        """Take what a poll led to."""
        self._scores.frombytes(outcome.scores.tobytes())
        self._times.frombytes(outcome.events.ts.tobytes())
        self._alerts.frombytes(outcome.alerts.tobytes())
        self._labels.frombytes(np.full(len(outcome.events), -1, np.int8).tobytes())
        # Of two labels for one event the later one stays.
        places = outcome.labelled - self._first
        known = places >= 0
        np.frombuffer(self._labels, np.int8)[places[known]] = outcome.labels[known]
        self._dead += len(outcome.dead)
        self._drifts += sum(verdict.level == Drift.DRIFT for verdict in outcome.drifts)

    @property
    def columns(self) -> tuple[Floats, Floats, Codes, Codes]:
        """Event time, score, alert and label (-1 for none) of each event."""
        return (
            np.frombuffer(self._times), np.frombuffer(self._scores),
            np.frombuffer(self._alerts, np.int8), np.frombuffer(self._labels, np.int8),
        )  # fmt: skip

    @property
    def counts(self) -> tuple[int, int]:
        """Dead letters and drifts."""
        return self._dead, self._drifts

    @property
    def first_time(self) -> float:
        """Event time of the first event; NaN before it."""
        return self._times[0] if self._times else math.nan

    def figures(
        self,
        since: float = -math.inf,
        scores: Floats | None = None,
        alerts: Codes | None = None,
        skip: int = 0,
    ) -> Figures:
        """Metrics over the events at or after event time `since`, without the first `skip` of all.

        With `scores` and `alerts`, one of each for every event: as if these had been given.
        """
        scores = np.frombuffer(self._scores) if scores is None else scores
        alerts = np.frombuffer(self._alerts, np.int8) if alerts is None else alerts
        chosen = np.frombuffer(self._times) >= since
        chosen[:skip] = False
        y_all = np.frombuffer(self._labels, np.int8)[chosen]
        known = y_all >= 0
        p = scores[chosen][known]
        alert = alerts[chosen][known] == 1
        y = y_all[known]
        losses = -np.log(np.maximum(np.where(y == 1, p, 1.0 - p), CLIP))
        hits = int(np.sum(alert & (y == 1)))
        return Figures(
            events=len(y_all),
            labels=len(y),
            positives=int(y.sum()),
            error=float(np.mean((p > 0.5) != y)) if len(y) else math.nan,
            log_loss=float(np.mean(losses)) if len(y) else math.nan,
            roc_auc=roc_auc(p, y),
            average_precision=average_precision(p, y),
            alerts=int(alert.sum()),
            precision=hits / int(alert.sum()) if alert.any() else math.nan,
            recall=hits / int(y.sum()) if y.any() else math.nan,
            dead_letters=self._dead,
            drifts=self._drifts,
        )


def since(given: str, first_time: float) -> float:
    """Event time from which on events are measured.

    Parameters
    ----------
    given
        A time in ISO 8601, or a duration after the start of the first event's day.
    first_time
        Event time of the first event.

    Raises
    ------
    ValueError
        If `given` is neither.

    Examples
    --------
    >>> since("2018-04-02", 0.0), since("2d", 86_400.0 * 3 + 1)
    (1522627200.0, 432000.0)
    """
    try:
        after = duration(given)
    except ValueError:
        return epoch(given)
    return first_time // UNITS["d"] * UNITS["d"] + after


def replay(
    source: Source, monitor: Monitor, sink: Sink, on_poll: Callable[[int], None] = lambda _: None
) -> Ledger:
    """Take a source to its end.

    Parameters
    ----------
    source, monitor, sink
        Where records come from, what happens to them, and where the outcomes go.
    on_poll
        Called after each poll with the number of events in it.
    """
    ledger = Ledger(monitor.chain.count)
    while not source.exhausted:
        outcome = monitor.step(source.poll(0.0))
        sink.write(outcome)
        ledger.add(outcome)
        on_poll(len(outcome.events))
    sink.flush()
    return ledger


@dataclass(frozen=True, slots=True)
class Repeated:
    """What came of a history.

    Attributes
    ----------
    ledger
        Of all events since the monitor last began anew.
    commits
        How many there were.
    differs
        The first entry of the journal whose fingerprint was not met.
    """

    ledger: Ledger
    commits: int
    differs: Entry | None


def repeat(
    history: History,
    monitor: Monitor,
    sink: Sink,
    begin_anew: Callable[[], None],
    on_poll: Callable[[int], None] = lambda _: None,
) -> Repeated:
    """Take a history to its end.

    Parameters
    ----------
    history, monitor, sink
        Where records come from, what happens to them, and where the outcomes go.
    begin_anew
        Makes the monitor one that has seen nothing.
    on_poll
        As for `replay`.
    """
    ledger, commits = Ledger(monitor.chain.count), 0
    differs: Entry | None = None
    for commit in history:
        on_poll(0)
        if commit is None:
            continue
        if commit.anew:
            begin_anew()
            ledger = Ledger()
        for records in commit.records:
            outcome = monitor.step(records)
            sink.write(outcome)
            ledger.add(outcome)
            on_poll(len(outcome.events))
        commit.mix(monitor)
        commits += 1
        if differs is None and not commit.agrees(monitor):
            differs = commit.entry
    sink.flush()
    return Repeated(ledger, commits, differs)
