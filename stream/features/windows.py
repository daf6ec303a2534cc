"""What is known of a key over several windows of time: two ways to keep it.

For each key column (customer, terminal) and window, `FIELDS` numbers of the key's earlier events:

====== ============================================================
COUNT  events
SUM    sum of their values (amounts)
SQUARE sum of the squares of their values
LABELS events whose label has come to light in the window
FRAUDS of those, the ones of class 1
====== ============================================================

Labels count from the moment they come, never sooner. `DecayedWindows` forgets exponentially, with
constant memory for each key; `SlidingWindows` counts exactly what lies in the window, and keeps
every event of the longest one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np

from models.compiled import compiled, inlined
from models.state import come_back, leave
from models.vectors import CORRECT, SCORE, Codes, Floats, Hashes, Ints
from stream import lru
from stream.hashing import ABSENT
from stream.labels import Ops

COUNT, SUM, SQUARE, LABELS, FRAUDS = range(5)
FIELDS = 5
CACHE_LINE = 8  # numbers


class Windows(Protocol):
    """Keeps the numbers, and reads them for each event before the event itself is added."""

    def run(self, ops: Ops, keys: Hashes, values: Floats) -> Floats:
        """Carry out `ops`; gives what was known at each event.

        Parameters
        ----------
        ops
            The operations, in order.
        keys
            Shape (events, columns): 64-bit keys; `ABSENT` for none.
        values
            Shape (events,).

        Returns
        -------
        Shape (events, columns, windows, FIELDS).
        """
        ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


@inlined
def _age(state: Floats, row: int, column: int, now: float, spans: Floats) -> float:
    """Bring a row forward to `now`; gives how far `now` lies behind it, 0 or more."""
    cell = state[column, row]
    passed = float(now - cell[0])
    if passed <= 0.0:
        return -passed
    cell[0] = now
    for w in range(len(spans)):
        kept = math.exp(-passed / spans[w])
        for f in range(FIELDS):
            cell[1 + w * FIELDS + f] *= kept
    return 0.0


@compiled
def _fetch(
    code: Codes,
    slot: Ints,
    keys: Hashes,
    tables: tuple[lru.Lru, ...],
    state: Floats,
    remembered: Hashes,
) -> float:
    """Touch all that is known of the keys to come, for the reason that `hashmap.fetch` gives."""
    touched = 0.0
    event = 0
    for i in range(len(code)):
        for c in range(keys.shape[1]):
            key = keys[event, c] if code[i] == SCORE else remembered[slot[i], c]
            row = lru.find(tables[c], key)
            if row >= 0:
                for at in range(0, state.shape[2], CACHE_LINE):
                    touched += state[c, row, at]
        if code[i] == SCORE:
            event += 1
    return touched


@compiled
def _decayed(
    code: Codes,
    slot: Ints,
    y: Codes,
    was: Codes,
    ts: Floats,
    keys: Hashes,
    values: Floats,
    spans: Floats,
    tables: tuple[lru.Lru, ...],
    state: Floats,
    remembered: Hashes,
    known: Floats,
) -> float:
    columns = keys.shape[1]
    touched = _fetch(code, slot, keys, tables, state, remembered)
    event = 0
    for i in range(len(code)):
        for c in range(columns):
            if code[i] == SCORE:
                key = keys[event, c]
                remembered[slot[i], c] = key
                if key == ABSENT:
                    continue
                row, fresh = lru.use(tables[c], key)
                cell = state[c, row]
                if fresh:
                    cell[:] = 0.0
                    cell[0] = ts[i]
                late = _age(state, row, c, ts[i], spans)
                value = values[event]
                for w in range(len(spans)):
                    at = 1 + w * FIELDS
                    for f in range(FIELDS):
                        known[event, c, w, f] = cell[at + f]
                    # An event that comes late has already lost what it would have lost by now.
                    weight = math.exp(-late / spans[w]) if late > 0.0 else 1.0
                    cell[at + COUNT] += weight
                    cell[at + SUM] += weight * value
                    cell[at + SQUARE] += weight * value * value
            else:
                key = remembered[slot[i], c]
                row = lru.find(tables[c], key) if key != ABSENT else -1
                if row < 0:
                    continue
                late = _age(state, row, c, ts[i], spans)
                for w in range(len(spans)):
                    at = 1 + w * FIELDS
                    weight = math.exp(-late / spans[w]) if late > 0.0 else 1.0
                    if code[i] == CORRECT:
                        # The old label has faded since it came; frauds stay a part of labels.
                        frauds = state[c, row, at + FRAUDS] + weight * (y[i] - was[i])
                        state[c, row, at + FRAUDS] = min(
                            state[c, row, at + LABELS], max(0.0, frauds)
                        )
                    else:
                        state[c, row, at + LABELS] += weight
                        state[c, row, at + FRAUDS] += weight * y[i]
        if code[i] == SCORE:
            event += 1
    return touched  # means nothing


class DecayedWindows:
    """Sums that fade by ``exp(-dt / span)``: constant memory a key, O(1) an event.

    A span's sums weigh an event of `span` ago by 1/e; a steady rate gives the same count as a
    sliding window of that length does.

    Parameters
    ----------
    spans
        Lengths of the windows in seconds.
    columns
        Number of key columns.
    max_keys
        Keys kept in each column; the least recently seen leaves first.
    capacity
        Places that an example can have (`Labels.capacity`).
    """

    def __init__(self, spans: Sequence[float], columns: int, max_keys: int, capacity: int) -> None:
        self.spans = np.array(spans, np.float64)
        self.tables = tuple(lru.new(max_keys) for _ in range(columns))
        self.state = np.zeros((columns, max_keys, 1 + FIELDS * len(spans)))
        self.remembered = np.zeros((capacity, columns), np.uint64)

    def run(self, ops: Ops, keys: Hashes, values: Floats) -> Floats:
        known = np.zeros((len(values), len(self.tables), len(self.spans), FIELDS))
        if self.tables:
            _decayed(
                ops.code, ops.slot, ops.y, ops.was, ops.ts, keys, values,
                self.spans, self.tables, self.state, self.remembered, known,
            )  # fmt: skip
        return known

    def _state(self) -> dict[str, Any]:
        return {"tables": self.tables, "state": self.state, "remembered": self.remembered}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
