"""The ceiling on false alerts: against a naive reference, and how often it is really kept."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ceiling import FalsePositiveCeiling
from models.histogram import BINS
from models.kernels import sigmoids
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE, Codes, Floats

stats = importlib.import_module("scipy.stats")  # it ships no types

EDGES = np.linspace(-32.0, 32.0, BINS + 1)


def naive(negatives: list[float], rate: float, confidence: float) -> float:
    """The lowest edge that can be vouched for, by the bound itself, of all standing negatives."""
    n = len(negatives)
    lowest = 1.0
    for edge in sorted({*(math.floor(z * 64) / 64 for z in negatives), -32.0}, reverse=True):
        # Between this bin and the next occupied one above lies nothing: its upper end is as good.
        above = sum(z >= edge + 1 / 64 for z in negatives)
        bound = stats.beta.ppf(confidence, above + 1, n - above) if above < n else 1.0
        if bound > rate:
            return lowest
        lowest = 1.0 / (1.0 + math.exp(-(edge + 1 / 64)))
    above_all = stats.beta.ppf(confidence, n + 1, 0) if n == 0 else 1.0
    return 1.0 / (1.0 + math.exp(32.0)) if above_all <= rate else lowest


steps = st.lists(
    st.tuples(
        st.sampled_from(["event", "label", "measured", "correct", "assumed"]),
        st.integers(-12, 12).map(lambda z: z / 8),
        st.integers(0, 1),
        st.integers(0, 10**6),
    ),
    max_size=80,
)


def operations(todo: list[tuple[str, float, int, int]]) -> tuple[Codes, Codes, Codes, Floats]:
    """Operations of which every correction is of a label that stands."""
    rows: list[tuple[int, int, int, float]] = []
    standing: list[tuple[float, int]] = []
    for what, logit, y, which in todo:
        if what == "event":
            rows.append((SCORE, 0, -1, logit))
        elif what == "assumed":
            rows.append((ASSUME, 0, -1, logit))
        elif what == "correct":
            if standing:
                of, was = standing.pop(which % len(standing))
                standing.append((of, 1 - was))
                rows.append((MEASURE if which % 2 else CORRECT, 1 - was, was, of))
        else:
            standing.append((logit, y))
            rows.append((LEARN if what == "label" else MEASURE, y, -1, logit))
    code, y_, was_, logits = zip(*rows, strict=True) if rows else ((), (), (), ())
    return (
        np.array(code, np.int8), np.array(y_, np.int8), np.array(was_, np.int8),
        np.array(logits, np.float64),
    )  # fmt: skip


@given(steps, st.sampled_from([(0.2, 0.5), (0.3, 0.6), (0.5, 0.9)]))
def test_like_the_reference(
    todo: list[tuple[str, float, int, int]], settings: tuple[float, float]
) -> None:
    code, y, was, logits = operations(todo)
    ceiling = FalsePositiveCeiling(*settings, memory=math.inf)
    thresholds = ceiling.thresholds(code, y, was, logits)
    negatives: list[float] = []
    for i in range(len(code)):
        assert thresholds[i] == pytest.approx(naive(negatives, *settings), rel=1e-12)
        if code[i] in (LEARN, CORRECT, MEASURE):
            if was[i] == 0:
                negatives.remove(logits[i])
            if y[i] == 0:
                negatives.append(logits[i])
    assert ceiling.negatives == len(negatives)
    above = sum(sigmoids(np.array(negatives)) >= ceiling.threshold) if negatives else 0
    if negatives:
        assert ceiling.rate_now == above / len(negatives)
        assert ceiling.upper <= settings[0] or ceiling.threshold == 1.0


@given(steps, steps)
def test_a_corrected_label_leaves_nothing_behind(
    before: list[tuple[str, float, int, int]], after: list[tuple[str, float, int, int]]
) -> None:
    with_it, without = (FalsePositiveCeiling(0.3, 0.6, memory=math.inf) for _ in range(2))
    with_it.thresholds(*operations(before))
    without.thresholds(*operations(before))
    one = np.array([0.5])
    zero, label = np.zeros(1, np.int8), np.ones(1, np.int8)
    with_it.thresholds(np.array([LEARN], np.int8), zero, zero - 1, one)
    with_it.thresholds(np.array([CORRECT], np.int8), label, zero, one)
    rest = operations(after)
    assert with_it.thresholds(*rest).tolist() == without.thresholds(*rest).tolist()


def negatives(n: int) -> tuple[Codes, Codes, Codes]:
    return np.full(n, LEARN, np.int8), np.zeros(n, np.int8), np.full(n, -1, np.int8)


@pytest.mark.parametrize("memory", [math.inf, 20_000])
def test_how_often_the_truth_is_above_the_ceiling(memory: float) -> None:
    """At most 1 - confidence of 400 streams end with a threshold that is too low."""
    rate, n, trials = 0.01, 4_000, 400
    rng = np.random.default_rng(3)
    too_low, rates = 0, []
    for _ in range(trials):
        ceiling = FalsePositiveCeiling(rate, 0.9, memory)
        ceiling.thresholds(*negatives(n), rng.normal(size=n))
        edge = math.log(ceiling.threshold / (1 - ceiling.threshold))
        truth = float(stats.norm.sf(edge))  # of all events of class 0
        rates.append(truth)
        too_low += truth > rate
    assert too_low <= 0.1 * trials + 2 * math.sqrt(trials * 0.1 * 0.9)
    assert 0.6 * rate < np.mean(rates) < rate  # and not by being silent


def test_no_alert_until_labels_can_vouch() -> None:
    ceiling = FalsePositiveCeiling(0.01)  # 0.99 ** 299 is just below 0.05
    thresholds = ceiling.thresholds(*negatives(400), np.full(400, -3.0))
    assert np.flatnonzero(thresholds < 1.0)[0] == pytest.approx(299, abs=3)  # a few have faded
    assert thresholds[-1] == pytest.approx(1 / (1 + math.exp(3 - 1 / 64)))


@pytest.mark.parametrize("logit", [math.inf, 40.0])
def test_negatives_beyond_reach_leave_no_room(logit: float) -> None:
    ceiling = FalsePositiveCeiling(0.01)
    ceiling.thresholds(*negatives(5_000), np.where(np.arange(5_000) % 50, -3.0, logit))
    assert ceiling.threshold == 1.0


def test_follows_scores_that_drift() -> None:
    n = 60_000
    logits = np.random.default_rng(4).normal(np.linspace(-6, 0, n))
    ceiling = FalsePositiveCeiling(0.01, memory=3_000)
    thresholds = ceiling.thresholds(*negatives(n), logits)
    late = slice(10_000, None)
    alerts = sigmoids(logits) >= thresholds
    assert 0.004 < alerts[late].mean() < 0.02
    assert ceiling.negatives == pytest.approx(3_000 / math.log(2), rel=1e-3)
    assert ceiling.rate_now < ceiling.upper <= 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((0.0,), "rate = 0.0: expected a number between 0 and 1"),
        ((0.1, 1.0), "confidence = 1.0: expected a number between 0 and 1"),
        ((0.001, 0.95, 2_000), "memory = 2000: expected more than 2075, or there are never enough"),
    ],
)
def test_what_is_refused(settings: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FalsePositiveCeiling(*settings)
