"""Drift detectors: when they speak, on seeded streams of errors, and when they must not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from models.drift import Adwin, PageHinkleyTest
from models.protocols import Drift, DriftDetector

DETECTORS: list[Callable[[], DriftDetector]] = [Adwin, PageHinkleyTest]


def errors(*phases: tuple[int, float], seed: int = 1) -> list[float]:
    """Errors, 0 or 1: so many at such a rate, phase after phase."""
    rng = np.random.default_rng(seed)
    return [float(rng.random() < rate) for n, rate in phases for _ in range(n)]


def drifts(detector: DriftDetector, values: Iterable[float]) -> list[int]:
    verdicts = [detector.update(value) for value in values]
    assert set(verdicts) <= {Drift.NONE, Drift.DRIFT}
    return [i for i, verdict in enumerate(verdicts) if verdict is Drift.DRIFT]


@pytest.mark.parametrize(
    ("make", "expected"), [(Adwin, [2079, 6047]), (PageHinkleyTest, [2154, 6161])]
)
def test_golden(make: Callable[[], DriftDetector], expected: list[int]) -> None:
    stream = errors((2_000, 0.05), (2_000, 0.3), (2_000, 0.02), (2_000, 0.5))
    assert drifts(make(), stream) == expected


@pytest.mark.parametrize("make", DETECTORS)
@pytest.mark.parametrize("seed", range(10))
def test_once_per_drift(make: Callable[[], DriftDetector], seed: int) -> None:
    found = drifts(make(), errors((2_000, 0.05), (1_000, 0.4), seed=seed))
    assert len(found) == 1
    assert 2_000 <= found[0] < 2_300


@pytest.mark.parametrize("make", DETECTORS)
@pytest.mark.parametrize("seed", range(10))
def test_an_improvement_is_no_drift(make: Callable[[], DriftDetector], seed: int) -> None:
    assert drifts(make(), errors((2_000, 0.3), (2_000, 0.05), (2_000, 0.01), seed=seed)) == []


@pytest.mark.parametrize("make", DETECTORS)
@pytest.mark.parametrize("seed", range(5))
def test_nothing_where_nothing_changes(make: Callable[[], DriftDetector], seed: int) -> None:
    assert drifts(make(), errors((10_000, 0.02), seed=seed)) == []


def test_adwin_shows_the_mean_of_its_window() -> None:
    detector = Adwin()
    assert detector.statistic == 0.0
    drifts(detector, errors((1_000, 0.2)))
    assert detector.statistic == pytest.approx(0.2, abs=0.05)
    drifts(detector, [1.0] * 500)
    assert detector.statistic == 1.0


def test_page_hinkley_shows_what_is_held_against_its_threshold() -> None:
    detector = PageHinkleyTest(threshold=20.0)
    assert detector.statistic == 0.0
    for value in errors((1_000, 0.2), (1_000, 0.9)):
        verdict = detector.update(value)
        assert (verdict is Drift.DRIFT) == (detector.statistic > 20.0)
        if verdict:
            break
    else:
        pytest.fail("no drift")
    detector.update(1.0)
    assert detector.statistic == 0.0  # it starts over


@pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, math.nan])
def test_adwin_needs_a_chance(delta: float) -> None:
    with pytest.raises(ValueError, match=rf"^delta = {delta}: expected a number between 0 and 1$"):
        Adwin(delta)


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan])
def test_page_hinkley_needs_a_threshold(threshold: float) -> None:
    with pytest.raises(ValueError, match=rf"^threshold = {threshold}: expected a number above 0$"):
        PageHinkleyTest(threshold=threshold)
