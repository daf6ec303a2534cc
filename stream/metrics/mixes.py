"""What a monitor takes in of what those of other partitions have learned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from models.mixing import MISFITS

UNREADABLE = "unreadable"


class Mixes:
    """Counts mixings. The shard's thread writes, the web server's reads: single assignments.

    Attributes
    ----------
    refusing
        By partition, why it was refused the last time.
    unreadable
        Records of the models topic that nobody could read.
    """

    def __init__(self) -> None:
        self.refusing: Mapping[int, str] = {}
        self.unreadable = 0
        self._refused = dict.fromkeys(MISFITS, 0)
        self._alone = self._with_others = self._others = 0
        self._newest = self._oldest = math.nan

    def take(self, ages: Sequence[float]) -> None:
        """So many others were taken in at once, each published so many seconds ago."""
        self._others = len(ages)
        if ages:
            self._with_others += 1
            self._newest, self._oldest = min(ages), max(ages)
        else:
            self._alone += 1

    def refuse(self, why: Mapping[int, str]) -> None:
        """At this mixing these were not taken in."""
        self.refusing = why
        for reason in why.values():
            self._refused[reason] += 1

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        mixings = CounterMetricFamily(
            "streamgauge_mixings",
            "Times that weights were published, by whether those of others were taken in.",
            labels=["outcome"],
        )
        mixings.add_metric(["with_others"], self._with_others)
        mixings.add_metric(["alone"], self._alone)
        yield mixings
        yield GaugeMetricFamily(
            "streamgauge_mixed_monitors",
            "Other partitions' monitors whose weights were taken in the last time.",
            value=self._others,
        )
        age = GaugeMetricFamily(
            "streamgauge_mixed_age_seconds",
            "Event time since these were published, below 0 where their stream is further on.",
            labels=["which"],
        )
        age.add_metric(["newest"], self._newest)
        age.add_metric(["oldest"], self._oldest)
        yield age
        refused = CounterMetricFamily(
            "streamgauge_mixing_refused",
            "Weights that were not taken in, each time that it was so, by why.",
            labels=["reason"],
        )
        for reason, count in self._refused.items():
            refused.add_metric([reason], count)
        refused.add_metric([UNREADABLE], self.unreadable)
        yield refused
