"""Alerts where rules agree, by hand; that cuts change nothing is with the laws."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting import Alerting, reached
from models.budget import AlertBudget
from models.ceiling import FalsePositiveCeiling
from models.kernels import sigmoids
from models.minimum_labels import MinimumLabels
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE, Codes, Floats


def rules() -> dict[str, AlertBudget | FalsePositiveCeiling | MinimumLabels]:
    return {
        "budget": AlertBudget(0.3, memory=20, warm_up=3),
        "ceiling": FalsePositiveCeiling(0.4, 0.6, memory=30),
        "labels": MinimumLabels(2),
    }


rows = st.lists(
    st.tuples(
        st.sampled_from([SCORE, SCORE, LEARN, CORRECT, ASSUME, MEASURE]),
        st.integers(0, 1),
        st.integers(-8, 8).map(lambda z: z / 4),
    ),
    max_size=60,
)


def columns(todo: list[tuple[int, int, float]]) -> tuple[Codes, Codes, Codes, Floats]:
    code = np.array([row[0] for row in todo], np.int8)
    y = np.array([row[1] for row in todo], np.int8)
    y[(code == SCORE) | (code == ASSUME)] = 0
    was = np.where(code == CORRECT, 1 - y, -1).astype(np.int8)
    return code, y, was, np.array([row[2] for row in todo], np.float64)


@given(rows, st.sets(st.integers(0, 60), max_size=8))
def test_the_highest_of_all_however_cut(todo: list[tuple[int, int, float]], cut: set[int]) -> None:
    code, y, was, logits = columns(todo)
    alone = [rule.thresholds(code, y, was, logits) for rule in rules().values()]
    together = Alerting(rules())
    ends = [0, *sorted(c for c in cut if c < len(todo)), len(todo)]
    for a, b in pairwise(ends):
        s = slice(a, b)
        if b > a:
            assert together.threshold == max(column[a] for column in alone)
        thresholds, alerts = together.decide(code[s], y[s], was[s], logits[s], logits[s])
        assert thresholds.tolist() == np.max([column[s] for column in alone], axis=0).tolist()
        scores = sigmoids(logits[s])
        assert alerts.tolist() == ((thresholds < 1.0) & (scores >= thresholds)).tolist()


def test_the_budget_alone_is_the_budget() -> None:
    logits = np.random.default_rng(1).normal(size=5_000)
    code = np.random.default_rng(2).integers(0, 5, 5_000).astype(np.int8)
    none = np.zeros(5_000, np.int8)
    thresholds, alerts = Alerting({"budget": AlertBudget(0.1, warm_up=100)}).decide(
        code, none, none, logits, logits
    )
    events = code == SCORE
    expected, wanted = AlertBudget(0.1, warm_up=100).decide(logits[events])
    assert thresholds[events].tolist() == expected.tolist()
    assert alerts[events].tolist() == wanted.tolist()


def test_a_threshold_of_one_is_out_of_reach() -> None:
    assert reached(np.array([1.0, 0.0, 0.5]), np.array([math.inf, -math.inf, 0.0])).tolist() == [
        0, 1, 1,
    ]  # fmt: skip


def test_needs_a_rule() -> None:
    with pytest.raises(ValueError, match="at least one rule"):
        Alerting({})


def test_minimum_labels_by_hand() -> None:
    todo = [  # code, y, was; the threshold before it
        (LEARN, 0, -1, 1),
        (ASSUME, 0, -1, 1),
        (LEARN, 1, -1, 1),
        (MEASURE, 1, -1, 1),  # not learned
        (LEARN, 0, -1, 1),
        (SCORE, 0, -1, 1),
        (LEARN, 1, -1, 1),
        (SCORE, 0, -1, 0),
        (CORRECT, 0, 1, 0),
        (SCORE, 0, -1, 1),
        (LEARN, 1, -1, 1),
        (MEASURE, 1, 0, 0),  # an old label that stands no longer, and a new one not learned
        (MEASURE, 1, 0, 0),
        (SCORE, 0, -1, 1),
    ]
    code, y, was, expected = (np.array(column, np.int8) for column in zip(*todo, strict=True))
    rule = MinimumLabels(2)
    assert rule.thresholds(code, y, was, np.zeros(len(todo))).tolist() == expected.tolist()
    assert rule.learned == (1, 2)
    assert MinimumLabels(0).threshold == 0.0
