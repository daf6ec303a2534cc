"""Drift detectors: when they speak, on seeded streams of errors, and when they must not."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.drift import DDM, EDDM, HDDMA, HDDMW, KSWIN, Adwin, Detector, PageHinkleyTest
from models.drift import adwin as adwin_module
from models.drift.adwin import TOTAL, WIDTH
from models.drift.kswin import _critical, _uniform
from models.kernels import LARGEST
from models.protocols import Drift
from models.vectors import Floats
from tests.models.helpers import bits, cuts

ks_2samp = importlib.import_module("scipy.stats").ks_2samp  # it ships no types

Make = Callable[[], Detector]

RIVERS_ADWIN = 0.002, 32
DETECTORS: dict[str, Make] = {
    "adwin": Adwin,
    "adwin as in River": lambda: Adwin(*RIVERS_ADWIN),
    "page-hinkley": PageHinkleyTest,
    "ddm": DDM,
    "eddm": EDDM,
    "hddm-a": HDDMA,
    "hddm-w": HDDMW,
    "kswin": lambda: KSWIN(0.01, window_size=60, stat_size=20),
}
every_detector = pytest.mark.parametrize("make", DETECTORS.values(), ids=DETECTORS.keys())
CAREFUL: list[Make] = [Adwin, PageHinkleyTest, lambda: HDDMA(1e-5), lambda: HDDMW(1e-6, 1e-5, 0.02)]


def errors(*phases: tuple[int, float], seed: int = 1) -> Floats:
    """Errors, 0 or 1: so many at such a rate, phase after phase."""
    rng = np.random.default_rng(seed)
    return np.array([float(rng.random() < rate) for n, rate in phases for _ in range(n)])


STREAM = errors((2_000, 0.05), (2_000, 0.3), (2_000, 0.02), (2_000, 0.5))


def drifts(detector: Detector, values: Iterable[float]) -> list[int]:
    levels = detector.run(np.array(values, np.float64)).levels
    return np.flatnonzero(levels == Drift.DRIFT).tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adwin", [2047, 6023]),
        ("adwin as in River", [2079, 6047]),
        ("page-hinkley", [2154, 6161]),
        ("ddm", [263, 2046, 6171, 6283]),
        ("hddm-a", [2051, 6038]),
        ("kswin", []),
    ],
)
def test_golden(name: str, expected: list[int]) -> None:
    assert drifts(DETECTORS[name](), STREAM) == expected


@pytest.mark.parametrize("make", CAREFUL)
@pytest.mark.parametrize("seed", range(10))
def test_once_per_drift(make: Make, seed: int) -> None:
    found = drifts(make(), errors((2_000, 0.05), (1_000, 0.4), seed=seed))
    assert len(found) == 1
    assert 2_000 <= found[0] < 2_300


@pytest.mark.parametrize("make", CAREFUL)
@pytest.mark.parametrize("seed", range(10))
def test_an_improvement_is_no_drift(make: Make, seed: int) -> None:
    assert drifts(make(), errors((2_000, 0.3), (2_000, 0.05), (2_000, 0.01), seed=seed)) == []


@pytest.mark.parametrize("make", CAREFUL)
@pytest.mark.parametrize("seed", range(5))
def test_nothing_where_nothing_changes(make: Make, seed: int) -> None:
    assert drifts(make(), errors((10_000, 0.02), seed=seed)) == []


# What holds for every detector, on every stream

values = st.one_of(
    st.sampled_from([0.0, 1.0]),
    st.floats(-0.5, 1.5),
    st.sampled_from([math.nan, math.inf, -math.inf, 2.0 * LARGEST]),
)


@st.composite
def streams(draw: st.DrawFn) -> list[float]:
    """Some phases of errors, and some values of any kind among them."""
    stream: list[float] = []
    for _ in range(draw(st.integers(1, 5))):
        n, rate, seed = draw(st.tuples(st.integers(0, 300), st.floats(0, 1), st.integers(0, 99)))
        stream += errors((n, rate), seed=seed).tolist()
        stream += draw(st.lists(values, max_size=5))
    return stream


def told(detector: Detector, stream: Sequence[float], *ends: int) -> object:
    """Verdicts of a stream in pieces, to the bit."""
    array = np.array(stream, np.float64)
    pieces = [detector.run(piece) for piece in np.split(array, ends)]
    return bits([np.concatenate(part) for part in zip(*pieces, strict=True)])


@every_detector
@given(stream=streams(), data=st.data())
@settings(deadline=None)  # the first example waits for the compiler
def test_neither_cuts_nor_a_stop_change_anything(
    make: Make, stream: list[float], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(stream)))
    ends = sorted(data.draw(st.lists(st.integers(stop, len(stream)), max_size=5)))
    never_stopped, resumed = make(), make()
    first = told(never_stopped, stream[:stop])
    saved = deepcopy(never_stopped.snapshot())
    before = bits(saved)
    rest = told(never_stopped, stream[stop:])
    assert bits(saved) == before  # a copy

    resumed.run(errors((200, 0.3)))  # whatever it was before
    resumed.restore(saved)
    assert bits(resumed.snapshot()) == before
    assert told(resumed, stream[stop:], *(end - stop for end in ends)) == rest
    assert bits(resumed.snapshot()) == bits(never_stopped.snapshot())

    one_by_one = make()
    assert told(one_by_one, stream[:stop], *range(1, stop)) == first


@every_detector
def test_one_value_or_many(make: Make) -> None:
    one_by_one, at_once = make(), make()
    verdicts = at_once.run(STREAM[1_500:2_500])
    for value, level, statistic in zip(STREAM[1_500:2_500], *verdicts, strict=True):
        assert one_by_one.update(value) is Drift(level)
        assert one_by_one.statistic == statistic
    assert bits(one_by_one.snapshot()) == bits(at_once.snapshot())


@every_detector
def test_what_is_refused_leaves_no_trace(make: Make) -> None:
    bad = [math.nan, math.inf, -math.inf, 2.0 * LARGEST, -2.0 * LARGEST]
    clean, poisoned = make(), make()
    if make in (DDM, EDDM, HDDMA, HDDMW):
        bad += [-0.01, 1.01]
    for i, j in cuts(len(STREAM), 50):
        expected = clean.run(STREAM[i:j])
        found = poisoned.run(np.concatenate([STREAM[i:j], bad]))
        assert found.levels.tolist() == expected.levels.tolist() + [Drift.NONE] * len(bad)
        assert found.statistics[: j - i].tolist() == expected.statistics.tolist()
        assert set(found.statistics[j - i :]) == {clean.statistic}
    assert bits(clean.snapshot()) == bits(poisoned.snapshot())


@every_detector
def test_the_largest_values_do_not_poison(make: Make) -> None:
    detector = make()
    detector.run(np.tile([LARGEST, -LARGEST], 2_000))
    for array in detector.snapshot().values():
        assert np.isfinite(array).all()


@every_detector
def test_a_snapshot_is_plain_arrays(make: Make) -> None:
    saved = deepcopy(make().snapshot())
    assert type(saved) is dict
    assert all(isinstance(part, np.ndarray) and part.dtype != object for part in saved.values())


@every_detector
def test_statistics_are_finite_and_start_at_0(make: Make) -> None:
    detector = make()
    assert detector.statistic == 0.0
    assert np.isfinite(detector.run(STREAM).statistics).all()


# ADWIN


def test_adwin_shows_the_mean_of_its_window() -> None:
    detector = Adwin()
    drifts(detector, errors((1_000, 0.2)))
    assert detector.statistic == pytest.approx(0.2, abs=0.05)
    drifts(detector, [1.0] * 500)
    assert detector.statistic == 1.0


def width_of_buckets(saved: dict[str, Floats]) -> int:
    return int(sum(int(n) << row for row, n in enumerate(saved["filled"])))


def test_adwin_keeps_few_buckets() -> None:
    detector = Adwin()
    detector.run(np.zeros(200_000))
    saved = deepcopy(detector.snapshot())
    assert saved["state"][WIDTH] == width_of_buckets(saved) == 200_000
    assert saved["filled"].max() <= 5
    assert np.count_nonzero(saved["filled"]) == 16  # log2(200,000 / 4)


def test_adwin_has_room_for_a_trillion_values() -> None:
    detector = Adwin()
    rows, buckets = deepcopy(detector.snapshot())["totals"].shape
    # before a row gives two of its buckets away, it has one more than it may keep
    assert sum((buckets - 2) << row for row in range(rows)) > 2**40


def test_adwin_forgets_the_oldest_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adwin_module, "ROWS", 6)
    detector = Adwin()
    assert drifts(detector, errors((5_000, 0.1))) == []
    saved = deepcopy(detector.snapshot())
    width = width_of_buckets(saved)
    assert 4 * 63 - 32 <= width <= 5 * 63
    last = errors((5_000, 0.1))[-width:]
    assert saved["state"][[WIDTH, TOTAL]].tolist() == [width, last.sum()]
    assert len(drifts(detector, [1.0] * 50)) == 1


# Page-Hinkley


def test_page_hinkley_shows_what_is_held_against_its_threshold() -> None:
    detector = PageHinkleyTest(threshold=20.0)
    levels, statistics = detector.run(errors((1_000, 0.2), (1_000, 0.9)))
    assert ((levels == Drift.DRIFT) == (statistics > 20.0)).all()
    at = int(np.flatnonzero(levels)[0])
    again = PageHinkleyTest(threshold=20.0)
    again.run(errors((1_000, 0.2), (1_000, 0.9))[: at + 1])
    again.update(1.0)
    assert again.statistic == 0.0  # it starts over


# KSWIN, whose chance is its own


def test_the_generator_is_splitmix64() -> None:
    chance = np.array([1234567], np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]  # published
    assert [_uniform(chance) for _ in expected] == [(n >> 11) / 2**53 for n in expected]


@pytest.mark.parametrize("r", [1, 5, 30, 100])
@pytest.mark.parametrize("alpha", [0.05, 0.005, 1e-4])
def test_the_bound_is_that_of_the_exact_test(r: int, alpha: float) -> None:
    def p_value(k: int) -> float:
        below, above = np.arange(float(r)), np.arange(float(r)) + (k - 0.5)
        test = ks_2samp(below, above, method="exact")
        assert round(test.statistic * r) == k
        return float(test.pvalue)

    k = _critical(alpha, r)
    assert k > r or p_value(k) <= alpha
    assert p_value(k - 1) > alpha


def test_kswin_alarms_as_often_as_its_chance_allows() -> None:
    rng = np.random.default_rng(1)
    alone = []  # a first test each, which no other one depends on
    for seed in range(2_000):
        detector = KSWIN(0.05, window_size=60, stat_size=20, seed=seed)
        alone += drifts(detector, rng.normal(size=60))
    # The exact chance of the bound, of which a rise is half.
    chance = float(ks_2samp(np.arange(20), np.arange(20) + 8.5, method="exact").pvalue) / 2
    assert 0 < chance <= 0.025
    assert len(alone) == pytest.approx(2_000 * chance, abs=4 * math.sqrt(2_000 * chance))


def test_kswin_finds_what_changes_and_starts_with_the_recent_values() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        calm, high = rng.normal(size=500), rng.normal(3.0, size=300)
        found = drifts(KSWIN(1e-4, seed=seed), np.concatenate([calm, high]))
        assert len(found) in (1, 2)  # the sample that stays may have some of those before
        assert 500 <= found[0] < 530
        assert drifts(KSWIN(1e-4, seed=seed), np.concatenate([high, calm])) == []  # better


def test_kswin_goes_by_its_seed() -> None:
    stream = np.random.default_rng(1).normal(size=3_000)

    first, again, other = (KSWIN(seed=seed).run(stream).statistics for seed in (1, 1, 2))
    assert bits(first) == bits(again) != bits(other)


def test_kswin_draws_each_of_the_older_values_as_often() -> None:
    # With one large value among the older ones, D says whether it was drawn.
    drawn = np.zeros(40)
    for at in range(40):
        stream = np.zeros(60)
        stream[at] = 1.0
        for seed in range(400):
            detector = KSWIN(1e-9, window_size=60, stat_size=20, seed=seed)
            drawn[at] += detector.run(stream).statistics[-1] * 20
    assert drawn.sum() == 40 * 400 / 2  # half of them, each time
    assert np.abs(drawn - 200).max() < 4.5 * 10  # standard deviations


# Settings


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, math.nan])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Adwin, "delta"),
        (EDDM, "alpha"),
        (EDDM, "beta"),
        (HDDMA, "drift_confidence"),
        (HDDMA, "warning_confidence"),
        (HDDMW, "lambda_val"),
        (KSWIN, "alpha"),
    ],
)
def test_a_share_lies_between_0_and_1(
    make: Callable[..., Detector], name: str, value: float
) -> None:
    message = rf"^{name} = {value}: expected a number between 0 and 1$"
    with pytest.raises(ValueError, match=message):
        make(**{name: value})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
@pytest.mark.parametrize(
    ("make", "name"), [(PageHinkleyTest, "threshold"), (DDM, "drift_threshold")]
)
def test_a_threshold_lies_above_0(make: Callable[..., Detector], name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} = {value}: expected a number above 0$"):
        make(**{name: value})


@pytest.mark.parametrize(
    ("make", "name", "value", "least"),
    [
        (Adwin, "clock", 0, 1),
        (Adwin, "max_buckets", 0, 1),
        (Adwin, "min_window_length", 0, 1),
        (Adwin, "grace_period", -1, 0),
        (PageHinkleyTest, "min_instances", -1, 0),
        (DDM, "warm_start", 2.5, 0),
        (EDDM, "warm_start", math.inf, 0),
        (KSWIN, "stat_size", 0, 1),
        (KSWIN, "window_size", 59, 60),
        (KSWIN, "seed", -1, 0),
    ],
)
def test_a_count_is_whole(
    make: Callable[..., Detector], name: str, value: float, least: int
) -> None:
    message = rf"^{name} = {value}: expected a whole number of at least {least}$"
    with pytest.raises(ValueError, match=message):
        make(**{name: value})


@pytest.mark.parametrize("alpha", [0.0, 1.5, math.nan])
def test_page_hinkley_fades_or_does_not(alpha: float) -> None:
    message = rf"^alpha = {alpha}: expected a number above 0, at most 1$"
    with pytest.raises(ValueError, match=message):
        PageHinkleyTest(alpha=alpha)


def test_eddm_warns_before_it_alarms() -> None:
    with pytest.raises(ValueError, match=r"^alpha = 0.8: expected a number of at least beta = 0.9"):
        EDDM(alpha=0.8, beta=0.9)


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^state of shape"):
        Adwin().restore(Adwin(max_buckets=6).snapshot())
    with pytest.raises(ValueError, match=r"^state has parts"):
        Adwin().restore(DDM().snapshot())
