"""NAB's rules on windows small enough to be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.nab_score import PROFILES, probation, sigmoid, sweep, worth

STANDARD = PROFILES["standard"]


def s(y: float) -> float:
    """NAB's scaled sigmoid, written out."""
    return 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def test_the_sigmoid_is_nabs() -> None:
    """Examples from the benchmark's documentation: 1 at the start (scaled), 0 at the end, -1."""
    assert sigmoid(np.array([0.0]))[0] == 0.0
    assert sigmoid(np.array([-1.0]))[0] == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(np.array([3.01]))[0] == -1.0
    assert sigmoid(np.array([3.0]))[0] == pytest.approx(s(3.0), abs=1e-12)


def test_probation_is_15_percent_of_at_most_5000_rows() -> None:
    assert (probation(100), probation(4_032), probation(22_695)) == (15, 604, 750)


def test_each_row_of_two_windows() -> None:
    """Rows 4 to 7 and 10 to 11 of 16."""
    at = worth(16, [(4, 7), (10, 11)])
    inside = [s(-4 / 4), s(-3 / 4), s(-2 / 4), s(-1 / 4)]
    expected = [
        -1.0, -1.0, -1.0, -1.0,
        *(one / s(-1) for one in inside),
        s(1 / 3), s(2 / 3),
        s(-2 / 2) / s(-1), s(-1 / 2) / s(-1),
        s(1 / 1), s(2 / 1), s(3 / 1), -1.0,
    ]  # fmt: skip
    np.testing.assert_allclose(at.worth, expected, rtol=1e-12)
    assert at.window.tolist() == [-1] * 4 + [0] * 4 + [-1] * 2 + [1] * 2 + [-1] * 4


def scores_of(rows: int, **said: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    out = np.zeros(rows)
    for row, score in said.items():
        out[int(row[1:])] = score
    return out


def test_one_window_by_hand() -> None:
    """100 rows: 15 do not count; the window is rows 40 to 59."""
    score = scores_of(100, r5=0.99, r30=0.9, r50=0.8, r45=0.7, r62=0.6)
    swept = sweep([score], [[(40, 59)]], STANDARD)
    late = s(-10 / 20) / s(-1)
    early = s(-15 / 20) / s(-1)
    after = 0.11 * s(3 / 19)
    raw = [-1.0, -0.11 - 1.0, -0.11 + late, -0.11 + early, -0.11 + early + after]
    np.testing.assert_allclose(swept.scores[:5], raw, rtol=1e-12)
    assert swept.thresholds[:5].tolist() == [math.inf, 0.9, 0.8, 0.7, 0.6]
    assert swept.perfect == 1.0
    assert swept.best() == 0.7
    assert swept.at(0.7) == swept.at(0.65) == pytest.approx(100.0 * (raw[3] + 1.0) / 2.0)
    assert swept.at(1.0) == 0.0  # nothing is detected


def test_only_the_first_detection_in_a_window_counts() -> None:
    score = scores_of(100, r41=0.8, r42=0.8, r43=0.8, r50=0.8)
    swept = sweep([score], [[(40, 59)]], STANDARD)
    assert swept.scores[1] == pytest.approx(s(-19 / 20) / s(-1))


def test_profiles_weigh_what_goes_wrong() -> None:
    """Two series, one missed window and one false alarm far from any."""
    one, two = scores_of(100, r20=0.9), scores_of(100, r40=0.9)
    windows = [[(40, 59)], [(40, 59)]]
    for name, cost, missed in (
        ("standard", 0.11, 1.0),
        ("reward low FP rate", 0.22, 1.0),
        ("reward low FN rate", 0.11, 2.0),
    ):
        swept = sweep([one, two], windows, PROFILES[name])
        raw = 1.0 - cost - missed
        assert swept.scores[1] == pytest.approx(raw)
        assert swept.at(0.9) == pytest.approx(100.0 * (raw + 2.0 * missed) / (2.0 + 2.0 * missed))


def test_a_perfect_detector_has_100_and_one_that_says_nothing_0() -> None:
    perfect, silent = scores_of(1_000, r400=1.0), np.zeros(1_000)
    swept = sweep([perfect], [[(400, 500)]], STANDARD)
    assert swept.normalised().max() == pytest.approx(100.0)
    swept = sweep([silent], [[(400, 500)]], STANDARD)
    assert swept.normalised()[0] == 0.0
    assert len(swept.thresholds) == 2  # all rows or none
