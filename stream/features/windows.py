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

from models import lru
from models.compiled import compiled, inlined
from models.state import come_back, leave
from models.vectors import CORRECT, SCORE, Codes, Floats, Hashes, Ints
from stream.hashing import ABSENT
from stream.labels import Ops

COUNT, SUM, SQUARE, LABELS, FRAUDS = range(5)
FIELDS = 5
CACHE_LINE = 8  # numbers
NEAR = 10_000  # keys of which all that is known is in the processor's cache anyway


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
def _age(cell: Floats, now: float, spans: Floats) -> float:
    """Bring a key's numbers forward to `now`; gives how far `now` lies behind it, 0 or more."""
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
    code: Codes, slot: Ints, keys: Hashes, table: lru.Lru, state: Floats, remembered: Hashes
) -> float:
    """Touch all that is known of the keys to come, for the reason that `hashmap.fetch` gives."""
    touched = 0.0
    event = 0
    for i in range(len(code)):
        if code[i] == SCORE:
            key = keys[event]
            event += 1
        else:
            key = remembered[slot[i]]
        row = lru.find(table, key)
        if row >= 0:
            for at in range(0, state.shape[1], CACHE_LINE):
                touched += state[row, at]
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
    table: lru.Lru,
    state: Floats,
    remembered: Hashes,
    known: Floats,
) -> float:
    """Carry out operations for one key column; what it gives means nothing."""
    touched = 0.0
    if table.meta[lru.USED] > NEAR:
        touched = _fetch(code, slot, keys, table, state, remembered)
    event = 0
    for i in range(len(code)):
        if code[i] == SCORE:
            key = keys[event]
            value = values[event]
            found = known[event]
            event += 1
            remembered[slot[i]] = key
            if key == ABSENT:
                continue
            row, fresh = lru.use(table, key)
            cell = state[row]
            if fresh:
                cell[:] = 0.0
                cell[0] = ts[i]
            late = _age(cell, ts[i], spans)
            for w in range(len(spans)):
                at = 1 + w * FIELDS
                for f in range(FIELDS):
                    found[w, f] = cell[at + f]
                # An event that comes late has already lost what it would have lost by now.
                weight = math.exp(-late / spans[w]) if late > 0.0 else 1.0
                cell[at + COUNT] += weight
                cell[at + SUM] += weight * value
                cell[at + SQUARE] += weight * value * value
        else:
            key = remembered[slot[i]]
            row = lru.find(table, key) if key != ABSENT else -1
            if row < 0:
                continue
            cell = state[row]
            late = _age(cell, ts[i], spans)
            for w in range(len(spans)):
                at = 1 + w * FIELDS
                weight = math.exp(-late / spans[w]) if late > 0.0 else 1.0
                if code[i] == CORRECT:
                    # The old label has faded since it came; frauds stay a part of labels.
                    frauds = cell[at + FRAUDS] + weight * (y[i] - was[i])
                    cell[at + FRAUDS] = min(cell[at + LABELS], max(0.0, frauds))
                else:
                    cell[at + LABELS] += weight
                    cell[at + FRAUDS] += weight * y[i]
    return touched


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
        for c, table in enumerate(self.tables):
            _decayed(
                ops.code, ops.slot, ops.y, ops.was, ops.ts, keys[:, c], values,
                self.spans, table, self.state[c], self.remembered[:, c], known[:, c],
            )  # fmt: skip
        return known

    def _state(self) -> dict[str, Any]:
        return {"tables": self.tables, "state": self.state, "remembered": self.remembered}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
