"""What is done with a history: figures of it, and the same without the labels of some sources.

That the records are those of the journal is for `tests/live/test_history.py` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pytest

from stream import build
from stream.errors import RecoveryError
from stream.events import Record
from stream.history import Commit, History, forget
from stream.journal import Entry, Order
from stream.monitor import Monitor
from stream.replay import Ledger, repeat
from stream.sinks.memory import MemorySink
from stream.without import Way, Without, sources_of
from tests.models.helpers import bits
from tests.stream.streams import EXTRA, config, polls, record, stream

OF = config(fields=EXTRA)
SIZE = 50  # records of an entry
RECORDS = stream(1_000)


class Past:
    """A history of records in memory, as far as those who follow it can tell."""

    progress = 0.5

    def __init__(self, commits: Sequence[tuple[Entry, bool, Sequence[Record]]]) -> None:
        self._commits = commits

    def __iter__(self) -> Iterator[Commit | None]:
        for entry, anew, records in self._commits:
            yield None
            yield Commit(entry, anew, polls(records, 7), "journal")


def entry(sequence: int, records: Sequence[Record], monitor: Monitor, *without: str) -> Entry:
    order = Order()
    order.add(records)
    made = order.entry(sequence, monitor.chain.hex, monitor.chain.count, 0)
    return Entry(
        sequence=sequence,
        partitions=made.partitions,
        lengths=made.lengths,
        scores=made.scores,
        without=without,
    )


def life(records: Sequence[Record], *, anew: bool = False) -> list[tuple[Entry, bool, Any]]:
    """The commits of a monitor that is given these, and begins with nothing."""
    monitor, commits = build.monitor(OF), []
    for number, each in enumerate(polls(records, SIZE)):
        monitor.step(each)
        commits.append((entry(number, each, monitor), anew and number == 0, each))
    return commits


def history(commits: Sequence[tuple[Entry, bool, Any]]) -> History:
    return cast(History, Past(commits))


def given(records: Sequence[Record]) -> Monitor:
    monitor = build.monitor(OF)
    monitor.step(records)
    return monitor


def kept(records: Sequence[Record], *out: str) -> list[Record]:
    source = sources_of(OF)
    return [each for each in records if source(each) not in out]


def test_figures_of_the_second_half_know_nothing_of_the_first() -> None:
    commits, half = life(RECORDS), 500
    whole, monitor = Ledger(), build.monitor(OF)
    for poll in polls(RECORDS, 100):
        whole.add(monitor.step(poll))
    monitor = given(RECORDS[:half])
    before = monitor.chain.count
    repeated = repeat(history(commits[half // SIZE :]), monitor, MemorySink(), lambda: None)
    assert (repeated.commits, repeated.differs) == (len(commits) // 2, None)
    ours, all_of_it = repeated.ledger.figures(), whole.figures(skip=before)
    for name in ("events", "labels", "error", "roc_auc", "alerts", "precision", "recall"):
        assert getattr(ours, name) == getattr(all_of_it, name), name
    assert ours.events == monitor.chain.count - before


def test_a_history_that_begins_anew_has_the_figures_of_its_last_life() -> None:
    monitor = build.monitor(OF)
    second = life(RECORDS[300:], anew=True)
    past, sink = history([*life(RECORDS[:300]), *second]), MemorySink()
    repeated = repeat(past, monitor, sink, lambda: forget(OF, monitor))
    alone = given(RECORDS[300:])
    assert bits(monitor.snapshot()) == bits(alone.snapshot())
    assert repeated.differs is None
    assert repeated.ledger.figures().events == alone.chain.count


def test_the_first_entry_with_other_scores_is_named() -> None:
    commits = life(RECORDS)
    lost = [(e, anew, records[1:] if e.sequence == 8 else records) for e, anew, records in commits]
    repeated = repeat(history(lost), build.monitor(OF), MemorySink(), lambda: None)
    assert repeated.differs
    assert repeated.differs.sequence == 8


def without(commits: Sequence[tuple[Entry, bool, Any]], *sources: str) -> tuple[Monitor, Without]:
    way, monitor = Way(), build.monitor(OF)
    for each, _, _ in commits:
        way.add(each)
    done = Without(OF, monitor, frozenset(sources), way)
    done.follow(history(commits), lambda *_: None)
    return monitor, done


def test_without_labels_it_is_as_if_they_had_not_been() -> None:
    monitor, done = without(life(RECORDS), "reporter 1", "reporter 4")
    left = kept(RECORDS, "reporter 1", "reporter 4")
    assert bits(monitor.snapshot()) == bits(given(left).snapshot())
    assert done.labels == len(RECORDS) - len(left) > 50
    assert done.events == monitor.chain.count
    untouched, done = without(life(RECORDS), "nobody")
    assert bits(untouched.snapshot()) == bits(given(RECORDS).snapshot())
    assert done.labels == 0


def test_what_was_undone_before_stays_undone_up_to_there_and_no_further() -> None:
    commits = life(RECORDS)
    half = len(commits) // 2
    first, second = RECORDS[: half * SIZE], RECORDS[half * SIZE :]
    monitor = given(kept(first, "reporter 1"))
    cut = entry(half, [], monitor, "reporter 1")
    later = [(entry(e.sequence + 1, each, monitor), anew, each) for e, anew, each in commits[half:]]
    monitor, done = without([*commits[:half], (cut, False, []), *later], "reporter 2")
    left = kept(first, "reporter 1", "reporter 2") + kept(second, "reporter 2")
    assert bits(monitor.snapshot()) == bits(given(left).snapshot())
    assert done.labels == len(RECORDS) - len(kept(RECORDS, "reporter 2"))


def test_a_life_before_does_not_count() -> None:
    commits = [*life(RECORDS[:400]), *life(RECORDS[400:], anew=True)]
    monitor, done = without(commits, "reporter 1")
    left = kept(RECORDS[400:], "reporter 1")
    assert bits(monitor.snapshot()) == bits(given(left).snapshot())
    assert done.labels == len(RECORDS[400:]) - len(left)
    assert done.anew


def test_until_the_first_label_is_left_out_the_scores_are_checked() -> None:
    commits = life(RECORDS)
    with pytest.raises(RecoveryError, match=r"journal: the records of entry 0 now give other"):
        without([(e, anew, records[:-20]) for e, anew, records in commits], "nobody")
    cut = entry(1, [], given(RECORDS), "a", "b")
    with pytest.raises(RecoveryError, match=r"entry 1 takes back the labels of a, b, which were"):
        Commit(cut, False, iter(()), "journal").demand(build.monitor(OF))


def test_the_way_knows_what_was_taken() -> None:
    way = Way(ends={("labels", 0): 9})  # from a snapshot
    assert [way.took(record(b"", "labels", n)) for n in (0, 8, 9)] == [True, True, False]
    monitor = build.monitor(OF)
    way.add(entry(5, [record(b"", "labels", 12)], monitor))
    assert [way.took(record(b"", "labels", n)) for n in (0, 12, 13)] == [True, True, False]
    assert not way.whole
    way.add(entry(0, [record(b"", "labels", 20), record(b"", "labels", 22)], monitor))
    assert way.whole
    assert [way.took(record(b"", "labels", n)) for n in (12, 20, 22, 23)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not way.took(record(b"", "transactions", 0))


@pytest.mark.parametrize(
    ("value", "topic", "expected"),
    [
        ({"id": 1, "label": 1, "source": "a"}, "labels", "a"),
        ({"id": 1, "label": 1}, "labels", None),
        ({"id": 1, "label": 1, "source": None}, "labels", None),
        ({"id": 1, "label": 1, "source": 7}, "labels", None),
        ({"id": 1, "source": "a"}, "transactions", None),
        (b"{", "labels", None),
        (b"\xff", "labels", None),
        (b"[" * 10_000, "labels", None),
    ],
)
def test_whose_a_label_is(value: Any, topic: str, expected: str | None) -> None:
    assert sources_of(OF)(record(value, topic)) == expected


def test_the_field_of_the_source_is_the_config_s() -> None:
    of: Callable[[Record], str | None] = sources_of(config(fields={"source": "by"}))
    assert of(record({"id": 1, "by": "a", "source": "b"}, "labels")) == "a"
