"""Scores as they were given, kept in their examples' places until labels come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import SCORE, Codes, Floats, Ints


@compiled
def _recall(
    code: Codes,
    slot: Ints,
    scores: Floats,
    kept: Floats,
    seen: Ints,
    kept_numbers: Ints,
    numbers: Ints,
) -> None:
    for i in range(len(code)):
        place = slot[i]
        if code[i] == SCORE:
            for k in range(scores.shape[1]):
                kept[place, k] = scores[i, k]
            kept_numbers[place] = seen[0]
            seen[0] += 1
        else:
            for k in range(scores.shape[1]):
                scores[i, k] = kept[place, k]
        numbers[i] = kept_numbers[place]


class GivenScores:
    """A bounded store of what was said of each event, and of the events' numbers.

    Parameters
    ----------
    capacity
        Places that an example can have.
    width
        Scores of an event.
    """

    def __init__(self, capacity: int, width: int = 1) -> None:
        self._scores = np.zeros((capacity, width))
        self._numbers = np.zeros(capacity, np.int64)
        self._seen = np.zeros(1, np.int64)

    def recall(self, code: Codes, slot: Ints, scores: Floats) -> tuple[Floats, Ints]:
        """For each operation the event's scores as they were given, and its number from 0.

        Parameters
        ----------
        code, slot
            For each operation: whether it scores, and the example's place.
        scores
            Shape (operations, width): the scores of the scoring ones, which are now given.
        """
        given, numbers = scores.copy(), np.empty(len(code), np.int64)
        _recall(code, slot, given, self._scores, self._seen, self._numbers, numbers)
        return given, numbers

    def _state(self) -> dict[str, Any]:
        return {"scores": self._scores, "numbers": self._numbers, "seen": self._seen}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
