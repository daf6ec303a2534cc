"""Online standardisation: against River and numpy."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from river import preprocessing

from models.scaler import StandardScaler
from models.vectors import Floats


def stream(n: int = 1_000) -> Floats:
    """An intercept and columns of very different kind: wide, offset, heavy-tailed, constant."""
    rng = np.random.default_rng(3)
    columns = [np.ones(n), rng.normal(0, 50, n), rng.normal(1e6, 1, n), rng.pareto(2, n)]
    return np.column_stack([*columns, np.full(n, 0.1)])


def test_against_river() -> None:
    x, river = stream(), cast(Any, preprocessing.StandardScaler())
    scaled = StandardScaler(x.shape[1]).scale(x.copy())
    for row, got in zip(x[:, 1:].tolist(), scaled[:, 1:], strict=True):
        named: dict[Any, float] = dict(enumerate(row))
        river.learn_one(named)
        expected = list(river.transform_one(named).values())
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_against_numpy() -> None:
    x = stream()
    scaler = StandardScaler(x.shape[1])
    last = scaler.scale(x.copy())[-1]
    mean, std = x.mean(axis=0), x.std(axis=0)
    np.testing.assert_allclose(last[1:4], (x[-1] - mean)[1:4] / std[1:4], rtol=1e-7)
    np.testing.assert_allclose(
        scaler.state[1:, 1:], [mean[1:], std[1:] ** 2 * len(x)], rtol=1e-9, atol=1e-20
    )


def test_works_in_place_and_leaves_the_intercept() -> None:
    x = stream()
    assert StandardScaler(x.shape[1]).scale(x) is x
    assert x[:, 0].tolist() == [1.0] * len(x)
    assert x[:, 4].tolist() == [0.0] * len(x)  # a constant tells nothing


def test_the_first_event_says_nothing() -> None:
    assert StandardScaler(3).scale(np.array([[1.0, 1e6, -3.0]])).tolist() == [[1.0, 0.0, 0.0]]


def test_limit() -> None:
    x = np.column_stack([np.ones(1_001), np.random.default_rng(1).normal(size=1_001)])
    x[1_000, 1] = -1e9
    bounded, free = (StandardScaler(2, limit).scale(x.copy())[:, 1] for limit in (2.0, 1e9))
    assert free[1_000] < -30
    assert bounded.tolist() == np.clip(free, -2.0, 2.0).tolist()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_a_row_that_is_not_finite_leaves_no_trace(value: float) -> None:
    """Else one NaN would make a feature 0 for ever, and the model would see nothing to refuse."""
    x = stream(20)
    poisoned = np.insert(x, 10, [1.0, 2.0, value, 3.0, 4.0], axis=0)
    clean, scaler = StandardScaler(x.shape[1]), StandardScaler(x.shape[1])
    expected, got = clean.scale(x), scaler.scale(poisoned)
    assert got[10].tolist() == pytest.approx([1.0, 2.0, value, 3.0, 4.0], nan_ok=True)
    assert np.delete(got, 10, axis=0).tolist() == expected.tolist()
    assert scaler.state.tolist() == clean.state.tolist()
