"""Both kinds of windows against naive references that add everything up anew from the history."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vectors import CORRECT, SCORE, Floats, Hashes
from stream.features.sliding import SlidingWindows
from stream.features.windows import COUNT, FRAUDS, LABELS, SQUARE, SUM, DecayedWindows, Windows
from stream.hashing import ABSENT
from stream.labels import EVENT_ITEM, LABEL_ITEM, Labels, Ops

SPANS = [3.0, 10.0]
COLUMNS = 2
CAPACITY = 6  # events that wait for labels
TOLERANCE = 1e-9


class Item(NamedTuple):
    """A decoded record; `keys` and `value` are an event's, `label` a label's."""

    kind: int
    id: int
    ts: float
    label: int
    keys: tuple[int, int]
    value: float


@dataclass(eq=False)
class Entry:
    """Something that happened to a key."""

    ts: float
    value: float
    lives: list[Life | None]


@dataclass(eq=False)
class Life:
    """A key from when it is seen until it is forgotten; coming back is another life."""

    now: float = -np.inf
    faded: list[tuple[float, Floats]] = field(default_factory=list)  # (ts, (window, FIELDS))

    def add(self, ts: float, *numbers: float) -> None:
        self.faded.append((ts, np.tile(numbers, (len(SPANS), 1))))

    def sums(self) -> Floats:
        total = np.zeros((len(SPANS), 5))
        for ts, numbers in self.faded:
            total += np.exp(-(self.now - ts) / np.array(SPANS))[:, np.newaxis] * numbers
        return total


class Keys:
    """The keys of a column that are remembered."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lives: OrderedDict[int, Life] = OrderedDict()

    def use(self, key: int) -> Life:
        if key not in self.lives:
            if len(self.lives) == self.most:
                self.lives.popitem(last=False)
            self.lives[key] = Life()
        self.lives.move_to_end(key)
        return self.lives[key]


class Step(NamedTuple):
    """One operation as the references read it; `event` and `keys` for `SCORE` only."""

    code: int
    slot: int
    y: int
    was: int
    ts: float
    event: int
    keys: list[int]
    value: float


def steps(ops: Ops, keys: Hashes, values: Floats) -> Iterator[Step]:
    columns = (ops.code, ops.slot, ops.y, ops.was, ops.ts, ops.event)
    for code, slot, y, was, ts, event in zip(*(c.tolist() for c in columns), strict=True):
        scored = code == SCORE
        of = keys[event].tolist() if scored else []
        yield Step(code, slot, y, was, ts, event, of, float(values[event]) if scored else 0.0)


def naive_decayed(ops: Ops, keys: Hashes, values: Floats, max_keys: int) -> Floats:
    """Every number anew from the full history, with ``exp(-age / span)`` as weights."""
    known = np.zeros((len(values), COLUMNS, len(SPANS), 5))
    columns = [Keys(max_keys) for _ in range(COLUMNS)]
    waiting: dict[int, list[int]] = {}
    for step in steps(ops, keys, values):
        if step.code == SCORE:
            waiting[step.slot] = step.keys
        for c, key in enumerate(waiting[step.slot]):
            if key == ABSENT or (step.code != SCORE and key not in columns[c].lives):
                continue
            life = columns[c].use(key) if step.code == SCORE else columns[c].lives[key]
            life.now = max(life.now, step.ts)
            if step.code == SCORE:
                known[step.event, c] = life.sums()
                life.add(step.ts, 1.0, step.value, step.value**2, 0.0, 0.0)
            elif step.code == CORRECT:
                sums = life.sums()
                weight = np.exp(-(life.now - step.ts) / np.array(SPANS))
                wanted = sums[:, FRAUDS] + weight * (step.y - step.was)
                change = np.zeros_like(sums)
                change[:, FRAUDS] = np.clip(wanted, 0.0, sums[:, LABELS]) - sums[:, FRAUDS]
                life.faded.append((life.now, change))
            else:
                life.add(step.ts, 0.0, 0.0, 0.0, 1.0, step.y)
    return known


