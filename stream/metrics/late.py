"""Late labels into Prometheus metrics and onto the page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from models.cohort import Measures
from stream.finite import finite
from stream.late_labels import LateLabels

DAYS = 14  # cohorts that the page shows
MEASURES = Measures._fields


def families(late: LateLabels) -> Iterable[Metric]:
    """Of the newest matured cohort, the open one, and how far off what was expected has been."""
    delays = HistogramMetricFamily(
        "streamgauge_label_delay_seconds", "Time from events to their first labels, in event time."
    )
    buckets = [("+Inf" if math.isinf(le) else str(le), n) for le, n in late.delays.cumulative()]
    delays.add_metric([], buckets, late.delays.sum)
    yield delays
    matured = GaugeMetricFamily(
        "streamgauge_matured_ratio",
        "Of the newest cohort of which enough is labelled; NaN before there is one.",
        labels=["measure"],
    )
    newest = late.cohorts.matured
    for measure in MEASURES:
        matured.add_metric([measure], getattr(newest, measure) if newest else math.nan)
    yield matured
    yield GaugeMetricFamily(
        "streamgauge_matured_cohort_timestamp_seconds",
        "Event time at which that cohort began; 0 before there is one.",
        value=newest.start if newest else 0.0,
    )
    expected = GaugeMetricFamily(
        "streamgauge_expected_ratio",
        "Of the newest cohort that is over, by calibrated scores and without any label.",
        labels=["measure"],
    )
    coverage = GaugeMetricFamily(
        "streamgauge_label_coverage_ratio",
        "Share of a cohort's events that are labelled, by how many cohorts ago it was.",
        labels=["age"],
    )
    rows = late.cohorts.rows()
    over = next((row for row in rows if row.closed), None)
    for measure in MEASURES:
        expected.add_metric([measure], getattr(over, f"expected_{measure}") if over else math.nan)
    for age in range(DAYS):
        coverage.add_metric([str(age)], rows[age].coverage if age < len(rows) else math.nan)
    yield expected
    yield coverage
    missed = GaugeMetricFamily(
        "streamgauge_expected_absolute_error_ratio",
        "How far off the expected values were, once labels had come: a faded mean over cohorts.",
        labels=["measure"],
    )
    for measure, value in zip(MEASURES, late.cohorts.missed, strict=True):
        missed.add_metric([measure], value)
    yield missed
    yield GaugeMetricFamily(
        "streamgauge_expected_calibration_error_ratio",
        "Mean distance of calibrated probabilities from the share of labels 1, faded.",
        value=late.calibration.expected_calibration_error,
    )
    if late.cards:
        yield GaugeMetricFamily(
            "streamgauge_card_precision_ratio",
            "Share of the newest matured day's highest-scored customers that had a fraud that day.",
            value=late.cards.precision,
        )


def state(late: LateLabels) -> dict[str, Any]:
    """The last cohorts, as JSON: NaN becomes null."""
    cards = {day.number: day.precision for day in late.cards.rows()} if late.cards else {}
    missed = dict(zip(MEASURES, late.cohorts.missed, strict=True))
    rows = [
        {**row._asdict(), "card_precision": cards.get(row.number, math.nan)}
        for row in late.cohorts.rows()[:DAYS]
    ]
    return {
        "cohorts": [{name: finite(value) for name, value in row.items()} for row in rows],
        "missed": {name: finite(value) for name, value in missed.items()},
        "label_delay": {q: finite(late.delays.quantile(float(q))) for q in ("0.5", "0.9")},
    }
