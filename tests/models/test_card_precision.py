"""Card precision: against the Fraud Detection Handbook's way, with all events of a day at hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.card_precision import CardPrecision
from models.vectors import ASSUME, CORRECT, LEARN, SCORE
from tests.models.helpers import bits, cuts

DAY = 86_400.0


class Stream:
    """Operations, put together one by one."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, float, float]] = []
        self.customers: list[int] = []

    def score(self, slot: int, ts: float, score: float, customer: int) -> None:
        self.rows.append((SCORE, slot, 0, -1, ts, score))
        self.customers.append(customer)

    def label(self, slot: int, ts: float, y: int, was: int = -1, code: int = LEARN) -> None:
        self.rows.append((code, slot, y, was, ts, 0.5))

    def feed(self, cards: CardPrecision, i: int = 0, j: int | None = None) -> CardPrecision:
        code, slot, y, was, ts, score = (np.array(c) for c in zip(*self.rows[i:j], strict=True))
        first = sum(row[0] == SCORE for row in self.rows[:i])
        customers = np.array(self.customers[first:], np.uint64)
        small = (
            code.astype(np.int8),
            slot.astype(np.int64),
            y.astype(np.int8),
            was.astype(np.int8),
        )
        cards.run(*small, ts.astype(np.float64), score.astype(np.float64), customers)
        return cards


def handbook(day: list[tuple[int, float, int]], k: int) -> float:
    """Share of the `k` cards with the highest scores that saw a fraud."""
    cards: dict[int, tuple[float, int]] = {}
    for card, score, fraud in day:
        highest, any_fraud = cards.get(card, (-1.0, 0))
        cards[card] = max(highest, score), max(any_fraud, fraud)
    top = sorted(cards.values(), key=lambda c: -c[0])[:k]
    return sum(fraud for _, fraud in top) / len(top)


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 25), st.integers(0, 2**32 - 1))
def test_against_the_handbook(n: int, k: int, customers: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    card = rng.integers(2**63, 2**63 + customers, n, dtype=np.uint64).tolist()
    score = rng.permutation(n) / n  # no two are equal
    y = rng.integers(0, 2, n)
    ts = np.sort(rng.uniform(0, DAY, n))
    stream = Stream()
    for i in range(n):
        stream.score(i, ts[i], score[i], card[i])
    stream.score(n, DAY + 1, 0.5, 1)  # the next day
    first = rng.integers(0, 2, n)  # some labels are corrected later
    for i in rng.permutation(n).tolist():
        stream.label(i, ts[i], int(first[i]))
    for i in np.flatnonzero(first != y).tolist():
        stream.label(i, ts[i], int(y[i]), int(first[i]), CORRECT)
    cards = stream.feed(CardPrecision(n + 1, k))
    expected = handbook(list(zip(card, score.tolist(), y.tolist(), strict=True)), k)
    assert cards.precision == pytest.approx(expected)
    today, yesterday = cards.rows()
    assert (today.number, yesterday.number) == (1, 0)
    assert yesterday.cards == min(k, len(set(card)))
    assert math.isnan(today.precision)


def test_known_only_when_the_day_is_over_and_labelled() -> None:
    stream, cards = Stream(), CardPrecision(10, k=2, share=0.75)
    for slot in range(4):
        stream.score(slot, slot, 0.1 * slot, slot)
    for slot in (3, 2, 1):
        stream.label(slot, slot, 1)
    stream.label(0, 0.0, 0, code=ASSUME)  # nobody said so
    stream.feed(cards)
    assert math.isnan(cards.precision)
    later = Stream()
    later.score(5, DAY, 0.9, 7)
    later.feed(cards)
    assert cards.precision == 1.0
    assert cards.rows()[1].coverage == 0.75


def test_of_equal_scores_the_first_stays() -> None:
    stream = Stream()
    for slot, card in enumerate((11, 12, 13)):
        stream.score(slot, slot, 0.5, card)
    stream.score(4, DAY, 0.5, 14)
    for slot in range(3):
        stream.label(slot, slot, int(slot == 2))
    assert stream.feed(CardPrecision(5, k=2)).precision == 0.0


def test_old_days_leave_and_what_is_said_of_them_is_ignored() -> None:
    stream = Stream()
    for day in range(5):
        stream.score(day, day * DAY, 0.5, day)
    stream.score(5, 0.0, 0.9, 9)  # belongs to a day that has left
    stream.label(0, 0.0, 1)
    for day in (3, 4):
        stream.label(day, day * DAY, 1)
    days = stream.feed(CardPrecision(6, k=1, keep=2)).rows()
    assert [(day.number, day.cards, day.compromised) for day in days] == [(4, 1, 1), (3, 1, 1)]


def test_cuts_and_snapshots_change_nothing() -> None:
    rng = np.random.default_rng(5)
    stream, free = Stream(), 0
    for number in range(600):
        if free == 0 or rng.random() < 0.6:
            stream.score(free % 100, number * 900.0, rng.random(), int(rng.integers(1, 30)))
            free += 1
        else:
            slot = int(rng.integers(max(0, free - 100), free))
            stream.label(slot % 100, number * 900.0, int(rng.integers(0, 2)))
    whole, cut, resumed = (CardPrecision(100, k=5, keep=3) for _ in range(3))
    stream.feed(whole)
    for i, j in cuts(350, 9):
        stream.feed(cut, i, min(j, 350))
    stream.feed(resumed, 0, 20)
    resumed.restore(cut.snapshot())
    stream.feed(resumed, 350)
    assert bits(resumed.snapshot()) == bits(whole.snapshot())


@pytest.mark.parametrize(
    "wrong", [{"k": 0}, {"span": 0.0}, {"keep": 1}, {"share": 0.0}, {"share": 1.1}]
)
def test_what_is_refused(wrong: dict[str, float]) -> None:
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"{name} = "):
        CardPrecision(1, **wrong)  # type: ignore[arg-type]  # k must be whole
