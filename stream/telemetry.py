"""Outcomes into Prometheus metrics and figures for the live page; see `stream.metrics`."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import InfoMetricFamily, Metric

from models.answering import Answering
from stream.drift_log import DriftLog
from stream.events import Record
from stream.finite import all_finite, finite
from stream.metrics import arms, late
from stream.metrics.alerts import Alerts
from stream.metrics.flow import Flow
from stream.metrics.mixes import Mixes
from stream.metrics.quality import Quality
from stream.metrics.saves import Saves
from stream.metrics.stages import Stages
from stream.monitor import Monitor, Outcome

REVISION = "STREAMGAUGE_REVISION"  # of the source, in the environment that an image sets


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
    topics
        That are read: events and labels.
    clock
        Seconds since 1970.

    Attributes
    ----------
    stages, saves, mixes
        For those who have something to say to them.
    """

    def __init__(
        self,
        monitor: Monitor,
        registry: CollectorRegistry,
        version: str,
        topics: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._monitor = monitor
        self._version = version
        self._clock = clock
        self._lock = threading.Lock()  # the loop counts, the web server's thread looks
        self._flow = Flow(monitor, topics)
        self._alerts = Alerts(monitor)
        self._quality = Quality(monitor.prequential)
        answering = [arm.name for arm in monitor.arms if isinstance(arm.model, Answering)]
        self._drifts = DriftLog(monitor.watch, answering)
        self.stages = Stages()
        self.saves = Saves()
        self.mixes = Mixes()
        registry.register(self)

    def observe(
        self, records: Sequence[Record], outcome: Outcome, lag: Mapping[tuple[str, int], int]
    ) -> None:
        """Count a poll's records and what they led to; `lag` is the source's, after it."""
        with self._lock:
            self._flow.lag = lag
            self._flow.observe(records, outcome)
            self._alerts.observe(outcome, self._clock())
            self._quality.observe(outcome)
            self._drifts.add(outcome.drifts)

    def behind(self, lag: Mapping[tuple[str, int], int]) -> None:
        """Note the source's lag, where a poll gave nothing."""
        with self._lock:
            self._flow.lag = lag

    def committed(self) -> None:
        """What was observed can be read by others now."""
        with self._lock:
            self._flow.committed(self._clock())

    def collect(self) -> Iterable[Metric]:
        """The metric families, as prometheus-client asks for them."""
        info = InfoMetricFamily("streamgauge_build", "Version of the program.")
        info.add_metric(
            [],
            {
                "version": self._version,
                "revision": os.environ.get(REVISION, ""),
                "python": platform.python_version(),
            },
        )
        with self._lock:
            return [
                info,
                *self._flow.families(),
                *self._alerts.families(),
                *self._quality.families(),
                *arms.families(self._monitor),
                *self._drifts.families(),
                *late.families(self._monitor.late),
                *self.stages.families(),
                *self.saves.families(),
                *(self.mixes.families() if self._monitor.mixing else ()),
            ]

    def annotations(self) -> list[dict[str, Any]]:
        """The last drifts, as dashboards have them."""
        with self._lock:
            return self._drifts.annotations()

    def recent_alerts(self) -> list[dict[str, Any]]:
        """The last alerts with their reasons, newest first."""
        with self._lock:
            return self._alerts.recent()

    def state(self) -> dict[str, Any]:
        """The figures of the live page, as JSON; NaN becomes null."""
        seen = self._monitor.prequential
        rate = self._monitor.arms[0].model.rate
        with self._lock:
            flow = self._flow
            dead: Counter[str] = Counter()
            for (_, reason), count in flow.dead.items():
                dead[reason] += count
            figures: dict[str, Any] = {
                "events": self._monitor.chain.count,
                "fingerprint": self._monitor.chain.hex,
                "labels": seen.count,
                "positives": int(seen.confusion[:, 1].sum()),
                "remembered": self._monitor.labels.waiting,
                "dead_letters": dead,
                "alerts": self._alerts.count,
                "threshold": self._monitor.threshold,
                "learning_rate": finite(rate),
                "refused_updates": sum(arm.model.refused for arm in self._monitor.arms),
                "event_time": flow.event_time or None,
                "lag": {f"{topic}-{part}": n for (topic, part), n in flow.lag.items()},
                **self._drifts.state(),
                **late.state(self._monitor.late),
                "scores": self._quality.histogram(),
                "arms": arms.state(self._monitor),
                "leader": self._monitor.leader,
                "snapshot_time": self.saves.last if self.saves.last > 0.0 else None,
            }
        figures["all"] = {"error": seen.error, "log_loss": seen.log_loss}
        figures["faded"] = {"error": seen.faded_error, "log_loss": seen.faded_log_loss}
        figures["recent"] = seen.windowed()
        for part in ("all", "faded", "recent"):
            figures[part] = all_finite(figures[part])
        return figures
