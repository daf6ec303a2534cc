"""Who decides: the mixture's bound, the test's level, and what both see."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given as everywhere
from hypothesis import settings
from hypothesis import strategies as st

from models.arms import Decision, Fixed
from models.mixture import Mixture
from models.prequential import log_loss
from models.switch import Switch
from models.vectors import LEARN, SCORE, Codes, Floats


def labels_at_once(decision: Decision, p: Floats, y: Codes) -> Floats:
    """The decision's score of each event, where each label comes right after its event."""
    code = np.tile(np.array([SCORE, LEARN], np.int8), len(p))
    scores, _ = decision.decide(code, np.repeat(y, 2), np.repeat(p, 2, axis=0))
    return scores[::2]


def total(p: Floats, y: Codes) -> float:
    return sum(log_loss(float(a), int(b)) for a, b in zip(p, y, strict=True))


def stream(seed: int, events: int, arms: int) -> tuple[Floats, Codes]:
    random = np.random.default_rng(seed)
    p = random.beta(0.5, 0.5, (events, arms)).clip(1e-9, 1 - 1e-9)
    return p, random.integers(0, 2, events).astype(np.int8)


def test_fixed_takes_the_first_arm() -> None:
    p, y = stream(1, 50, 3)
    fixed = Fixed(3)
    assert np.array_equal(labels_at_once(fixed, p, y), p[:, 0])
    assert fixed.weights.tolist() == [1.0, 0.0, 0.0]


@everywhere(st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from([0.0, 1e-4, 0.1]))
@settings(max_examples=40)
def test_the_mixture_is_within_its_bound_on_random_streams(
    seed: int, arms: int, share: float
) -> None:
    p, y = stream(seed, 300, arms)
    best = min(total(p[:, k], y) for k in range(arms))
    slack = math.log(arms) - len(y) * math.log(1.0 - share)
    assert total(labels_at_once(Mixture(arms, share), p, y), y) <= best + slack + 1e-6


def test_the_mixture_is_within_its_bound_against_an_adversary() -> None:
    """Each label goes against the mixture, and arms take turns in being right."""
    arms, mixture, random = 4, Mixture(4), np.random.default_rng(3)
    loss, losses = 0.0, np.zeros(arms)
    for t in range(2_000):
        p = np.full(arms, 0.02 + 0.3 * random.random())
        p[(t // 7) % arms] = 0.98
        scored, _ = mixture.decide(np.array([SCORE], np.int8), np.zeros(1, np.int8), p[np.newaxis])
        y = int(scored[0] < 0.5)
        loss += log_loss(float(scored[0]), y)
        losses += [log_loss(float(each), y) for each in p]
        mixture.decide(np.array([LEARN], np.int8), np.array([y], np.int8), p[np.newaxis])
    assert loss <= losses.min() + math.log(arms) + 1e-6


def test_a_share_lets_another_arm_take_over_soon() -> None:
    y = np.ones(2_000, np.int8)
    p = np.full((2_000, 2), 0.9)
    p[:1_000, 1] = 0.2
    p[1_000:, 0] = 0.2
    shared, not_shared = (labels_at_once(Mixture(2, s), p, y) for s in (0.001, 0.0))
    assert shared[1_010] > 0.85
    assert not_shared[1_010] < 0.25


def losses_of(seed: int, advantage: float, events: int = 20_000) -> tuple[Floats, Codes]:
    """Two arms, of which the second is closer to the truth by `advantage` in logits."""
    random = np.random.default_rng(seed)
    z = random.normal(0.0, 1.5, events)
    y = (random.random(events) < 1.0 / (1.0 + np.exp(-z))).astype(np.int8)
    noise = random.normal(0.0, 0.5, events)
    first = 1.0 / (1.0 + np.exp(-(z + noise + advantage)))
    second = 1.0 / (1.0 + np.exp(-(z - noise)))
    return np.stack([first, second], 1), y


def test_a_better_challenger_takes_over_and_stays() -> None:
    p, y = losses_of(1, advantage=1.0)
    switch = Switch(2, reign=500)
    scores = labels_at_once(switch, p, y)
    assert switch.weights.tolist() == [0.0, 1.0]
    assert switch.switches == 1
    at = int(np.flatnonzero(scores != p[:, 0])[0])
    assert 500 <= at < 6_000
    assert np.array_equal(scores[at:], p[at:, 1])


def test_an_equal_challenger_takes_over_no_more_often_than_the_level_says() -> None:
    wrong = 0
    for seed in range(200):
        p, y = losses_of(seed, advantage=0.0, events=3_000)
        switch = Switch(2, level=0.05, reign=1)
        labels_at_once(switch, p, y)
        wrong += switch.switches > 0
    assert wrong <= 20  # 10 are allowed in expectation; 20 has a chance of 1 in 500


def test_a_challenger_that_becomes_better_late_is_seen() -> None:
    worse, y_before = losses_of(5, advantage=1.0)
    better, y_after = losses_of(6, advantage=1.0)
    p = np.concatenate([worse[:, ::-1], better])
    y = np.concatenate([y_before, y_after])
    switch = Switch(2)
    scores = labels_at_once(switch, p, y)
    assert np.array_equal(scores[:20_000], p[:20_000, 0])
    assert np.array_equal(scores[-10_000:], p[-10_000:, 1])


@pytest.mark.parametrize("make", [lambda: Mixture(3, 0.01), lambda: Switch(3, reign=10)])
def test_any_cut_and_a_snapshot_give_the_same_bits(make: Callable[[], Decision]) -> None:
    random = np.random.default_rng(4)
    p, y = stream(7, 2_000, 3)
    code = random.integers(0, 2, 2_000).astype(np.int8)
    whole, leaders = make().decide(code, y, p)
    cut, parts = make(), []
    for start in range(0, 2_000, 7):
        span = slice(start, start + 7)
        parts.append(cut.decide(code[span], y[span], p[span]))
        if start == 700:
            saved, cut = deepcopy(cut.snapshot()), make()
            cut.restore(saved)
    assert np.array_equal(np.concatenate([part for part, _ in parts]), whole)
    assert np.array_equal(np.concatenate([part for _, part in parts]), leaders)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Mixture(2, 1.0), "share = 1.0: expected a number from 0 to below 1"),
        (lambda: Switch(2, level=0.0), "level = 0.0: expected a number between 0 and 1"),
        (lambda: Switch(2, clip=0.5), "clip = 0.5: expected a number between 0 and 0.5"),
    ],
)
def test_bad_parameters_are_named(make: Callable[[], Decision], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        make()
