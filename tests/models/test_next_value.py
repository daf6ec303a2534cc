"""The next-value error on series with a day and a week, jumps, shifts and silence."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.next_value import NextValue
from models.strangeness import Sight
from models.vectors import Floats

RARE = math.log(999.0)
DAY, STEP = 86_400.0, 900.0
ROWS = 7 * 96  # a week of quarters of an hour


def sight(values: Floats, key: int = 1, start: float = 0.0) -> Sight:
    raw = np.stack([np.ones(len(values)), values], axis=1)
    keys = np.full((len(values), 1), key, np.uint64)
    return Sight(raw, raw, keys, start + STEP * np.arange(float(len(values))))


def week(weeks: int, seed: int = 0) -> Floats:
    """Noise around a day that is lower at weekends."""
    t = STEP * np.arange(weeks * ROWS)
    rng = np.random.default_rng(seed)
    share = np.where(t // DAY % 7 >= 5, 0.5, 1.0)
    season: Floats = 100.0 + share * 20.0 * np.sin(2.0 * math.pi * t / DAY)
    return season + rng.normal(size=len(t))


def test_a_jump_a_shift_and_a_wrong_hour_are_strange_once() -> None:
    values = week(8)
    jump, shift, hour = 5 * ROWS, 6 * ROWS, 7 * ROWS
    values[jump] += 25.0
    values[shift : shift + 50] += 15.0
    values[hour : hour + 48] = values[hour - 48 : hour]  # the night where the day should be
    said = NextValue(2, math.inf).run(sight(values)).logits
    loud = np.flatnonzero(said > math.log(499.0))
    loud = loud[loud >= 4 * ROWS]
    for start, end in ((jump, jump), (shift, shift + 50), (hour, hour + 48)):
        told = loud[(loud >= start) & (loud <= end)]
        assert 1 <= len(told) <= 4, (start, told)
    assert len(loud) < 20


def test_a_season_is_expected() -> None:
    """The same values in another order have no season, and jump."""
    values = week(8)
    made = NextValue(2, math.inf)
    made.run(sight(values))
    errors = made.snapshot()["errors"][0]
    by_last, by_usual, by_season = errors[:, 1]
    assert by_season < 0.25 * by_usual
    assert by_season < 1.5 * by_last


def test_each_series_is_in_units_of_its_own() -> None:
    small, large = 1e-6 * week(4), 1e9 * week(4, seed=1)
    small[-5] += 30e-6
    large[-5] += 30e9
    for values in (small, large):
        alone = NextValue(2, math.inf)
        made = NextValue(2, math.inf)
        made.run(sight(week(4, seed=2), key=7))
        said = made.run(sight(values, key=9)).logits
        assert said.argmax() == len(values) - 5
        assert alone.run(sight(values)).logits.argmax() == len(values) - 5


def test_a_constant_that_moves_is_strange_however_little() -> None:
    values = np.full(500, 1e9)
    values[400:] += 1e3
    made = NextValue(2, math.inf)
    made.run(sight(week(2), key=5))
    said = made.run(sight(values)).logits
    assert said[400] > RARE
    assert said[:400].max() < math.log(9.0)


@pytest.mark.parametrize("far", [1e3, 1e99])
def test_it_comes_back_from_a_value_out_of_this_world(far: float) -> None:
    values = week(12)
    values[3 * ROWS] = far
    values[-10] += 40.0
    said = NextValue(2, math.inf, habit=100).run(sight(values)).logits
    assert said[3 * ROWS] > RARE
    if far < 1e9:
        assert said[-10] > math.log(499.0)
    assert np.isfinite(said).all()


def test_times_that_step_back_and_gaps_are_harmless() -> None:
    values = week(4)
    events = sight(values)
    events.ts[1_000:1_100] -= 3 * DAY
    events.ts[2_000:] += 400 * DAY
    events.ts[2_500] = -5e9
    said = NextValue(2, math.inf).run(events).logits
    assert np.isfinite(said).all()
    assert np.mean(said[1_000:] > math.log(99.0)) < 0.05


def test_the_part_is_the_values() -> None:
    values = week(4)
    values[-3] += 50.0
    raw = np.stack([np.ones(len(values)), np.zeros(len(values)), values], axis=1)
    keys = np.ones((len(values), 1), np.uint64)
    events = Sight(raw, raw, keys, STEP * np.arange(float(len(values))))
    parts = NextValue(3, math.inf, value=2).run(events).parts
    assert parts[-3].tolist() == [0.0, 0.0, 1.0]


def test_a_new_series_says_nothing_for_a_while() -> None:
    made = NextValue(2, math.inf)
    made.run(sight(week(2)))
    said = made.run(sight(week(1), key=2)).logits
    assert not said[:50].any()
    assert said[60:].any()


def test_without_keys_all_is_one_series() -> None:
    values = week(3)
    values[-3] += 50.0
    raw = np.stack([np.ones(len(values)), values], axis=1)
    ts = STEP * np.arange(float(len(values)))
    said = NextValue(2, math.inf).run(Sight(raw, raw, np.zeros((len(raw), 0), np.uint64), ts))
    assert said.logits.argmax() == len(values) - 3


def test_forgotten_series_are_new_again() -> None:
    made = NextValue(2, math.inf, max_keys=1)
    made.run(sight(week(2)))
    made.run(sight(week(1), key=2))
    assert not made.run(sight(week(1))).logits[:50].any()
