"""Records in, events and labels through: how much, how far behind, how late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from models.vectors import Floats
from stream.codec import REASONS
from stream.events import Record
from stream.labels import EXPIRED, OUTCOMES, REPEATED
from stream.metrics.buckets import Buckets
from stream.monitor import Monitor, Outcome

LATENCIES = (
    0.003, 0.005, 0.01, 0.015, 0.03, 0.06, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0, 600.0, 3600.0, 86_400.0,
)  # fmt: skip


class Flow:
    """Counts what goes through.

    Parameters
    ----------
    monitor
        Whose labels they are.
    topics
        That are read: events and labels.
    """

    def __init__(self, monitor: Monitor, topics: Sequence[str]) -> None:
        self._monitor = monitor
        self._topics = topics
        self._consumed: Counter[str] = Counter()
        self._waiting: list[tuple[Floats, Sequence[object]]] = []  # written, not committed
        self._latency = Buckets(LATENCIES)
        self.events = 0
        self.dead: Counter[tuple[str, str]] = Counter()
        self.event_time = 0.0
        self.lag: Mapping[tuple[str, int], int] = {}

    def observe(self, records: Sequence[Record], outcome: Outcome) -> None:
        """Count a poll's records and what they led to."""
        events, dead = outcome.events, [letter.record.topic for letter in outcome.dead]
        self._consumed.update(dead)
        self.dead.update(zip(dead, (letter.reason for letter in outcome.dead), strict=True))
        # Looking at each record would take as long as all else here.
        labels = len(records) - len(events) - len(dead)
        self._consumed[self._monitor.codec.labels_topic] += labels
        if not len(events):
            return
        self._consumed[events.records[0].topic] += len(events)
        self.events += len(events)
        self.event_time = max(self.event_time, float(events.ts.max()))
        self._waiting.append((events.appended, events.ids))

    def committed(self, now: float) -> None:
        """Everything so far can be read by others."""
        for appended, ids in self._waiting:
            # Clocks of machines differ a little. What Kafka knows no time of is as old as can be.
            self._latency.add(np.maximum(now - np.nan_to_num(appended), 0.0), ids, now)
        self._waiting.clear()

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        consumed = CounterMetricFamily(
            "streamgauge_records_consumed", "Records taken from a topic.", labels=["topic"]
        )
        failures = CounterMetricFamily(
            "streamgauge_decode_failures",
            "Records that could not be read; each is a dead letter.",
            labels=["topic", "reason"],
        )
        for topic in self._topics:
            consumed.add_metric([topic], self._consumed[topic])
            for reason in REASONS:
                failures.add_metric([topic, reason], self.dead[topic, reason])
        yield consumed
        yield failures
        yield CounterMetricFamily(
            "streamgauge_events_processed", "Events scored.", value=self.events
        )
        yield GaugeMetricFamily(
            "streamgauge_last_event_timestamp_seconds",
            "Event time of the latest event.",
            value=self.event_time,
        )
        latency = HistogramMetricFamily(
            "streamgauge_end_to_end_latency_seconds",
            "From an event's Kafka timestamp until its score is committed.",
        )
        self._latency.put(latency)
        yield latency
        lag = GaugeMetricFamily(
            "streamgauge_consumer_lag_records",
            "Records in a partition that were not processed yet.",
            labels=["topic", "partition"],
        )
        for (topic, partition), records in self.lag.items():
            lag.add_metric([topic, str(partition)], records)
        yield lag
        yield from self._labels()

    def _labels(self) -> Iterable[Metric]:
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
