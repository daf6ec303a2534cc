"""Alerts, the threshold they are above, what is left of their budget, and the last of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, Metric

from models.budget import AlertBudget
from models.ceiling import FalsePositiveCeiling
from stream import messages
from stream.metrics.buckets import exemplar
from stream.monitor import Monitor, Outcome

KEPT = 100  # alerts


class Alerts:
    """Counts alerts of a monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._last: Exemplar | None = None
        self._recent: deque[messages.Alert] = deque(maxlen=KEPT)
        self.count = 0

    def observe(self, outcome: Outcome, now: float) -> None:
        """Count those of a poll."""
        found = np.flatnonzero(outcome.alerts)
        if len(found):
            self.count += len(found)
            self._last = exemplar(outcome.events.ids[int(found[-1])], 1.0, now) or self._last
            self._recent.extend(message for _, message in messages.alert_messages(outcome))

    def recent(self) -> list[dict[str, Any]]:
        """The last ones as they are in their topic, newest first."""
        return [msgspec.to_builtins(each) for each in reversed(self._recent)]

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        alerts = CounterMetricFamily(
            "streamgauge_alerts_emitted", "Events above the alert threshold.", labels=[]
        )
        alerts.add_metric([], self.count, exemplar=self._last)
        yield alerts
        yield GaugeMetricFamily(
            "streamgauge_alert_threshold_ratio",
            "Score from which on an event is an alert; 1 while there are none.",
            value=self._monitor.threshold,
        )
        rules = self._monitor.alerting.rules
        budget = rules.get("budget")
        if isinstance(budget, AlertBudget):
            yield GaugeMetricFamily(
                "streamgauge_alert_budget_ratio",
                "Share of events that may be alerts.",
                value=budget.share,
            )
        ceiling = rules.get("ceiling")
        if isinstance(ceiling, FalsePositiveCeiling):
            yield from _ceiling(ceiling)
        yield from self._allowance()

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


def _ceiling(ceiling: FalsePositiveCeiling) -> Iterable[Metric]:
    """How well labels vouch for the threshold."""
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
