"""`Labels.join` against a plain Python reference, and the laws of its counters."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vectors import ASSUME, CORRECT, LEARN, SCORE
from stream.labels import (
    CORRECTED,
    DUPLICATE,
    EARLY,
    EVENT_ITEM,
    EXPIRED,
    JOINED,
    LABEL_ITEM,
    ORPHANED,
    REPEATED,
    Labels,
)


class Item(NamedTuple):
    """A decoded record."""

    kind: int
    id: int
    ts: float
    label: int


class Op(NamedTuple):
    """An operation; `event` counts over all calls."""

    code: int
    event: int
    slot: int
    y: int
    was: int
    ts: float


@dataclass(eq=False)
class Entry:
    """One that waits: an event (`y` is None until labelled), or a label (None once used)."""

    id: int
    ts: float
    y: int | None
    slot: int = -1


@dataclass
class Reference:
    """What `Labels` does, said with deques."""

    max_waiting: int
    max_early: int
    ttl: float
    assume: bool
    waiting: deque[Entry] = field(default_factory=deque)
    early: deque[Entry] = field(default_factory=deque)
    clock: float = -np.inf
    events: int = 0
    counts: list[int] = field(default_factory=lambda: [0] * 7)
    ops: list[Op] = field(default_factory=list)

    def take(self, item: Item) -> None:
        self.clock = max(self.clock, item.ts)
        for turn in range(2):
            self._let_go(is_full=turn == 0 and item.kind == EVENT_ITEM)
        if item.kind == EVENT_ITEM:
            self._event(item)
        else:
            self._label(item)

    def _let_go(self, *, is_full: bool) -> None:
        full = is_full and len(self.waiting) == self.max_waiting
        if full or self._overdue(self.waiting):
            entry = self.waiting.popleft()
            if entry.y is None:
                self.counts[EXPIRED] += 1
                if self.assume:
                    self.ops.append(Op(ASSUME, -1, entry.slot, 0, -1, self.clock))
        if self._overdue(self.early):
            self.counts[ORPHANED] += self.early.popleft().y is not None

    def _overdue(self, entries: deque[Entry]) -> bool:
        return bool(entries) and entries[0].ts + self.ttl < self.clock

    def _event(self, item: Item) -> None:
        self.counts[REPEATED] += any(entry.id == item.id for entry in self.waiting)
        entry = Entry(item.id, item.ts, None, self.events % self.max_waiting)
        self.waiting.append(entry)
        self.ops.append(Op(SCORE, self.events, entry.slot, 0, -1, item.ts))
        self.events += 1
        for label in self.early:
            if label.id == item.id and label.y is not None:
                self.counts[JOINED] += 1
                self.ops.append(Op(LEARN, -1, entry.slot, label.y, -1, self.clock))
                entry.y, label.y = label.y, None

    def _label(self, item: Item) -> None:
        of = [entry for entry in self.waiting if entry.id == item.id]
        if of:  # the youngest event of that id
            entry = of[-1]
            if entry.y == item.label:
                self.counts[DUPLICATE] += 1
                return
            first = entry.y is None
            self.counts[JOINED if first else CORRECTED] += 1
            was = -1 if entry.y is None else entry.y
            code = LEARN if first else CORRECT
            self.ops.append(Op(code, -1, entry.slot, item.label, was, item.ts))
            entry.y = item.label
            return
        for label in self.early:
            if label.id == item.id and label.y is not None:
                self.counts[DUPLICATE if label.y == item.label else CORRECTED] += 1
                label.y = item.label
                return
        self.counts[EARLY] += 1
        if len(self.early) == self.max_early:
            self.counts[ORPHANED] += self.early.popleft().y is not None
        self.early.append(Entry(item.id, item.ts, item.label))


def join(labels: Labels, items: list[Item], cuts: set[int]) -> list[Op]:
    """All operations of several calls, with events counted over all of them."""
    ops, events = [], 0
    ends = [*sorted(cut for cut in cuts if cut < len(items)), len(items)]
    for start, end in zip([0, *ends], ends, strict=False):
        part = items[start:end]
        got = labels.join(
            np.array([item.kind for item in part], np.int8),
            np.array([item.id for item in part], np.uint64),
            np.array([item.ts for item in part], np.float64),
            np.array([item.label for item in part], np.int8),
        )
        columns = (got.code, got.event, got.slot, got.y, got.was, got.ts)
        for code, event, slot, y, was, ts in zip(*(c.tolist() for c in columns), strict=True):
            ops.append(Op(code, event + events if code == SCORE else -1, slot, y, was, ts))
        events += sum(item.kind == EVENT_ITEM for item in part)
    return ops


@st.composite
def streams(draw: st.DrawFn) -> list[Item]:
    ts = 0.0
    items = []
    kinds = st.sampled_from([EVENT_ITEM, LABEL_ITEM])
    steps = st.tuples(kinds, st.integers(1, 6), st.integers(-3, 4), st.integers(0, 1))
    for kind, name, dt, y in draw(st.lists(steps, max_size=50)):
        ts += dt
        items.append(Item(kind, name, ts, y))
    return items


bounds = st.tuples(
    st.integers(1, 5), st.integers(1, 3), st.sampled_from([0.0, 2.0, 8.0, 1e9]), st.booleans()
)
cuts = st.sets(st.integers(0, 50), max_size=6)


@given(streams(), bounds, cuts)
def test_like_the_reference_however_cut(
    items: list[Item], settings: tuple[int, int, float, bool], cut: set[int]
) -> None:
    reference = Reference(*settings)
    for item in items:
        reference.take(item)
    labels = Labels(*settings)
    assert join(labels, items, cut) == reference.ops
    assert labels.counts.tolist() == reference.counts
    assert labels.waiting == len(reference.waiting) <= settings[0]


@given(streams(), bounds)
def test_every_label_and_every_event_is_counted_once(
    items: list[Item], settings: tuple[int, int, float, bool]
) -> None:
    max_waiting, max_early, _, assume = settings
    labels = Labels(*settings)
    learned: dict[int, bool] = {}  # by slot: whether its example was learned
    joined_by_event = 0
    for item in items:
        before = labels.counts.copy()
        ops = join(labels, [item], set())
        rose = labels.counts - before
        codes = [op.code for op in ops]
        for op in ops:
            assert op.code == SCORE or learned[op.slot] == (op.code == CORRECT)
            learned[op.slot] = op.code != SCORE
        assert codes.count(ASSUME) == (rose[EXPIRED] if assume else 0)
        assert codes.count(LEARN) == rose[JOINED]
        if item.kind == EVENT_ITEM:
            assert codes.count(SCORE) == 1
            assert rose[[EARLY, DUPLICATE, CORRECTED]].sum() == 0
            joined_by_event += rose[JOINED]
        else:
            assert rose[[JOINED, EARLY, DUPLICATE, CORRECTED]].sum() == 1
            assert codes.count(CORRECT) <= rose[CORRECTED]  # early ones are corrected in silence
        n = labels.counts
        assert labels.waiting <= max_waiting
        assert 0 <= n[EARLY] - n[ORPHANED] - joined_by_event <= max_early


@given(streams(), bounds, st.integers(0, 50))
def test_goes_on_from_a_snapshot(
    items: list[Item], settings: tuple[int, int, float, bool], stop: int
) -> None:
    first, second = Labels(*settings), Labels(*settings)
    join(first, items[:stop], set())
    saved = deepcopy(first.snapshot())
    rest = join(first, items[stop:], set())
    second.restore(saved)
    assert join(second, items[stop:], set()) == rest
    assert second.counts.tolist() == first.counts.tolist()


def test_an_early_label_waits_and_the_newest_counts() -> None:
    labels = Labels(10, 10, 100.0)
    items = [
        Item(LABEL_ITEM, 1, 0.0, 0),
        Item(LABEL_ITEM, 1, 1.0, 1),
        Item(EVENT_ITEM, 1, 2.0, 0),
        Item(LABEL_ITEM, 1, 3.0, 0),
    ]
    assert join(labels, items, set()) == [
        Op(SCORE, 0, 0, 0, -1, 2.0),
        Op(LEARN, -1, 0, 1, -1, 2.0),
        Op(CORRECT, -1, 0, 0, 1, 3.0),
    ]


@pytest.mark.parametrize("assume", [False, True])
def test_an_event_without_a_label_expires(assume: bool) -> None:
    labels = Labels(10, 10, 5.0, assume)
    items = [Item(EVENT_ITEM, 1, 0.0, 0), Item(EVENT_ITEM, 2, 5.0, 0), Item(EVENT_ITEM, 3, 5.1, 0)]
    codes = [op.code for op in join(labels, items, set())]
    assert codes == [SCORE, SCORE, *([ASSUME] if assume else []), SCORE]
    assert labels.counts[EXPIRED] == 1
    assert labels.waiting == 2
