"""Several scorers, one verdict: joined as their surprisals' mean, and a probability again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models import tail
from models.detection import TOGETHER, Detection, inputs, logits_of, surprisals
from models.kernels import logits
from models.scores import Scores
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.vectors import SCORE, Steps, Vectors
from models.verdict import Verdict


class Far:
    """How far one feature is from 0."""

    def __init__(self, column: int) -> None:
        self.column = column
        self._tail = tail.new()

    def run(self, sight: Sight) -> Strangeness:
        parts = np.zeros(sight.scaled.shape)
        parts[:, self.column] = 1.0
        return Strangeness(tail.logits(self._tail, np.abs(sight.scaled[:, self.column])), parts)

    def snapshot(self) -> dict[str, Any]:
        return {"tail": leave(self._tail)}

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._tail, state["tail"])


def _sight(n: int, seed: int = 1) -> Sight:
    dense = np.random.default_rng(seed).normal(size=(n, 3))
    dense[:, 0] = 1.0
    return Sight(dense, dense, np.zeros((n, 0), np.uint64), np.arange(n, dtype=np.float64))


def _part(sight: Sight, part: slice) -> Sight:
    return Sight(sight.scaled[part], sight.raw[part], sight.keys[part], sight.ts[part])


def test_one_scorer_is_the_verdict() -> None:
    detection = Detection({"far": Far(1)})
    assert detection.names == ["far"]
    said = detection.run(_sight(100))
    assert said.surprisals.shape == (100, 1)
    assert said.parts.shape == (100, 1, 3)


def test_the_verdict_is_a_probability_again() -> None:
    detection = Detection({"a": Far(1), "b": Far(2)})
    assert detection.names == ["a", "b", TOGETHER]
    said = detection.run(_sight(100_000)).surprisals[20_000:]
    p = 1.0 - np.exp(-said)
    for column in range(3):
        assert np.mean(p[:, column] >= 0.99) == pytest.approx(0.01, rel=0.1)
    # What both find strange is stranger than what one does.
    both = (p[:, 0] > 0.95) & (p[:, 1] > 0.95)
    one = (p[:, 0] > 0.95) & (p[:, 1] < 0.5)
    assert p[both, 2].min() > np.median(p[one, 2])


def test_the_verdict_is_made_of_features_by_how_surprised_each_scorer_is() -> None:
    said = Detection({"a": Far(1), "b": Far(2)}).run(_sight(1_000))
    a, b = said.surprisals[:, 0], said.surprisals[:, 1]
    assert said.parts[:, 2, 1] == pytest.approx(a / (a + b))
    assert said.parts.sum(axis=2) == pytest.approx(1.0)


def test_cuts_and_a_snapshot_change_nothing() -> None:
    sight = _sight(500)
    whole = Detection({"a": Far(1), "b": Far(2)}).run(sight)
    first = Detection({"a": Far(1), "b": Far(2)})
    head = first.run(_part(sight, slice(0, 201)))
    second = Detection({"a": Far(1), "b": Far(2)})
    second.restore(first.snapshot())
    rest = [second.run(_part(sight, slice(at, at + 13))) for at in range(201, 500, 13)]
    together = np.concatenate([each.surprisals for each in (head, *rest)])
    assert together.tobytes() == whole.surprisals.tobytes()
    assert second.run(_part(sight, slice(0, 0))).surprisals.shape == (0, 3)


def test_an_arm_says_what_scorers_said() -> None:
    given = np.linspace(-27.0, 27.0, 101)
    x = np.ones((101, 3))
    x[:, 2] = inputs(surprisals(given))
    steps = Steps(np.full(101, SCORE, np.int8), np.zeros(101, np.int8), Vectors.of_dense(x))
    said: Scores = Verdict(2).run(steps)
    assert said.logits == pytest.approx(given, abs=2e-3)
    assert said.logits[10:] == pytest.approx(given[10:], abs=1e-6)
    assert np.array_equal(said.dense_parts.sum(axis=1), said.logits)


def test_surprisals_of_a_perfectly_usual_event_are_finite() -> None:
    p = np.array([1e-12, 0.5, 1.0 - 1e-12])
    assert np.all(np.isfinite(logits_of(surprisals(logits(p)))))
