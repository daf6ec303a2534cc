"""What of many verdicts is told: laws of cooldown, of rising levels, and of how it is cut up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.drift.contrast import FAST, SLOW, Contrast
from models.drift.episodes import Episodes
from models.protocols import Drift

levels = st.lists(st.sampled_from([0, 1, 2]), max_size=60)
cuts = st.lists(st.integers(0, 60), max_size=4)


def rises(of: Sequence[int], at: Sequence[int]) -> list[int]:
    episodes = Episodes(2, 1, 0.0)
    found, start = [], 0
    for piece in np.split(np.array(of, np.int8), sorted(min(cut, len(of)) for cut in at)):
        found += [start + int(place) for place in episodes.rises(1, piece)]
        start += len(piece)
    return found


@given(levels, cuts)
def test_a_level_is_told_where_it_rises(of: list[int], at: list[int]) -> None:
    expected = [i for i, level in enumerate(of) if level > (of[i - 1] if i else 0)]
    assert rises(of, at) == expected


steps = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([Drift.WARNING, Drift.DRIFT]), st.integers(0, 9)),
    max_size=40,
)


@given(steps)
def test_news_of_a_signal_are_a_cooldown_apart(of: list[tuple[int, Drift, int]]) -> None:
    episodes = Episodes(1, 2, 10.0)
    ts = 0.0
    told: list[tuple[int, Drift, float]] = []
    for signal, level, wait in of:
        ts += wait
        news = episodes.admit(signal, level, ts)
        # By the words of the docstring: held back after one of the same level, or a higher one.
        after = [t for s, other, t in told if s == signal and other >= level and ts < t + 10.0]
        assert news == (not after)
        if news:
            told.append((signal, level, ts))
    assert episodes.held.sum() == len(of) - len(told)


def test_a_drift_is_news_while_a_warning_is_on() -> None:
    episodes = Episodes(1, 1, 60.0)
    assert episodes.admit(0, Drift.WARNING, 0.0)
    assert episodes.admit(0, Drift.DRIFT, 1.0)
    assert not episodes.admit(0, Drift.WARNING, 2.0)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), cuts)
def test_contrast_is_two_faded_means_however_it_is_cut(of: list[float], at: list[int]) -> None:
    values = np.array(of)
    contrast = Contrast()
    pieces = np.split(values, sorted(min(cut, len(of)) for cut in at))
    told = [contrast.run(piece) for piece in pieces]
    age = np.arange(len(of))[::-1]
    for which, half_life in enumerate((SLOW, FAST)):
        means = np.concatenate([pair[which] for pair in told])
        weights = 0.5 ** (age / half_life)
        assert np.isclose(means[-1], np.average(values, weights=weights), rtol=1e-9, atol=1e-12)
        assert means[0] == values[0]
