"""Those that need no labels decide until there are enough, and their alerts are as many as set."""

from __future__ import annotations

import numpy as np
import pytest

from models.alerting import Alerting, Early
from models.budget import AlertBudget
from models.gate import LabelGate
from models.kernels import logits, sigmoids
from models.rarity import Rarity
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE, Codes


def _codes(*codes: int) -> Codes:
    return np.array(codes, np.int8)


def test_both_classes_are_needed() -> None:
    gate = LabelGate(2)
    assert gate.closed(_codes(*[LEARN] * 5), _codes(0, 0, 0, 1, 1)).tolist() == [True] * 5
    assert not gate.is_closed
    assert gate.closed(_codes(SCORE), _codes(0)).tolist() == [False]


def test_what_is_not_learned_or_nobody_said_does_not_count() -> None:
    gate = LabelGate(1)
    gate.closed(_codes(MEASURE, ASSUME, SCORE, LEARN), _codes(1, 0, 1, 0))
    assert gate.is_closed


def test_a_corrected_label_counts_for_its_new_class_only() -> None:
    gate = LabelGate(1)
    gate.closed(_codes(LEARN, CORRECT), _codes(1, 0))
    assert gate.is_closed
    gate.closed(_codes(LEARN), _codes(1))
    assert not gate.is_closed


def test_once_open_it_stays_open() -> None:
    gate = LabelGate(1)
    gate.closed(_codes(LEARN, LEARN), _codes(0, 1))
    gate.closed(_codes(CORRECT), _codes(0))
    assert not gate.is_closed


def test_zero_labels_are_always_there() -> None:
    assert not LabelGate(0).is_closed


@pytest.mark.parametrize("size", [1, 7, 5_000])
def test_each_phase_has_its_own_threshold(size: int) -> None:
    """No silence when scores of another kind begin to decide: both thresholds are known by then."""
    rng = np.random.default_rng(1)
    n, opens = 20_000, 10_000
    rarity = rng.random(n)
    probability = sigmoids(rng.normal(-6.0, 1.0, n))
    alerting = Alerting({"budget": AlertBudget(0.01)}, early={"rarity": Rarity(0.01)})
    alone = np.arange(n) < opens
    code, y, was = np.zeros(n, np.int8), np.zeros(n, np.int8), np.full(n, -1, np.int8)
    alerts = []
    for at in range(0, n, size):
        part = slice(at, at + size)
        early = Early(logits(rarity[part]), alone[part])
        alerts.append(
            alerting.decide(
                code[part], y[part], was[part], logits(probability[part]), np.zeros(n)[part], early
            )[1]
        )
    said = np.concatenate(alerts)
    assert said[:1_000].sum() == 0  # warm-up
    assert said[1_000:opens].mean() == pytest.approx(0.01, rel=0.3)
    assert said[opens : opens + 2_000].mean() == pytest.approx(0.01, rel=0.6)
    assert said[opens:].mean() == pytest.approx(0.01, rel=0.3)
    assert alerting.early_threshold == 0.99
    assert alerting.threshold < 0.1
