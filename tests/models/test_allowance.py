"""So many alerts in a span of time: never more, the best of a burst, and none for a quiet day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerting import Alerting
from models.allowance import MONDAY, Allowance
from models.minimum_labels import MinimumLabels
from models.vectors import Codes, Floats

DAY = 86_400.0


def decide(of: Alerting, ts: Floats, logits: Floats) -> tuple[Floats, Codes]:
    events = np.zeros(len(ts), np.int8)
    return of.decide(events, events, events - 1, logits, ts)


def days(*events: int) -> Floats:
    return np.concatenate(
        [MONDAY + DAY * (k + np.linspace(0, 1, n, endpoint=False)) for k, n in enumerate(events)]
    )


@given(
    st.lists(st.tuples(st.floats(-2 * DAY, 4 * DAY), st.floats(-40, 40)), min_size=1, max_size=300),
    st.integers(1, 5),
    st.integers(0, 20),
)
def test_never_more_than_allowed_in_a_day(
    of: list[tuple[float, float]], allowed: int, warm_up: int
) -> None:
    ts, logits = (np.array(column) for column in zip(*of, strict=True))
    ts = np.cumsum(np.abs(ts) / 20.0) + ts / 4.0  # mostly on, and now and then back
    allowance = Allowance(allowed, DAY, warm_up=warm_up)
    thresholds, alerts = decide(Alerting({}, allowance), ts, logits)
    # A late event counts for the day in which it came.
    day = np.floor((np.maximum.accumulate(ts) - MONDAY) / DAY)
    for each in np.unique(day):
        assert alerts[day == each].sum() <= allowed
    assert np.all(thresholds[alerts == 1] < 1.0)
    assert allowance.held_back >= 0


def test_a_quiet_day_leaves_some_and_says_so() -> None:
    draw = np.random.default_rng(4)
    ts = days(2_000, 2_000, 2_000, 200, 2_000)
    allowance = Allowance(20, DAY, warm_up=500)
    alerting = Alerting({}, allowance)
    used = []
    for k in range(5):
        of = (ts >= MONDAY + k * DAY) & (ts < MONDAY + (k + 1) * DAY)
        used.append(int(decide(alerting, ts[of], draw.normal(size=of.sum()))[1].sum()))
    assert used[3] < 8  # a tenth of the events, and not filled up with noise
    assert all(10 < each <= 20 for each in used[1:3])
    assert allowance.last_unused == 20 - used[3]
    assert allowance.unused == sum(20 - each for each in used[:4])
    assert allowance.used == used[4]


def test_a_burst_is_capped_and_its_best_get_through() -> None:
    draw = np.random.default_rng(5)
    ts = days(2_000, 2_000, 2_000)
    logits = draw.normal(size=len(ts))
    burst = slice(4_200, 4_500)
    logits[burst] += 4.0
    allowance = Allowance(20, DAY, warm_up=500)
    _, alerts = decide(Alerting({}, allowance), ts, logits)
    assert alerts[4_000:].sum() <= 20
    chosen = logits[4_000:][alerts[4_000:] == 1]
    assert chosen.mean() > logits[burst].mean()
    assert alerts[4_500:].sum() < 20


def test_only_what_all_rules_let_through_counts() -> None:
    """Without labels there is no alert, and nothing is used."""
    allowance = Allowance(20, DAY, warm_up=100)
    alerting = Alerting({"min_labels": MinimumLabels(5)}, allowance)
    thresholds, alerts = decide(alerting, days(1_000), np.random.default_rng(6).normal(size=1_000))
    assert alerts.sum() == 0 == allowance.used == allowance.held_back
    assert np.all(thresholds == 1.0)


@pytest.mark.parametrize("allowed", [0, -1])
def test_none_is_refused(allowed: int) -> None:
    with pytest.raises(ValueError, match=f"allowed = {allowed}: expected a whole number of at"):
        Allowance(allowed)
