"""Calibration: against scikit-learn's isotonic regression, and what it must never do."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

from models.calibration import BINS, GROUPS, REACH, Calibration
from models.kernels import sigmoids
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE, Codes, Floats, Ints
from tests.models.helpers import bits, cuts

regression = importlib.import_module("sklearn.isotonic")  # it ships no types

WIDTH = 2 * REACH / BINS
MIDDLES = ((np.arange(BINS) + 0.5) * WIDTH - REACH).astype(np.float64)
NEVER = 1e15  # labels until one has faded


Operations = tuple[Codes, Ints, Codes, Codes, Floats]


def operations(logits: Floats, y: Codes) -> Operations:
    """Each event scored, and then its label learned."""
    n = len(y)
    code = np.tile(np.array([SCORE, LEARN], np.int8), n)
    slot = np.arange(n).repeat(2)
    return code, slot, y.repeat(2), np.full(2 * n, -1, np.int8), logits.repeat(2)


def part(steps: Operations, i: int, j: int) -> Operations:
    code, slot, y, was, logits = steps
    return code[i:j], slot[i:j], y[i:j], was[i:j], logits[i:j]


def scored(calibration: Calibration, logits: Floats) -> Floats:
    """What it would say now."""
    n = len(logits)
    code, none = np.full(n, SCORE, np.int8), np.full(n, -1, np.int8)
    return calibration.run(code, np.arange(n), none, none, logits)


def labelled(n: int, seed: int, slope: float, shift: float) -> tuple[Floats, Codes]:
    """Logits of a model whose probabilities are wrong by a slope and a shift, and labels."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-2.0, 2.0, n)
    return slope * truth + shift, (rng.random(n) < sigmoids(truth)).astype(np.int8)


def isotonic(logits: Floats, y: Codes, memory: float, prior: float) -> Floats:
    """Probabilities at the bins' middles, by scikit-learn."""
    weight = 0.5 ** (np.arange(len(y))[::-1] / memory)
    weight *= 0.5 ** (1 / memory)  # of the next label it would be 1
    at = np.clip(np.floor((logits + REACH) / WIDTH), 0, BINS - 1).astype(int)
    total = np.bincount(at, weight, BINS) + prior
    ones = np.bincount(at, weight * y, BINS) + prior * sigmoids(MIDDLES)
    return np.asarray(regression.isotonic_regression(ones / total, sample_weight=total), np.float64)


def test_without_labels_it_is_the_score() -> None:
    logits = np.array([-np.inf, -40.0, -16.0, -15.95, -3.3, 0.0, 0.1, 15.9, 16.0, 40.0, np.inf])
    calibration = Calibration(len(logits))
    assert scored(calibration, logits) == pytest.approx(sigmoids(logits), rel=1e-6)
    assert math.isnan(calibration.expected_calibration_error)


@pytest.mark.parametrize("memory", [NEVER, 300.0, 2.0])  # the last measures its weights anew
@pytest.mark.parametrize("prior", [0.01, 1.0, 5.0])
def test_against_scikit_learn(memory: float, prior: float) -> None:
    logits, y = labelled(3_000, 1, 1.7, 0.8)
    calibration = Calibration(3_000, memory, every=3_000, prior=prior)
    before = calibration.run(*operations(logits, y))
    assert before == pytest.approx(sigmoids(logits.repeat(2)), rel=1e-6)  # none was fitted yet
    expected = isotonic(logits, y, memory, prior)
    assert scored(calibration, MIDDLES) == pytest.approx(expected, rel=1e-6)


def test_it_corrects_what_is_wrong_and_follows_a_change() -> None:
    calibration = Calibration(100_000, memory=2_000)
    for seed, (slope, shift) in enumerate([(2.0, 1.0), (0.5, -2.0)]):
        logits, y = labelled(20_000, seed, slope, shift)
        calibration.run(*operations(logits, y))
        truth = np.array([-4.0, -2.0, -1.0, 0.0, 1.0])
        assert scored(calibration, slope * truth + shift) == pytest.approx(sigmoids(truth), abs=0.1)
        assert calibration.expected_calibration_error < 0.02
        wrong = sigmoids(logits) - sigmoids((logits - shift) / slope)
        assert np.abs(wrong).mean() > 0.05


