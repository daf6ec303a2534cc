"""A probability by its tail means what it says: so many events are as strange."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import tail
from models.kernels import sigmoids
from models.state import come_back, leave
from models.vectors import Floats

DRAWS = {
    "exponential": lambda rng, n: rng.standard_exponential(n),
    "folded normal": lambda rng, n: np.abs(rng.normal(size=n)),
    "Pareto": lambda rng, n: rng.pareto(1.5, n),
    "log-normal": lambda rng, n: rng.lognormal(-20.0, 3.0, n),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_share_of_events_is_as_strange(name: str) -> None:
    draws = DRAWS[name](np.random.default_rng(3), 300_000)
    said = sigmoids(tail.logits(tail.new(), draws))[20_000:]
    for p in (0.5, 0.9, 0.99, 0.999, 0.9999):
        share, expected = np.mean(said >= p), 1.0 - p
        spread = math.sqrt(expected / len(said))
        assert share == pytest.approx(expected, rel=0.05, abs=4.0 * spread), p


def test_beyond_all_that_was_seen_it_goes_on_to_rise() -> None:
    t = tail.new()
    tail.logits(t, np.random.default_rng(1).standard_exponential(5_000))
    probes = np.array([20.0, 40.0, 80.0, 160.0])
    said = np.concatenate([tail.logits(_copy(t), probes[i : i + 1]) for i in range(4)])
    assert np.all(np.diff(said) > 0.5)
    assert said[0] > math.log(5_000)


def _copy(t: tail.Tail) -> tail.Tail:
    return tail.Tail(*(part.copy() for part in t))


def _plain(draws: Floats, memory: int) -> Floats:
    """The same without trees, weights that grow, or a fitted tail: sums over all events before."""
    fading = 0.5 ** (1.0 / memory)
    place = np.clip((np.log2(draws) + tail.REACH) * tail.STEPS, 0.0, tail.BINS - 1e-6)
    said = np.empty(len(draws))
    for i in range(len(draws)):
        weight = fading ** np.arange(i, 0, -1) / fading
        weight *= fading  # the event before has faded once when the next one comes
        bins = place[:i].astype(int)
        below = weight[bins < int(place[i])].sum()
        below += (place[i] % 1.0) * weight[bins == int(place[i])].sum()
        said[i] = (below + 0.5) / (weight.sum() + 1.0)
    return said


@pytest.mark.parametrize("memory", [7, 1_000_000])
def test_below_the_tail_it_is_the_share_of_events_before(memory: int) -> None:
    """With 7 the weights grow beyond what a float may hold, and are measured anew."""
    rng = np.random.default_rng(5)
    draws = np.exp(rng.normal(size=4_000 if memory == 7 else 600))
    t = tail.new(memory)
    said, fitted = np.empty(len(draws)), np.empty(len(draws))
    for i in range(len(draws)):
        fitted[i] = t.figures[tail.BEGIN]
        said[i] = sigmoids(tail.logits(t, draws[i : i + 1]))[0]
    last = slice(len(draws) - 500, None)
    place = (np.log2(draws) + tail.REACH) * tail.STEPS
    empirical = (place < fitted)[last]
    assert empirical.sum() > 100
    expected = _plain(draws, memory)[last]
    assert said[last][empirical] == pytest.approx(expected[empirical], abs=1e-9)


@given(
    st.lists(st.floats(0.0, 1e12), min_size=1, max_size=200),
    st.integers(0, 200),
)
@settings(max_examples=30, deadline=None)
def test_cuts_and_a_snapshot_change_nothing(draws: list[float], cut: int) -> None:
    values = np.array(draws)
    whole = tail.logits(tail.new(50), values)
    first = tail.new(50)
    head = tail.logits(first, values[:cut])
    second = tail.new(50)
    come_back(second, leave(first))
    rest = tail.logits(second, values[cut:])
    assert np.concatenate([head, rest]).tobytes() == whole.tobytes()
    assert np.all(np.isfinite(whole))


def test_it_rises_with_strangeness() -> None:
    t = tail.new(500)
    tail.logits(t, np.random.default_rng(2).standard_exponential(3_000))
    probes = np.geomspace(1e-6, 1e6, 2_000)
    said = np.array([tail.logits(_copy(t), probes[i : i + 1])[0] for i in range(len(probes))])
    assert np.all(np.diff(said) >= 0.0)


def test_a_stream_that_changes_for_good_becomes_usual_again() -> None:
    t = tail.new(1_000)
    rng = np.random.default_rng(4)
    tail.logits(t, rng.standard_exponential(10_000))
    shifted = sigmoids(tail.logits(t, 50.0 * rng.standard_exponential(20_000)))
    assert np.median(shifted[:10]) > 0.999
    assert np.mean(shifted[-5_000:] > 0.99) == pytest.approx(0.01, abs=0.006)
