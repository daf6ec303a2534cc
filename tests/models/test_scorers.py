"""What holds of every scorer of ours that needs no labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.distance import RobustDistance
from models.half_space import HalfSpaceTrees
from models.next_value import NextValue
from models.strangeness import Scorer, Sight, Strangeness
from models.surprise import KeySurprise
from tests.models.helpers import bits, cuts

WIDTH = 5
RARE = math.log(99.0)
Make = Callable[..., Scorer]
SCORERS: dict[str, Make] = {
    "half-space trees": HalfSpaceTrees,
    "distance": RobustDistance,
    "surprise": KeySurprise,
    "next value": NextValue,
}
SMALL: dict[str, dict[str, Any]] = {
    "half-space trees": {"trees": 4, "depth": 5, "window": 200},
    "surprise": {"max_keys": 5},  # of 8: some are forgotten
    "next value": {"max_keys": 20, "quiet": 20},
}


def sight(n: int, seed: int = 0) -> Sight:
    """Events of 8 keys, each with a habit of its own, standardised; one in 200 is far off."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(1, 9, (n, 1)).astype(np.uint64)
    scaled = 0.2 * keys + 0.3 * rng.normal(size=(n, WIDTH))
    scaled[100::200, 1:] += 5.0
    scaled[:, 0] = 1.0
    return Sight(scaled, 7.0 * scaled, keys, 600.0 * np.arange(n, dtype=np.float64))


def part(of: Sight, i: int, j: int) -> Sight:
    return Sight(of.scaled[i:j], of.raw[i:j], of.keys[i:j], of.ts[i:j])


def joined(said: list[Strangeness]) -> Strangeness:
    return Strangeness(
        np.concatenate([s.logits for s in said]), np.concatenate([s.parts for s in said])
    )


def make(name: str, learn_below: float = math.inf) -> Scorer:
    return SCORERS[name](WIDTH, learn_below, **SMALL.get(name, {}), memory=500)


@pytest.fixture(params=SCORERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("learn_below", [math.inf, RARE])
@pytest.mark.parametrize("size", [1, 7, 400])
def test_cuts_and_restarts_change_no_bit(name: str, size: int, learn_below: float) -> None:
    events = sight(900)
    events.scaled[::90, 2] = events.raw[::90, 1] = math.nan
    whole = make(name, learn_below)
    expected = whole.run(events)
    scorer, said = make(name, learn_below), []
    for i, j in cuts(len(events), size):
        said.append(scorer.run(part(events, i, j)))
        if size > 1 or i == 450:
            fresh = make(name, learn_below)
            fresh.restore(scorer.snapshot())
            scorer = fresh
    assert bits(joined(said).logits) == bits(expected.logits)
    assert bits(joined(said).parts) == bits(expected.parts)
    assert bits(scorer.snapshot()) == bits(whole.snapshot())
    assert np.count_nonzero(expected.logits >= RARE) > 0


def test_one_in_a_hundred_is_as_strange_as_it_says(name: str) -> None:
    said = SCORERS[name](WIDTH, math.inf).run(sight(30_000)).logits[10_000:]
    for p in (0.5, 0.9, 0.99):
        assert np.mean(said >= math.log(p / (1.0 - p))) == pytest.approx(1.0 - p, rel=0.35)


def test_what_is_far_off_is_rare(name: str) -> None:
    events = sight(4_000)
    far = np.arange(2_100, 4_000, 200)
    said = make(name).run(events).logits
    assert np.median(said[far]) > RARE
    usual = np.setdiff1d(np.arange(2_000, 4_000), far)
    assert np.median(said[usual]) < 0.5


def test_parts_are_of_strange_events_only_and_add_up_to_1(name: str) -> None:
    said = make(name).run(sight(3_000))
    strange = said.logits >= math.log(9.0)
    assert strange.sum() > 100
    np.testing.assert_allclose(said.parts[strange].sum(axis=1), 1.0)
    assert (said.parts >= 0.0).all()
    assert not said.parts[~strange].any()
    assert not said.parts[:, 0].any()  # the intercept


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf, 1e200])
def test_a_row_that_is_not_usable_leaves_no_trace(name: str, poison: float) -> None:
    events = sight(600)
    keep = np.delete(np.arange(600), 300)
    clean = make(name)
    clean.run(Sight(events.scaled[keep], events.raw[keep], events.keys[keep], events.ts[keep]))
    events.scaled[300, 1] = events.raw[300, 1] = poison
    poisoned = make(name)
    said = poisoned.run(events)
    assert said.logits[300] == 0.0
    assert not said.parts[300].any()
    assert bits(poisoned.snapshot()) == bits(clean.snapshot())


def test_a_flood_becomes_usual_only_where_all_is_learned(name: str) -> None:
    events = sight(3_000)
    events.scaled[2_000:, 1:] += 30.0
    events.raw[2_000:, 1:] += 210.0
    state = {}
    for learn_below in (math.inf, math.log(9.0)):
        scorer = make(name, learn_below)
        scorer.run(part(events, 0, 2_000))
        before = scorer.snapshot()
        before = {k: np.copy(v) for k, v in before.items() if isinstance(v, np.ndarray)}
        scorer.run(part(events, 2_000, 2_005))
        state[learn_below] = any(
            not np.array_equal(before[k], scorer.snapshot()[k])
            for k in before
            if k in ("masses", "mean", "errors")
        )
    assert state[math.inf]
    assert not state[math.log(9.0)]


def test_a_stream_that_has_changed_for_good_is_let_in(name: str) -> None:
    events = sight(8_000)
    events.scaled[2_000:, 1:] += 3.0
    events.raw[2_000:, 1:] += 21.0
    said = make(name, RARE).run(events).logits
    assert np.mean(said[-1_000:] >= RARE) < 0.05


def test_state_of_another_size_is_refused(name: str) -> None:
    other = SCORERS[name](WIDTH + 1, math.inf, **{**SMALL.get(name, {}), "memory": 500})
    if name == "next value":  # keeps nothing by feature
        other = NextValue(WIDTH, math.inf, max_keys=6)
    if name == "half-space trees":
        other = HalfSpaceTrees(WIDTH, math.inf, trees=5)
    with pytest.raises(ValueError, match=r"does not fit|has parts"):
        make(name).restore(other.snapshot())


@pytest.mark.parametrize(
    ("which", "wrong", "value"),
    [
        ("distance", "width", 1), ("distance", "rank", -1), ("distance", "memory", 0),
        ("surprise", "key", -1), ("surprise", "max_keys", 0), ("surprise", "prior", 0.0),
        ("surprise", "habit", 0.5), ("next value", "value", WIDTH), ("next value", "quiet", 0),
        ("next value", "habit", 0), ("next value", "max_keys", 0),
    ],
)  # fmt: skip
def test_settings_are_refused_by_name(which: str, wrong: str, value: Any) -> None:
    settings = {"width": WIDTH, "learn_below": math.inf, wrong: value}
    with pytest.raises(ValueError, match=rf"^{wrong} = {value}: expected a "):
        SCORERS[which](**settings)