def test_no_two_scores_change_places() -> None:
    calibration = Calibration(10_000, memory=500, every=10)
    calibration.run(*operations(*labelled(3_000, 5, 1.0, 0.0)))
    p = scored(calibration, np.linspace(-20, 20, 10_000))
    assert (np.diff(p) >= 0).all()


def test_a_few_labels_do_no_harm() -> None:
    calibration = Calibration(100, every=1)
    logits = np.linspace(-9, 0, 40)
    calibration.run(*operations(logits, np.zeros(40, np.int8)))
    p = scored(calibration, logits)
    assert (p > 0).all()
    assert (p <= sigmoids(logits) * 1.001).all()
    assert (p >= sigmoids(logits) / 4).all()
    calibration.run(*operations(np.array([-6.0]), np.ones(1, np.int8)))  # one that is not
    assert scored(calibration, logits).max() < 0.5


def test_a_correction_is_as_if_it_had_been_right_at_once() -> None:
    logits, y = labelled(400, 2, 1.5, 0.0)
    at_once, later = Calibration(400, NEVER, every=100), Calibration(400, NEVER, every=100)
    wrong = np.random.default_rng(3).random(400) < 0.3
    at_once.run(*operations(logits, y))
    code, slot, labels, was, given = operations(logits, np.where(wrong, 1 - y, y).astype(np.int8))
    later.run(code, slot, labels, was, given)
    n = int(wrong.sum())
    again = np.flatnonzero(wrong)
    later.run(
        np.full(n, CORRECT, np.int8), again, y[wrong], 1 - y[wrong], logits[wrong]
    )  # of some that were given with another curve
    fits = [each.snapshot()["bins"] for each in (at_once, later)]
    assert fits[1] == pytest.approx(fits[0])
    labels_of, _, true = later.snapshot()["groups"].T
    assert true.sum() == pytest.approx(y.sum())
    assert labels_of.sum() == pytest.approx(400)


@pytest.mark.parametrize("memory", [200.0, 2.0])
def test_the_calibration_error_is_of_what_was_given(memory: float) -> None:
    logits, y = labelled(1_500, 4, 2.0, 1.0)
    calibration = Calibration(1_500, memory, every=50)
    p = calibration.run(*operations(logits, y))[1::2]
    weight = 0.5 ** (np.arange(len(y))[::-1] / memory)
    with np.errstate(divide="ignore"):
        group = np.clip(np.floor(np.log(p / (1 - p)) + GROUPS / 2), 0, GROUPS - 1).astype(int)
    apart = np.abs(np.bincount(group, weight * (p - y), GROUPS)).sum()
    assert calibration.expected_calibration_error == pytest.approx(apart / weight.sum())


def test_what_is_learned_and_what_comes_back() -> None:
    code = np.array([SCORE, LEARN, ASSUME, MEASURE, SCORE, LEARN], np.int8)
    slot = np.array([0, 0, 0, 0, 0, 0])
    y, was = np.array([0, 1, 0, 0, 0, 0], np.int8), np.array([-1, -1, -1, 1, -1, -1], np.int8)
    logits = np.array([1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
    calibration = Calibration(1, NEVER)
    p = calibration.run(code, slot, y, was, logits)
    assert p == pytest.approx(sigmoids(logits), rel=1e-6)
    assert calibration.snapshot()["bins"].sum() == pytest.approx(2)  # one was corrected
    assert calibration.snapshot()["bins"][1].sum() == pytest.approx(0)


def test_cuts_and_snapshots_change_nothing() -> None:
    steps = operations(*labelled(600, 6, 1.5, 0.5))
    whole, cut, resumed = (Calibration(600, 100, every=17) for _ in range(3))
    said = whole.run(*steps)
    for i, j in cuts(500, 7):
        cut.run(*part(steps, i, j))
    resumed.run(*part(steps, 0, 90))
    resumed.restore(cut.snapshot())
    rest = resumed.run(*part(steps, 500, 1_200))
    assert bits(rest) == bits(said[500:])
    assert bits(resumed.snapshot()) == bits(whole.snapshot())


@pytest.mark.parametrize("wrong", [{"memory": 0.0}, {"every": 0}, {"prior": 0.0}])
def test_what_is_refused(wrong: dict[str, float]) -> None:
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"{name} = 0"):
        Calibration(1, **wrong)  # type: ignore[arg-type]  # every must be whole