def naive_sliding(ops: Ops, keys: Hashes, values: Floats, max_keys: int, max_events: int) -> Floats:
    """Every number anew from the entries within the span; right for streams in order."""
    known = np.zeros((len(values), COLUMNS, len(SPANS), 5))
    columns = [Keys(max_keys) for _ in range(COLUMNS)]
    waiting: dict[int, list[int]] = {}
    labelled: dict[int, Entry] = {}
    events: list[Entry] = []
    labels: list[Entry] = []
    for step in steps(ops, keys, values):
        if step.code == CORRECT:
            labelled[step.slot].value = step.y
        elif step.code == SCORE:
            waiting[step.slot] = step.keys
            entry = Entry(step.ts, step.value, [])
            for c, key in enumerate(step.keys):
                life = columns[c].use(key) if key != ABSENT else None
                entry.lives.append(life)
                for w, span in enumerate(SPANS if life else []):
                    # the log has room for one less than it holds, for the event itself
                    log = events[max(0, len(events) - max_events + 1) :]
                    inside = [e for e in log if e.ts + span >= step.ts and e.lives[c] is life]
                    seen = [e for e in labels[-max_events:] if e.ts + span >= step.ts]
                    truths = [e.value for e in seen if e.lives[c] is life]
                    known[step.event, c, w] = (
                        len(inside),
                        sum(e.value for e in inside),
                        sum(e.value**2 for e in inside),
                        len(truths),
                        sum(truths),
                    )
            events.append(entry)
        else:
            lives = [columns[c].lives.get(key) for c, key in enumerate(waiting[step.slot])]
            labelled[step.slot] = Entry(step.ts, step.y, lives)
            labels.append(labelled[step.slot])
    return known


def decode(labels: Labels, items: list[Item]) -> tuple[Ops, Hashes, Floats]:
    ops = labels.join(
        np.array([item.kind for item in items], np.int8),
        np.array([item.id for item in items], np.uint64),
        np.array([item.ts for item in items], np.float64),
        np.array([item.label for item in items], np.int8),
    )
    events = [item for item in items if item.kind == EVENT_ITEM]
    keys = np.array([item.keys for item in events], np.uint64).reshape(-1, COLUMNS)
    return ops, keys, np.array([item.value for item in events], np.float64)


def run(windows: Windows, labels: Labels, items: list[Item], cuts: set[int]) -> Floats:
    """What the windows knew at each event, the items given in several parts."""
    ends = [*sorted(cut for cut in cuts if cut < len(items)), len(items)]
    parts = [items[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return np.concatenate([windows.run(*decode(labels, part)) for part in parts])


def new_labels() -> Labels:
    return Labels(CAPACITY, 3, 15.0, assume_negative=True)


@st.composite
def streams(draw: st.DrawFn, least_dt: float = 0.0) -> list[Item]:
    ts = 100.0
    items = []
    step = st.tuples(
        st.sampled_from([EVENT_ITEM, EVENT_ITEM, LABEL_ITEM]),
        st.integers(1, 5),
        st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 7.0, -1.0, -4.5]),
        st.integers(0, 1),
        st.tuples(st.integers(0, 3), st.integers(0, 2)),  # 0 is ABSENT
        st.sampled_from([0.0, 1.0, 10.1, 333.3, -5.7, 1e4]),
    )
    for kind, name, dt, label, keys, value in draw(st.lists(step, max_size=60)):
        ts += max(least_dt, dt)
        items.append(Item(kind, name, ts, label, keys, value))
    return items


in_order, any_order = streams(), streams(least_dt=-5.0)
cuts = st.sets(st.integers(0, 60), max_size=6)
few_keys = st.integers(1, 4)


@given(any_order, few_keys)
def test_decayed_is_the_weighted_sum_of_the_history(items: list[Item], max_keys: int) -> None:
    windows = DecayedWindows(SPANS, COLUMNS, max_keys, CAPACITY)
    ops, keys, values = decode(new_labels(), items)
    expected = naive_decayed(ops, keys, values, max_keys)
    np.testing.assert_allclose(
        windows.run(ops, keys, values), expected, rtol=TOLERANCE, atol=TOLERANCE
    )


@given(in_order, few_keys, st.sampled_from([1, 2, 5, 100]))
def test_sliding_is_exactly_what_lies_in_the_span(
    items: list[Item], max_keys: int, max_events: int
) -> None:
    windows = SlidingWindows(SPANS, COLUMNS, max_keys, CAPACITY, max_events)
    ops, keys, values = decode(new_labels(), items)
    known = windows.run(ops, keys, values)
    expected = naive_sliding(ops, keys, values, max_keys, max_events)
    whole = [COUNT, LABELS, FRAUDS]
    np.testing.assert_array_equal(known[..., whole], expected[..., whole])
    largest = np.abs(values).max(initial=1.0)
    for sums, scale in ((SUM, largest), (SQUARE, largest**2)):
        difference = np.abs(known[..., sums] - expected[..., sums])
        assert difference.max(initial=0.0) <= TOLERANCE * scale


