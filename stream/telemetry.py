"""Outcomes into Prometheus metrics, on a registry that is passed in.

Counting is adding to plain numbers once for each poll; the metric families are made when someone
looks (`collect`). So a metric costs an event next to nothing.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from models.ceiling import FalsePositiveCeiling
from models.protocols import Model, Moving
from stream import late_metrics
from stream.codec import REASONS
from stream.drift_log import DriftLog
from stream.labels import EXPIRED, OUTCOMES, REPEATED
from stream.monitor import Monitor, Outcome

SCORE_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0)


STALLED = 1e-9  # a rate below this moves no weight in any stream that ends


def _stalled(model: Model) -> bool:
    """Whether a model that has learned does so no longer."""
    if not model.learned or model.rate < STALLED:
        return bool(model.learned)
    return (
        isinstance(model, Moving) and model.gradient_norm > 0.0 and model.effective_rate < STALLED
    )


class Telemetry:
    """The service's numbers, for Prometheus and for the live page.

    Parameters
    ----------
    monitor
        Whose numbers they are.
    registry
        Where the metrics are to be found.
    version
        Of the program, for `streamgauge_build_info`.
    """

    def __init__(self, monitor: Monitor, registry: CollectorRegistry, version: str) -> None:
        self._monitor = monitor
        self._version = version
        self._lock = threading.Lock()  # the loop counts, the web server's thread looks
        self._events = 0
        self._alerts = 0
        self._dead: Counter[str] = Counter()
        self._drifts = DriftLog(monitor.watch)
        self._scores = np.zeros(len(SCORE_BUCKETS), np.int64)
        self._score_sum = 0.0
        self._event_time = 0.0
        self._lag: Mapping[tuple[str, int], int] = {}
        registry.register(self)

    def observe(self, outcome: Outcome, lag: Mapping[tuple[str, int], int]) -> None:
        """Count what a poll led to; `lag` is the source's, after it."""
        with self._lock:
            self._lag = lag
            self._dead.update(letter.reason for letter in outcome.dead)
            self._drifts.add(outcome.drifts)
            if not len(outcome.events):
                return
            self._events += len(outcome.events)
            self._alerts += int(outcome.alerts.sum())
            places = np.searchsorted(SCORE_BUCKETS, outcome.scores)
            self._scores += np.bincount(places, minlength=len(SCORE_BUCKETS))
            self._score_sum += float(outcome.scores.sum())
            self._event_time = max(self._event_time, float(outcome.events.ts.max()))

    def collect(self) -> Iterable[Metric]:
        """The metric families, as prometheus-client asks for them."""
        with self._lock:
            return [
                *self._flow(),
                *self._learning(),
                *self._drifts.families(),
                *late_metrics.families(self._monitor.late),
            ]

    def _flow(self) -> Iterable[Metric]:
        info = InfoMetricFamily("streamgauge_build", "Version of the program.")
        info.add_metric([], {"version": self._version})
        yield info
        yield CounterMetricFamily(
            "streamgauge_events_processed", "Events scored.", value=self._events
        )
        yield GaugeMetricFamily(
            "streamgauge_last_event_timestamp_seconds",
            "Event time of the latest event.",
            value=self._event_time,
        )
        failures = CounterMetricFamily(
            "streamgauge_decode_failures", "Records sent to the dead letters.", labels=["reason"]
        )
        for reason in REASONS:
            failures.add_metric([reason], self._dead[reason])
        yield failures
        labels = CounterMetricFamily(
            "streamgauge_labels",
            "Labels by what became of them; an early one counts again when its event comes.",
            labels=["outcome"],
        )
        counts = self._monitor.labels.counts
        for outcome, count in zip(OUTCOMES, counts, strict=False):
            labels.add_metric([outcome], int(count))
        if limits := self._monitor.limits:
            labels.add_metric(["limited"], limits.limited)
        yield labels
        if balance := self._monitor.balance:
            held = CounterMetricFamily(
                "streamgauge_labels_held",
                "Labels measured and not learned, as their class had its share.",
                labels=["label"],
            )
            for label, number in enumerate(balance.held):
                held.add_metric([str(label)], number)
            yield held
        yield CounterMetricFamily(
            "streamgauge_events_expired",
            "Events whose label never came in time.",
            value=int(counts[EXPIRED]),
        )
        yield CounterMetricFamily(
            "streamgauge_events_repeated",
            "Events with the id of one that is still remembered.",
            value=int(counts[REPEATED]),
        )
        yield GaugeMetricFamily(
            "streamgauge_label_join_remembered_events",
            "Events remembered for a label or its correction.",
            value=self._monitor.labels.waiting,
        )
        lag = GaugeMetricFamily(
            "streamgauge_consumer_lag_records",
            "Records in a partition that were not processed yet.",
            labels=["topic", "partition"],
        )
        for (topic, partition), records in self._lag.items():
            lag.add_metric([topic, str(partition)], records)
        yield lag

    def _learning(self) -> Iterable[Metric]:
        scores = HistogramMetricFamily("streamgauge_score_ratio", "Scores of events.")
        rising = np.cumsum(self._scores).tolist()
        buckets = [(str(le), n) for le, n in zip(SCORE_BUCKETS[:-1], rising, strict=False)]
        scores.add_metric([], [*buckets, ("+Inf", rising[-1])], self._score_sum)
        yield scores
        yield CounterMetricFamily(
            "streamgauge_alerts_emitted", "Events above the alert threshold.", value=self._alerts
        )
        yield GaugeMetricFamily(
            "streamgauge_alert_threshold_ratio",
            "Score from which on an event is an alert; 1 while there are none.",
            value=self._monitor.alerting.threshold,
        )
        yield from self._ceiling()
        yield from self._allowance()
        yield from self._arms()
        seen = self._monitor.prequential
        error = GaugeMetricFamily(
            "streamgauge_prequential_error_ratio",
            "Share of scores on the wrong side of 0.5, labels corrected; NaN before the first.",
            labels=["window"],
        )
        error.add_metric(["all"], seen.error)
        error.add_metric(["faded"], seen.faded_error)
        yield error
        predictions = CounterMetricFamily(
            "streamgauge_labelled_predictions",
            "Scores as given against first labels; predicted is 1 above a score of 0.5.",
            labels=["predicted", "actual"],
        )
        for predicted in (0, 1):
            for actual in (0, 1):
                count = int(seen.first_confusion[predicted, actual])
                predictions.add_metric([str(predicted), str(actual)], count)
        yield predictions
        loss = SummaryMetricFamily("streamgauge_log_loss_nats", "Log-loss of scores as given.")
        loss.add_metric([], int(seen.first_confusion.sum()), seen.first_loss_sum)
        yield loss

    def _ceiling(self) -> Iterable[Metric]:
        """How well labels vouch for the threshold, where there is a ceiling on false alerts."""
        ceiling = self._monitor.alerting.rules.get("ceiling")
        if not isinstance(ceiling, FalsePositiveCeiling):
            return
        rate = GaugeMetricFamily(
            "streamgauge_false_positive_ratio",
            "Share of labelled negatives at or above the ceiling's own threshold.",
            labels=["bound"],
        )
        rate.add_metric(["estimate"], ceiling.rate_now)
        rate.add_metric(["upper"], ceiling.upper)
        yield rate
        yield GaugeMetricFamily(
            "streamgauge_labelled_negatives",
            "Labels of class 0 that the ceiling stands on; older ones count for less.",
            value=ceiling.negatives,
        )

    def _allowance(self) -> Iterable[Metric]:
        """What is left of a budget of so many alerts a span of time, where there is one."""
        allowance = self._monitor.alerting.allowance
        if allowance is None:
            return
        budget = GaugeMetricFamily(
            "streamgauge_alert_budget_alerts",
            "Alerts of a span of time: allowed, used so far; of the last span used, left unused.",
            labels=["which"],
        )
        budget.add_metric(["allowed"], allowance.allowed)
        budget.add_metric(["used"], allowance.used)
        budget.add_metric(["last_used"], allowance.last_used)
        budget.add_metric(["last_unused"], allowance.last_unused)
        yield budget
        yield CounterMetricFamily(
            "streamgauge_alert_budget_held",
            "Events that would have been alerts, had the span's budget not been used up.",
            value=allowance.held_back,
        )

    def _arms(self) -> Iterable[Metric]:
        """What each arm does: the champion, and the challengers that shadow it."""
        arm = ["arm"]
        rate = GaugeMetricFamily(
            "streamgauge_learning_rate", "Learning rate of the next label.", labels=arm
        )
        updates = CounterMetricFamily(
            "streamgauge_model_updates", "Learning steps by outcome.", labels=["arm", "outcome"]
        )
        loss = SummaryMetricFamily(
            "streamgauge_arm_log_loss_nats", "Log-loss of the arm's scores as given.", labels=arm
        )
        error = GaugeMetricFamily(
            "streamgauge_arm_error_ratio",
            "Faded share of the arm's scores on the wrong side of 0.5; NaN before the first label.",
            labels=arm,
        )
        weight = GaugeMetricFamily(
            "streamgauge_arm_weight_ratio", "What the arm's score counts for.", labels=arm
        )
        effective = GaugeMetricFamily(
            "streamgauge_effective_learning_rate",
            "Norm of the weights' change over the norm of the gradient, over the last labels.",
            labels=arm,
        )
        gradient = GaugeMetricFamily(
            "streamgauge_gradient_norm", "Norm of the gradient over the last labels.", labels=arm
        )
        norm = GaugeMetricFamily("streamgauge_weights_norm", "Norm of all weights.", labels=arm)
        stalled = GaugeMetricFamily(
            "streamgauge_arm_stalled",
            "1 where the arm's steps have become so small that it learns no more.",
            labels=arm,
        )
        switches = CounterMetricFamily(
            "streamgauge_champion_switches",
            "Champions replaced by a challenger.",
            value=self._monitor.decision.switches,
        )
        weights = self._monitor.decision.weights
        for each, share in zip(self._monitor.arms, weights.tolist(), strict=True):
            model, seen = each.model, each.prequential
            rate.add_metric([each.name], model.rate)
            updates.add_metric([each.name, "applied"], model.learned)
            updates.add_metric([each.name, "skipped_nonfinite"], model.refused)
            loss.add_metric([each.name], int(seen.first_confusion.sum()), seen.first_loss_sum)
            error.add_metric([each.name], seen.faded_error)
            weight.add_metric([each.name], share)
            stalled.add_metric([each.name], int(_stalled(model)))
            if isinstance(model, Moving):
                effective.add_metric([each.name], model.effective_rate)
                gradient.add_metric([each.name], model.gradient_norm)
                norm.add_metric([each.name], model.weight_norm)
        return [
            rate, effective, gradient, norm, stalled, updates, loss, error, weight, switches,
        ]  # fmt: skip

    def annotations(self) -> list[dict[str, Any]]:
        """The last drifts, as dashboards have them."""
        with self._lock:
            return self._drifts.annotations()

    def state(self) -> dict[str, Any]:
        """The figures of the live page, as JSON; NaN becomes null."""
        seen = self._monitor.prequential
        with self._lock:
            figures: dict[str, Any] = {
                "events": self._monitor.chain.count,
                "fingerprint": self._monitor.chain.hex,
                "labels": seen.count,
                "positives": int(seen.confusion[:, 1].sum()),
                "remembered": self._monitor.labels.waiting,
                "dead_letters": dict(self._dead),
                "alerts": self._alerts,
                "threshold": self._monitor.alerting.threshold,
                "learning_rate": self._monitor.arms[0].model.rate,
                "refused_updates": sum(arm.model.refused for arm in self._monitor.arms),
                "event_time": self._event_time or None,
                "lag": {f"{topic}-{part}": n for (topic, part), n in self._lag.items()},
                **self._drifts.state(),
                **late_metrics.state(self._monitor.late),
                "scores": [[le, int(n)] for le, n in zip(SCORE_BUCKETS, self._scores, strict=True)],
            }
        figures["all"] = {"error": seen.error, "log_loss": seen.log_loss}
        figures["faded"] = {"error": seen.faded_error, "log_loss": seen.faded_log_loss}
        figures["recent"] = seen.windowed()
        for part in ("all", "faded", "recent"):
            figures[part] = {k: v if math.isfinite(v) else None for k, v in figures[part].items()}
        return figures
