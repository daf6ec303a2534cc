"""The journal gives back the order in which records were taken, in few bytes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack, to_builtins

from stream.events import Record
from stream.journal import Entry, Order, Run, decode, encode

TOPICS = ("transactions", "labels")


@st.composite
def taken(draw: st.DrawFn) -> list[Record]:
    """Records of four partitions, in any interleaving, with gaps in their offsets."""
    places = draw(st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 1)), max_size=60))
    next_offset = {
        (topic, n): draw(st.sampled_from([0, 7, 2**40])) for topic in TOPICS for n in range(2)
    }
    records = []
    for at in places:
        offset = next_offset[at] + draw(st.sampled_from([0, 0, 0, 1, 300]))
        next_offset[at] = offset + 1
        records.append(Record(b"", *at, offset, 0))
    return records


def entry(records: list[Record], *cuts: int) -> Entry:
    """An entry of records that came in several polls."""
    order = Order()
    for start, end in zip((0, *cuts), (*cuts, len(records)), strict=True):
        order.add(records[start:end])
    return order.entry(7, "f" * 32, 5, 3)


def read(runs: list[Run], records: list[Record]) -> list[Record]:
    """Records by the runs of a journal, from their partitions."""
    found = []
    for run in runs:
        found += [
            r for r in records
            if (r.topic, r.partition) == run[:2] and run.first <= r.offset < run.next
        ]  # fmt: skip
    return found


@given(taken())
def test_runs_give_the_order_back(records: list[Record]) -> None:
    runs = list(entry(records).runs)
    assert read(runs, records) == records
    assert all(run.first < run.next for run in runs)
    assert all(a[:2] != b[:2] for a, b in itertools.pairwise(runs))


@given(taken())
def test_runs_of_a_partition_join_without_gap(records: list[Record]) -> None:
    at: dict[tuple[str, int], int] = {}
    for run in entry(records).runs:
        assert at.get(run[:2], run.first) == run.first
        at[run[:2]] = run.next
    last = {(r.topic, r.partition): r.offset + 1 for r in records}
    assert at == last


@given(taken(), st.integers(0, 60))
def test_polls_leave_no_trace(records: list[Record], cut: int) -> None:
    assert entry(records, min(cut, len(records))) == entry(records)


@given(taken())
def test_an_entry_is_what_it_was_after_its_way_through_bytes(records: list[Record]) -> None:
    assert decode(encode(entry(records))) == entry(records)


def test_what_was_written_before_labels_could_be_undone_is_read() -> None:
    whole = {**to_builtins(entry([])), "unknown": 1}
    del whole["without"]
    assert decode(msgpack.encode(whole)) == entry([])


def test_a_run_takes_two_bytes() -> None:
    records = [Record(b"", "transactions", n % 2, 2**40 + n // 2, 0) for n in range(2_000)]
    assert len(encode(entry(records))) < 2 * 2_000 + 200


def test_nothing_taken_is_nothing_to_note() -> None:
    order = Order()
    order.add([])
    assert not order
    order.add([Record(b"", "labels", 0, 3, 0)])
    assert order
    assert not order.full


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", [["t\xff", 0, 0]]),
        ("lengths", [0]),
        ("lengths", [1, 5]),
        ("lengths", [0, -5]),
        ("lengths", [-1, 5]),
        ("unknown", []),
    ],
)
def test_what_is_no_entry_is_a_value_error(name: str, value: Any) -> None:
    """As somebody could have written it who may write to the topic."""
    good = msgpack.decode(
        encode(Entry(sequence=1, partitions=(("t", 0, 0),), lengths=(), scores=""))
    )
    bad = msgpack.encode(good | {name: value})
    bad = bad.replace("t\xff".encode(), b"t\xff\xff")  # no UTF-8
    if name == "unknown":
        bad = bad[:-1] + b"\x91" * 100_000 + b"\x90"  # a list in a list in …
    with pytest.raises(ValueError, match=r"\w"):
        decode(bad)
