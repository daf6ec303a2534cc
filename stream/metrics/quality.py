"""How right the scores were that were given: prequential error and loss."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from models.prequential import Prequential
from stream.metrics.buckets import Buckets
from stream.monitor import Outcome

SCORES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99)


class Quality:
    """Counts scores; what their labels said, the monitor has counted."""

    def __init__(self, prequential: Prequential) -> None:
        self._seen = prequential
        self._scores = Buckets(SCORES)

    def observe(self, outcome: Outcome) -> None:
        """Count the scores of a poll."""
        self._scores.add(outcome.scores)

    def histogram(self) -> list[list[float]]:
        """Upper bounds, and how many scores."""
        counts = self._scores.counts.tolist()
        return [[le, n] for le, n in zip((*SCORES, 1.0), counts, strict=True)]

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        scores = HistogramMetricFamily("streamgauge_score_ratio", "Scores of events.")
        self._scores.put(scores)
        yield scores
        seen = self._seen
        recent = seen.windowed()
        error = GaugeMetricFamily(
            "streamgauge_prequential_error_ratio",
            "Share of scores on the wrong side of 0.5, labels corrected; NaN before the first.",
            labels=["window"],
        )
        error.add_metric(["all"], seen.error)
        error.add_metric(["faded"], seen.faded_error)
        error.add_metric(["recent"], recent["error"])
        yield error
        yield GaugeMetricFamily(
            "streamgauge_prequential_auc_ratio",
            "ROC AUC over the last labels; NaN without both classes.",
            value=recent["roc_auc"],
        )
        yield GaugeMetricFamily(
            "streamgauge_prequential_average_precision_ratio",
            "Average precision over the last labels; NaN without class 1.",
            value=recent["average_precision"],
        )
        predictions = CounterMetricFamily(
            "streamgauge_labelled_predictions",
            "Scores as given against first labels; predicted is 1 above a score of 0.5.",
            labels=["predicted", "actual"],
        )
        for (predicted, actual), count in np.ndenumerate(seen.first_confusion):
            predictions.add_metric([str(predicted), str(actual)], int(count))
        yield predictions
        loss = SummaryMetricFamily("streamgauge_log_loss_nats", "Log-loss of scores as given.")
        loss.add_metric([], int(seen.first_confusion.sum()), seen.first_loss_sum)
        yield loss
