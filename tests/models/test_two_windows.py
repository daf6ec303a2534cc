"""Drift of inputs: against scipy's tests, at the rate of false alarms set, and when it is real."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.drift.findings import Findings
from models.drift.homogeneity import Homogeneity, chi_squared
from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.vectors import Floats, Hashes, Ints
from tests.models.helpers import bits

stats = importlib.import_module("scipy.stats")  # it ships no types
WINDOW = 500


def normal(n: int, columns: int = 1, *, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, columns))


def once(found: Findings, row: int, column: int = 0) -> bool:
    """Whether that is all that was found, in the first two windows that `row` has part in."""
    return found.columns.tolist() == [column] and 0 <= int(found.rows[0]) - row < 2 * WINDOW


# Against others


@pytest.mark.parametrize("chance", [0.5, 0.01, 1e-5, 1e-12])
def test_chi_squared(chance: float) -> None:
    expected = [stats.chi2.isf(chance, k) for k in range(1, 70)]
    assert [chi_squared(chance, k) for k in range(1, 70)] == pytest.approx(expected)


def samples(seed: int = 3) -> tuple[Ints, Ints]:
    """Two that differ, of whole numbers from 0 to 3."""
    rng = np.random.default_rng(seed)
    return rng.binomial(3, 0.5, WINDOW), rng.binomial(3, 0.6, WINDOW)


def seen(*windows: Ints | Floats, bins: int = 64) -> TwoWindows:
    detector = TwoWindows(1, 1.0, WINDOW, bins)
    for values in windows:
        detector.run(values[:, None].astype(np.float64))
    return detector


def test_ks_of_whole_numbers_is_scipys() -> None:
    old, new = samples()
    expected = stats.ks_2samp(old, new).statistic
    assert seen(old, old, new).ks == pytest.approx([expected])


@pytest.mark.parametrize("seed", range(5))
def test_ks_on_a_grid_is_close_below_scipys(seed: int) -> None:
    old, new = normal(2 * WINDOW, seed=seed).reshape(2, -1)
    new = new * 1.1 + 0.3
    expected = stats.ks_2samp(old, new).statistic
    assert 0.8 * expected < seen(old, old, new).ks[0] <= expected


def test_psi_is_by_its_formula() -> None:
    old, new = samples()
    p, q = (np.bincount(each, minlength=4) + 0.5 for each in (old, new))
    p, q = p / p.sum(), q / q.sum()
    assert seen(old, old, new).psi == pytest.approx([((p - q) * np.log(p / q)).sum()])


def test_the_ratio_is_scipys_with_williams_correction() -> None:
    counts = np.array([[19_960, 25, 15], [19_977, 8, 15]])
    expected = stats.chi2_contingency(counts, lambda_="log-likelihood")
    inverse = 40_000 / counts.sum(axis=0)
    q = 1.0 + (2.0 + 2.0 - 1.0) * (inverse.sum() - 1.0) / (6.0 * 40_000 * 2)  # Sokal & Rohlf
    assert q > 1.015
    chance = stats.chi2.sf(expected.statistic / q, 2)
    for factor, differs in ((0.99, False), (1.01, True)):
        test = Homogeneity(1, 3, 20_000, factor * chance, 0.9, 0)
        test.absorb(counts[:1], np.array([True]))
        assert test.compare(counts[1:]).differs == [differs]


def test_next_to_nothing_in_a_bin_changes_nothing() -> None:
    for odd in (0, 1):
        test = Homogeneity(1, 3, WINDOW, 1e-9, 0.9, 0)
        for counts in [[250, 250 - odd, odd]] + [[250, 250, 0]] * 40:
            test.absorb(np.array([counts]), np.array([True]))
        assert test.compare(np.array([[330, 170, 0]])).differs == [True]


def test_a_faded_reference_weighs_as_much_as_its_variance_says() -> None:
    rng = np.random.default_rng(0)
    columns = 5_000
    test = Homogeneity(columns, 2, WINDOW, 0.01, 0.8, 0)
    everywhere = np.ones(columns, np.bool_)
    for _ in range(40):
        counts = rng.multinomial(WINDOW, [0.3, 0.7], columns)
        compared = test.compare(counts)
        test.absorb(counts, everywhere)
    assert compared.size == pytest.approx(WINDOW * 9 / 10, rel=1e-3)  # 9 WINDOW and WINDOW
    apart = (compared.new - compared.old)[:, 0]
    assert np.var(apart) == pytest.approx(0.3 * 0.7 / compared.size[0], rel=0.1)


# False alarms


@pytest.mark.parametrize("window", [WINDOW, 2_000])
def test_no_more_false_alarms_than_are_set(window: int) -> None:
    rng = np.random.default_rng(window)
    n, columns = 100_000, 80
    values = rng.normal(size=(n, columns))
    values[:, 20:40] = values[:, 20:40] ** 3
    values[:, 40:60] = values[:, 40:60] > np.linspace(-0.5, 2.5, 20)
    values[:, 60:80] = np.floor(np.abs(values[:, 60:80]) * np.linspace(1.0, 10.0, 20))
    found = TwoWindows(columns, 400.0, window, least=0.0).run(values)
    assert 10 <= len(found.rows) <= 40  # 24 or so, as the two tests often agree


def test_no_more_false_alarms_than_are_set_for_categories() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.zipf(1.5, (100_000, 50)).astype(np.uint64)
    found = TwoMixes(50, 400.0, WINDOW, least=0.0).run(kinds)
    assert 15 <= len(found.rows) <= 50


@pytest.mark.parametrize("period", [1_700, 8_640])
def test_days_are_learned(period: int) -> None:
    n = 200_000
    values = normal(n, 10) + np.sin(2.0 * math.pi * np.arange(n) / period)[:, None]
    assert len(TwoWindows(10, window=WINDOW, burn_in=0).run(values).rows) > 0
    detector = TwoWindows(10, window=WINDOW, burn_in=20)
    assert len(detector.run(values).rows) == 0
    found = detector.run(normal(10 * WINDOW, 10) + 8.0)
    assert set(found.columns) == set(range(10))


def test_persistence_is_learned() -> None:
    noise = normal(200_000, 5)
    for i in range(1, len(noise)):
        noise[i] += 0.98 * noise[i - 1]
    assert len(TwoWindows(5, window=WINDOW, burn_in=20).run(noise).rows) == 0


def test_a_slow_change_is_followed() -> None:
    values = normal(200 * WINDOW) + np.linspace(0.0, 5.0, 200 * WINDOW)[:, None]
    assert len(TwoWindows(1, window=WINDOW, burn_in=10).run(values).rows) == 0


def test_what_is_small_is_not_told() -> None:
    values = normal(200_000)
    values[160_000:] += 0.05  # in so large a window sure, and of no importance
    told = [len(TwoWindows(1, 1.0, 20_000, least=x).run(values).rows) for x in (0.0, 0.005)]
    assert told == [1, 0]


# Drifts

AT = 20 * WINDOW
Change = Callable[[Floats], Floats]
CHANGES: dict[str, Change] = {
    "mean": lambda x: x + 0.5,
    "spread": lambda x: 1.5 * x,
    "to whole numbers": np.round,
    "to a constant": lambda x: 0.0 * x,
    "to two heaps": lambda x: x + 1.5 * np.sign(x),
    "missing": lambda x: np.where(np.abs(x) > 2.0, np.nan, x),
    "too large": lambda x: np.where(np.abs(x) > 2.0, 1e200, x),
    "infinite": lambda x: np.where(x > 2.0, -np.inf, x),
    "all missing": lambda x: np.full_like(x, np.nan),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_found_once_and_where_it_is(change: Change) -> None:
    values = normal(2 * AT, 4)
    values[AT + 100 :, 2] = change(values[AT + 100 :, 2])
    assert once(TwoWindows(4, window=WINDOW).run(values), AT, column=2)


@pytest.mark.parametrize(
    ("before", "after"), [(1.0, 1.0 + 1e-12), (0.0, -1e-300), (math.nan, 0.0), (0.0, math.nan)]
)
def test_a_constant_that_changes(before: float, after: float) -> None:
    values = np.repeat([before, after], AT)[:, None]
    found = TwoWindows(1, window=WINDOW).run(values)
    assert once(found, AT)
    means = [found.before[0], found.after[0]]
    assert means == pytest.approx([before, after], rel=1e-14, abs=0.0, nan_ok=True)


def test_a_rate_that_changes() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random(2 * AT) < np.repeat([0.02, 0.1], AT)).astype(np.float64)
    found = TwoWindows(1, window=WINDOW).run(values[:, None])
    assert once(found, AT)
    assert found.before == pytest.approx([0.02], abs=0.01)
    assert found.after == pytest.approx([0.1], abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_a_fifth_of_a_standard_deviation(seed: int) -> None:
    values = normal(100_000, 10, seed=seed)
    values[60_000:, 3] += 0.2
    found = TwoWindows(10).run(values)
    found = Findings(*(each[found.columns == 3] for each in found))
    assert len(found.rows) == 1
    assert found.rows[0] in (64_999, 69_999)
    assert found.before == pytest.approx([0.0], abs=0.03)
    assert found.after == pytest.approx([0.2], abs=0.06)
    assert found.psi == pytest.approx([0.04], abs=0.03)
    assert found.ks == pytest.approx([0.08], abs=0.03)


def test_one_drift_does_not_hide_the_next() -> None:
    steps = np.repeat(np.arange(6), AT) * 0.6
    found = TwoWindows(1, window=WINDOW).run(normal(6 * AT) + steps[:, None])
    assert found.rows.tolist() == [k * AT + WINDOW - 1 for k in range(1, 6)]


def test_a_large_drift_does_not_hide_a_small_one() -> None:
    values = normal(2 * AT)
    values[AT:] += 100.0
    values[AT + 12 * WINDOW :] += 0.6
    found = TwoWindows(1, window=WINDOW).run(values)
    assert found.rows.tolist() == [AT + WINDOW - 1, AT + 13 * WINDOW - 1]
    assert found.before == pytest.approx([0.0, 100.0], abs=0.1)
    assert found.after == pytest.approx([100.0, 100.6], abs=0.1)


def test_a_value_beside_a_common_one() -> None:
    values = np.random.default_rng(0).integers(0, 3, (2 * AT, 1)).astype(np.float64)
    values[AT:][values[AT:] == 1.0] = 0.999
    assert once(TwoWindows(1, window=WINDOW).run(values), AT)


def test_a_small_shift_in_many_bins_is_seen_by_its_distance() -> None:
    columns = 200
    values = normal(AT, columns)
    values[-WINDOW:] += 0.2
    found = TwoWindows(columns, 20.0 * columns, WINDOW, 64).run(values).rows
    assert (found == AT - 1).sum() > 100
    uneven = normal(AT, columns)
    uneven[-WINDOW:] = np.round(2.0 * uneven[-WINDOW:]) / 2.0
    found = TwoWindows(columns, 20.0 * columns, WINDOW, 64).run(uneven).rows
    assert (found == AT - 1).sum() > 190  # and such a change by the ratio


def test_a_new_category() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.zipf(2.0, (2 * AT, 3)).astype(np.uint64)
    new = kinds[AT:, 1]
    new[rng.random(AT) < 0.05] = 2**63
    found = TwoMixes(3, window=WINDOW, bins=256).run(kinds)
    assert once(found, AT, column=1)
    assert found.before == pytest.approx([0.0], abs=0.01)
    assert found.after == pytest.approx([0.05], abs=0.03)
    assert np.isnan(found.ks).all()


def test_categories_by_their_numbers_spread_over_the_bins() -> None:
    detector = TwoMixes(1, window=10_000, bins=64)
    detector.run(np.arange(6_400, dtype=np.uint64)[:, None] << np.uint64(32))
    assert stats.chisquare(detector.snapshot()["counts"][0]).pvalue > 1e-3


# What holds on every stream

Detector = TwoWindows | TwoMixes
Rows = Floats | Hashes


def numbers(seed: int, n: int) -> Floats:
    """Every few hundred rows another distribution, with values of any kind."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 3)) + rng.integers(0, 3, n // 300 + 1).repeat(300)[:n, None]
    values[:, 1] = np.round(values[:, 1])
    odd = rng.random((n, 3)) < 0.05
    values[odd] = rng.choice([0.0, -0.0, np.nan, np.inf, -np.inf, 1e100, -1e300], odd.sum())
    return values


