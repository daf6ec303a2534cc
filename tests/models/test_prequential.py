"""Prequential metrics: against a reference that remembers every label."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.prequential import CLIP, Prequential
from models.ranking import average_precision, roc_auc

WINDOW, FADING = 5, 0.9

# A label: the score as given and 0 or 1; or a correction: which earlier event (by a number that
# wraps around), whose label is turned over.
scores = st.sampled_from([0.0, 1e-20, 0.25, 0.5, 0.5000001, 1.0]) | st.floats(0.0, 1.0)
labels = st.lists(st.tuples(scores, st.integers(0, 1)) | st.integers(0, 100), max_size=40)


def loss(p: float, y: int) -> float:
    return -math.log(max(CLIP, p if y else 1.0 - p))


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def faded(values: list[float]) -> float:
    weights = [FADING**age for age in reversed(range(len(values)))]
    total = sum(w * v for w, v in zip(weights, values, strict=True))
    return total / sum(weights) if values else math.nan


def table(pairs: list[tuple[float, int]]) -> list[list[int]]:
    return [[sum((p > 0.5, y) == (a, b) for p, y in pairs) for b in (0, 1)] for a in (0, 1)]


@settings(deadline=None)  # the first example waits for the compiler
@given(labels)
def test_against_a_reference(stream: list[tuple[float, int] | int]) -> None:
    first: list[tuple[float, int]] = []
    now: list[tuple[float, int]] = []
    rows: list[tuple[float, int, int]] = []
    for label in stream:
        if isinstance(label, tuple):
            first.append(label)
            now.append(label)
            rows.append((*label, -1))
        elif now:
            p, was = now[label % len(now)]
            now[label % len(now)] = p, 1 - was
            rows.append((p, 1 - was, was))
    seen = Prequential(WINDOW, FADING)
    seen.update(
        np.array([row[0] for row in rows], np.float64),
        np.array([row[1] for row in rows], np.int8),
        np.array([row[2] for row in rows], np.int8),
    )

    def same(got: float, expected: float) -> None:
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)

    assert seen.count == len(first)
    assert seen.confusion.tolist() == table(now)
    assert seen.first_confusion.tolist() == table(first)
    same(seen.error, mean([(p > 0.5) != y for p, y in now]))
    same(seen.log_loss, mean([loss(p, y) for p, y in now]))
    same(seen.first_loss_sum, sum(loss(p, y) for p, y in first))
    same(seen.faded_error, faded([(p > 0.5) != y for p, y in first]))
    same(seen.faded_log_loss, faded([loss(p, y) for p, y in first]))

    recent = first[-WINDOW:]
    lately, labels_lately = seen.recent()
    assert list(zip(lately.tolist(), labels_lately.tolist(), strict=True)) == recent
    windowed = seen.windowed()
    same(windowed["error"], mean([(p > 0.5) != y for p, y in recent]))
    same(windowed["log_loss"], mean([loss(p, y) for p, y in recent]))
    same(windowed["roc_auc"], roc_auc(lately, labels_lately))
    same(windowed["average_precision"], average_precision(lately, labels_lately))


def test_before_the_first_label() -> None:
    seen = Prequential()
    assert seen.count == seen.first_loss_sum == 0
    alone = [seen.error, seen.log_loss, seen.faded_error, seen.faded_log_loss]
    assert all(math.isnan(value) for value in [*alone, *seen.windowed().values()])


def test_a_sure_score_that_is_wrong_costs_much_but_not_infinity() -> None:
    seen = Prequential()
    seen.update(np.array([0.0, 1.0]), np.array([1, 0], np.int8), np.full(2, -1, np.int8))
    assert seen.error == 1.0
    assert seen.log_loss == seen.windowed()["log_loss"] == pytest.approx(-math.log(1e-15))
