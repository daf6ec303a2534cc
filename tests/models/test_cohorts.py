"""Cohorts: against a reference that remembers every event, and by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cohorts import Cohorts
from models.vectors import ASSUME, CORRECT, LEARN, MEASURE, SCORE
from tests.models.helpers import bits, cuts

PLACES, SPAN, KEEP, SHARE, FADING = 12, 10.0, 3, 0.5, 0.8

# Codes, slots, labels replaced, times, scores, calibrated probabilities, alerts
Row = tuple[int, int, int, int, float, float, float, int]


@dataclass
class Event:
    ts: float
    score: float
    p: float
    alert: int
    y: int = -1


def feed(cohorts: Cohorts, rows: list[Row]) -> Cohorts:
    columns = (
        [np.array(column) for column in zip(*rows, strict=True)] if rows else [np.zeros(0)] * 8
    )
    types = (np.int8, np.int64, np.int8, np.int8, np.float64, np.float64, np.float64, np.int8)
    arrays = [column.astype(t) for column, t in zip(columns, types, strict=True)]
    cohorts.run(*arrays)
    return cohorts


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def known(events: list[Event]) -> tuple[float, float, float]:
    seen = [e for e in events if e.y >= 0]
    return (
        mean([(e.score > 0.5) != e.y for e in seen]),
        mean([e.y for e in seen if e.alert]),
        mean([e.alert for e in seen if e.y == 1]),
    )


def expected(events: list[Event]) -> tuple[float, float, float]:
    positives = sum(e.p for e in events)
    hits = sum(e.p for e in events if e.alert)
    return (
        mean([1 - e.p if e.score > 0.5 else e.p for e in events]),
        mean([e.p for e in events if e.alert]),
        hits / positives if positives else math.nan,
    )


# The operations are made from events and labels of them, as `stream.labels` does.
scores = st.sampled_from([0.0, 0.5, 0.9, 1.0]) | st.floats(0.0, 1.0)
an_event = st.tuples(st.floats(-4.0, 9.0), scores, st.floats(0.0, 1.0), st.integers(0, 1))
a_label = st.tuples(st.integers(0, PLACES - 1), st.sampled_from([LEARN, MEASURE, ASSUME]))
streams = st.lists(an_event | a_label, max_size=60)


def made(stream: list[tuple[float, float, float, int] | tuple[int, int]]) -> list[Row]:
    rows: list[Row] = []
    places: dict[int, Event] = {}
    now, slot = 0.0, 0
    for item in stream:
        if len(item) == 4:
            step, score, p, alert = item
            now += step
            places[slot % PLACES] = Event(now, score, p, alert)
            rows.append((SCORE, slot % PLACES, 0, -1, now, score, p, alert))
            slot += 1
        elif item[0] in places:
            place, code = item
            event = places[place]
            y = 0 if code == ASSUME else (1 - event.y if event.y >= 0 else place % 2)
            was = -1 if code == ASSUME else event.y
            if code != ASSUME:
                event.y = y
            code = CORRECT if was >= 0 and code == LEARN else code
            # What the rule of the day says of an old event's score is not what was said of it.
            rows.append((code, place, y, was, event.ts, event.score, event.p, 1 - event.alert))
    return rows


@settings(max_examples=150)
@given(streams)
def test_against_a_reference(
    stream: list[tuple[float, float, float, int] | tuple[int, int]],
) -> None:
    rows = made(stream)
    cohorts = feed(Cohorts(PLACES, SPAN, KEEP, SHARE, FADING), rows)
    ring: dict[int, tuple[int, list[Event]]] = {}  # by place: number, and events
    places: dict[int, tuple[int, Event]] = {}
    newest = -(10**9)
    misses: list[list[float]] = [[], [], []]
    done: set[int] = set()

    def check(number: int) -> None:
        events = ring[number % KEEP][1]
        if number in done or mean([e.y >= 0 for e in events]) < SHARE:
            return
        done.add(number)
        for miss, a, b in zip(misses, expected(events), known(events), strict=True):
            if not math.isnan(a - b):
                miss.append(abs(a - b))

    for code, slot, y, _, ts, score, p, alert in rows:
        number = math.floor(ts / SPAN)
        at = number % KEEP
        if code == SCORE:
            event = Event(ts, score, p, alert)
            places[slot] = number, event
            if at in ring and ring[at][0] > number:
                continue
            if at not in ring or ring[at][0] < number:
                ring[at] = number, []
                done.discard(number)
            if number > newest:
                before, newest = newest, number
                if before % KEEP in ring and ring[before % KEEP][0] == before:
                    check(before)
            ring[at][1].append(event)
        elif code != ASSUME:
            places[slot][1].y = y
            if ring.get(at, (None,))[0] == number and number < newest:
                check(number)

    def same(got: float, wanted: float) -> None:
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)

    found = cohorts.rows()
    assert [c.number for c in found] == sorted((n for n, _ in ring.values()), reverse=True)
    for cohort in found:
        events = ring[cohort.number % KEEP][1]
        seen = [e for e in events if e.y >= 0]
        counts = cohort.events, cohort.alerts, cohort.labelled, cohort.positives
        assert counts == (
            len(events), sum(e.alert for e in events), len(seen), sum(e.y for e in seen)
        )  # fmt: skip
        assert cohort.closed == (cohort.number < newest)
        assert cohort.start == cohort.number * SPAN
        same(cohort.coverage, mean([e.y >= 0 for e in events]))
        for got, wanted in zip(cohort[8:11], known(events), strict=True):
            same(got, wanted)
        losses = [-math.log(max(1e-15, e.score if e.y else 1 - e.score)) for e in seen]
        same(cohort.log_loss, mean(losses))
        for got, wanted in zip(cohort[12:15], expected(events), strict=True):
            same(got, wanted)
    ripe = [c for c in found if c.closed and c.coverage >= SHARE]
    matured = cohorts.matured
    assert (matured and matured.number) == (ripe[0].number if ripe else None)
    for got, last, miss in zip(cohorts.missed, cohorts.last_missed, misses, strict=True):
        weights = [FADING**age for age in reversed(range(len(miss)))]
        total = sum(w * m for w, m in zip(weights, miss, strict=True))
        same(got, total / sum(weights) if miss else math.nan)
        same(last, miss[-1] if miss else math.nan)


def test_by_hand() -> None:
    # Two alerts of four events, of which one is right; one positive has no alert.
    day: list[Row] = [
        (SCORE, 0, 0, -1, 1.0, 0.8, 0.6, 1),
        (SCORE, 1, 0, -1, 2.0, 0.4, 0.3, 1),
        (SCORE, 2, 0, -1, 3.0, 0.2, 0.1, 0),
        (SCORE, 3, 0, -1, 4.0, 0.1, 0.0, 0),
    ]
    labels: list[Row] = [
        (LEARN, slot, y, -1, slot + 1.0, score, 0.0, 0)
        for slot, (y, score) in enumerate([(1, 0.8), (0, 0.4), (1, 0.2), (0, 0.1)])
    ]
    cohorts = feed(Cohorts(10, span=100.0, share=1.0), [*day, *labels])
    assert cohorts.matured is None  # the day goes on
    assert math.isnan(cohorts.missed.error)
    feed(cohorts, [(SCORE, 4, 0, -1, 100.0, 0.5, 0.5, 0)])
    cohort = cohorts.matured
    assert cohort is not None
    assert (cohort.error, cohort.precision, cohort.recall) == (0.25, 0.5, 0.5)
    assert cohort.log_loss == pytest.approx(-np.log([0.8, 0.6, 0.2, 0.9]).mean())
    assert cohort.expected_error == pytest.approx((0.4 + 0.3 + 0.1) / 4)
    assert cohort.expected_precision == pytest.approx(0.9 / 2)
    assert cohort.expected_recall == pytest.approx(0.9 / 1.0)
    assert tuple(cohorts.missed) == pytest.approx((0.05, 0.05, 0.4))
    # A correction changes what is known, but not how far off the estimate was then.
    feed(cohorts, [(CORRECT, 2, 0, 1, 3.0, 0.2, 0.0, 0)])
    cohort = cohorts.matured
    assert cohort is not None
    assert (cohort.error, cohort.recall, cohort.positives) == (0.0, 1.0, 1)
    assert tuple(cohorts.missed) == pytest.approx((0.05, 0.05, 0.4))


def test_a_calibrated_score_expects_what_comes() -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    p = rng.beta(0.3, 2.0, n)
    y = (rng.random(n) < p).astype(np.int8)
    code, slot, none = np.zeros(n, np.int8), np.arange(n), np.full(n, -1, np.int8)
    ts, alerts = np.sort(rng.uniform(0, 100.0, n)), (p > 0.4).astype(np.int8)
    cohorts = Cohorts(n, span=10.0)
    cohorts.run(code, slot, y, none, ts, p, p, alerts)
    before = cohorts.rows()
    cohorts.run(code + np.int8(LEARN), slot, y, none, ts, p, p, alerts)
    for then, now in zip(before, cohorts.rows(), strict=True):
        assert then[12:] == now[12:]
        assert now[8:11] == pytest.approx(now[12:], abs=0.06)
    assert max(cohorts.missed) < 0.03


def test_cuts_and_snapshots_change_nothing() -> None:
    rng = np.random.default_rng(2)
    stream: list[tuple[float, float, float, int] | tuple[int, int]] = [
        (rng.uniform(-1, 3), rng.random(), rng.random(), int(rng.integers(2)))
        if rng.random() < 0.4
        else (int(rng.integers(PLACES)), LEARN)
        for _ in range(500)
    ]
    rows = made(stream)
    whole, cut, resumed = (Cohorts(PLACES, SPAN, KEEP, SHARE, FADING) for _ in range(3))
    feed(whole, rows)
    for i, j in cuts(300, 7):
        feed(cut, rows[i : min(j, 300)])
    feed(resumed, rows[:40])
    resumed.restore(cut.snapshot())
    feed(resumed, rows[300:])
    assert bits(resumed.snapshot()) == bits(whole.snapshot())
    assert not math.isnan(whole.missed.error)


@pytest.mark.parametrize(
    "wrong", [{"span": 0.0}, {"keep": 1}, {"share": 0.0}, {"share": 1.1}, {"fading": 1.0}]
)
def test_what_is_refused(wrong: dict[str, float]) -> None:
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"{name} = "):
        Cohorts(1, **wrong)  # type: ignore[arg-type]  # keep must be whole
