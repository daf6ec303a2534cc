"""The alert threshold: against a naive reference, and what its share of alerts is in hard cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.budget import AlertBudget
from models.vectors import Floats

LENGTH = 100_000


def by_hand(logits: Floats, share: float, memory: int, warm_up: int) -> tuple[Floats, list[bool]]:
    """Thresholds and alerts by looking at the whole faded histogram before each event."""
    edges = np.linspace(-32.0, 32.0, 4097)
    histogram = np.zeros(4096)
    thresholds, alerts = [], []
    for seen, logit in enumerate(logits):
        above = np.append(np.cumsum(histogram[::-1])[::-1], 0.0)  # weight from each edge up
        lowest = int(np.argmax(above <= share * above[0]))
        closed = seen < warm_up or lowest == 4096
        thresholds.append(1.0 if closed else 1.0 / (1.0 + math.exp(-edges[lowest])))
        alerts.append(not closed and logit >= edges[lowest])
        histogram *= 0.5 ** (1.0 / memory)
        histogram[np.clip(np.searchsorted(edges, logit, side="right") - 1, 0, 4095)] += 1.0
    return np.array(thresholds), alerts


def test_against_a_reference() -> None:
    # Long enough for the growing weights to overflow, were they never scaled down.
    logits = np.random.default_rng(5).normal(np.linspace(-3, 3, 14_000), 2.0)
    thresholds, alerts = AlertBudget(0.05, memory=10, warm_up=100).decide(logits)
    expected, wanted = by_hand(logits, 0.05, 10, 100)
    np.testing.assert_allclose(thresholds, expected, rtol=1e-12)
    assert alerts.astype(bool).tolist() == wanted
    assert sum(wanted) > 500


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("shape", ["normal", "narrow", "two humps", "heavy tail"])
def test_keeps_the_share_of_a_steady_stream(share: float, shape: str) -> None:
    rng = np.random.default_rng(7)
    normal = rng.normal(size=LENGTH)
    logits = {
        "normal": normal,
        "narrow": 0.3 * normal - 6.0,
        "two humps": normal + np.where(rng.random(LENGTH) < 0.02, 8.0, -8.0),
        "heavy tail": rng.standard_t(3, LENGTH),
    }[shape]
    _, alerts = AlertBudget(share).decide(logits)
    # A bin is alerting as a whole or not at all, so it is rather too few; and chance.
    chance = 4.0 * math.sqrt(share / LENGTH)
    assert 0.9 * share - chance < alerts[1_000:].mean() < share + chance


@pytest.mark.parametrize("shift", [-6.0, -1.0, 1.0, 6.0])
def test_after_a_jump_of_all_scores_the_surplus_is_bounded(shift: float) -> None:
    share, memory = 0.01, 5_000
    logits = np.random.default_rng(8).normal(size=3 * LENGTH // 2)
    logits[LENGTH // 2 :] += shift
    after = AlertBudget(share, memory).decide(logits)[1][LENGTH // 2 :]
    # At worst all new scores lie above all old ones. Until theirs is more than `share` of the
    # weight each is an alert, and then share / (their part of the weight): the integral of this.
    surplus = share * memory / math.log(2) * (1 + math.log(1 / share))
    assert after.sum() < share * LENGTH + max(0.0, math.copysign(surplus, shift))
    # The other way round there is silence until old scores hold less than `share` of the weight.
    silent = int(memory * math.log2(1 / share))
    assert after[silent + 3 * memory :].mean() == pytest.approx(share, rel=0.1)


def test_a_slow_rise_costs_little() -> None:
    logits = np.random.default_rng(9).normal(np.linspace(0, 5, LENGTH))
    _, alerts = AlertBudget(0.01, memory=2_000).decide(logits)
    assert 0.01 < alerts.mean() < 0.015


def test_no_alert_before_warm_up() -> None:
    logits = np.random.default_rng(10).normal(size=2_000)
    logits[5::7] = math.inf  # not even for the surest score
    thresholds, alerts = AlertBudget(0.2, warm_up=500).decide(logits)
    assert thresholds[:500].tolist() == [1.0] * 500
    assert alerts[:500].sum() == 0
    assert thresholds[500] < 1.0
    assert alerts[500:].sum() > 200


@pytest.mark.parametrize("logit", [0.0, 0.3, -40.0, 31.99, 32.0, 40.0, math.inf, -math.inf])
def test_equal_scores_give_no_alerts(logit: float) -> None:
    """More equal scores than the budget allows: none rather than all."""
    budget = AlertBudget(0.01, warm_up=100)
    _, alerts = budget.decide(np.full(50_000, logit))
    assert alerts.sum() == 0
    assert budget.threshold > 1.0 / (1.0 + math.exp(-min(30.0, logit)))


@pytest.mark.parametrize("logit", [5.0, math.inf])
def test_a_flood_of_equal_scores_is_cut_off(logit: float) -> None:
    share, memory = 0.01, 5_000
    logits = np.random.default_rng(12).normal(size=2 * LENGTH)
    logits[LENGTH:] = logit
    flood = AlertBudget(share, memory).decide(logits)[1][LENGTH:]
    # Alerts until they hold `share` of the weight, and none after.
    assert flood.sum() == pytest.approx(share * memory / math.log(2), abs=2)
    assert flood[: flood.sum()].all()


def test_a_higher_score_among_equal_ones_is_an_alert() -> None:
    logits = np.full(10_000, -3.0)
    logits[200::200] = math.inf
    _, alerts = AlertBudget(0.01, warm_up=100).decide(logits)
    assert np.flatnonzero(alerts).tolist() == list(range(200, 10_000, 200))


def test_threshold_is_that_of_the_next_event() -> None:
    logits = np.random.default_rng(11).normal(size=3_000)
    budget = AlertBudget(0.01)
    assert budget.threshold == 1.0
    for i in range(0, 3_000, 100):
        before = budget.threshold
        thresholds, _ = budget.decide(logits[i : i + 100])
        assert thresholds[0] == before
