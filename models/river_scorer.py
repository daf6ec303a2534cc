"""Any anomaly detector of River's as a scorer without labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from models import pickled, tail
from models.kernels import LARGEST, usable
from models.river_arm import attempt, kept, named, occluded, revived
from models.settings import whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness

EXPLAINED = math.log(99.0)  # events from this logit on are explained
FEW = 8.0  # standard deviations: beyond them a strangeness grows more slowly
LEAST = -20.0


class RiverScorer:
    """How strange an anomaly detector of River's finds events.

    Detectors have scales of their own: from 0 to 1, or any number. So strangeness is by how many
    standard deviations (of its earlier scores) a score is above their mean, ``exp((s - m) / d)``,
    after ``s = asinh(score)`` has drawn in scores of no bound. As long as all scores are the same,
    which those of a first window are, nothing is strange and nothing is counted.

    An event with a number that is not usable is neither scored nor learned. One of which the
    detector gives no number, or raises an exception, has the logit 0.

    Features' parts are by how much less strange an event is with each of them at 0, which is the
    mean, in turn. They are given where the probability is at least 0.99.

    Parameters
    ----------
    names
        Of the dense features, the intercept's first.
    learn_below
        An event whose logit is not below this is not learned.
    make
        Gives a new detector, the same each time.
    memory
        After so many events, an event's weight has halved: in the tail, and in mean and deviation.
    also
        Modules of the user's own, for `models.pickled`.

    Raises
    ------
    ValueError
        If its state cannot be kept.
    """

    def __init__(
        self,
        names: Sequence[str],
        learn_below: float,
        make: Callable[[], Any],
        memory: int = 20_000,
        also: Collection[str] = (),
    ) -> None:
        whole(1, memory=memory)
        self._names = list(names[1:])
        self._learn_below = learn_below
        self._fade = 1.0 - 0.5 ** (1.0 / memory)
        self._also = also
        self._model = make()
        self._moments = np.zeros(3)  # how many, mean and variance
        self._tail = tail.new(memory)
        pickled.dumps(self._model, also)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        for i, row in enumerate(sight.scaled):
            if not usable(row[1:], LARGEST):
                continue
            x = named(self._names, row)
            score = attempt(self._score, x)  # none before it has learned, perhaps
            strangeness = 0.0 if math.isnan(score) else self._strangeness(score)
            if strangeness:
                z = said.logits[i] = tail.take(self._tail, strangeness)
                if z >= EXPLAINED:
                    parts = np.maximum(occluded(self._score, x, self._names, score), 0.0)
                    said.parts[i, 1:] = parts / (parts.sum() or 1.0)
            if said.logits[i] < self._learn_below:
                attempt(self._learn, x)
        return said

    def snapshot(self) -> dict[str, Any]:
        return {
            "model": kept(self._model, self._also),
            "moments": self._moments,
            "tail": leave(self._tail),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._model = revived(self._model, state["model"], self._also)
        come_back(self._moments, state["moments"])
        come_back(self._tail, state["tail"])

    def _score(self, x: dict[str, float]) -> float:
        return math.asinh(self._model.score_one(x))

    def _learn(self, x: dict[str, float]) -> float:
        self._model.learn_one(x)
        return 0.0

    def _strangeness(self, score: float) -> float:
        """Of a score by the earlier ones, which it then joins; 0 if there is nothing to go by."""
        n, mean, variance = self._moments.tolist()
        strangeness = 0.0
        if variance > 0.0:
            z = (score - mean) / math.sqrt(variance)
            strangeness = math.exp(max(z if z < FEW else FEW + math.log1p(z - FEW), LEAST))
        elif n and score != mean:  # the first that is unlike the others: they tell nothing
            n = 1.0
        share = max(1.0 / (n + 1.0), self._fade)
        off = score - mean
        self._moments[:] = n + 1.0, mean + share * off, (1.0 - share) * (variance + share * off**2)
        return strangeness
