"""What has drifted since the start of this process: for Prometheus, the page and annotations."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from models.protocols import Drift
from stream import messages
from stream.drifts import ADWIN, ERROR, WINDOWS, DriftReport, DriftWatch, error_of

KEPT = 100  # reports


def sentence(report: DriftReport) -> str:
    """A report in words, for the log.

    >>> sentence(DriftReport(7, "error", "adwin", Drift.DRIFT, 0.2, 0.0, 0.02, 0.31))
    'drift of error: 0.02 before, 0.31 after, by adwin, at 1970-01-01T00:00:00+00:00'
    """
    at = datetime.fromtimestamp(report.ts, UTC).isoformat(timespec="seconds")
    answer = report.answer
    if answer and report.level == Drift.NONE:
        return f"{answer.arm}: the copy on trial is {answer.what}, at {at}"
    said = (
        f"{report.level.name.lower()} of {report.signal}: {report.before:.4g} before, "
        f"{report.after:.4g} after, by {report.detector}, at {at}"
    )
    if answer:
        said += f"; {answer.what} of {answer.arm}: {answer.done}, "
        said += f"rate {answer.rate_before:.4g} to {answer.rate_after:.4g}"
    if report.moved:
        said += "; moved most: " + ", ".join(
            f"{each.feature} ({each.before:.4g} to {each.after:.4g})" for each in report.moved
        )
    return said


class DriftLog:
    """Counts reports and keeps the last of them.

    Parameters
    ----------
    watch
        Who reports.
    answering
        Names of arms that answer drifts of their own error, and report it.
    """

    def __init__(self, watch: DriftWatch, answering: Sequence[str] = ()) -> None:
        self._watch = watch
        self._answering = [(error_of(name), ADWIN) for name in answering]
        self._counts: Counter[tuple[str, str, Drift]] = Counter()
        self._last: dict[tuple[str, str], float] = {}
        self._recent: deque[DriftReport] = deque(maxlen=KEPT)

    @property
    def drifts(self) -> int:
        """How many there were, warnings aside."""
        return sum(n for (*_, level), n in self._counts.items() if level == Drift.DRIFT)

    def add(self, reports: Sequence[DriftReport]) -> None:
        """Take the reports of a poll."""
        for report in reports:
            self._counts[report.signal, report.detector, report.level] += 1
            if report.level == Drift.DRIFT:
                self._last[report.signal, report.detector] = report.ts
            self._recent.append(report)

    def _watched(self) -> list[tuple[str, str]]:
        """Signals and their detectors."""
        known = [(ERROR, name) for name in self._watch.detectors]
        known += [(signal, WINDOWS) for signal in self._watch.watched]
        return known + self._answering

    def families(self) -> Iterable[Metric]:
        """For Prometheus."""
        drifts = CounterMetricFamily(
            "streamgauge_drifts",
            "Drifts and warnings that were reported.",
            labels=["detector", "signal", "level"],
        )
        last = GaugeMetricFamily(
            "streamgauge_last_drift_timestamp_seconds",
            "Event time of the last drift of a signal; 0 before the first.",
            labels=["detector", "signal"],
        )
        for signal, name in self._watched():
            for level in (Drift.WARNING, Drift.DRIFT):
                count = self._counts[signal, name, level]
                drifts.add_metric([name, signal, level.name.lower()], count)
            last.add_metric([name, signal], self._last.get((signal, name), 0.0))
        yield drifts
        yield last
        held = CounterMetricFamily(
            "streamgauge_drifts_held",
            "Verdicts that were not reported, as one of that signal had just been.",
            labels=["signal"],
        )
        for signal, count in self._watch.held.items():
            held.add_metric([signal], count)
        yield held
        statistic = GaugeMetricFamily(
            "streamgauge_drift_statistic",
            "The detector's own measure: adwin's mean error, page-hinkley's cumulated rise.",
            labels=["detector", "signal"],
        )
        threshold = GaugeMetricFamily(
            "streamgauge_drift_threshold",
            "What that measure is held against; NaN where it is no fixed number.",
            labels=["detector", "signal"],
        )
        for name, detector in self._watch.detectors.items():
            statistic.add_metric([name, ERROR], detector.statistic)
            threshold.add_metric([name, ERROR], detector.threshold)
        yield statistic
        yield threshold
        stability = GaugeMetricFamily(
            "streamgauge_population_stability_index",
            "How far a distribution lies from that of before, at the last comparison; "
            "NaN before the first.",
            labels=["signal", "feature"],
        )
        for signal, feature, psi in self._watch.stability():
            stability.add_metric([signal, feature], psi)
        yield stability

    def state(self) -> dict[str, Any]:
        """The detectors and the last reports, as JSON."""
        return {
            "drifts": [
                {
                    "signal": signal,
                    "detector": name,
                    "count": self._counts[signal, name, Drift.DRIFT],
                    "warnings": self._counts[signal, name, Drift.WARNING],
                    "last": self._last.get((signal, name)),
                    "statistic": self._statistic(signal, name),
                }
                for signal, name in self._watched()
            ],
            "recent_drifts": [
                msgspec.to_builtins(messages.drift(each)) for each in reversed(self._recent)
            ],
        }

    def _statistic(self, signal: str, name: str) -> float | None:
        if name in self._watch.detectors and signal == ERROR:
            return self._watch.detectors[name].statistic
        return None

    def annotations(self) -> list[dict[str, Any]]:
        """The last reports as Grafana has annotations: milliseconds, text and tags."""
        return [
            {
                "time": round(1e3 * report.ts),
                "title": f"{report.level.name.lower()}: {report.signal}",
                "text": sentence(report),
                "tags": ["streamgauge", "drift", report.signal, report.detector],
            }
            for report in self._recent
        ]
