"""What each arm does: the champion, and the challengers that shadow it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from models.protocols import Model, Moving
from stream.finite import all_finite
from stream.monitor import Monitor

STALLED = 1e-9  # a rate below this moves no weight in any stream that ends


def _stalled(model: Model) -> bool:
    """Whether a model that has learned does so no longer."""
    if not model.learned or model.rate < STALLED:
        return bool(model.learned)
    return (
        isinstance(model, Moving) and model.gradient_norm > 0.0 and model.effective_rate < STALLED
    )


def state(monitor: Monitor) -> list[dict[str, Any]]:
    """What each arm says and learns, as JSON; NaN becomes null."""
    figures = [
        {
            "error": arm.prequential.faded_error,
            "log_loss": arm.prequential.faded_log_loss,
            "rate": arm.model.rate,
            "weight": share,
        }
        for arm, share in zip(monitor.arms, monitor.weights.tolist(), strict=True)
    ]
    return [
        {"name": arm.name, **all_finite(of)} for arm, of in zip(monitor.arms, figures, strict=True)
    ]


def families(monitor: Monitor) -> Iterable[Metric]:
    """For Prometheus."""
    arm = ["arm"]
    rate = GaugeMetricFamily(
        "streamgauge_learning_rate",
        "Learning rate of the next label; NaN where an arm has none.",
        labels=arm,
    )
    updates = CounterMetricFamily(
        "streamgauge_model_updates", "Learning steps by outcome.", labels=["arm", "outcome"]
    )
    predictions = CounterMetricFamily(
        "streamgauge_arm_labelled_predictions",
        "The arm's scores as given against first labels; predicted is 1 above a score of 0.5.",
        labels=["arm", "predicted", "actual"],
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
    for each, share in zip(monitor.arms, monitor.weights.tolist(), strict=True):
        model, seen, name = each.model, each.prequential, each.name
        rate.add_metric([name], model.rate)
        updates.add_metric([name, "applied"], model.learned)
        updates.add_metric([name, "skipped_nonfinite"], model.refused)
        for (predicted, actual), count in np.ndenumerate(seen.first_confusion):
            predictions.add_metric([name, str(predicted), str(actual)], int(count))
        loss.add_metric([name], int(seen.first_confusion.sum()), seen.first_loss_sum)
        error.add_metric([name], seen.faded_error)
        weight.add_metric([name], share)
        stalled.add_metric([name], int(_stalled(model)))
        if isinstance(model, Moving):
            effective.add_metric([name], model.effective_rate)
            gradient.add_metric([name], model.gradient_norm)
            norm.add_metric([name], model.weight_norm)
    yield from (
        rate, effective, gradient, norm, stalled, updates, predictions, loss, error, weight,
    )  # fmt: skip
    yield CounterMetricFamily(
        "streamgauge_champion_switches",
        "Champions replaced by a challenger.",
        value=monitor.decision.switches,
    )
    if monitor.label_free:
        yield GaugeMetricFamily(
            "streamgauge_label_free_decides",
            "1 until enough labels of both classes were learned: those decide that need none.",
            value=int(monitor.label_free.gate.is_closed),
        )
