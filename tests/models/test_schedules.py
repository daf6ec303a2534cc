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
from models.schedules import (
    Constant,
    CosineRestarts,
    ExponentialDecay,
    InverseScaling,
    Optimal,
    StepDecay,
    TimeBasedDecay,
    WarmUp,
)
from tests.models.helpers import SCHEDULES

STEPS = [0, 1, 2, 9, 10, 11, 99, 100, 1_000, 12_345, 100_000, 999_999, 1_000_000]

rates = st.floats(1e-9, 1e3)
shares = st.floats(0.0, 1.0)  # the floor, as a share of the rate


def falling() -> st.SearchStrategy[Scheduler]:
    """Any schedule that may be made and never rises."""
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
        st.builds(lambda r, p, share: InverseScaling(r, p, share * r), rates, shares, shares),
    )


def restarting() -> st.SearchStrategy[CosineRestarts]:
    return st.builds(
        lambda r, period, stretch, share: CosineRestarts(r, period, stretch, share * r),
        rates,
        st.integers(1, 10**6),
        st.integers(1, 5),
        shares,
    )


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        (partial(StepDecay, factor=0.7, every=10), lambda t: 0.3 * 0.7 ** (t // 10)),
        (partial(ExponentialDecay, k=0.01), lambda t: 0.3 * math.e ** (-t / 100)),
        (partial(TimeBasedDecay, k=0.01), lambda t: 30.0 / (100.0 + t)),
        (partial(InverseScaling, power=0.75), lambda t: 0.3 * (1 + t) ** -0.75),
        (InverseScaling, lambda t: 0.3 / math.sqrt(1 + t)),
    ],
    ids=["step", "exponential", "time-based", "inverse", "inverse root"],
)
def test_closed_form(
    kind: Callable[..., Schedule], formula: Callable[[int], float], floor: float
) -> None:
    schedule = kind(0.3, floor=floor)
    for t in STEPS:
        assert schedule.get(t) == pytest.approx(max(floor, formula(t)), rel=1e-12, abs=1e-300), t


def test_constant() -> None:
    assert {Constant(0.3).get(t) for t in STEPS} == {0.3}


@pytest.mark.parametrize("floor", [0.0, 0.1])
@pytest.mark.parametrize(("period", "stretch"), [(1, 1), (10, 1), (10, 2), (7, 3)])
def test_cosine_against_a_walk_from_restart_to_restart(
    period: int, stretch: int, floor: float
) -> None:
    schedule = CosineRestarts(0.3, period, stretch, floor)
    since, length = 0, period
    for t in range(3_000):
        along = 0.5 * (1.0 + math.cos(math.pi * since / length))
        assert schedule.get(t) == pytest.approx(floor + (0.3 - floor) * along, rel=1e-12), t
        since += 1
        if since == length:
            since, length = 0, length * stretch
    assert schedule.get(10**15) >= floor  # and does not take for ever


@pytest.mark.parametrize("alpha", [1e-6, 1e-4, 0.01, 1.0])
def test_optimal_is_the_one_of_river(alpha: float) -> None:
    river = optim.schedulers.Optimal(optim.losses.Log(), alpha)
    for t in STEPS:
        assert Optimal(alpha).get(t) == pytest.approx(river.get(t), rel=1e-12), t
        assert Optimal(alpha, floor=0.5).get(t) == max(0.5, Optimal(alpha).get(t))


@pytest.mark.parametrize("power", [0.0, 0.5, 0.75, 1.0])
def test_inverse_scaling_is_the_one_of_river(power: float) -> None:
    river = optim.schedulers.InverseScaling(0.3, power)
    for t in STEPS:
        assert InverseScaling(0.3, power).get(t) == pytest.approx(river.get(t), rel=1e-15), t


