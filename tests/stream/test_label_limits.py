"""Labels of a source in a time: against a reference, and what no trick gets round."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.hashing import ABSENT
from stream.label_limits import LabelLimits
from stream.labels import EVENT_ITEM, LABEL_ITEM

Item = tuple[int, int, float]  # kind, source, ts

items = st.lists(
    st.tuples(
        st.sampled_from([EVENT_ITEM, LABEL_ITEM, LABEL_ITEM]),
        st.integers(0, 5),
        st.integers(-2, 30).map(float),
    ),
    max_size=80,
)
settings = st.tuples(st.integers(1, 4), st.sampled_from([1.0, 8.0, 20.0]), st.integers(1, 4))


def admit(limits: LabelLimits, todo: list[Item]) -> list[bool]:
    kind, source, ts = zip(*todo, strict=True) if todo else ((), (), ())
    got = limits.admit(
        np.array(kind, np.int8), np.array(source, np.uint64), np.array(ts, np.float64)
    )
    return [bool(one) for one in got.tolist()]


def reference(todo: list[Item], per_source: int, per: float, max_sources: int) -> list[bool]:
    """Buckets as (tokens, time), of sources from the one heard longest ago to the latest."""
    buckets: OrderedDict[int, tuple[float, float | None]] = OrderedDict()
    clock: float | None = None
    out = []
    for kind, source, ts in todo:
        if kind == EVENT_ITEM:
            clock = ts if clock is None else max(clock, ts)
        if kind == EVENT_ITEM:
            out.append(True)
            continue
        bucket: tuple[float, float | None] = (float(per_source), None)
        if source in buckets:
            bucket = buckets.pop(source)
        elif len(buckets) == max_sources:
            _, bucket = buckets.popitem(last=False)
        tokens, since = bucket
        if since is not None and clock is not None:
            tokens = min(float(per_source), tokens + (clock - since) * (per_source / per))
        out.append(tokens >= 1.0)
        buckets[source] = (tokens - 1.0 if tokens >= 1.0 else tokens, clock)
    return out


@given(items, settings, st.integers(0, 80))
def test_like_the_reference_however_cut(
    todo: list[Item], about: tuple[int, float, int], cut: int
) -> None:
    limits = LabelLimits(*about)
    expected = reference(todo, *about)
    assert admit(limits, todo[:cut]) + admit(limits, todo[cut:]) == expected
    assert limits.limited == expected.count(False)
    assert limits.sources <= about[2]


@given(items, settings, st.integers(0, 80))
def test_goes_on_from_a_snapshot(
    todo: list[Item], about: tuple[int, float, int], stop: int
) -> None:
    first, second = LabelLimits(*about), LabelLimits(*about)
    admit(first, todo[:stop])
    saved = deepcopy(first.snapshot())
    rest = admit(first, todo[stop:])
    second.restore(saved)
    assert admit(second, todo[stop:]) == rest
    assert second.limited == first.limited


@given(items, settings)
def test_all_sources_together_are_bounded(todo: list[Item], about: tuple[int, float, int]) -> None:
    per_source, per, max_sources = about
    got = admit(LabelLimits(*about), todo)
    labels = sum(ok for ok, (kind, _, _) in zip(got, todo, strict=True) if kind == LABEL_ITEM)
    times = [ts for kind, _, ts in todo if kind == EVENT_ITEM]
    span = max(0.0, max(times) - times[0]) if times else 0.0
    assert labels <= max_sources * per_source * (1 + span / per) + 1e-9


def test_one_source_cannot_come_back_with_a_full_bucket() -> None:
    """A thousand names pushed through a table of ten: the ten buckets are all there ever is."""
    limits = LabelLimits(5, 60.0, max_sources=10)
    names = [LABEL_ITEM] * 3_000
    todo = [(kind, 1 + n % 1_000, 0.0) for n, kind in enumerate(names)]
    assert sum(admit(limits, [(EVENT_ITEM, 0, 0.0), *todo])[1:]) == 10 * 5
    # An honest newcomer gets a bucket as it is by now: full again after a quiet time.
    later = admit(limits, [(EVENT_ITEM, 0, 60.0), *[(LABEL_ITEM, 99_999, 60.0)] * 6])
    assert later == [True, *[True] * 5, False]


def test_the_time_of_a_label_counts_for_nothing() -> None:
    limits = LabelLimits(1, 60.0)
    todo = [(EVENT_ITEM, 0, 0.0), *((LABEL_ITEM, 7, ts) for ts in (0.0, 1e12, -1e12, 9e15))]
    assert admit(limits, todo) == [True, True, False, False, False]
    assert admit(limits, [(LABEL_ITEM, 8, 0.0), (LABEL_ITEM, 8, 1e12)]) == [True, False]


def test_who_names_no_source_is_one_source_and_events_pass() -> None:
    limits = LabelLimits(2, 60.0)
    todo = [(LABEL_ITEM, ABSENT, 0.0), (EVENT_ITEM, 7, 0.0), (LABEL_ITEM, 7, 0.0)] * 3
    assert admit(limits, todo) == [True] * 6 + [False, True, False]
    assert limits.limited == limits.sources == 2


def test_a_snapshot_from_when_the_nameless_were_free_comes_back() -> None:
    """They had no bucket then, so they begin with a full one."""
    before, now = LabelLimits(2, 60.0), LabelLimits(2, 60.0)
    admit(before, [(EVENT_ITEM, 0, 0.0), (LABEL_ITEM, 7, 0.0), (LABEL_ITEM, 8, 0.0)])
    now.restore(deepcopy(before.snapshot()))
    assert admit(now, [(LABEL_ITEM, ABSENT, 0.0)] * 3 + [(LABEL_ITEM, 7, 0.0)] * 2) == [
        True, True, False, True, False,
    ]  # fmt: skip
