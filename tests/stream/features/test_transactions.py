"""Features by hand, at known dates, of streams that lack fields, and never from the future."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vectors import Floats
from stream.build import monitor
from stream.config import Config
from stream.events import Record
from tests.stream.streams import DAY, EXTRA, START, config, event, new_monitor, record, steps

FRIDAY = START - 2 * DAY


def vectors(records: Sequence[Record], using: Config) -> Floats:
    """The dense features of the events among some records, not standardised."""
    core = monitor(using)
    batch = core.codec.decode(records)
    assert not batch.dead
    ops = core.labels.join(batch.kind, batch.ids, batch.ts, batch.label)
    return core.features.run(ops, batch.events).dense


def rows(records: Sequence[Mapping[str, Any]], using: Config) -> list[dict[str, float]]:
    """The same by name; a mapping with a label is a label record."""
    topics = ["labels" if "label" in given else "transactions" for given in records]
    dense = vectors([record(r, topic) for r, topic in zip(records, topics, strict=True)], using)
    names = monitor(using).features.names
    return [dict(zip(names, row, strict=True)) for row in dense.tolist()]


def test_by_hand() -> None:
    using = config(
        features={"aggregates": "sliding", "windows": ["1d", "7d"]},
        fields={"terminal": "", "numeric": ["risk"]},
    )
    last = rows(
        [
            event(1, FRIDAY, amount=10.0, risk=0.0),
            {"id": 1, "label": 1, "ts": FRIDAY + 3600.0},
            event(2, FRIDAY + 2 * DAY, amount=20.0, risk=0.0),
            event(3, FRIDAY + 2 * DAY + 7200.0, amount=45.0, risk=-2.5),
        ],
        using,
    )[-1]
    # 7 days hold 10 and 20 and a label 1; one day holds 20 and no label
    week = (45.0 - 15.0) / math.sqrt((50.0 + 0.5 * 15.0**2 + 1.0) / (2.0 + 2.0))
    day = (45.0 - 20.0) / math.sqrt((0.0 + 0.5 * 20.0**2 + 1.0) / (1.0 + 2.0))
    expected = {
        "bias": 1.0,
        "weekend": 1.0,
        "night": 1.0,
        "amount": 45.0,
        "log_amount": math.log(46.0),
        "customer_count_7d": math.log(3.0),
        "customer_fraud_rate_7d": (1.0 + 0.01) / (1.0 + 1.0),
        "customer_mean_amount_7d": math.log(16.0),
        "customer_amount_distance_7d": week,
        "customer_count_1d_vs_7d": math.log(2.0) - math.log(3.0),
        "customer_fraud_rate_1d_vs_7d": 0.01 - 0.505,
        "customer_mean_amount_1d_vs_7d": math.log(21.0) - math.log(16.0),
        "customer_amount_distance_1d_vs_7d": day - week,
        "risk": -2.5,
    }
    assert list(last) == list(expected)
    assert last == pytest.approx(expected, rel=1e-12)


def test_the_first_event_of_a_key_knows_nothing() -> None:
    first = rows([event(1, START, amount=0.0)], config())[0]
    known = {name: x for name, x in first.items() if name.startswith(("customer", "terminal"))}
    assert len(known) == 2 * 3 * 4
    assert {name: x for name, x in known.items() if x} == {
        "customer_fraud_rate_30d": 0.01,
        "terminal_fraud_rate_30d": 0.01,
    }


@pytest.mark.parametrize(
    ("ts", "weekend", "night"),
    [
        ("2018-03-30T23:59:59", 0, 0),  # a Friday
        ("2018-03-31T00:00:00", 1, 1),
        ("2018-04-01T05:59:59", 1, 1),
        ("2018-04-01T06:00:00", 1, 0),
        ("2018-04-01T23:59:59", 1, 0),
        ("2018-04-02T00:00:00", 0, 1),
        ("2018-04-02T01:00:00+02:00", 1, 0),  # 23:00 on Sunday in UTC
        ("1970-01-01T00:00:00", 0, 1),  # a Thursday
        ("1969-12-28T12:00:00", 1, 0),  # a Sunday, before the epoch
    ],
)
def test_weekend_and_night(ts: str, weekend: int, night: int) -> None:
    core = new_monitor()
    batch = core.codec.decode([record(event(1, ts))])
    ops = core.labels.join(batch.kind, batch.ids, batch.ts, batch.label)
    assert core.features.run(ops, batch.events).dense[0, 1:3].tolist() == [weekend, night]


@pytest.mark.parametrize("customer", ["", "customer"])
@pytest.mark.parametrize("terminal", ["", "terminal"])
@pytest.mark.parametrize("amount", ["", "amount"])
@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
def test_names_match_columns_whatever_the_stream_lacks(
    customer: str, terminal: str, amount: str, aggregates: str
) -> None:
    lacking: dict[str, Any] = {"customer": customer, "terminal": terminal, "amount": amount}
    using = config(fields=lacking | {"numeric": ["risk"]}, features={"aggregates": aggregates})
    records = [{**event(i, START + i), "risk": 100.0 + i} for i in range(3)]
    records = [{k: v for k, v in r.items() if lacking.get(k) != ""} for r in records]
    named = rows(records, using)
    names = list(named[0])
    assert len(names) == len(set(names))
    assert sum("customer" in name for name in names) == bool(customer) * 3 * (4 if amount else 2)
    assert sum("amount" in name for name in names) == bool(amount) * (
        2 + 6 * (bool(customer) + bool(terminal))
    )
    assert [row["risk"] for row in named] == [100.0, 101.0, 102.0]
    counts = [row[f"{key}_count_30d"] for row in named for key in (customer, terminal) if key]
    assert counts == sorted(counts)
    assert np.isfinite(list(named[-1].values())).all()


def test_categories_are_hashed_by_name_and_value() -> None:
    core = new_monitor(fields={"categorical": ["a", "b"]}, features={"hash_bits": 20})
    values = [("x", "y"), ("y", "x"), ("x", "y"), (1, True), ("1", "True")]
    given = [record(event(i, START, a=a, b=b)) for i, (a, b) in enumerate(values)]
    batch = core.codec.decode(given)
    ops = core.labels.join(batch.kind, batch.ids, batch.ts, batch.label)
    found = core.features.run(ops, batch.events)
    pairs = found.slots.reshape(-1, 2).tolist()
    assert pairs[0] == pairs[2]
    assert pairs[3] == pairs[4]  # as with ids, 1 and "1" are the same
    assert len({slot for pair in pairs for slot in pair}) == 6
    assert found.start.tolist() == [0, 2, 4, 6, 8]
    assert found.end.tolist() == [2, 4, 6, 8, 10]
    assert found.values.tolist() == [1.0] * 10


@st.composite
def streams(draw: st.DrawFn, least: int = 0, most: int = 25) -> list[Record]:
    records = []
    ts = START
    item = st.tuples(
        st.booleans(), st.integers(0, 6), st.sampled_from([-7200.0, 0.0, 60.0, 9e4]),
        st.integers(0, 1), st.integers(0, 3), st.floats(-1e6, 1e6),
    )  # fmt: skip
    for is_event, name, dt, y, key, amount in draw(st.lists(item, min_size=least, max_size=most)):
        ts += dt
        if is_event:
            fields = {"customer": key, "terminal": name, "amount": amount, "risk": amount}
            records.append(record(event(name, ts, channel=key, country=y, **fields)))
        else:
            records.append(record({"id": name, "label": y, "ts": ts}, "labels"))
    return records


@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
@given(past=streams(least=1), future=streams(), other=streams())
def test_no_peeking(
    aggregates: str, past: list[Record], future: list[Record], other: list[Record]
) -> None:
    using = config(fields=EXTRA, features={"aggregates": aggregates, "max_keys": 3})
    events = sum(r.topic == "transactions" for r in past)
    seen, otherwise = (vectors([*past, *rest], using)[:events] for rest in (future, other))
    np.testing.assert_array_equal(seen, otherwise)


@given(past=streams(least=1), future=streams())
def test_no_score_peeks_either(past: list[Record], future: list[Record]) -> None:
    alone = steps(new_monitor(fields=EXTRA), past, 1000)[0]
    seen = steps(new_monitor(fields=EXTRA), [*past, *future], 1000)[0]
    np.testing.assert_array_equal(seen.scores[: len(alone.scores)], alone.scores)
