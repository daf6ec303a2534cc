"""Label delays: against numpy, and the bounds of the buckets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.delays import BINS, BOUNDS, RATIO, LabelDelays
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE, Codes, Floats
from tests.models.helpers import bits, cuts

DAY = 86_400.0


def given(delays: LabelDelays, seconds: Floats, code: Codes | None = None) -> None:
    n = len(seconds)
    code = np.full(n, LEARN, np.int8) if code is None else code
    delays.run(code, np.full(n, -1, np.int8), seconds + 1e6, np.full(n, 1e6))


def test_buckets_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    seconds = np.round(10.0 ** rng.uniform(-1, 7.5, 5_000), 3)
    seconds[:17] = BOUNDS[:-1]  # a bound is in its bucket
    delays = LabelDelays()
    given(delays, seconds)
    expected = [(bound, int(np.sum(seconds <= bound))) for bound in BOUNDS]
    assert delays.cumulative() == expected
    assert delays.count == 5_000
    assert delays.sum == pytest.approx(seconds.sum())


def test_quantiles_are_those_of_numpy() -> None:
    seconds = np.random.default_rng(2).lognormal(math.log(2 * DAY), 1.0, 20_000)
    delays = LabelDelays(memory=1e9)  # nothing fades
    given(delays, seconds)
    for q in (0.01, 0.1, 0.5, 0.9, 0.99):
        assert delays.quantile(q) == pytest.approx(np.quantile(seconds, q), rel=0.02)


@pytest.mark.parametrize("seconds", [2.0, 3_600.0, 7 * DAY, 400 * DAY])
def test_labels_that_all_take_as_long(seconds: float) -> None:
    delays = LabelDelays()
    given(delays, np.full(10, seconds))
    for q in (0.01, 0.5, 0.99):
        assert seconds / RATIO <= delays.quantile(q) <= seconds * RATIO


def test_old_labels_fade_from_the_quantiles_only() -> None:
    delays = LabelDelays(memory=30)
    given(delays, np.full(40_000, DAY))  # weights are measured anew on the way
    given(delays, np.full(30, 10 * DAY))  # as many again as remain in memory
    assert delays.quantile(0.45) < 2 * DAY < 9 * DAY < delays.quantile(0.55)
    assert dict(delays.cumulative())[DAY] == 40_000


def test_what_counts() -> None:
    code = np.array([SCORE, LEARN, CORRECT, ASSUME, MEASURE, MEASURE, LEARN], np.int8)
    was = np.array([-1, -1, 1, -1, -1, 0, -1], np.int8)
    ts = np.array([0.0, 100.0, 200.0, 300.0, 400.0, 500.0, -50.0])
    delays = LabelDelays()
    assert math.isnan(delays.quantile(0.5))
    delays.run(code, was, ts, np.zeros(7))
    assert (delays.count, delays.sum) == (3, 500.0)  # the last came before its event


def test_a_delay_of_ages_is_in_the_last_bin() -> None:
    delays = LabelDelays()
    given(delays, np.full(1, 1e12))
    assert delays.cumulative()[-2:] == [(60 * DAY, 0), (math.inf, 1)]
    assert delays.quantile(0.5) < RATIO**BINS


def test_cuts_and_snapshots_change_nothing() -> None:
    seconds = np.random.default_rng(3).exponential(DAY, 500)
    whole, cut, resumed = (LabelDelays(memory=50) for _ in range(3))
    given(whole, seconds)
    for i, j in cuts(300, 7):
        given(cut, seconds[i:j])
    given(resumed, seconds[:5])
    resumed.restore(cut.snapshot())
    given(resumed, seconds[300:])
    assert bits(resumed.snapshot()) == bits(whole.snapshot())


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="memory = 0"):
        LabelDelays(memory=0)
    with pytest.raises(ValueError, match=r"q = 1\.0"):
        LabelDelays().quantile(1.0)
