"""A bounded set of keys, each with a row; the least recently used gives its row to a new one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models import hashmap
from models.compiled import compiled, inlined
from models.vectors import Hashes, Ints, Slots

NEWEST = 0  # row used last
OLDEST = 1  # row used longest ago
USED = 2  # rows handed out
EVICTED = 3  # keys that had to leave


class Lru(NamedTuple):
    """Plain arrays, since a tuple of arrays goes into compiled code cheaply and copies easily."""

    places: Slots
    keys: Hashes  # by row
    newer: Slots  # by row: the row used next after it
    older: Slots  # by row: the row used last before it
    meta: Ints


def new(capacity: int) -> Lru:
    """No keys yet, and never more than `capacity`."""
    return Lru(
        hashmap.new_index(capacity),
        np.zeros(capacity, np.uint64),
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int32),
        np.zeros(4, np.int64),
    )


@inlined
def find(lru: Lru, key: np.uint64) -> int:
    """The row of `key`, or -1. Looking does not count as a use."""
    return hashmap.find(lru.places, lru.keys, key)


@compiled
def use(lru: Lru, key: np.uint64) -> tuple[int, bool]:
    """The row of `key`, which becomes the newest, and whether the key is new to its row."""
    meta = lru.meta
    row = hashmap.find(lru.places, lru.keys, key)
    if row >= 0 and row == meta[NEWEST]:
        return row, False
    fresh = row < 0
    if fresh and meta[USED] < len(lru.keys):
        row = int(meta[USED])
        meta[USED] += 1
        hashmap.put(lru.places, lru.keys, key, row)
        if row == 0:
            meta[OLDEST] = 0
            meta[NEWEST] = 0
            return row, True
    else:
        if fresh:
            row = int(meta[OLDEST])
            meta[EVICTED] += 1
            hashmap.remove(lru.places, lru.keys, lru.keys[row])
            hashmap.put(lru.places, lru.keys, key, row)
        # take the row out of its place in the list
        if row == meta[OLDEST]:
            meta[OLDEST] = lru.newer[row]
        else:
            lru.newer[lru.older[row]] = lru.newer[row]
            lru.older[lru.newer[row]] = lru.older[row]
    lru.newer[meta[NEWEST]] = row
    lru.older[row] = meta[NEWEST]
    meta[NEWEST] = row
    return row, fresh
