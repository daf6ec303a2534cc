"""Examples: vectors of events, kept in their places until labels come.

Operations come as codes and places (`slot`). A scoring one puts its event's vector in its place; a
learning one takes what lies there. So models get rows in order and need know nothing of places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import SCORE, Codes, Floats, Ints, Slots, Vectors


@compiled
def _recall(
    code: Codes,
    slot: Ints,
    dense: Floats,
    start: Ints,
    slots: Slots,
    values: Floats,
    kept_dense: Floats,
    kept_count: Ints,
    kept_slots: Slots,
    kept_values: Floats,
    out_dense: Floats,
    out_start: Ints,
    out_slots: Slots,
    out_values: Floats,
) -> None:
    width = dense.shape[1]
    event = 0
    at = 0
    for i in range(len(code)):
        place = slot[i]
        if code[i] == SCORE:
            for j in range(width):
                kept_dense[place, j] = dense[event, j]
            count = start[event + 1] - start[event]
            kept_count[place] = count
            for k in range(count):
                kept_slots[place, k] = slots[start[event] + k]
                kept_values[place, k] = values[start[event] + k]
            event += 1
        for j in range(width):
            out_dense[i, j] = kept_dense[place, j]
        for k in range(kept_count[place]):
            out_slots[at] = kept_slots[place, k]
            out_values[at] = kept_values[place, k]
            at += 1
        out_start[i + 1] = at


class Examples:
    """A bounded store of vectors.

    Parameters
    ----------
    capacity
        Places. The operating system gives memory only for those that are used.
    dense, hashed
        Dense features, and the most hashed pairs, of a vector.
    """

    def __init__(self, capacity: int, dense: int, hashed: int) -> None:
        self._dense = np.zeros((capacity, dense))
        self._count = np.zeros(capacity, np.int64)
        self._slots = np.zeros((capacity, hashed), np.int32)
        self._values = np.zeros((capacity, hashed))

    def recall(self, code: Codes, slot: Ints, vectors: Vectors) -> Vectors:
        """A vector for each operation: the event's own, or the one that waits for the label.

        Parameters
        ----------
        code, slot
            For each operation: whether it scores, and the example's place.
        vectors
            Those of the scoring operations, in order.
        """
        n = len(code)
        most = n * self._slots.shape[1]
        out = Vectors(
            np.empty((n, self._dense.shape[1])), np.zeros(n + 1, np.int64),
            np.empty(most, np.int32), np.empty(most),
        )  # fmt: skip
        _recall(
            code, slot, vectors.dense, vectors.start, vectors.slots, vectors.values,
            self._dense, self._count, self._slots, self._values,
            out.dense, out.start, out.slots, out.values,
        )  # fmt: skip
        used = out.start[-1]
        return Vectors(out.dense, out.start, out.slots[:used], out.values[:used])

    def _state(self) -> dict[str, Any]:
        return {
            "dense": self._dense,
            "count": self._count,
            "slots": self._slots,
            "values": self._values,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
