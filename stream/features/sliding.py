"""Exact sliding windows: what lies within the last `span` seconds, and nothing else.

One log of all events, and one of all labels, in order of arrival; for each window a pointer to the
oldest entry that is still inside. As time goes on the pointers move up and what they pass is taken
off its key's sums, so an event costs O(1) however long the windows are, and no key has a list of
its own. The price is the memory for the logs, which are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from models import lru
from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import CORRECT, SCORE, Codes, Floats, Hashes, Ints
from stream.features.windows import COUNT, FIELDS, FRAUDS, LABELS, SQUARE, SUM
from stream.hashing import ABSENT
from stream.labels import Ops


class _Log(NamedTuple):
    """Entries in order of arrival; entry ``n`` lies at ``n % capacity``.

    `rows` and `births` say whose sums an entry went into: a row that was given to another key since
    then has another birth, and its entries are passed over.
    """

    ts: Floats
    value: Floats
    rows: Ints  # (capacity, columns); -1 for none
    births: Ints  # (capacity, columns)
    oldest: Ints  # by window: number of the oldest entry inside; and last, the next number


def _log(capacity: int, columns: int, windows: int) -> _Log:
    return _Log(
        np.zeros(capacity),
        np.zeros(capacity),
        np.zeros((capacity, columns), np.int64),
        np.zeros((capacity, columns), np.int64),
        np.zeros(windows + 1, np.int64),
    )


@compiled
def _leave(log: _Log, w: int, is_label: bool, births: Ints, state: Floats) -> None:
    """Take the oldest entry of window `w` off its keys' sums."""
    at = log.oldest[w] % len(log.ts)
    log.oldest[w] += 1
    value = log.value[at]
    for c in range(log.rows.shape[1]):
        row = log.rows[at, c]
        if row < 0 or births[c, row] != log.births[at, c]:
            continue
        cell = state[c, row, w]
        if is_label:
            cell[LABELS] -= 1.0
            cell[FRAUDS] -= value
            continue
        cell[COUNT] -= 1.0
        cell[SUM] -= value
        cell[SQUARE] -= value * value
        if cell[COUNT] == 0.0:  # so that rounding does not add up for ever
            cell[SUM] = 0.0
            cell[SQUARE] = 0.0


@compiled
def _advance(
    log: _Log, now: float, spans: Floats, is_label: bool, births: Ints, state: Floats
) -> None:
    for w in range(len(spans)):
        while log.oldest[w] < log.oldest[-1]:
            if log.ts[log.oldest[w] % len(log.ts)] + spans[w] >= now:
                break
            _leave(log, w, is_label, births, state)


@compiled
def _append(log: _Log, ts: float, value: float, births: Ints, is_label: bool, state: Floats) -> int:
    for w in range(len(log.oldest) - 1):
        if log.oldest[-1] - log.oldest[w] == len(log.ts):
            _leave(log, w, is_label, births, state)
    at = log.oldest[-1] % len(log.ts)
    log.oldest[-1] += 1
    log.ts[at] = ts
    log.value[at] = value
    return int(at)


@compiled
def _sliding(
    code: Codes,
    slot: Ints,
    y: Codes,
    ts: Floats,
    keys: Hashes,
    values: Floats,
    spans: Floats,
    tables: tuple[lru.Lru, ...],
    state: Floats,
    births: Ints,
    events: _Log,
    labels: _Log,
    remembered: Hashes,
    noted: Ints,
    clock: Floats,
    known: Floats,
) -> None:
    columns = keys.shape[1]
    event = 0
    for i in range(len(code)):
        clock[0] = max(clock[0], ts[i])
        _advance(events, clock[0], spans, False, births, state)
        _advance(labels, clock[0], spans, True, births, state)
        if code[i] == SCORE:
            at = _append(events, ts[i], values[event], births, False, state)
            for c in range(columns):
                key = keys[event, c]
                remembered[slot[i], c] = key
                events.rows[at, c] = -1
                if key == ABSENT:
                    continue
                row, fresh = lru.use(tables[c], key)
                if fresh:
                    state[c, row] = 0.0
                    births[c, row] += 1
                events.rows[at, c] = row
                events.births[at, c] = births[c, row]
                for w in range(len(spans)):
                    cell = state[c, row, w]
                    for f in range(FIELDS):
                        known[event, c, w, f] = cell[f]
                    cell[COUNT] += 1.0
                    cell[SUM] += values[event]
                    cell[SQUARE] += values[event] * values[event]
            event += 1
            continue
        if code[i] == CORRECT:
            # Where the first label is still in the log it becomes the new one.
            number = noted[slot[i]]
            at = number % len(labels.ts)
            inside = False
            for w in range(len(spans)):
                if number < labels.oldest[w]:
                    continue
                inside = True
                for c in range(columns):
                    row = labels.rows[at, c]
                    if row >= 0 and births[c, row] == labels.births[at, c]:
                        state[c, row, w, FRAUDS] += y[i] - labels.value[at]
            if inside:
                labels.value[at] = y[i]
            continue
        at = _append(labels, ts[i], float(y[i]), births, True, state)
        noted[slot[i]] = labels.oldest[-1] - 1
        for c in range(columns):
            key = remembered[slot[i], c]
            row = lru.find(tables[c], key) if key != ABSENT else -1
            labels.rows[at, c] = row
            if row < 0:
                continue
            labels.births[at, c] = births[c, row]
            for w in range(len(spans)):
                state[c, row, w, LABELS] += 1.0
                state[c, row, w, FRAUDS] += y[i]


class SlidingWindows:
    """Exact sums over the last `span` seconds; see `stream.features.windows.DecayedWindows`.

    Exact for events in order of time. One that comes late counts from when it comes, and leaves
    when the events that came before it have left.

    Parameters
    ----------
    spans, columns, max_keys, capacity
        As for `DecayedWindows`.
    max_events
        Entries of either log. When it is full the oldest leaves its windows early.
    """

    def __init__(
        self, spans: Sequence[float], columns: int, max_keys: int, capacity: int, max_events: int
    ) -> None:
        self.spans = np.array(spans, np.float64)
        self.tables = tuple(lru.new(max_keys) for _ in range(columns))
        self.state = np.zeros((columns, max_keys, len(spans), FIELDS))
        self.births = np.zeros((columns, max_keys), np.int64)
        self.events = _log(max_events, columns, len(spans))
        self.labels = _log(max_events, columns, len(spans))
        self.remembered = np.zeros((capacity, columns), np.uint64)
        self.noted = np.zeros(capacity, np.int64)
        self.clock = np.full(1, -np.inf)

    def run(self, ops: Ops, keys: Hashes, values: Floats) -> Floats:
        known = np.zeros((len(values), len(self.tables), len(self.spans), FIELDS))
        if self.tables:
            _sliding(
                ops.code, ops.slot, ops.y, ops.ts, keys, values, self.spans, self.tables,
                self.state, self.births, self.events, self.labels, self.remembered, self.noted,
                self.clock, known,
            )  # fmt: skip
        return known

    def _state(self) -> dict[str, Any]:
        return {
            "tables": self.tables,
            "state": self.state,
            "births": self.births,
            "events": self.events,
            "labels": self.labels,
            "remembered": self.remembered,
            "noted": self.noted,
            "clock": self.clock,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
