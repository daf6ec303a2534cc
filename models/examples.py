"""Examples: vectors of events, kept in their places until labels come.

Operations come as codes and places (`slot`). A scoring one puts its event's vector in its place; a
learning one takes what lies there. So models get rows in order and need know nothing of places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.state import come_back
from models.vectors import SCORE, Codes, Floats, Ints, Slots, Vectors

Halves: TypeAlias = NDArray[np.float32]  # of the width of `Floats`


@compiled
def _find(
    code: Codes, slot: Ints, start: Ints, end: Ints, kept_count: Ints,
    out_start: Ints, out_end: Ints, size: int,
) -> int:  # fmt: skip
    """Where the pairs of each operation's vector are; gives how many there are to look in.

    Those of events are at hand: `size` pairs. What has waited since an earlier batch goes behind
    them. Meanwhile a place that has an event of this batch has no count, but ``-1 - event``.
    """
    event = 0
    for i in range(len(code)):
        if code[i] == SCORE:
            kept_count[slot[i]] = -1 - event
            event += 1
        count = kept_count[slot[i]]
        if count < 0:
            out_start[i], out_end[i] = start[-1 - count], end[-1 - count]
        else:
            out_start[i], out_end[i] = size, size + count
            size += count
    for i in range(len(code)):
        if code[i] == SCORE:
            kept_count[slot[i]] = out_end[i] - out_start[i]
    return size


@compiled
def _recall(
    code: Codes,
    slot: Ints,
    dense: Floats,
    at_hand: int,
    kept_dense: Floats,
    kept_slots: Slots,
    kept_values: Halves,
    out_dense: Floats,
    out_start: Ints,
    out_end: Ints,
    out_slots: Slots,
    out_values: Floats,
) -> None:
    """Keep events, and get what waits; pairs before `at_hand` are in their place already."""
    width = dense.shape[1]
    event = 0
    for i in range(len(code)):
        place = slot[i]
        at = out_start[i]
        count = out_end[i] - at
        if code[i] == SCORE:
            for j in range(width):
                kept_dense[place, j] = dense[event, j]
            for k in range(count):
                kept_slots[place, k] = out_slots[at + k]
                kept_values[place, k] = out_values[at + k]
            event += 1
        elif at >= at_hand:
            for k in range(count):
                out_slots[at + k] = kept_slots[place, k]
                out_values[at + k] = kept_values[place, k]
        for j in range(width):
            out_dense[i, j] = kept_dense[place, j]


@compiled
def _pack(count: Ints, slots: Slots, values: Halves, out_slots: Slots, out_values: Halves) -> None:
    at = 0
    for place in range(len(count)):
        for k in range(count[place]):
            out_slots[at] = slots[place, k]
            out_values[at] = values[place, k]
            at += 1


@compiled
def _unpack(
    count: Ints, slots: Slots, values: Halves, out_slots: Slots, out_values: Halves
) -> None:
    at = 0
    for place in range(len(count)):
        for k in range(count[place]):
            out_slots[place, k] = slots[at]
            out_values[place, k] = values[at]
            at += 1


class Examples:
    """A bounded store of vectors.

    Hashed values are kept as float32, so they must be such that a float32 can hold: then what comes
    back is, to the bit, what was put there.

    Parameters
    ----------
    capacity
        Places. The operating system gives memory only for those that are used, and of each only for
        as many pairs as were ever in it.
    dense, hashed
        Dense features, and the most hashed pairs, of a vector.
    """

    def __init__(self, capacity: int, dense: int, hashed: int) -> None:
        self._dense = np.zeros((capacity, dense))
        self._count = np.zeros(capacity, np.int64)
        self._slots = np.zeros((capacity, hashed), np.int32)
        self._values = np.zeros((capacity, hashed), np.float32)

    def recall(self, code: Codes, slot: Ints, vectors: Vectors) -> Vectors:
        """A vector for each operation: the event's own, or the one that waits for the label.

        One whose event is in this batch too shares that one's pairs.

        Parameters
        ----------
        code, slot
            For each operation: whether it scores, and the example's place.
        vectors
            Those of the scoring operations, in order.
        """
        n, at_hand = len(code), len(vectors.slots)
        start, end = np.empty(n, np.int64), np.empty(n, np.int64)
        size = _find(code, slot, vectors.start, vectors.end, self._count, start, end, at_hand)
        slots, values = vectors.slots, vectors.values
        if size > at_hand:
            slots, values = np.empty(size, np.int32), np.empty(size)
            slots[:at_hand], values[:at_hand] = vectors.slots, vectors.values
        dense = np.empty((n, self._dense.shape[1]))
        _recall(
            code, slot, vectors.dense, at_hand, self._dense, self._slots, self._values,
            dense, start, end, slots, values,
        )  # fmt: skip
        return Vectors(dense, start, end, slots, values)

    def snapshot(self) -> dict[str, Any]:
        """All vectors; the pairs of one place after those of another, with no room between."""
        pairs = int(self._count.sum())
        slots, values = np.empty(pairs, np.int32), np.empty(pairs, np.float32)
        _pack(self._count, self._slots, self._values, slots, values)
        whole = {"dense": self._dense, "count": self._count}
        return {**whole, "slots": slots, "values": values}

    def restore(self, state: Mapping[str, Any]) -> None:
        room = self._slots.shape[1]
        most = int(np.max(state["count"], initial=0))
        if most > room:
            raise ValueError(f"state has {most} pairs in a place, which does not fit {room}")
        come_back(
            {"dense": self._dense, "count": self._count},
            {name: state[name] for name in ("dense", "count")},
        )
        pairs = int(self._count.sum())
        slots, values = np.empty(pairs, np.int32), np.empty(pairs, np.float32)
        come_back({"slots": slots, "values": values}, {n: state[n] for n in ("slots", "values")})
        _unpack(self._count, slots, values, self._slots, self._values)
