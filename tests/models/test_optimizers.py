"""Optimizers: against numpy from the papers, against torch, and the laws that all obey."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from models.kernels import EVERY, FADING, FIGURES
from models.logistic import LogisticRegression
from models.optimizers import (
    COCOB,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    DoG,
    FTRLProximal,
    HypergradientSGD,
    Momentum,
    Nadam,
    NesterovMomentum,
    RMSProp,
)
from models.protocols import Optimizer, Schedule
from models.schedules import Constant, TimeBasedDecay
from models.vectors import LEARN, SCORE, Floats, Steps, Vectors
from tests.models.helpers import DENSE, HASH_BITS, SIZE, bits, cuts, random_steps

Where = NDArray[np.int64]
State = defaultdict[str, Floats]
Gradient = Callable[[Floats], Floats]


class At(NamedTuple):
    """One step by hand: whole arrays, and the places that the event touches."""

    o: Any  # the optimizer's settings
    w: Floats
    s: State
    at: Where
    gradient: Gradient
    rate: float

    def g(self) -> Floats:
        return self.gradient(self.w[self.at])

    def fade(self, name: str, decay: float, new: Floats) -> Floats:
        """A faded mean of this name, after one more value."""
        self.s[name][self.at] = decay * self.s[name][self.at] + (1 - decay) * new
        return self.s[name][self.at]

    def step(self) -> Floats:
        self.s["t"][self.at] += 1
        return self.s["t"][self.at]


def sgd(e: At) -> None:
    e.w[e.at] -= e.rate * e.g()


def momentum(e: At) -> None:
    e.s["s"][e.at] = e.o.rho * e.s["s"][e.at] + e.rate * e.g()
    e.w[e.at] -= e.s["s"][e.at]


def nesterov(e: At) -> None:
    ahead = e.gradient(e.w[e.at] - e.o.rho * e.s["s"][e.at])
    e.s["s"][e.at] = e.o.rho * e.s["s"][e.at] + e.rate * ahead
    e.w[e.at] -= e.s["s"][e.at]


def adagrad(e: At) -> None:
    g = e.g()
    e.s["G"][e.at] += g**2
    e.w[e.at] -= e.rate * g / (np.sqrt(e.s["G"][e.at]) + e.o.eps)


def adadelta(e: At) -> None:
    g = e.g()
    squares = e.fade("g2", e.o.rho, g**2)
    d = np.sqrt(e.s["d2"][e.at] + e.o.eps) / np.sqrt(squares + e.o.eps) * g
    e.fade("d2", e.o.rho, d**2)
    e.w[e.at] -= e.rate * d


def rmsprop(e: At) -> None:
    g = e.g()
    e.w[e.at] -= e.rate * g / (np.sqrt(e.fade("v", e.o.rho, g**2)) + e.o.eps)


def adam(e: At) -> None:
    g, t = e.g(), e.step()
    m = e.fade("m", e.o.beta_1, g) / (1 - e.o.beta_1**t)
    v = e.fade("v", e.o.beta_2, g**2) / (1 - e.o.beta_2**t)
    e.w[e.at] -= e.rate * m / (np.sqrt(v) + e.o.eps)


def adamw(e: At) -> None:
    old = np.where(e.at > 0, e.w[e.at], 0.0)
    adam(e)
    e.w[e.at] -= e.rate * e.o.weight_decay * old


def amsgrad(e: At) -> None:
    g, t = e.g(), e.step()
    m, v = e.fade("m", e.o.beta_1, g), e.fade("v", e.o.beta_2, g**2)
    e.s["u"][e.at] = np.maximum(e.s["u"][e.at], v)
    u = e.s["u"][e.at]
    if e.o.correct_bias:
        m, u = m / (1 - e.o.beta_1**t), u / (1 - e.o.beta_2**t)
    e.w[e.at] -= e.rate * m / (np.sqrt(u) + e.o.eps)


def nadam(e: At) -> None:
    g, t = e.g(), e.step()
    m, v = e.fade("m", e.o.beta_1, g), e.fade("v", e.o.beta_2, g**2) / (1 - e.o.beta_2**t)

    def mu(t: Floats) -> Any:
        return e.o.beta_1 * (1 - 0.5 * 0.96 ** (t * e.o.momentum_decay))

    now, after = (np.array([mu(np.arange(1, n + 1)).prod() for n in t + k]) for k in (0, 1))
    both = mu(t + 1) * m / (1 - after) + (1 - mu(t)) * g / (1 - now)
    e.w[e.at] -= e.rate * both / (np.sqrt(v) + e.o.eps)


def ftrl(e: At) -> None:  # with the rate as alpha, which may change: sigma by its definition
    g = e.g()
    n, z, inverse = e.s["n"], e.s["z"], e.s["1/eta"]
    sigma = (e.o.beta + np.sqrt(n[e.at] + g**2)) / e.rate - inverse[e.at]
    n[e.at] += g**2
    inverse[e.at] += sigma
    z[e.at] += g - sigma * e.w[e.at]
    l1, l2 = (np.where(e.at > 0, strength, 0.0) for strength in (e.o.l1, e.o.l2))
    led = -(z[e.at] - np.sign(z[e.at]) * l1) / (inverse[e.at] + l2)
    e.w[e.at] = np.where(np.abs(z[e.at]) <= l1, 0.0, led)


def ftrl_as_printed(e: At) -> None:  # Algorithm 1, line by line
    g = e.g()
    n, z = e.s["n"], e.s["z"]
    sigma = (np.sqrt(n[e.at] + g**2) - np.sqrt(n[e.at])) / e.rate
    z[e.at] += g - sigma * e.w[e.at]
    n[e.at] += g**2
    l1, l2 = (np.where(e.at > 0, strength, 0.0) for strength in (e.o.l1, e.o.l2))
    led = -(z[e.at] - np.sign(z[e.at]) * l1) / ((e.o.beta + np.sqrt(n[e.at])) / e.rate + l2)
    e.w[e.at] = np.where(np.abs(z[e.at]) <= l1, 0.0, led)


def dog(e: At) -> None:
    g = e.g()
    e.s["G"][0] += g @ g
    e.s["r"][0] = max(e.s["r"][0], np.linalg.norm(e.w))
    e.w[e.at] -= max(e.s["r"][0], e.o.reach) / np.sqrt(e.s["G"][0]) * g


def cocob(e: At) -> None:
    g = e.g()
    e.s["L"][e.at] = np.maximum(e.s["L"][e.at], np.abs(g))
    e.s["G"][e.at] += np.abs(g)
    e.s["R"][e.at] = np.maximum(e.s["R"][e.at] - e.w[e.at] * g, 0.0)
    e.s["T"][e.at] -= g
    most, total, reward = e.s["L"][e.at], e.s["G"][e.at], e.s["R"][e.at]
    bet = e.s["T"][e.at] / (most * np.maximum(total + most, e.o.alpha * most))
    e.w[e.at] = bet * (most + reward)


def hypergradient(e: At) -> None:
    g = e.g()
    e.s["rate"][0] = e.s["rate"][0] or e.rate
    e.s["rate"][0] += e.o.beta * (e.s["before"][e.at] @ g)
    e.s["rate"][0] = np.clip(e.s["rate"][0], e.o.smallest, e.o.largest)
    e.s["before"][:] = 0.0
    e.s["before"][e.at] = g
    e.w[e.at] -= e.s["rate"][0] * g


RULES: list[tuple[Optimizer, Callable[[At], None], float]] = [
    (SGD(), sgd, 0.5),
    (Momentum(0.8), momentum, 0.1),
    (NesterovMomentum(0.8), nesterov, 0.1),
    (AdaGrad(0.01), adagrad, 0.5),
    (AdaDelta(), adadelta, 2.0),
    (RMSProp(0.95, 1e-3), rmsprop, 0.1),
    (Adam(eps=1e-3), adam, 0.1),
    (AdamW(weight_decay=0.3), adamw, 0.1),
    (AMSGrad(), amsgrad, 0.1),
    (AMSGrad(correct_bias=0), amsgrad, 0.1),
    (Nadam(), nadam, 0.1),
    (FTRLProximal(), ftrl, 0.5),
    (FTRLProximal(beta=0.5, l1=0.7, l2=0.2), ftrl, 0.5),
    (DoG(), dog, 1.0),
    (COCOB(), cocob, 1.0),
    (HypergradientSGD(), hypergradient, 0.05),
    (HypergradientSGD(0.5, 0.01, 0.2), hypergradient, 0.05),
]
BY_HAND: list[tuple[Optimizer, Callable[[At], None], Schedule]] = [
    (optimizer, rule, TimeBasedDecay(rate, k=0.01)) for optimizer, rule, rate in RULES
]
BY_HAND.append((FTRLProximal(l1=0.7, l2=0.2), ftrl_as_printed, Constant(0.3)))
OPTIMIZERS = [optimizer for optimizer, _, _ in RULES]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)


def by_hand(
    steps: Steps, optimizer: Optimizer, rule: Callable[[At], None], schedule: Schedule, l2: float
) -> tuple[Floats, Floats]:
    """Logits and final weights."""
    w, logits, t = np.zeros(SIZE), [], 0
    state: State = defaultdict(lambda: np.zeros(SIZE))
    for code, y, dense, slots, values in steps:
        at = np.concatenate([np.arange(DENSE), DENSE + slots.astype(np.int64)])
        x = np.concatenate([dense, values])
        logits.append(w[at] @ x)
        if code == SCORE:
            continue

        def gradient(v: Floats, x: Floats = x, y: int = y) -> Floats:
            pulled = np.where(np.arange(len(v)) > 0, v, 0.0)
            return np.asarray((1.0 / (1.0 + np.exp(-(v @ x))) - y) * x + l2 * pulled)

        rule(At(optimizer, w, state, at, gradient, schedule.get(t)))
        t += 1
    return np.array(logits), w


@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize(
    ("optimizer", "rule", "schedule"), BY_HAND, ids=lambda it: getattr(it, "__name__", str(it))
)
def test_against_numpy(
    optimizer: Any, rule: Callable[[At], None], schedule: Schedule, l2: float
) -> None:
    steps = random_steps(1_300)
    assert np.count_nonzero(steps.code != SCORE) > 900
    ours = LogisticRegression(DENSE, optimizer, schedule, HASH_BITS, l2)
    said = ours.run(steps)
    if rule is adamw:  # takes the model's pull apart from the gradient, as its own
        optimizer = dataclasses.replace(optimizer, weight_decay=optimizer.weight_decay + l2)
        l2 = 0.0
    logits, weights = by_hand(steps, optimizer, rule, schedule, l2)
    assert np.abs(weights).max() > 0.1
    np.testing.assert_allclose(
        ours.weights, weights, rtol=1e-12, atol=1e-12 * np.abs(weights).max()
    )
    np.testing.assert_allclose(said.logits, logits, rtol=1e-12, atol=1e-12 * np.abs(logits).max())


MU = [0.9 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2)]
FIRST = {
    SGD(): 0.05,
    Momentum(): 0.05,
    NesterovMomentum(): 0.05,
    AdaGrad(): 0.1,
    AdaDelta(): 0.05 * math.sqrt(1e-6 / (0.0125 + 1e-6)),
    RMSProp(): 0.1 / math.sqrt(0.1),
    Adam(): 0.1,
    AdamW(): 0.1,
    AMSGrad(): 0.1,
    AMSGrad(correct_bias=0): 0.1 * 0.1 / math.sqrt(0.001),
    Nadam(): 0.1 * (1.0 + MU[1] * 0.1 / (1 - MU[0] * MU[1])),
    FTRLProximal(): 0.05 / 1.5,
    DoG(): 1e-6,
    COCOB(): 0.01,
    HypergradientSGD(): 0.05,
}


@pytest.mark.parametrize(("optimizer", "weight"), FIRST.items(), ids=str)
def test_first_step(optimizer: Optimizer, weight: float) -> None:
    """From weight 0 by a gradient of -1/2 at a rate of 0.1."""
    model = LogisticRegression(1, optimizer, Constant(0.1))
    model.learn(np.ones(1), 1)
    assert model.weights[0] == pytest.approx(weight, rel=1e-6)


def fed(optimizer: Optimizer, schedule: Schedule, steps: Steps, **settings: Any) -> Any:
    model = LogisticRegression(DENSE, optimizer, schedule, HASH_BITS, **settings)
    model.run(steps)
    return model


@every_optimizer
def test_untouched_coordinates_stay_to_the_bit(optimizer: Optimizer) -> None:
    model = fed(optimizer, Constant(0.1), random_steps(300), l2=0.01)
    before = {name: getattr(model, name).copy() for name in ("weights", "state")}
    vectors = Vectors.in_order(
        np.array([[1.0, 2.0, -1.0, 0.5]]), np.array([0, 2]), np.array([5, 9], np.int32), np.ones(2)
    )
    model.run(Steps(np.array([LEARN], np.int8), np.array([1], np.int8), vectors))
    away = np.setdiff1d(np.arange(SIZE), [0, 1, 2, 3, DENSE + 5, DENSE + 9])
    for name in ("weights", "state"):
        assert bits(before[name][away]) == bits(getattr(model, name)[away])
    assert (before["weights"] != model.weights).any()


@every_optimizer
def test_cuts_and_snapshots_change_nothing(optimizer: Optimizer) -> None:
    steps = random_steps(300, bad=0.05)
    whole = fed(optimizer, Constant(0.1), steps, l2=0.01, clip=1.0, max_weight=0.5)
    cut = LogisticRegression(DENSE, optimizer, Constant(0.1), HASH_BITS, 0.01, 1.0, 0.5)
    for i, j in cuts(300, 7):
        cut.run(steps.rows(i, j))
        saved = deepcopy(cut.snapshot())
        cut = LogisticRegression(DENSE, optimizer, Constant(0.1), HASH_BITS, 0.01, 1.0, 0.5)
        cut.restore(saved)
    assert bits(whole.snapshot()) == bits(cut.snapshot())
    assert whole.effective_rate == cut.effective_rate > 0


@every_optimizer
def test_no_usable_number_makes_one_that_is_not(optimizer: Optimizer) -> None:
    rng = np.random.default_rng(1)
    n = 3_000
    dense = 10.0 ** rng.uniform(-320, 9, (n, DENSE)) * rng.choice([-1.0, 0.0, 1.0], (n, DENSE))
    dense[:, 0] = 1.0
    y = rng.integers(0, 2, n).astype(np.int8)
    steps = Steps(np.ones(n, np.int8), y, Vectors.of_dense(dense))
    for rate in (0.0, 1e-300, 1e-9, 1.0, 1e9):
        for l2 in (0.0, 1.0, 1e9, 1e300):
            model = LogisticRegression(DENSE, optimizer, Constant(rate or 1.0), 0, l2)
            if rate == 0.0:
                model.schedule = Zero()
            said = model.run(steps)
            assert np.isfinite(said.logits).all()
            assert np.isfinite(model.weights).all()
            assert np.isfinite(model.state).all()
            assert np.isfinite(model.scalars).all()
            assert model.learned + model.refused == n


class Zero:
    def get(self, t: int) -> float:
        return 0.0


def test_a_gradient_that_l2_makes_too_large_is_refused() -> None:
    model = LogisticRegression(2, SGD(), Constant(1e-30), l2=1e30)
    model.weights[:] = [1.0, 1.0]
    before = bits([model.weights, model.state, model.scalars])
    model.learn(np.array([1.0, 1.0]), 1)
    assert (model.learned, model.refused) == (0, 1)
    assert bits([model.weights, model.state, model.scalars]) == before


@every_optimizer
def test_clip_bounds_the_gradients_norm(optimizer: Optimizer) -> None:
    model = fed(optimizer, Constant(0.1), random_steps(500), clip=0.05)
    assert 0.03 < model.gradient_norm <= 0.05 * (1 + 1e-12)


def test_clip_keeps_the_direction() -> None:
    x = np.array([1.0, 3.0, -4.0])
    free, bound = (LogisticRegression(3, SGD(), Constant(1.0), clip=c) for c in (math.inf, 0.26))
    for model in (free, bound):
        model.learn(x, 1)
    np.testing.assert_allclose(free.weights, x / 2, rtol=1e-15)
    np.testing.assert_allclose(bound.weights, 0.26 * x / math.sqrt(26), rtol=1e-15)


@every_optimizer
def test_max_weight_bounds_every_weight(optimizer: Optimizer) -> None:
    steps = random_steps(2_000)
    free, bound = (fed(optimizer, Constant(0.3), steps, max_weight=m) for m in (math.inf, 0.05))
    assert np.abs(free.weights).max() > 0.05
    assert 0.0499 < np.abs(bound.weights).max() <= 0.05


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
@pytest.mark.parametrize("name", ["clip", "max_weight"])
def test_bounds_are_above_0(name: str, value: float) -> None:
    bound: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=rf"^{name} = {value}: expected a number above 0$"):
        LogisticRegression(DENSE, SGD(), Constant(0.1), **bound)


def test_figures() -> None:
    model = LogisticRegression(DENSE, Momentum(), TimeBasedDecay(0.5, k=0.01), HASH_BITS)
    assert (model.gradient_norm, model.effective_rate, model.weight_norm) == (0.0, 0.0, 0.0)
    norms = []
    for code, y, dense, slots, values in random_steps(500):
        before = model.weights.copy()
        row = Vectors.in_order(dense[None], np.array([0, len(slots)]), slots, values)
        said = model.run(Steps(np.array([code], np.int8), np.array([y], np.int8), row))
        if code != SCORE:
            p = 1 / (1 + math.exp(-said.logits[0]))
            square = (p - y) ** 2 * float(dense @ dense + values @ values)
            norms.append((square, float(((model.weights - before) ** 2).sum())))
    taken = np.array(norms[::EVERY])
    shares = FADING ** np.arange(len(taken))[::-1]
    gradient, change = np.sqrt(shares @ taken / shares.sum())
    assert model.gradient_norm == pytest.approx(gradient, rel=1e-12)
    assert model.effective_rate == pytest.approx(change / gradient, rel=1e-12)
    assert model.weight_norm == np.linalg.norm(model.weights)


def test_effective_rate_of_sgd_is_the_rate() -> None:
    assert fed(SGD(), Constant(0.3), random_steps(500)).effective_rate == pytest.approx(0.3)


def test_dog_knows_how_far_it_is_also_where_slots_come_twice() -> None:
    rng, n = np.random.default_rng(2), 500
    slots = rng.integers(0, 8, 4 * n).astype(np.int32)
    vectors = Vectors.in_order(np.ones((n, 1)), np.arange(n + 1) * 4, slots, rng.normal(size=4 * n))
    model = LogisticRegression(1, DoG(reach=0.1), Constant(1.0), hash_bits=3)
    model.run(Steps(np.ones(n, np.int8), rng.integers(0, 2, n).astype(np.int8), vectors))
    assert model.scalars[FIGURES + 1] == pytest.approx(model.weight_norm**2, rel=1e-12)
    assert model.weight_norm > 0.1


def test_l1_gives_zeros() -> None:
    steps = random_steps(2_000)
    counts = [
        np.count_nonzero(fed(FTRLProximal(l1=l1), Constant(0.3), steps).weights)
        for l1 in (0.0, 1.0, 2.0, 1e3)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > SIZE - 3 > counts[1] > counts[2] > counts[3] == 1  # the intercept


def test_ftrl_without_penalties_is_descent_at_its_rate() -> None:
    steps, schedule = random_steps(1_000), TimeBasedDecay(0.5, k=0.1)

    def descent(e: At) -> None:
        g = e.g()
        e.s["n"][e.at] += g**2
        e.w[e.at] -= e.rate * g / (1.0 + np.sqrt(e.s["n"][e.at]))

    ours = fed(FTRLProximal(), schedule, steps).weights
    weights = by_hand(steps, FTRLProximal(), descent, schedule, 0.0)[1]
    np.testing.assert_allclose(ours, weights, rtol=0, atol=1e-9)


def test_a_token_seen_late_starts_as_one_seen_early() -> None:
    def first_change(before: int) -> float:
        model = LogisticRegression(1, Adam(), Constant(0.01), hash_bits=1)
        model.weights[0] = -2.0
        slots = np.array([0] * before + [1], np.int32)
        one = Vectors.in_order(
            np.zeros((before + 1, 1)), np.arange(before + 2), slots, np.ones(before + 1)
        )
        model.run(Steps(np.ones(before + 1, np.int8), np.ones(before + 1, np.int8), one))
        return float(model.weights[2])

    assert first_change(0) == first_change(5_000) == pytest.approx(0.01)


def stream(n: int, drift: int) -> Steps:
    """Labels by a logistic model, whose weights change sign at step `drift`."""
    rng = np.random.default_rng(3)
    dense = rng.normal(size=(n, DENSE))
    dense[:, 0] = 1.0
    logits = dense @ np.array([-1.0, 2.0, -3.0, 1.0]) * np.where(np.arange(n) < drift, 1.0, -1.0)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-logits))).astype(np.int8)
    return Steps(np.ones(n, np.int8), y, Vectors.of_dense(dense))


def losses(optimizer: Optimizer, schedule: Schedule, steps: Steps) -> Floats:
    logits = LogisticRegression(DENSE, optimizer, schedule).run(steps).logits
    return np.asarray(np.logaddexp(0.0, logits) - steps.y * logits)


@pytest.mark.parametrize("optimizer", [DoG(), COCOB(), HypergradientSGD()], ids=str)
def test_learns_without_a_rate_to_tune(optimizer: Optimizer) -> None:
    steps = stream(6_000, 3_000)
    tuned = [losses(SGD(), Constant(rate), steps) for rate in (0.01, 0.03, 0.1, 0.3, 1.0)]
    nominal = 0.001 if isinstance(optimizer, HypergradientSGD) else 123.0
    ours = losses(optimizer, Constant(nominal), steps)
    for part_ in (slice(1_000, 3_000), slice(5_000, 6_000)):  # before the drift, and well after it
        assert ours[part_].mean() < 1.15 * min(loss[part_].mean() for loss in tuned)


FADINGS = ("a number from 0 to below 1", (-0.1, 1.0, math.nan))
ABOVE = ("a number above 0", (0.0, -1.0, math.nan, math.inf))
NOT_BELOW = ("a number of at least 0", (-1.0, math.nan, math.inf))
ADAMS = {"beta_1": FADINGS, "beta_2": FADINGS, "eps": ABOVE}
BAD: Mapping[type, Mapping[str, tuple[str, tuple[float, ...]]]] = {
    Momentum: {"rho": FADINGS},
    NesterovMomentum: {"rho": FADINGS},
    AdaGrad: {"eps": ABOVE},
    AdaDelta: {"rho": FADINGS, "eps": ABOVE},
    RMSProp: {"rho": FADINGS, "eps": ABOVE},
    Adam: ADAMS,
    AdamW: ADAMS | {"weight_decay": NOT_BELOW},
    AMSGrad: ADAMS | {"correct_bias": ("0 or 1", (0.5, math.nan))},
    Nadam: ADAMS | {"momentum_decay": NOT_BELOW},
    FTRLProximal: {"beta": ABOVE, "l1": NOT_BELOW, "l2": NOT_BELOW},
    DoG: {"reach": ABOVE},
    COCOB: {"alpha": ABOVE},
    HypergradientSGD: {
        "beta": NOT_BELOW,
        "smallest": ABOVE,
        "largest": ("a number from smallest to a milliard", (1e-6, 2e9, math.nan)),
    },
}


@pytest.mark.parametrize(
    ("kind", "name", "value", "allowed"),
    [
        (kind, name, value, allowed)
        for kind, settings in BAD.items()
        for name, (allowed, values) in settings.items()
        for value in values
    ],
)
def test_bad_parameters(
    kind: Callable[..., Optimizer], name: str, value: float, allowed: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} = {value}: expected {allowed}")):
        kind(**{name: value})


# Ours, torch's name and settings; what torch keeps is `w - ahead * state[:, 0]` of ours.
TORCH: list[tuple[Optimizer, str, dict[str, Any], float]] = [
    (SGD(), "SGD", {}, 0.0),
    (Momentum(0.8), "SGD", {"momentum": 0.8}, 0.0),
    (NesterovMomentum(0.8), "SGD", {"momentum": 0.8, "nesterov": True}, 0.8),
    (AdaGrad(1e-4), "Adagrad", {"eps": 1e-4}, 0.0),
    (AdaDelta(), "Adadelta", {"rho": 0.95, "eps": 1e-6}, 0.0),
    (RMSProp(0.95, 1e-4), "RMSprop", {"alpha": 0.95, "eps": 1e-4}, 0.0),
    (Adam(0.8, 0.99, 1e-4), "Adam", {"betas": (0.8, 0.99), "eps": 1e-4}, 0.0),
    (AdamW(weight_decay=0.3), "AdamW", {"weight_decay": 0.3}, 0.0),
    (AMSGrad(), "Adam", {"amsgrad": True}, 0.0),
    (Nadam(), "NAdam", {}, 0.0),
]


@pytest.mark.parametrize(("optimizer", "name", "settings", "ahead"), TORCH, ids=str)
def test_against_torch(
    optimizer: Optimizer, name: str, settings: dict[str, Any], ahead: float
) -> None:
    torch = pytest.importorskip("torch")
    rate, l2 = 0.05, 0.0 if name == "AdamW" else 0.01
    steps = stream(1_000, 500)
    steps.vectors.dense[:, 0] = 0.0  # torch pulls every weight: no intercept here
    theirs = torch.zeros(DENSE, dtype=torch.float64, requires_grad=True)
    made = getattr(torch.optim, name)([theirs], lr=rate, **({"weight_decay": l2} | settings))
    for _, y, dense, _, _ in steps:
        made.zero_grad()
        z = torch.tensor(dense) @ theirs
        (torch.nn.functional.softplus(z) - y * z).backward()
        made.step()
    ours = LogisticRegression(DENSE, optimizer, Constant(rate), l2=l2)
    ours.run(steps)
    kept = ours.weights - (ahead * ours.state[:, 0] if ahead else 0.0)
    np.testing.assert_allclose(kept, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
