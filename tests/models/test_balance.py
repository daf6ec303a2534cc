"""A class's share of what is learned: against a reference, and under a flood."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.balance import ClassBalance
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE

codes = st.sampled_from([SCORE, LEARN, LEARN, CORRECT, ASSUME])
most = st.sampled_from([0.5, 0.7, 0.95])


@given(st.lists(st.tuples(codes, st.integers(0, 1)), max_size=80), most, st.integers(0, 80))
def test_the_share_is_not_exceeded(todo: list[tuple[int, int]], max_share: float, cut: int) -> None:
    code = np.array([row[0] for row in todo], np.int8)
    y = np.array([row[1] for row in todo], np.int8)
    balance = ClassBalance(max_share, memory=10)
    got = [*balance.hold(code[:cut], y[:cut]), *balance.hold(code[cut:], y[cut:])]
    learned: list[tuple[float, int]] = [(1.0, 0), (1.0, 1)]  # weight, label
    held = [0, 0]

    def weight(learned: list[tuple[float, int]], of: int) -> float:
        return sum(w for w, label in learned if label == of)

    def share(of: int) -> float:
        return weight(learned, of) / (weight(learned, 0) + weight(learned, 1))

    fading = 0.5**0.1
    for i, (was, label) in enumerate(todo):
        if was in (SCORE, ASSUME):
            assert got[i] == was
            continue
        before = learned
        ahead = weight(before, label) - weight(before, 1 - label)
        learned = [*((w * fading, of) for w, of in learned), (1.0, label)]
        over = share(label) - max_share
        assert got[i] in (was, MEASURE)
        if min(abs(ahead), abs(over)) > 1e-9:  # else rounding decides
            assert (got[i] == MEASURE) == (ahead > 0 and over > 0)
        if got[i] == MEASURE:
            learned = before
            held[label] += 1
        largest = max(share(0), share(1))
        assert largest <= max(max_share, 0.675) + 1e-9  # two of three, the older two faded
    assert balance.held == tuple(held)
    assert balance.share == pytest.approx(share(1))


def test_a_flood_is_learned_at_the_pace_of_the_other_class() -> None:
    rng = np.random.default_rng(1)
    y = (rng.random(20_000) < 0.5).astype(np.int8)
    flood = np.ones(200_000, np.int8)
    flood[::200] = 0  # the other class goes on as before, and drowns
    balance = ClassBalance(0.95, memory=1_000)
    code = np.full(len(y), LEARN, np.int8)
    assert (balance.hold(code, y) == LEARN).all()
    got = balance.hold(np.full(len(flood), LEARN, np.int8), flood)
    assert (got[flood == 0] == LEARN).all()
    learned = np.count_nonzero((got == LEARN) & (flood == 1))
    # Half of what is remembered becomes 95 % in log2(0.5 / 0.05) half-lives; then 19 for one.
    assert learned < 1_000 * math.log2(10) / 0.95 + 19 * 1_000
    # At once, without any of the other class, there are only the half-lives.
    fresh = ClassBalance(0.95, memory=1_000)
    fresh.hold(code, y)
    at_once = fresh.hold(np.full(100_000, LEARN, np.int8), np.ones(100_000, np.int8))
    assert np.count_nonzero(at_once == LEARN) == pytest.approx(1_000 * math.log2(10), rel=0.02)


@pytest.mark.parametrize("max_share", [0.5, 0.6])
def test_a_narrow_share_holds_neither_class_for_ever(max_share: float) -> None:
    y = np.arange(2_000).astype(np.int8) & 1
    got = ClassBalance(max_share).hold(np.full(2_000, LEARN, np.int8), y)
    assert (got == LEARN).mean() > 0.9


def test_a_class_that_is_rare_is_always_learned() -> None:
    y = (np.random.default_rng(2).random(50_000) < 0.01).astype(np.int8)
    balance = ClassBalance(0.95)
    got = balance.hold(np.full(len(y), LEARN, np.int8), y)
    assert (got[y == 1] == LEARN).all()
    learned = y[got == LEARN]
    assert learned.mean() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("max_share", [0.49, 1.0, math.nan])
def test_what_is_refused(max_share: float) -> None:
    with pytest.raises(ValueError, match=f"max_share = {max_share}: expected a number from 0.5"):
        ClassBalance(max_share)