def kinds(seed: int, n: int) -> Hashes:
    return np.round(np.nan_to_num(np.abs(numbers(seed, n)))).clip(0, 9).astype(np.uint64)


BOTH = [
    pytest.param(lambda: TwoWindows(3, 1e4, 60, 5, burn_in=1), numbers, id="numbers"),
    pytest.param(lambda: TwoMixes(3, 1e4, 60, 5, burn_in=1), kinds, id="categories"),
]
both = pytest.mark.parametrize(("make", "stream"), BOTH)


def told(detector: Any, rows: Rows, *ends: int) -> object:
    """What is found in a stream in pieces, at its rows, and the state at its end, to the bit."""
    parts = []
    for start, stop in zip((0, *ends), (*ends, len(rows)), strict=True):
        found = detector.run(rows[start:stop])
        parts.append(found._replace(rows=found.rows + start))
    joined = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return bits([joined, detector.snapshot()])


@both
@given(seed=st.integers(0, 99), n=st.integers(0, 1_500), data=st.data())
@settings(deadline=None, max_examples=50)  # the first example waits for the compiler
def test_neither_cuts_nor_a_stop_change_anything(
    make: Callable[[], Detector],
    stream: Callable[[int, int], Rows],
    seed: int,
    n: int,
    data: st.DataObject,
) -> None:
    rows = stream(seed, n)
    ends = sorted(data.draw(st.lists(st.integers(0, n), max_size=5)))
    assert told(make(), rows, *ends) == told(make(), rows)

    stop = data.draw(st.integers(0, n))
    never_stopped, resumed = make(), make()
    told(never_stopped, rows[:stop])
    resumed.run(cast(Any, stream(seed + 1, 700)))  # whatever it was before
    resumed.restore(deepcopy(never_stopped.snapshot()))
    assert told(resumed, rows[stop:]) == told(never_stopped, rows[stop:])


