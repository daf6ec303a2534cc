"""Features by hand, in units of each series' own habit, and never from the future."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vectors import Floats
from stream.build import monitor
from stream.config import Config, parse
from stream.events import Measurements, Record
from tests.stream.streams import DAY, START, record

FRIDAY = START - 2 * DAY
SMALL: dict[str, Any] = {
    "kind": "metrics",
    "features": {"windows": ["1d", "7d"], "max_keys": 3},
    "labels": {"max_waiting": 300, "max_early": 20},
}


def config(**features: Any) -> Config:
    return parse(SMALL | {"features": SMALL["features"] | features}, "test.toml")


def vectors(records: Sequence[Record], using: Config) -> Floats:
    """The dense features of the events among some records, not standardised."""
    core = monitor(using)
    batch = core.codec.decode(records)
    assert not batch.dead
    ops = core.labels.join(batch.kind, batch.ids, batch.ts, batch.label)
    return core.features.run(ops, batch.events).dense


def value(at: float, of: float, series: Any = "a") -> dict[str, Any]:
    return {"series": series, "ts": at, "value": of}


def rows(records: Sequence[Mapping[str, Any]], using: Config) -> list[dict[str, float]]:
    """The same by name; a mapping with a label is a label record."""
    topics = ["labels" if "label" in given else "metrics" for given in records]
    dense = vectors([record(r, topic) for r, topic in zip(records, topics, strict=True)], using)
    names = monitor(using).features.names
    return [dict(zip(names, row, strict=True)) for row in dense.tolist()]


def test_by_hand() -> None:
    now = FRIDAY + 2 * DAY + 7_200.0
    last = rows(
        [
            value(FRIDAY, 10.0),
            {"id": f"a@{FRIDAY}", "label": 1, "ts": FRIDAY + 3_600.0},
            value(FRIDAY + 2 * DAY, 20.0),
            value(FRIDAY + 2 * DAY, -70.0, "b"),
            value(now, 45.0),
        ],
        config(aggregates="sliding"),
    )[-1]
    # 7 days hold 10 and 20 and a label 1; one day holds 20 and no label
    week = math.sqrt((50.0 + 30.0**2) / 3.0)
    day = math.sqrt(25.0**2 / 2.0)
    # changes of 10 and 25, the first of which has faded
    kept = math.exp(-7_200.0 / (7 * DAY))
    usual = math.sqrt((kept * 10.0**2 + 25.0**2) / (kept + 1.0))
    expected = {
        "bias": 1.0,
        "value": 45.0,
        "weekend": 1.0,
        "night": 1.0,
        "log_gap": math.log(7_201.0),
        "log_repeats": 0.0,
        "change": 25.0 / usual,
        "change_size": 25.0 / usual,
        "label_rate_7d": (1.0 + 0.01) / (1.0 + 1.0),
        "distance_7d": 30.0 / week,
        "distance_size_7d": 30.0 / week,
        "label_rate_1d_vs_7d": 0.01 - 0.505,
        "distance_1d_vs_7d": 25.0 / day - 30.0 / week,
        "distance_size_1d_vs_7d": 25.0 / day - 30.0 / week,
        "spread_1d_vs_7d": (day - week) / (day + week),
    }
    assert list(last) == list(expected)
    assert last == pytest.approx(expected, rel=1e-9)


def test_the_first_of_a_series_knows_nothing() -> None:
    for row in rows([value(START, 5e9), value(START, -0.001, "b")], config()):
        known = {name: x for name, x in row.items() if x and name not in ("bias", "value")}
        assert known == {"weekend": 1.0, "night": 1.0, "label_rate_7d": 0.01}


def test_a_size_has_no_sign_and_a_distance_has() -> None:
    up, down = (
        rows([*(value(START + i, 5.0 + i % 2) for i in range(20)), value(START + 20, x)], config())
        for x in (9.5, 1.5)
    )
    for name in ("distance_7d", "change"):
        assert up[-1][name] > 2.5
        assert down[-1][name] < -2.5
    for name in ("distance_size_7d", "change_size"):
        assert up[-1][name] > 2.5
        assert down[-1][name] > 2.5
    for name in ("distance_7d", "distance_size_7d"):  # of 4 up, of 4 down
        assert abs(up[-1][name]) == pytest.approx(abs(down[-1][name]), rel=1e-6)


def test_a_run_of_one_value_is_counted_and_ends() -> None:
    told = [3.0, 3.0, 3.0, 3.1, 3.1, 3.0]
    found = rows([value(START + i, x) for i, x in enumerate(told)], config())
    assert [round(math.expm1(row["log_repeats"])) for row in found] == [0, 1, 2, 0, 1, 0]


@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
@settings(max_examples=40)
@given(
    told=st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=40),
    scale=st.sampled_from([2.0**-20, 2.0**10, -2.0]),
    shift=st.sampled_from([0.0, 2.0**30, -(2.0**20)]),
)
def test_what_is_watched_has_no_scale_and_no_origin(
    aggregates: str, told: list[int], scale: float, shift: float
) -> None:
    """A series in other units looks the same, but for the sign where it is turned over."""
    using, made = config(aggregates=aggregates), monitor(config()).features
    start = len(made.names) - len(made.watched)
    plain, moved = (
        vectors([record(value(START + 60 * i, x), "metrics") for i, x in enumerate(each)], using)
        for each in (told, [scale * x + scale * shift for x in told])
    )
    signed = [
        name.startswith(("change", "distance")) and "size" not in name for name in made.watched
    ]
    turned = np.where(signed, np.sign(scale), 1.0)
    np.testing.assert_allclose(moved[:, start:] * turned, plain[:, start:], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
def test_a_flat_line_far_from_0_is_not_called_restless(aggregates: str) -> None:
    """Though its one shift leaves sums of squares that rounding eats into."""
    using = config(aggregates=aggregates, windows=["1h"])
    told = [1e9, *[1e9 + 12_345.678] * 600]
    flat = rows([value(START + 60 * i, x) for i, x in enumerate(told)], using)[-1]
    assert abs(flat["distance_1h"]) < 0.1
    jump = rows([value(START + 60 * i, x) for i, x in enumerate([*told, 1e9 + 20_000.0])], using)
    assert jump[-1]["distance_1h"] > 5.0


def test_a_series_that_was_let_go_begins_anew() -> None:
    told = [value(START + i, float(i), name) for i, name in enumerate("aabcda")]
    found = rows(told, config())  # of which three are kept
    assert [row["log_gap"] > 0.0 for row in found] == [False, True, False, False, False, False]
    assert found[-1]["distance_7d"] == 0.0


def test_a_late_value_is_no_step_back_in_time() -> None:
    found = rows([value(START + at, 1.0) for at in (0.0, 500.0, 100.0, 600.0)], config())
    assert [round(math.expm1(row["log_gap"])) for row in found] == [0, 500, 0, 100]


def test_what_is_watched_leaves_out_the_calendar_and_the_value() -> None:
    core = monitor(config())
    batch = core.codec.decode([record(value(START + i, 2.0 * i), "metrics") for i in range(5)])
    assert isinstance(batch.events, Measurements)
    ops = core.labels.join(batch.kind, batch.ids, batch.ts, batch.label)
    found = core.features.run(ops, batch.events)
    watched, mixes = core.features.observe(batch.events, found)
    assert core.features.names[:4] == ["bias", "value", "weekend", "night"]
    assert list(core.features.watched) == core.features.names[4:]
    np.testing.assert_array_equal(watched, found.dense[:, 4:])
    assert mixes.shape == (5, 0)
    assert core.features.reasons(batch.events, 0, found.dense[0].tolist(), [])[0] == ("value", 0.0)


@st.composite
def streams(draw: st.DrawFn, least: int = 0) -> list[Record]:
    records = []
    ts = START
    item = st.tuples(
        st.booleans(), st.integers(0, 4), st.sampled_from([-7_200.0, 0.0, 60.0, 9e4]),
        st.integers(0, 1), st.floats(-1e15, 1e15),
    )  # fmt: skip
    for number, (is_event, key, dt, y, x) in enumerate(draw(st.lists(item, min_size=least))):
        ts += dt
        if is_event:
            given_ = {"id": number % 6, **value(ts, x, key)}
            records.append(record(given_, "metrics"))
        else:
            records.append(record({"id": key, "label": y, "ts": ts}, "labels"))
    return records


@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
@settings(max_examples=40)
@given(past=streams(least=1), future=streams(), other=streams())
def test_no_peeking_and_always_finite(
    aggregates: str, past: list[Record], future: list[Record], other: list[Record]
) -> None:
    using = config(aggregates=aggregates)
    events = sum(r.topic == "metrics" for r in past)
    seen, otherwise = (vectors([*past, *rest], using)[:events] for rest in (future, other))
    np.testing.assert_array_equal(seen, otherwise)
    assert np.isfinite(seen).all()
