"""Schedules: each against its formula, and the laws that all obey."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import optim
from river.optim.base import Scheduler

from models.protocols import Schedule
from models.schedules import Constant, ExponentialDecay, StepDecay, TimeBasedDecay
from tests.models.helpers import SCHEDULES

STEPS = [0, 1, 2, 9, 10, 11, 99, 100, 1_000, 12_345, 100_000, 999_999, 1_000_000]

rates = st.floats(1e-9, 1e3)
shares = st.floats(0.0, 1.0)  # the floor, as a share of the rate


def schedules() -> st.SearchStrategy[Scheduler]:
    """Any schedule that may be made."""
    decays = st.one_of(st.just(0.0), st.floats(1e-9, 1e3))
    return st.one_of(
        st.builds(Constant, rates),
        st.builds(
            lambda r, factor, every, share: StepDecay(r, factor, every, share * r),
            rates,
            st.floats(1e-6, 1.0),
            st.integers(1, 10**6),
            shares,
        ),
        st.builds(lambda r, k, share: ExponentialDecay(r, k, share * r), rates, decays, shares),
        st.builds(lambda r, k, share: TimeBasedDecay(r, k, share * r), rates, decays, shares),
    )


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        (partial(StepDecay, factor=0.7, every=10), lambda t: 0.3 * 0.7 ** (t // 10)),
        (partial(ExponentialDecay, k=0.01), lambda t: 0.3 * math.e ** (-t / 100)),
        (partial(TimeBasedDecay, k=0.01), lambda t: 30.0 / (100.0 + t)),
    ],
    ids=["step", "exponential", "time-based"],
)
def test_closed_form(
    kind: Callable[..., Schedule], formula: Callable[[int], float], floor: float
) -> None:
    schedule = kind(0.3, floor=floor)
    for t in STEPS:
        assert schedule.get(t) == pytest.approx(max(floor, formula(t)), rel=1e-12, abs=1e-300), t


def test_constant() -> None:
    assert {Constant(0.3).get(t) for t in STEPS} == {0.3}


@given(schedules())
def test_laws(schedule: Any) -> None:
    floor = getattr(schedule, "floor", schedule.rate)
    got = [schedule.get(t) for t in STEPS]
    assert got[0] == schedule.rate
    assert all(math.isfinite(rate) and rate >= floor for rate in got)
    assert all(rate > 0 for rate in got if floor > 0)
    assert got == sorted(got, reverse=True)
    assert got == [schedule.get(t) for t in STEPS]  # pure


def test_defaults_do_not_stop_learning_soon() -> None:
    for schedule in (StepDecay(0.1), ExponentialDecay(0.1), TimeBasedDecay(0.1)):
        assert schedule.get(10_000) >= 0.05


def with_river(optimizer: optim.base.Optimizer, gradient: float, steps: int) -> float:
    """A weight from 0 after some steps of River's `optimizer`."""
    w: dict[Hashable, float] = {"a": 0.0}
    for _ in range(steps):
        optimizer.step(w, {"a": gradient})
    return w["a"]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_drives_rivers_optimizers(schedule: Scheduler) -> None:
    got = [schedule.get(t) for t in range(500)]
    assert with_river(optim.SGD(schedule), 0.25, 500) == pytest.approx(-0.25 * sum(got))
    # With one gradient throughout, AdaGrad's step t is rate / sqrt(t + 1).
    shrinking = sum(rate / math.sqrt(t + 1) for t, rate in enumerate(got))
    adagrad = optim.AdaGrad(schedule, eps=1e-300)
    assert with_river(adagrad, 0.25, 500) == pytest.approx(-shrinking)


DECAYING = (StepDecay, ExponentialDecay, TimeBasedDecay)
BAD = [
    ((Constant, *DECAYING), "rate", (0.0, -0.1, math.nan, math.inf), "a number above 0"),
    (DECAYING, "floor", (-0.1, 0.2, math.nan), "a number from 0 to rate"),
    ((StepDecay,), "factor", (0.0, -1.0, 1.1, math.nan), "a number above 0 and at most 1"),
    ((StepDecay,), "every", (0, 1.5, math.inf), "a whole number of labels, at least 1"),
    (DECAYING[1:], "k", (-1.0, math.nan, math.inf), "a number of at least 0"),
]


@pytest.mark.parametrize(
    ("kind", "name", "value", "allowed"),
    [(kind, name, v, allowed) for kinds, name, vs, allowed in BAD for kind in kinds for v in vs],
)
def test_bad_parameters(
    kind: Callable[..., Schedule], name: str, value: float, allowed: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} = {value}: expected {allowed}")):
        kind(**({"rate": 0.1} | {name: value}))
