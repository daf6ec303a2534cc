"""Where the loop's time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from prometheus_client.core import HistogramMetricFamily, Metric

from stream.metrics.buckets import Buckets

STAGES = ("poll", "decode", "features", "label-free", "arms", "measures", "write", "commit")
SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class Stages:
    """Seconds of each stage of a poll, from the end of the one before it.

    Parameters
    ----------
    clock
        Seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last = clock()
        self._stages = {stage: Buckets(SECONDS) for stage in STAGES}

    def start(self) -> None:
        """A stage begins; what was since the last one ended is nobody's."""
        self._last = self._clock()

    def lap(self, stage: str) -> None:
        """A stage ends, and the next begins."""
        now = self._clock()
        self._stages[stage].add_one(now - self._last)
        self._last = now

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        family = HistogramMetricFamily(
            "streamgauge_processing_seconds",
            "Time a poll's records spend in each stage.",
            labels=["stage"],
        )
        for stage, seconds in self._stages.items():
            seconds.put(family, [stage])
        yield family
