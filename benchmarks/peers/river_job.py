"""The job of `benchmarks.river_loop`, an event or a label at a time, as they come from topics."""

from __future__ import annotations

from math import copysign, log, log1p
from typing import Any, cast

from river.drift import ADWIN, PageHinkley
from river.linear_model import LogisticRegression
from river.optim import AdaGrad
from river.preprocessing import StandardScaler
from river.stats import Quantile

from benchmarks.river_loop import DAY, Keys, Metrics


class RiverJob:
    """Scores events and learns from labels, whichever of the two comes first."""

    def __init__(self) -> None:
        self._columns = [Keys("customer"), Keys("terminal")]
        # River's methods have no types.
        self._scaler: Any = StandardScaler()
        self._model: Any = LogisticRegression(AdaGrad(0.3), intercept_lr=0.0)
        new_adwin: Any = ADWIN
        self._adwin = new_adwin()
        self._page_hinkley = cast(Any, PageHinkley(mode="up"))
        self._quantile = Quantile(1.0 - 0.005)
        self._metrics = Metrics()
        self._waiting: dict[str, tuple[dict[str, float], float, list[str | int]]] = {}
        self._early: dict[str, dict[str, Any]] = {}

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """What is said of an event."""
        ts, amount = event["ts"], event["amount"]
        x = {
            "weekend": float((ts // DAY + 3) % 7 >= 5),
            "night": float(ts % DAY < DAY / 4),
            "amount": amount,
            "log_amount": copysign(log1p(abs(amount)), amount),
        }
        keys = [event[column.column] for column in self._columns]
        for column, key in zip(self._columns, keys, strict=True):
            column.seen(key, ts, amount, x)
        self._scaler.learn_one(x)
        x = self._scaler.transform_one(x)
        x["bias"] = 1.0
        p = self._model.predict_proba_one(x)[True]
        threshold = self._quantile.get() or 1.0
        self._quantile.update(p)
        alert = p >= threshold
        metrics = self._metrics
        metrics.events.inc()
        metrics.time.set(ts)
        metrics.scores.observe(p)
        metrics.threshold.set(threshold)
        if alert:
            metrics.alerts.inc()
        name = event["id"]
        self._waiting[name] = x, p, keys
        if name in self._early:
            self.label(self._early.pop(name))
        return {"id": name, "ts": ts, "score": p, "alert": alert, "threshold": threshold}

    def label(self, label: dict[str, Any]) -> None:
        """Learn from a label."""
        known = self._waiting.pop(label["id"], None)
        if known is None:
            self._early[label["id"]] = label
            return
        x, p, keys = known
        y, due = label["label"], label["ts"]
        for column, key in zip(self._columns, keys, strict=True):
            column.label(key, due, y)
        said = int(p > 0.5)
        metrics = self._metrics
        metrics.predictions[said][y].inc()
        metrics.loss.observe(-log(max(p if y else 1.0 - p, 1e-15)))
        error = said != y
        self._adwin.update(error)
        if self._adwin.drift_detected:
            metrics.adwin_drifts.inc()
        metrics.error.set(self._adwin.estimation)
        self._page_hinkley.update(error)
        if self._page_hinkley.drift_detected:
            metrics.page_hinkley_drifts.inc()
        self._model.learn_one(x, bool(y))
