"""The same job by hand: json, plain Python, River and prometheus-client, one event after another.

Written as one would write it for use: state in dicts, one exponential for each window and event,
names and metrics looked up once, nothing that grows with the stream but the labels that are due.
It does less than Streamgauge where the parts at hand do less: no dead letters, no label that comes
twice or before its event, no bound on keys, no reasons beside an alert.
"""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime
from itertools import pairwise
from math import copysign, exp, log, log1p, sqrt
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from river.drift import ADWIN, PageHinkley
from river.linear_model import LogisticRegression
from river.optim import AdaGrad
from river.preprocessing import StandardScaler
from river.stats import Quantile

from stream.metrics.quality import SCORES

DAY = 86_400.0
WINDOWS = {"30d": 30 * DAY, "7d": 7 * DAY, "1d": DAY}  # longest first, as the features need them


class Window:
    """What is known of a key over one window: sums that fade by ``exp(-dt / span)``."""

    __slots__ = ("count", "frauds", "labels", "span", "square", "sum", "ts")

    def __init__(self, span: float, ts: float) -> None:
        self.span = span
        self.ts = ts
        self.count = self.sum = self.square = self.labels = self.frauds = 0.0

    def fade(self, now: float) -> None:
        if now > self.ts:
            kept = exp((self.ts - now) / self.span)
            self.ts = now
            self.count *= kept
            self.sum *= kept
            self.square *= kept
            self.labels *= kept
            self.frauds *= kept

    def add(self, amount: float) -> None:
        self.count += 1.0
        self.sum += amount
        self.square += amount * amount

    def label(self, y: int) -> None:
        self.labels += 1.0
        self.frauds += y


class Keys:
    """The windows of every customer, or of every terminal."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.windows: dict[str | int, list[Window]] = {}
        pairs = [("", "30d"), *pairwise(WINDOWS)]
        ends = [f"{window}_vs_{longer}" if longer else window for longer, window in pairs]
        kinds = ("count", "fraud_rate", "mean_amount", "amount_distance")
        self.names = [[f"{column}_{kind}_{end}" for kind in kinds] for end in ends]

    def seen(self, key: str | int, ts: float, amount: float, x: dict[str, float]) -> None:
        """Put what is known of `key` into `x`, then add this event."""
        windows = self.windows.get(key)
        if windows is None:
            windows = self.windows[key] = [Window(span, ts) for span in WINDOWS.values()]
        last_count = last_rate = last_size = last_distance = 0.0
        for window, names in zip(windows, self.names, strict=True):
            window.fade(ts)
            known = window.count
            count = log1p(known)
            rate = (window.frauds + 0.01) / (window.labels + 1.0)
            mean = distance = 0.0
            if known > 1e-9:
                mean = window.sum / known
                spread = max(0.0, window.square - window.sum * mean)
                variance = (spread + 0.5 * mean * mean + 1.0) / (known + 2.0)
                distance = (amount - mean) / sqrt(variance)
            size = copysign(log1p(abs(mean)), mean)
            count_name, rate_name, size_name, distance_name = names
            x[count_name] = count - last_count
            x[rate_name] = rate - last_rate
            x[size_name] = size - last_size
            x[distance_name] = distance - last_distance
            last_count, last_rate, last_size, last_distance = count, rate, size, distance
            window.add(amount)

    def label(self, key: str | int, ts: float, y: int) -> None:
        """Let the label of one of the key's events come to light."""
        for window in self.windows[key]:
            window.fade(ts)
            window.label(y)


