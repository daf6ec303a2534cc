"""Detectors give no more false alarms than they were told to, and find what they should."""

from __future__ import annotations

import numpy as np
import pytest

from models.drift.calibrated import CALIBRATED, calibrated
from models.protocols import Drift

TOLD = 200.0  # in a million: enough to count in a short test


@pytest.mark.parametrize("name", [name for name in CALIBRATED if name != "kswin"])  # is too slow
def test_the_rate_is_kept(name: str) -> None:
    """On half a million errors; by Poisson's law one in 10,000 such runs is above the bound."""
    draw = np.random.default_rng(99)
    alarms = 0
    for rate in (0.2, 0.2, 0.2, 0.5, 0.5):
        errors = (draw.random(100_000) < rate).astype(np.float64)
        levels = calibrated(name, TOLD).run(errors).levels
        alarms += int(np.count_nonzero(levels == Drift.DRIFT))
    expected = TOLD * 0.5
    assert alarms <= expected + 4.0 * np.sqrt(expected)


@pytest.mark.parametrize("name", CALIBRATED)
def test_fewer_false_alarms_cost_time(name: str) -> None:
    """A rise from 0.1 to 0.6 is found, and later by whoever may give fewer false alarms."""
    delays = np.zeros(3)
    for seed in range(10):
        draw = np.random.default_rng(seed)
        errors = (draw.random(3_000) < np.repeat([0.1, 0.6], 1_500)).astype(np.float64)
        for k, rate in enumerate((10.0, 0.1, 0.001)):
            at = np.flatnonzero(calibrated(name, rate).run(errors).levels == Drift.DRIFT)
            later = at[at >= 1_500]
            delays[k] += (later[0] if len(later) else len(errors)) - 1_500
    if name != "hddm-a":  # which compares with its best stretch: a shorter past may be the better
        assert np.all(np.diff(delays) >= 0)
        assert delays[0] < delays[2]
    assert delays[0] < 10 * 500 or name in ("eddm", "kswin")


@pytest.mark.parametrize("name", CALIBRATED)
def test_what_was_measured_is_met_and_more_is_in_order(name: str) -> None:
    of = CALIBRATED[name]
    for value, rate in of.measured:
        assert of.parameter(rate) == pytest.approx(value, rel=1e-9)
    rates = np.geomspace(1e-4, 1e5, 50)
    parameters = np.array([of.parameter(rate) for rate in rates])
    steps = np.diff(parameters)
    assert np.all(steps >= 0) or np.all(steps <= 0)
    for rate in rates:
        calibrated(name, float(rate))  # whatever is asked for can be made


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"false_alarms = 0: expected a number above 0"):
        CALIBRATED["adwin"].parameter(0)
