"""Performance by when events happened: what is known of each day, and what is expected of it.

Labels come late, so a mean over the last labels tells of events long past, and a young day looks
good only because its frauds are still unknown. Here each label counts for the day of its event.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models import settings
from models.cohort import (
    PLACES,
    Cohort,
    Measures,
    cohort,
    count_event,
    count_label,
    expected,
    known,
    matures,
    share,
)
from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import ASSUME, SCORE, Codes, Floats, Ints

NONE = -(2**62)  # the number of a row without a cohort

# The measures of a row of `missed`; the places of each.
MEASURES = len(Measures._fields)
FADED, WEIGHT, LAST = range(3)


@compiled
def _mature(row: Floats, least: float, fading: float, missed: Floats) -> None:
    """Hold what was expected of a closed cohort against the truth, once enough of it is known."""
    if not matures(row, least):
        return
    for measure in range(MEASURES):
        off = abs(expected(row, measure) - known(row, measure))
        if not math.isnan(off):
            missed[measure, FADED] = fading * missed[measure, FADED] + off
            missed[measure, WEIGHT] = fading * missed[measure, WEIGHT] + 1.0
            missed[measure, LAST] = off


@compiled
def _run(
    code: Codes,
    slot: Ints,
    y: Codes,
    was: Codes,
    since: Floats,
    given: Floats,
    calibrated: Floats,
    alerts: Codes,
    span: float,
    least: float,
    fading: float,
    numbers: Ints,
    sums: Floats,
    missed: Floats,
    newest: Ints,
    alerted: Codes,
) -> None:
    keep = len(numbers)
    for i in range(len(code)):
        if code[i] == ASSUME:
            continue
        number = np.int64(math.floor(since[i] / span))
        at = number % keep
        row = sums[at]
        if code[i] == SCORE:
            alerted[slot[i]] = alerts[i]
            if number < numbers[at]:
                continue  # so old that a later cohort has its row
            if number > numbers[at]:
                numbers[at] = number
                for place in range(PLACES):
                    row[place] = 0.0
            if number > newest[0]:
                before = newest[0]
                newest[0] = number
                if numbers[before % keep] == before:
                    _mature(sums[before % keep], least, fading, missed)
            count_event(row, given[i], calibrated[i], alerts[i])
        elif number == numbers[at]:
            count_label(row, given[i], alerted[slot[i]], y[i], was[i])
            if number < newest[0]:
                _mature(row, least, fading, missed)


class Cohorts:
    """The last cohorts of events: their labels so far, their performance, and what was expected.

    A cohort is the events of one span of event time. The estimate needs no label of it: of an
    event with calibrated probability `p`, ``p`` of an event is expected to be of class 1. So with
    sums over all events of a cohort, and over its alerts::

        expected error     = sum(p where score <= 0.5, else 1 - p) / events
        expected precision = sum(p over alerts) / alerts
        expected recall    = sum(p over alerts) / sum(p)

    This is CBPE, Confidence-Based Performance Estimation, as NannyML documents it ("How it works:
    performance estimation"). It sees that events became harder, and not that the same events came
    to mean something else: that only labels show. How far it was off is measured: when a closed
    cohort first has labels for `share` of its events, its expected measures are held against the
    known ones.

    A label of a cohort that has left the ring, and an event for want of a label taken as class 0,
    change nothing.

    Parameters
    ----------
    capacity
        Places that an example can have.
    span
        Seconds of event time of a cohort.
    keep
        Cohorts that are remembered.
    share
        Labelled share of a closed cohort's events from which on its measures count as known.
    fading
        What the weight of a cohort's miss is multiplied by for each later cohort.

    References
    ----------
    https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html

    Examples
    --------
    Two events on the first day, of which one gets its label a day later.

    >>> cohorts = Cohorts(capacity=10, span=86_400.0, share=0.5)
    >>> code, slot = np.array([0, 0, 0, 1], np.int8), np.array([0, 1, 2, 0])
    >>> y, was = np.array([0, 0, 0, 1], np.int8), np.full(4, -1, np.int8)
    >>> since = np.array([10.0, 20.0, 90_000.0, 10.0])
    >>> p, alerts = np.array([0.75, 0.25, 0.25, 0.75]), np.array([1, 0, 0, 0], np.int8)
    >>> cohorts.run(code, slot, y, was, since, p, p, alerts)
    >>> day = cohorts.matured
    >>> day.number, day.coverage, day.error, day.expected_error, day.expected_precision
    (0, 0.5, 0.0, 0.25, 0.75)
    """

    def __init__(
        self,
        capacity: int,
        span: float = 86_400.0,
        keep: int = 64,
        share: float = 0.9,
        fading: float = 0.9,
    ) -> None:
        settings.positive(span=span)
        settings.whole(2, keep=keep)
        if not 0 < share <= 1:
            raise ValueError(f"share = {share}: expected a number above 0 and up to 1")
        settings.fading(fading=fading)
        self.span = span
        self.share = share
        self._fading = fading
        self._numbers = np.full(keep, NONE, np.int64)
        self._sums = np.zeros((keep, PLACES))
        self._missed = np.zeros((MEASURES, 3))
        self._missed[:, LAST] = math.nan
        self._newest = np.full(1, NONE, np.int64)
        self._alerted = np.zeros(capacity, np.int8)

    def run(
        self,
        code: Codes,
        slot: Ints,
        y: Codes,
        was: Codes,
        since: Floats,
        given: Floats,
        calibrated: Floats,
        alerts: Codes,
    ) -> None:
        """Take operations in order.

        Parameters
        ----------
        code, slot, y, was, since
            Of each operation (see `stream.labels.Ops`); `since` is the time of its event.
        given, calibrated
            The event's score and calibrated probability, both as they were given.
        alerts
            0 or 1 where an event is scored.
        """
        _run(
            code, slot, y, was, since, given, calibrated, alerts, self.span, self.share,
            self._fading, self._numbers, self._sums, self._missed, self._newest, self._alerted,
        )  # fmt: skip

    def rows(self) -> list[Cohort]:
        """All cohorts remembered, the newest first."""
        newest_first = np.argsort(-self._numbers, kind="stable").tolist()
        return [
            cohort(self._sums[at], int(self._numbers[at]), self.span, int(self._newest[0]))
            for at in newest_first
            if self._numbers[at] != NONE
        ]

    @property
    def matured(self) -> Cohort | None:
        """The newest cohort that is closed and has labels for `share` of its events."""
        return next((c for c in self.rows() if c.closed and c.coverage >= self.share), None)

    @property
    def missed(self) -> Measures:
        """By how much estimates were off when labels came: faded means; NaN before the first."""
        return Measures(*(share(total, count) for total, count, _ in self._missed.tolist()))

    @property
    def last_missed(self) -> Measures:
        """By how much they were off the last time."""
        return Measures(*self._missed[:, LAST].tolist())

    def _state(self) -> dict[str, Any]:
        return {
            "numbers": self._numbers,
            "sums": self._sums,
            "missed": self._missed,
            "newest": self._newest,
            "alerted": self._alerted,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