class Metrics:
    """The service's metrics, on a registry of their own."""

    def __init__(self) -> None:
        on = CollectorRegistry()
        self.events = Counter("events", "Events scored.", registry=on)
        self.alerts = Counter("alerts", "Alerts.", registry=on)
        self.time = Gauge("last_event", "Event time of the latest event.", registry=on)
        self.threshold = Gauge("threshold", "Alert threshold.", registry=on)
        self.scores = Histogram("score", "Scores.", buckets=SCORES, registry=on)
        self.loss = Summary("log_loss", "Log-loss.", registry=on)
        predictions = Counter("predictions", "Against labels.", ["said", "was"], registry=on)
        self.predictions = [
            [predictions.labels(str(said), str(was)) for was in (0, 1)] for said in (0, 1)
        ]
        drifts = Counter("drifts", "Drifts.", ["detector"], registry=on)
        self.adwin_drifts = drifts.labels("adwin")
        self.page_hinkley_drifts = drifts.labels("page-hinkley")
        self.error = Gauge("adwin_error", "Mean error in ADWIN's window.", registry=on)


def replay(
    recording: Path, scores: Path, label_delay: float, windows: bool = True
) -> tuple[list[float], list[float], list[int]]:
    """Score and learn from a recording with the truth inside; gives times, scores and labels.

    Parameters
    ----------
    recording, scores
        JSON lines, in and out.
    label_delay
        Seconds of event time after which an event's label is known.
    windows
        Whether to keep windows of customers and terminals; without, an event's own fields only.
    """
    columns = [Keys("customer"), Keys("terminal")] if windows else []
    # River's methods have no types.
    scaler: Any = StandardScaler()
    model: Any = LogisticRegression(AdaGrad(0.3), intercept_lr=0.0)  # x has a bias, as ours does
    new_adwin: Any = ADWIN
    adwin, page_hinkley = new_adwin(), cast(Any, PageHinkley(mode="up"))
    quantile = Quantile(1.0 - 0.005)
    metrics = Metrics()
    waiting: deque[tuple[float, dict[str, float], float, int, list[str | int]]] = deque()
    times: list[float] = []
    given: list[float] = []
    truths: list[int] = []

    def learn(due: float, x: dict[str, float], p: float, y: int, keys: list[str | int]) -> None:
        for column, key in zip(columns, keys, strict=True):
            column.label(key, due, y)
        said = int(p > 0.5)
        metrics.predictions[said][y].inc()
        metrics.loss.observe(-log(max(p if y else 1.0 - p, 1e-15)))
        error = said != y
        adwin.update(error)
        if adwin.drift_detected:
            metrics.adwin_drifts.inc()
        metrics.error.set(adwin.estimation)
        page_hinkley.update(error)
        if page_hinkley.drift_detected:
            metrics.page_hinkley_drifts.inc()
        model.learn_one(x, bool(y))

    with recording.open() as lines, scores.open("w") as out:
        for line in lines:
            event = json.loads(line)
            ts = _seconds(event["ts"])
            while waiting and waiting[0][0] <= ts:
                learn(*waiting.popleft())
            amount = event["amount"]
            x = {
                "weekend": float((ts // DAY + 3) % 7 >= 5),
                "night": float(ts % DAY < DAY / 4),
                "amount": amount,
                "log_amount": copysign(log1p(abs(amount)), amount),
            }
            keys = [event[column.column] for column in columns]
            for column, key in zip(columns, keys, strict=True):
                column.seen(key, ts, amount, x)
            scaler.learn_one(x)
            x = scaler.transform_one(x)
            x["bias"] = 1.0
            p = model.predict_proba_one(x)[True]
            threshold = quantile.get() or 1.0
            quantile.update(p)
            alert = p >= threshold
            metrics.events.inc()
            metrics.time.set(ts)
            metrics.scores.observe(p)
            metrics.threshold.set(threshold)
            if alert:
                metrics.alerts.inc()
            said = {
                "id": event["id"], "ts": event["ts"], "score": p, "alert": alert,
                "threshold": threshold,
            }  # fmt: skip
            out.write(json.dumps(said) + "\n")
            y = event["label"]
            waiting.append((ts + label_delay, x, p, y, keys))
            times.append(ts)
            given.append(p)
            truths.append(y)
        for each in waiting:
            learn(*each)
    return times, given, truths


def _seconds(ts: str | float) -> float:
    if isinstance(ts, str):
        return datetime.fromisoformat(ts).replace(tzinfo=UTC).timestamp()
    return ts
