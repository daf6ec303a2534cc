"""Card precision at k: of the k most suspicious cards of a day, how many saw a fraud that day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from models.cohorts import NONE
from models.compiled import compiled, inlined
from models.settings import positive, whole
from models.state import come_back, leave
from models.vectors import ASSUME, SCORE, Codes, Floats, Hashes, Ints

# Places of a row of `counts`.
EVENTS, LABELLED, CARDS, LOWEST = range(4)  # the last: which card to replace, once there are k


class CardDay(NamedTuple):
    """The top cards of one span of event time.

    Attributes
    ----------
    number, start
        ``floor(event time / span)``, and the event time at which it begins.
    coverage
        Share of its events, of all cards, that are labelled.
    cards, compromised
        How many top cards there are, at most k, and those of them with a fraud, as labels tell.
    precision
        Their share; NaN before the day is over and enough of it is labelled.
    """

    number: int
    start: float
    coverage: float
    cards: int
    compromised: int
    precision: float


@inlined
def _find(cards: Hashes, count: int, card: np.uint64) -> int:
    """Which of the first `count` cards it is, or -1."""
    for k in range(count):
        if cards[k] == card:
            return k
    return -1


@inlined
def _offer(
    card: np.uint64, score: float, cards: Hashes, highest: Floats, frauds: Ints, counts: Ints
) -> None:
    """Let a card in where its score is among the k highest."""
    full = counts[CARDS] == len(cards)
    if full and score <= highest[counts[LOWEST]]:
        return  # nearly always
    at = _find(cards, counts[CARDS], card)
    if at >= 0:
        if score <= highest[at]:
            return
        highest[at] = score
    else:
        at = counts[LOWEST] if full else counts[CARDS]
        counts[CARDS] += 0 if full else 1
        cards[at], highest[at], frauds[at] = card, score, 0
    # Of equal scores the one that came first stays; its place says nothing, so look at all.
    if counts[CARDS] == len(cards) and (at == counts[LOWEST] or not full):
        lowest = 0
        for k in range(len(cards)):
            if highest[k] < highest[lowest]:
                lowest = k
        counts[LOWEST] = lowest


@compiled
def _run(
    code: Codes,
    slot: Ints,
    y: Codes,
    was: Codes,
    since: Floats,
    given: Floats,
    customers: Hashes,
    span: float,
    numbers: Ints,
    newest: Ints,
    cards: Hashes,
    highest: Floats,
    frauds: Ints,
    counts: Ints,
    kept: Hashes,
) -> None:
    event = 0
    for i in range(len(code)):
        if code[i] == ASSUME:
            continue
        number = np.int64(math.floor(since[i] / span))
        at = number % len(numbers)
        if code[i] == SCORE:
            card = customers[event]
            event += 1
            kept[slot[i]] = card
            if number < numbers[at]:
                continue  # so old that a later day has its row
            if number > numbers[at]:
                numbers[at] = number
                for place in range(4):
                    counts[at, place] = 0
            newest[0] = max(newest[0], number)
            counts[at, EVENTS] += 1
            _offer(card, given[i], cards[at], highest[at], frauds[at], counts[at])
        elif number == numbers[at]:
            counts[at, LABELLED] += was[i] < 0
            change = y[i] - max(was[i], 0)
            if change != 0:
                k = _find(cards[at], counts[at, CARDS], kept[slot[i]])
                if k >= 0:
                    frauds[at, k] = max(0, frauds[at, k] + change)


class CardPrecision:
    """For each day, the k cards (customers) with the highest scores, and what labels say of them.

    A card's score is the highest of its events that day. It counts as compromised with at least one
    fraud that day, whether or not that was the event with the highest score. So it measures what
    those see who can look into k cards a day. It is "card precision top-k" of the Fraud Detection
    Handbook, which leaves out cards known from earlier days as compromised; here all take part, and
    a day with fewer than k cards is divided by those it has.

    A fraud that is labelled before its card is among the day's k highest is not remembered. Late
    labels never are so early, and who labels sooner looks at the highest scores first.

    Parameters
    ----------
    capacity
        Places that an example can have.
    k
        Cards of a day.
    span
        Seconds of event time of a day.
    keep
        Days that are remembered.
    share
        Labelled share of a day's events from which on its precision counts as known.

    References
    ----------
    Le Borgne, Siblini, Lebichot & Bontempi 2022, "Reproducible Machine Learning for Credit Card
    Fraud Detection: Practical Handbook", chapter "Performance metrics", "Precision top-k metrics".

    Examples
    --------
    >>> cards = CardPrecision(capacity=10, k=2)
    >>> slot, since = np.array([0, 1, 2, 3, 0, 1, 2]), np.array([1, 2, 3, 9e4, 1, 2, 3])
    >>> y, was = np.array([0, 0, 0, 0, 1, 0, 0], np.int8), np.full(7, -1, np.int8)
    >>> code, customers = np.array([0, 0, 0, 0, 1, 1, 1], np.int8), np.array([7, 8, 9, 7])
    >>> scores = np.array([0.2, 0.3, 0.1, 0.4, 0.2, 0.3, 0.1])
    >>> cards.run(code, slot, y, was, since, scores, customers.astype(np.uint64))
    >>> cards.precision
    0.5
    """

    def __init__(
        self,
        capacity: int,
        k: int = 100,
        span: float = 86_400.0,
        keep: int = 64,
        share: float = 0.9,
    ) -> None:
        positive(span=span)
        whole(1, k=k)
        whole(2, keep=keep)
        if not 0 < share <= 1:
            raise ValueError(f"share = {share}: expected a number above 0 and up to 1")
        self.span = span
        self.share = share
        self._numbers = np.full(keep, NONE, np.int64)
        self._newest = np.full(1, NONE, np.int64)
        self._cards = np.zeros((keep, k), np.uint64)
        self._highest = np.zeros((keep, k))
        self._frauds = np.zeros((keep, k), np.int64)
        self._counts = np.zeros((keep, 4), np.int64)
        self._kept = np.zeros(capacity, np.uint64)  # by slot: customers

    def run(
        self,
        code: Codes,
        slot: Ints,
        y: Codes,
        was: Codes,
        since: Floats,
        given: Floats,
        customers: Hashes,
    ) -> None:
        """Take operations in order.

        Parameters
        ----------
        code, slot, y, was, since
            Of each operation (see `stream.labels.Ops`); `since` is the time of its event.
        given
            The event's score as it was given.
        customers
            Those of the scoring operations, in order.
        """
        _run(
            code, slot, y, was, since, given, np.ascontiguousarray(customers), self.span,
            self._numbers, self._newest, self._cards, self._highest, self._frauds, self._counts,
            self._kept,
        )  # fmt: skip

    def rows(self) -> list[CardDay]:
        """All days remembered, the newest first."""
        newest_first = np.argsort(-self._numbers, kind="stable").tolist()
        return [self._day(at) for at in newest_first if self._numbers[at] != NONE]

    @property
    def precision(self) -> float:
        """Of the newest day for which it is known; NaN before there is one."""
        known = (day.precision for day in self.rows() if not math.isnan(day.precision))
        return next(known, math.nan)

    def _day(self, at: int) -> CardDay:
        number = int(self._numbers[at])
        events, labelled, cards, _ = self._counts[at].tolist()
        compromised = int(np.count_nonzero(self._frauds[at, :cards]))
        known = number < int(self._newest[0]) and labelled >= self.share * events
        precision = compromised / cards if known else math.nan
        start, coverage = number * self.span, labelled / events
        return CardDay(number, start, coverage, cards, compromised, precision)

    def _state(self) -> dict[str, Any]:
        return {
            "numbers": self._numbers,
            "newest": self._newest,
            "cards": self._cards,
            "highest": self._highest,
            "frauds": self._frauds,
            "counts": self._counts,
            "kept": self._kept,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
