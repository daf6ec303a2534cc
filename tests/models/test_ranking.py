"""Ranking metrics: against scikit-learn, ties included."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ranking import average_precision, roc_auc
from models.vectors import Codes, Floats

sklearn = importlib.import_module("sklearn.metrics")  # it ships no types

tied = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
ranked = st.lists(st.tuples(tied | st.floats(0.0, 1.0), st.integers(0, 1)), min_size=2, max_size=60)


def check(scores: Floats, labels: Codes) -> None:
    assert roc_auc(scores, labels) == pytest.approx(
        sklearn.roc_auc_score(labels, scores), abs=1e-12
    )
    expected = sklearn.average_precision_score(labels, scores)
    assert average_precision(scores, labels) == pytest.approx(expected, abs=1e-12)


@given(ranked.filter(lambda pairs: len({y for _, y in pairs}) == 2))
def test_against_scikit_learn(pairs: list[tuple[float, int]]) -> None:
    scores, labels = zip(*pairs, strict=True)
    check(np.array(scores), np.array(labels, np.int8))


@pytest.mark.parametrize("levels", [2, 10, 10**9])
@pytest.mark.parametrize("rare", [0.003, 0.5])
def test_against_scikit_learn_at_length(levels: int, rare: float) -> None:
    rng = np.random.default_rng(levels)
    labels = (rng.random(50_000) < rare).astype(np.int8)
    scores = np.round(1.0 / (1.0 + np.exp(-rng.normal(labels))) * levels) / levels
    check(scores, labels)


def test_where_all_are_tied_the_order_tells_nothing() -> None:
    scores, labels = np.full(10, 0.7), np.array([1] * 3 + [0] * 7, np.int8)
    assert roc_auc(scores, labels) == roc_auc(scores, labels[::-1]) == 0.5
    assert average_precision(scores, labels) == average_precision(scores, labels[::-1]) == 0.3


@pytest.mark.parametrize(
    ("labels", "precision"), [([], math.nan), ([0], math.nan), ([0, 0], math.nan), ([1, 1], 1.0)]
)
def test_without_both_classes(labels: list[int], precision: float) -> None:
    scores, y = np.linspace(0.2, 0.8, len(labels)), np.array(labels, np.int8)
    assert math.isnan(roc_auc(scores, y))
    assert average_precision(scores, y) == pytest.approx(precision, nan_ok=True)
