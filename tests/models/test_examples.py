"""Examples and given scores in their places: against a dict."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.examples import Examples
from models.given import GivenScores
from models.vectors import SCORE, Vectors
from tests.models.helpers import pairs

PLACES, HASHED = 3, 2

# Pieces of operations (code, place); places are few, so that they are soon used again.
pieces = st.lists(
    st.lists(st.tuples(st.integers(SCORE, SCORE + 3), st.integers(0, PLACES - 1)), max_size=12),
    max_size=6,
)


@dataclass(slots=True)
class Kept:
    """What the reference knows of a place: what a new one holds, until an event is put there."""

    number: int = 0
    dense: list[float] = field(default_factory=lambda: [0.0, 0.0])
    pairs: list[tuple[int, float]] = field(default_factory=list)
    score: float = 0.0


def event(number: int) -> Kept:
    """An event's vector and score, made from its number: up to `HASHED` pairs, some none."""
    pairs = [(number + k, 0.5 * number + k) for k in range(number % (HASHED + 1))]
    return Kept(number, [1.0, float(number)], pairs, 1.0 / (2.0 + number))


def vectors(events: list[Kept]) -> Vectors:
    start = np.cumsum([0, *(len(e.pairs) for e in events)])
    pairs = [pair for e in events for pair in e.pairs]
    return Vectors.in_order(
        np.array([e.dense for e in events], np.float64).reshape(-1, 2), start,
        np.array([s for s, _ in pairs], np.int32), np.array([v for _, v in pairs], np.float64),
    )  # fmt: skip


@settings(deadline=None)  # the first example waits for the compiler
@given(pieces)
def test_against_a_dict(stream: list[list[tuple[int, int]]]) -> None:
    examples, reference, seen = Examples(PLACES, 2, HASHED), dict[int, Kept](), 0
    scores = GivenScores(PLACES)
    for operations in stream:
        new, expected = [], []
        for code, place in operations:
            if code == SCORE:
                reference[place] = event(seen)
                new.append(reference[place])
                seen += 1
            expected.append(reference.get(place, Kept()))
        codes = np.array([code for code, _ in operations], np.int8)
        places = np.array([place for _, place in operations], np.int64)

        got, want = examples.recall(codes, places, vectors(new)), vectors(expected)
        assert got.dense.tolist() == want.dense.tolist()
        assert pairs(got) == pairs(want)

        again = Examples(PLACES, 2, HASHED)
        again.restore(examples.snapshot())
        nothing = np.zeros(0, np.int8), np.zeros(0, np.int64)
        examples.recall(*nothing, vectors([]))  # empty, and changes nothing
        for place in range(PLACES):
            at = np.array([SCORE + 1], np.int8), np.array([place], np.int64)
            a, b = (kept.recall(*at, vectors([])) for kept in (examples, again))
            assert pairs(a) == pairs(b)

        # Scores of learning steps are the model's of today; what comes back is what was given.
        today = np.array(
            [e.score if c == SCORE else 0.9 for e, c in zip(expected, codes, strict=True)]
        )
        before = today.copy()
        given_then, numbers = scores.recall(codes, places, today[:, np.newaxis])
        assert given_then[:, 0].tolist() == [e.score for e in expected]
        assert numbers.tolist() == [e.number for e in expected]
        assert today.tolist() == before.tolist()  # left as it was


def test_what_comes_with_its_events_is_not_copied() -> None:
    examples, given = Examples(PLACES, 2, HASHED), vectors([event(1), event(2)])
    codes, places = np.array([0, 1, 0, 1], np.int8), np.array([2, 2, 0, 2], np.int64)
    got = examples.recall(codes, places, given)
    assert got.slots is given.slots
    assert got.start.tolist() == [0, 0, 1, 0]
    later = examples.recall(codes[1:2], places[1:2], vectors([]))
    assert pairs(later) == ([[1]], [[0.5]])


def test_a_snapshot_takes_no_room_for_pairs_that_are_not_there() -> None:
    examples = Examples(1_000, 2, 5_000)
    codes, places = np.zeros(2, np.int8), np.array([7, 3], np.int64)
    examples.recall(codes, places, vectors([event(1), event(2)]))
    state = examples.snapshot()
    assert state["slots"].tolist() == [2, 3, 1]  # place 3, then place 7
    assert state["values"].nbytes == 12
    with pytest.raises(ValueError, match="does not fit"):
        Examples(1_000, 2, 1).restore(state)
    with pytest.raises(ValueError, match="does not fit"):
        Examples(999, 2, 5_000).restore(state)