@both
def test_that_stream_drifts(
    make: Callable[[], Detector], stream: Callable[[int, int], Rows]
) -> None:
    assert len(make().run(cast(Any, stream(0, 1_500))).rows) > 1


def test_however_the_rows_lie_in_memory() -> None:
    values = numbers(0, 600)
    expected = told(TwoWindows(3, window=60), values)
    assert told(TwoWindows(3, window=60), np.asfortranarray(values)) == expected
    assert told(TwoWindows(3, window=60), np.repeat(values, 2, axis=1)[:, ::2]) == expected


def test_measures_are_nan_before_the_first_comparison() -> None:
    detector, mixes = TwoWindows(2, window=WINDOW), TwoMixes(2, window=WINDOW)
    for windows in range(3):
        assert detector.windows == windows
        assert np.isnan(detector.psi).all()
        assert np.isnan(detector.ks).all()
        assert np.isnan(mixes.psi).all() == (windows < 2)
        detector.run(normal(WINDOW, 2))
        mixes.run(np.ones((WINDOW, 2), np.uint64))
    assert (detector.psi < 0.1).all()
    assert (detector.ks < 0.1).all()
    assert mixes.psi.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(5,), (5, 3), (2, 5, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected 2 columns"):
        TwoWindows(2).run(np.zeros(shape))
    with pytest.raises(ValueError, match="expected 2 columns"):
        TwoMixes(2).run(np.zeros(shape, np.uint64))


@pytest.mark.parametrize("kind", [TwoWindows, TwoMixes])
@pytest.mark.parametrize(
    ("name", "value"),
    [("columns", 0), ("window", 0), ("bins", 1), ("false_alarms", 0.0), ("false_alarms", 1e4),
     ("least", -0.1), ("fade", 1.0), ("burn_in", -1)],
)  # fmt: skip
def test_settings_are_refused_by_name(kind: Any, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        kind(**({"columns": 2} | {name: value}))