@given(any_order, few_keys)
def test_sliding_empties_even_when_events_came_late(items: list[Item], max_keys: int) -> None:
    windows = SlidingWindows(SPANS, COLUMNS, max_keys, CAPACITY, 20)
    later = 1e6
    last = [Item(EVENT_ITEM, 99, later, 0, (a, b), 1.0) for a, b in [(1, 1), (2, 2), (3, 3)]]
    labels = Labels(CAPACITY, 3, 1e9)  # so that nothing expires into a label just then
    known = run(windows, labels, items + last, set())
    assert (known[..., [COUNT, LABELS, FRAUDS]] >= 0).all()
    assert not known[-3:].any()


KINDS: dict[str, Callable[[int], Windows]] = {
    "decayed": lambda max_keys: DecayedWindows(SPANS, COLUMNS, max_keys, CAPACITY),
    "sliding": lambda max_keys: SlidingWindows(SPANS, COLUMNS, max_keys, CAPACITY, 7),
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@each_kind
@given(items=any_order, cut=cuts, max_keys=few_keys)
def test_cuts_change_nothing(
    make: Callable[[int], Windows], items: list[Item], cut: set[int], max_keys: int
) -> None:
    whole = run(make(max_keys), new_labels(), items, set())
    np.testing.assert_array_equal(run(make(max_keys), new_labels(), items, cut), whole)


@each_kind
@given(items=any_order, stop=st.integers(0, 60), max_keys=few_keys)
def test_goes_on_from_a_snapshot(
    make: Callable[[int], Windows], items: list[Item], stop: int, max_keys: int
) -> None:
    first, second, labels = make(max_keys), make(max_keys), new_labels()
    run(first, labels, items[:stop], set())
    saved, rest = deepcopy(first.snapshot()), decode(labels, items[stop:])
    expected = first.run(*rest)
    second.restore(saved)
    np.testing.assert_array_equal(second.run(*rest), expected)


def event(name: int, ts: float) -> Item:
    return Item(EVENT_ITEM, name, ts, 0, (5, ABSENT), 20.0)


def label(name: int, ts: float, y: int) -> Item:
    return Item(LABEL_ITEM, name, ts, y, (0, 0), 0.0)


@each_kind
def test_labels_count_from_when_they_come(make: Callable[[int], Windows]) -> None:
    items = [
        event(1, 0.0), event(2, 0.0), label(1, 0.0, 1), event(3, 0.0), label(1, 0.0, 0),
        event(4, 0.0),
    ]  # fmt: skip
    known = run(make(9), new_labels(), items, set())
    assert known[:, 0, 0, COUNT].tolist() == [0, 1, 2, 3]
    assert known[:, 0, 0, LABELS].tolist() == [0, 0, 1, 1]
    assert known[:, 0, 0, FRAUDS].tolist() == [0, 0, 1, 0]
    assert not known[:, 1].any()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("decayed", [[np.exp(-3.0)] * 2, [np.exp(-0.9)] * 2]), ("sliding", [[0, 0], [1, 1]])],
)
def test_a_late_correction_corrects_what_is_left_of_the_label(
    kind: str, expected: list[list[float]]
) -> None:
    items = [event(1, 0.0), label(1, 0.0, 0), label(1, 9.0, 1), event(2, 9.0)]
    labelled = run(KINDS[kind](9), new_labels(), items, set())[-1, 0, :, [LABELS, FRAUDS]].T
    np.testing.assert_allclose(labelled, expected, rtol=TOLERANCE)


def test_what_comes_later_than_its_whole_window_is_not_in_it() -> None:
    for resume in (False, True):
        windows, labels = KINDS["sliding"](9), Labels(CAPACITY, 3, 1e9)
        run(windows, labels, [event(1, 0.0), label(1, 100.0, 0)], set())
        if resume:
            saved, windows = deepcopy(windows.snapshot()), KINDS["sliding"](9)
            windows.restore(saved)
        known = run(windows, labels, [event(2, 50.0), event(3, 51.0)], set())
        assert not known[-1, 0, :, COUNT].any()


@each_kind
@given(items=any_order)
def test_frauds_are_a_part_of_labels(make: Callable[[int], Windows], items: list[Item]) -> None:
    known = run(make(2), new_labels(), items, set())
    assert (known[..., FRAUDS] >= 0.0).all()
    assert (known[..., FRAUDS] <= known[..., LABELS]).all()


@each_kind
def test_a_key_that_had_to_leave_starts_anew(make: Callable[[int], Windows]) -> None:
    keys = [1, 2, 1, 3, 1, 2]  # with room for two: 3 takes the place of 2, and 2 that of 3
    items = [Item(EVENT_ITEM, i, 0.0, 0, (key, 7), 1.0) for i, key in enumerate(keys)]
    known = run(make(2), new_labels(), items, set())
    assert known[:, 0, 0, COUNT].tolist() == [0, 0, 1, 0, 2, 0]
    assert known[:, 1, 0, COUNT].tolist() == [0, 1, 2, 3, 4, 5]
