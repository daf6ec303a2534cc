"""How snapshots fare."""

from __future__ import annotations

import math
from collections.abc import Iterable

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from stream.metrics.buckets import Buckets

SECONDS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class Saves:
    """Counts snapshots. Their own thread writes, the web server's reads: single assignments."""

    def __init__(self) -> None:
        self.succeeded = 0
        self.failed = 0
        self.last = math.nan  # when the newest was taken, seconds since 1970; 0 before there is one
        self.size = 0  # bytes of it
        self.seconds = 0.0  # that it took
        self._durations = Buckets(SECONDS)

    def success(self, at: float, seconds: float, size: int) -> None:
        """One is whole that was taken at this time, and took so long."""
        self.succeeded += 1
        self.last, self.size, self.seconds = at, size, seconds
        self._durations.add_one(seconds)

    def failure(self) -> None:
        """One came to nothing."""
        self.failed += 1

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        outcomes = CounterMetricFamily(
            "streamgauge_snapshots", "Snapshots of all state, by outcome.", labels=["outcome"]
        )
        outcomes.add_metric(["success"], self.succeeded)
        outcomes.add_metric(["failure"], self.failed)
        yield outcomes
        yield GaugeMetricFamily(
            "streamgauge_snapshot_last_success_timestamp_seconds",
            "When the newest whole snapshot was taken; 0 before the first, NaN without any.",
            value=self.last,
        )
        yield GaugeMetricFamily(
            "streamgauge_snapshot_size_bytes", "Size of the newest snapshot.", value=self.size
        )
        seconds = HistogramMetricFamily(
            "streamgauge_snapshot_duration_seconds", "Time from the state's copy to a whole file."
        )
        self._durations.put(seconds)
        yield seconds