@given(st.one_of(falling(), restarting()), st.integers(1, 10**6))
def test_warm_up_is_a_line_and_then_the_other(then: Scheduler, steps: int) -> None:
    schedule = WarmUp(then, steps)
    for t in [*STEPS, steps - 1, steps, steps + 1]:
        share = (t + 1) / steps if t < steps else 1.0
        assert schedule.get(t) == pytest.approx(share * then.get(t), rel=1e-12), t
        if t >= steps - 1:
            assert schedule.get(t) == then.get(t)


@given(restarting())
def test_laws_of_restarts(schedule: CosineRestarts) -> None:
    got = [schedule.get(t) for t in STEPS]
    assert got[0] == pytest.approx(schedule.rate)
    assert schedule.get(schedule.period) == pytest.approx(schedule.rate)
    most = schedule.rate * (1 + 1e-12)
    assert all(schedule.floor <= rate <= most for rate in got)
    assert all(rate > 0 for rate in got)
    assert got == [schedule.get(t) for t in STEPS]  # pure


@given(st.floats(1e-9, 1e3), st.floats(0.0, 1e3))
def test_laws_of_optimal(alpha: float, floor: float) -> None:
    schedule = Optimal(alpha, floor)
    got = [schedule.get(t) for t in STEPS]
    assert all(math.isfinite(rate) and rate >= floor and rate > 0 for rate in got)
    assert got == sorted(got, reverse=True)


@given(falling())
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


DRIVERS: list[Scheduler] = [
    *SCHEDULES,
    InverseScaling(0.4, floor=0.01),
    CosineRestarts(0.4, period=50, floor=0.01),
    Optimal(0.01),
    WarmUp(TimeBasedDecay(0.4, k=0.01), steps=100),
    WarmUp(Constant(0.1), steps=1),
]


@pytest.mark.parametrize("schedule", DRIVERS, ids=str)
def test_drives_rivers_optimizers(schedule: Scheduler) -> None:
    got = [schedule.get(t) for t in range(500)]
    assert with_river(optim.SGD(schedule), 0.25, 500) == pytest.approx(-0.25 * sum(got))
    # With one gradient throughout, AdaGrad's step t is rate / sqrt(t + 1).
    shrinking = sum(rate / math.sqrt(t + 1) for t, rate in enumerate(got))
    adagrad = optim.AdaGrad(schedule, eps=1e-300)
    assert with_river(adagrad, 0.25, 500) == pytest.approx(-shrinking)


DECAYING = (StepDecay, ExponentialDecay, TimeBasedDecay, InverseScaling, CosineRestarts)
WHOLE = (0, -1, 1.5, math.nan, math.inf)
BAD = [
    ((Constant, *DECAYING), "rate", (0.0, -0.1, math.nan, math.inf), "a number above 0"),
    (DECAYING, "floor", (-0.1, 0.2, math.nan), "a number from 0 to rate"),
    ((StepDecay,), "factor", (0.0, -1.0, 1.1, math.nan), "a number above 0 and at most 1"),
    ((StepDecay,), "every", WHOLE, "a whole number of labels, at least 1"),
    (DECAYING[1:3], "k", (-1.0, math.nan, math.inf), "a number of at least 0"),
    ((InverseScaling,), "power", (-0.1, 1.1, math.nan), "a number from 0 to 1"),
    ((CosineRestarts,), "period", WHOLE, "a whole number of labels, at least 1"),
    ((CosineRestarts,), "stretch", WHOLE, "a whole number of periods, at least 1"),
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


@pytest.mark.parametrize("steps", WHOLE)
def test_warm_up_needs_whole_steps(steps: float) -> None:
    expected = f"steps = {steps}: expected a whole number of labels, at least 1"
    with pytest.raises(ValueError, match=re.escape(expected)):
        WarmUp(Constant(0.1), steps)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_optimal_needs_numbers(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^alpha = {value}: expected a number above 0$"):
        Optimal(value)
    with pytest.raises(ValueError, match=rf"^floor = {value}: expected a number of at least 0$"):
        Optimal(floor=value)
