"""Late labels meet waiting examples, and the order of work that follows from it.

`Labels.join` turns decoded events and labels into operations (`Ops`): score this event and remember
it in that place; learn that place's example with this label. All later stages carry out the same
operations in the same order, each on its own state, so it does not matter how records were cut into
polls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from models import hashmap
from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import ASSUME, CORRECT, LEARN, SCORE, Codes, Floats, Hashes, Ints, Slots

UNKNOWN = -1  # an example without a label

# Places of `counts`, in the order of `OUTCOMES`.
JOINED, EARLY, DUPLICATE, CORRECTED, ORPHANED, EXPIRED, REPEATED = range(7)
OUTCOMES = ("joined", "early", "duplicate", "corrected", "orphaned")

EVENT_ITEM = 0
LABEL_ITEM = 1


@dataclass(frozen=True, slots=True)
class Ops:
    """What is to be done, in order. All arrays have one place for each operation.

    Attributes
    ----------
    code
        `SCORE`, `LEARN`, `CORRECT` or `ASSUME`.
    event
        For `SCORE`: which event of the batch, from 0.
    slot
        The example's place in every store of examples.
    y, was
        The label, and the one that it replaces (`CORRECT` only, else -1).
    ts, since
        Event time of the operation, and of the event that it is of, seconds since 1970.
    """

    code: Codes
    event: Ints
    slot: Ints
    y: Codes
    was: Codes
    ts: Floats
    since: Floats

    def __len__(self) -> int:
        return len(self.code)


class _Ring(NamedTuple):
    """Entries in order of arrival: entry number ``n`` lies at ``n % capacity``."""

    places: Slots
    ids: Hashes
    ts: Floats
    y: Codes
    ends: Ints  # number of the oldest entry, number of the next


def _ring(capacity: int) -> _Ring:
    return _Ring(
        hashmap.new_index(capacity),
        np.zeros(capacity, np.uint64),
        np.zeros(capacity),
        np.zeros(capacity, np.int8),
        np.zeros(2, np.int64),
    )


@compiled
def _drop_oldest(ring: _Ring) -> int:
    """Let the oldest entry go; gives its label."""
    slot = ring.ends[0] % len(ring.ids)
    ring.ends[0] += 1
    # The id may lead to a younger entry by now, or (an early label that was used) to nothing.
    if hashmap.find(ring.places, ring.ids, ring.ids[slot]) == slot:
        hashmap.remove(ring.places, ring.ids, ring.ids[slot])
    return int(ring.y[slot])


@compiled
def _full(ring: _Ring) -> bool:
    return bool(ring.ends[1] - ring.ends[0] == len(ring.ids))


@compiled
def _overdue(ring: _Ring, now: float, ttl: float) -> bool:
    oldest = ring.ends[0]
    return bool(oldest < ring.ends[1] and ring.ts[oldest % len(ring.ids)] + ttl < now)


@compiled
def _append(ring: _Ring, key: np.uint64, ts: float, y: int) -> int:
    slot = ring.ends[1] % len(ring.ids)
    ring.ends[1] += 1
    hashmap.put(ring.places, ring.ids, key, slot)
    ring.ts[slot] = ts
    ring.y[slot] = y
    return int(slot)


@compiled
def _join(
    kind: Codes,
    ids: Hashes,
    ts: Floats,
    label: Codes,
    waiting: _Ring,
    early: _Ring,
    clock: Floats,
    ttl: float,
    assume: bool,
    counts: Ints,
    code: Codes,
    event: Ints,
    slot: Ints,
    y: Codes,
    was: Codes,
    op_ts: Floats,
    since: Floats,
) -> int:
    n = 0
    events = 0
    for i in range(len(kind)):
        now = max(clock[0], ts[i])
        clock[0] = now
        # At most two leave for each record that comes, so no record waits for a long clear-out; the
        # bound holds since one comes at the most.
        for _ in range(2):
            if _overdue(waiting, now, ttl) or (kind[i] == EVENT_ITEM and _full(waiting)):
                oldest = waiting.ends[0] % len(waiting.ids)
                if _drop_oldest(waiting) == UNKNOWN:
                    counts[EXPIRED] += 1
                    if assume:
                        code[n], event[n], slot[n] = ASSUME, -1, oldest
                        y[n], was[n], op_ts[n] = 0, -1, now
                        since[n] = waiting.ts[oldest]
                        n += 1
            if _overdue(early, now, ttl) and _drop_oldest(early) != UNKNOWN:
                counts[ORPHANED] += 1
        if kind[i] == EVENT_ITEM:
            if hashmap.find(waiting.places, waiting.ids, ids[i]) >= 0:
                counts[REPEATED] += 1
            place = _append(waiting, ids[i], ts[i], UNKNOWN)
            code[n], event[n], slot[n] = SCORE, events, place
            y[n], was[n], op_ts[n], since[n] = 0, -1, ts[i], ts[i]
            n += 1
            events += 1
            known = hashmap.find(early.places, early.ids, ids[i])
            if known >= 0:
                counts[JOINED] += 1
                waiting.y[place] = early.y[known]
                hashmap.remove(early.places, early.ids, ids[i])
                code[n], event[n], slot[n] = LEARN, -1, place
                y[n], was[n], op_ts[n], since[n] = early.y[known], -1, now, ts[i]
                n += 1
                early.y[known] = UNKNOWN
            continue
        place = hashmap.find(waiting.places, waiting.ids, ids[i])
        if place < 0:
            known = hashmap.find(early.places, early.ids, ids[i])
            if known >= 0:  # a second label before the event: the newer one counts
                counts[DUPLICATE if early.y[known] == label[i] else CORRECTED] += 1
                early.y[known] = label[i]
                continue
            counts[EARLY] += 1
            if _full(early) and _drop_oldest(early) != UNKNOWN:
                counts[ORPHANED] += 1
            _append(early, ids[i], ts[i], label[i])
            continue
        before = waiting.y[place]
        if before == label[i]:
            counts[DUPLICATE] += 1
            continue
        waiting.y[place] = label[i]
        counts[JOINED if before == UNKNOWN else CORRECTED] += 1
        code[n] = LEARN if before == UNKNOWN else CORRECT
        event[n], slot[n] = -1, place
        y[n], was[n], op_ts[n], since[n] = label[i], before, ts[i], waiting.ts[place]
        n += 1
    return n


class Labels:
    """Examples that wait for their labels, and labels that wait for their events; both bounded.

    Parameters
    ----------
    max_waiting
        Events that are remembered for their labels. When it is full the oldest is let go.
    max_early
        Labels that are remembered for their events.
    ttl
        How long either is kept, in seconds of event time.
    assume_negative
        Whether an event that got no label in that time is learned as class 0.
    """

    def __init__(
        self, max_waiting: int, max_early: int, ttl: float, assume_negative: bool = False
    ) -> None:
        self.ttl = ttl
        self.assume_negative = assume_negative
        self._waiting = _ring(max_waiting)
        self._early = _ring(max_early)
        self._clock = np.full(1, -np.inf)
        self.counts = np.zeros(7, np.int64)

    @property
    def waiting(self) -> int:
        """Events remembered now, those with a label (which may be corrected) included."""
        return int(self._waiting.ends[1] - self._waiting.ends[0])

    @property
    def capacity(self) -> int:
        """Places that an example can have."""
        return len(self._waiting.ids)

    def join(self, kind: Codes, ids: Hashes, ts: Floats, label: Codes) -> Ops:
        """Turn decoded records, in order, into operations.

        Parameters
        ----------
        kind
            `EVENT_ITEM` or `LABEL_ITEM` for each record.
        ids, ts
            Hash of the event's id, and event time of the record, for each record.
        label
            0 or 1 for a label; anything for an event.
        """
        size = 4 * len(kind)
        code, y, was = (np.empty(size, np.int8) for _ in range(3))
        event, slot = (np.empty(size, np.int64) for _ in range(2))
        op_ts, since = np.empty(size), np.empty(size)
        hashmap.fetch(self._waiting.places, self._waiting.ids, ids)
        n = _join(
            kind, ids, ts, label, self._waiting, self._early, self._clock, self.ttl,
            self.assume_negative, self.counts, code, event, slot, y, was, op_ts, since,
        )  # fmt: skip
        return Ops(code[:n], event[:n], slot[:n], y[:n], was[:n], op_ts[:n], since[:n])

    def _state(self) -> dict[str, Any]:
        return {
            "waiting": self._waiting,
            "early": self._early,
            "clock": self._clock,
            "counts": self.counts,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
