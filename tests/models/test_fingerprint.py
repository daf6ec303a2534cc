"""What a fingerprint over scores must tell apart, and what not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.fingerprint import ScoreChain

events = st.lists(
    st.tuples(st.integers(0, 2**64 - 1), st.floats(0.0, 1.0, width=64)), min_size=1, max_size=30
)


def chained(*batches: list[tuple[int, float]]) -> ScoreChain:
    chain = ScoreChain()
    for batch in batches:
        chain.update(
            np.array([event for event, _ in batch], np.uint64),
            np.array([score for _, score in batch], np.float64),
        )
    return chain


@given(events, st.integers(0, 30))
def test_how_events_are_cut_into_batches_does_not_matter(
    batch: list[tuple[int, float]], cut: int
) -> None:
    whole, parts = chained(batch), chained(batch[:cut], [], batch[cut:])
    assert whole.hex == parts.hex
    assert whole.count == parts.count == len(batch)
    assert len(whole.hex) == 32


@given(events, st.data())
def test_every_bit_of_ids_and_scores_matters(
    batch: list[tuple[int, float]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(batch) - 1))
    bit = 1 << data.draw(st.integers(0, 63))
    event, score = batch[at]
    other = [*batch[:at], (event ^ bit, score), *batch[at + 1 :]]
    assert chained(other).hex != chained(batch).hex
    bits = int(np.float64(score).view(np.uint64)) ^ bit
    changed = float(np.uint64(bits).view(np.float64))
    other = [*batch[:at], (event, changed), *batch[at + 1 :]]
    assert chained(other).hex != chained(batch).hex


@given(events, st.data())
def test_the_order_matters(batch: list[tuple[int, float]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(batch))
    assume(shuffled != batch)
    assert chained(list(shuffled)).hex != chained(batch).hex


@given(events)
def test_a_missing_or_a_repeated_event_matters(batch: list[tuple[int, float]]) -> None:
    assert chained(batch[:-1]).hex != chained(batch).hex
    assert chained([*batch, batch[-1]]).hex != chained(batch).hex


@given(events, st.data())
def test_a_value_that_is_watched_for_is_met_where_it_was(
    batch: list[tuple[int, float]], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(batch)))
    wanted = chained(batch[:at]).hex
    for cuts in ([], [len(batch) // 2], range(1, len(batch))):
        chain = ScoreChain()
        chain.watch(wanted.upper())
        for start, end in zip([0, *cuts], [*cuts, len(batch)], strict=True):
            chain.update(
                np.array([event for event, _ in batch[start:end]], np.uint64),
                np.array([score for _, score in batch[start:end]], np.float64),
            )
        assert chain.met == at
        chain.watch("0" * 32)
        assert chain.met is None
        assert chain.hex == chained(batch).hex
        assert chain.snapshot().keys() == {"state"}


@pytest.mark.parametrize(
    "wrong", ["", "0" * 31, "0" * 33, "g" * 32, "0x" + "0" * 30, "0" * 32 + "\n"]
)
def test_what_is_no_fingerprint_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        ScoreChain().watch(wrong)


@given(events, events)
def test_it_leaves_and_comes_back(
    first: list[tuple[int, float]], second: list[tuple[int, float]]
) -> None:
    left, back = chained(first), ScoreChain()
    back.restore(left.snapshot())
    for chain in (left, back):
        ids, scores = zip(*second, strict=True)
        chain.update(np.array(ids, np.uint64), np.array(scores, np.float64))
    assert back.hex == left.hex == chained(first, second).hex
    assert back.count == left.count
