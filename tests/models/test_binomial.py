"""Exact confidence bounds: against SciPy, and by hand where that can be done."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.binomial import tail, upper

stats = importlib.import_module("scipy.stats")  # it ships no types


@pytest.mark.parametrize("n", [1, 2, 7, 100, 3_000, 28_854, 1_000_000])
@pytest.mark.parametrize("p", [1e-4, 1e-3, 0.01, 0.2, 0.5, 0.9])
def test_tail_is_the_binomial_one(n: int, p: float) -> None:
    around = n * p + math.sqrt(n * p * (1 - p)) * np.linspace(-6, 6, 25)
    for k in np.unique(np.clip(np.floor(around), 0, n)):
        assert tail(float(k), float(n), p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-8)


@given(st.floats(0.01, 500), st.floats(1, 50_000), st.floats(1e-4, 0.9))
def test_fractions_lie_on_the_incomplete_beta_function(k: float, n: float, p: float) -> None:
    if k < n - 0.01:
        expected = stats.beta.cdf(1 - p, n - k, k + 1)
        assert tail(k, n, p) == pytest.approx(expected, rel=1e-7, abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 40), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_upper_is_clopper_and_pearsons(more: int, k: int, confidence: float) -> None:
    n = k + more
    expected = stats.beta.ppf(confidence, k + 1, n - k) if more else 1.0
    assert upper(float(k), float(n), confidence) == pytest.approx(expected, rel=1e-9)


def test_by_hand() -> None:
    assert tail(0.0, 3.0, 0.5) == pytest.approx(1 / 8)
    assert tail(2.0, 3.0, 0.5) == pytest.approx(7 / 8)
    assert upper(0.0, 2_995.0, 0.95) == pytest.approx(1 - 0.05 ** (1 / 2_995), rel=1e-12)
    assert upper(0.0, 0.0, 0.95) == 1.0


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_the_first_number_that_is_enough(k: int) -> None:
    """2,995 with none above, 4,742 with one, 6,294 with two, 7,752 with three (0.001, 95 %)."""
    enough = [2_995, 4_742, 6_294, 7_752][k]
    assert tail(float(k), enough, 0.001) <= 0.05 < tail(float(k), enough - 1.0, 0.001)


def test_what_wilsons_bound_would_promise() -> None:
    z = 1.6448536269514722
    assert z * z / (2_703 + z * z) < 0.001  # its upper bound after 0 of 2,703
    assert tail(0.0, 2_703.0, 0.001) == pytest.approx(0.0669, abs=1e-4)
