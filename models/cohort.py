"""One cohort of events: what is counted of it, and the measures that follow."""

from __future__ import annotations

import math
from typing import NamedTuple

from models.compiled import inlined
from models.prequential import log_loss
from models.vectors import Floats

# Places of a row of sums. All but the expected ones and the loss are counts, exact in a float.
EVENTS, ALERTS, EXPECTED_WRONG, EXPECTED_HITS, EXPECTED_POSITIVES, LOSS = range(6)
CONFUSION = 6  # four of labelled events: 2 * (score above 0.5) + label
ALERTED = 10  # two of labelled alerts, by label
MATURED = 12  # whether its labels were once enough
PLACES = 13


class Cohort(NamedTuple):
    """Events of one span of event time. What is not defined is NaN.

    Attributes
    ----------
    number, start
        ``floor(event time / span)``, and the event time at which it begins.
    closed
        Whether a later one has begun.
    events, alerts, labelled, positives
        How many; positives are those labelled 1.
    coverage
        Share of its events that are labelled.
    error, precision, recall, log_loss
        As labels tell, over the labelled events only: share of scores on the wrong side of 0.5,
        share of alerts with label 1, share of label 1 that had an alert, mean log-loss in nats.
    expected_error, expected_precision, expected_recall
        The same of all its events, as calibrated probabilities had it before any label.
    """

    number: int
    start: float
    closed: bool
    events: int
    alerts: int
    labelled: int
    positives: int
    coverage: float
    error: float
    precision: float
    recall: float
    log_loss: float
    expected_error: float
    expected_precision: float
    expected_recall: float


class Measures(NamedTuple):
    """One value for each measure that is both estimated and, later, known."""

    error: float
    precision: float
    recall: float


@inlined
def share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


@inlined
def labelled(row: Floats) -> float:
    return float(row[CONFUSION] + row[CONFUSION + 1] + row[CONFUSION + 2] + row[CONFUSION + 3])


@inlined
def positives(row: Floats) -> float:
    return float(row[CONFUSION + 1] + row[CONFUSION + 3])


@inlined
def known(row: Floats, measure: int) -> float:
    """A measure as labels tell."""
    if measure == 0:
        return share(row[CONFUSION + 1] + row[CONFUSION + 2], labelled(row))
    if measure == 1:
        return share(row[ALERTED + 1], row[ALERTED] + row[ALERTED + 1])
    return share(row[ALERTED + 1], positives(row))


@inlined
def expected(row: Floats, measure: int) -> float:
    """The same measure as it was expected."""
    if measure == 0:
        return share(row[EXPECTED_WRONG], row[EVENTS])
    if measure == 1:
        return share(row[EXPECTED_HITS], row[ALERTS])
    return share(row[EXPECTED_HITS], row[EXPECTED_POSITIVES])


@inlined
def count_event(row: Floats, score: float, p: float, alert: int) -> None:
    """Count an event with its score and calibrated probability."""
    row[EVENTS] += 1.0
    row[EXPECTED_WRONG] += 1.0 - p if score > 0.5 else p
    row[EXPECTED_POSITIVES] += p
    if alert != 0:
        row[ALERTS] += 1.0
        row[EXPECTED_HITS] += p


@inlined
def count_label(row: Floats, score: float, alert: int, y: int, was: int) -> None:
    """Count the label of an event, and no more the one that it replaces."""
    side = CONFUSION + 2 * (score > 0.5)
    if was >= 0:
        row[side + was] -= 1.0
        row[LOSS] -= log_loss(score, was)
        row[ALERTED + was] -= alert
    row[side + y] += 1.0
    row[LOSS] += log_loss(score, y)
    row[ALERTED + y] += alert


@inlined
def matures(row: Floats, least: float) -> bool:
    """Whether a share `least` of it is labelled, for the first time."""
    if row[MATURED] != 0.0 or labelled(row) < least * row[EVENTS]:
        return False
    row[MATURED] = 1.0
    return True


def cohort(row: Floats, number: int, span: float, newest: int) -> Cohort:
    """What a row of sums says."""
    return Cohort(
        number,
        number * span,
        number < newest,
        int(row[EVENTS]),
        int(row[ALERTS]),
        int(labelled(row)),
        int(positives(row)),
        share(labelled(row), row[EVENTS]),
        known(row, 0),
        known(row, 1),
        known(row, 2),
        share(row[LOSS], labelled(row)),
        expected(row, 0),
        expected(row, 1),
        expected(row, 2),
    )
