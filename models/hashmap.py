"""A compiled map from 64-bit keys to row numbers, in two plain arrays.

`index` is an open-addressed table with linear probing whose places hold ``row + 1``, or 0 where
free; `keys` holds the key of each row. Its places never fill beyond half, and a removal closes the
gap behind it, so a look-up costs about the same for ever. A snapshot is a copy of the arrays.

Keys are hashes of what users sent, so their low bits serve as they are.
"""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Hashes, Slots


def new_index(capacity: int) -> Slots:
    """Places for at most `capacity` rows. The system zeroes the pages when they are first used."""
    return np.zeros(1 << max(3, (2 * capacity - 1).bit_length()), np.int32)


@inlined
def _place(index: Slots, keys: Hashes, key: np.uint64) -> int:
    """Where `key` is, or else the free place where it would go."""
    mask = len(index) - 1
    place = np.int64(key & np.uint64(mask))
    while index[place] != 0 and keys[index[place] - 1] != key:
        place = (place + 1) & mask
    return int(place)


@inlined
def find(index: Slots, keys: Hashes, key: np.uint64) -> int:
    """The row of `key`, or -1."""
    return int(index[_place(index, keys, key)]) - 1


@inlined
def put(index: Slots, keys: Hashes, key: np.uint64, row: int) -> None:
    """Let `key` lead to `row`, and to nothing that it led to before."""
    index[_place(index, keys, key)] = row + 1
    keys[row] = key


@compiled
def fetch(index: Slots, keys: Hashes, wanted: Hashes) -> int:
    """Look up all of `wanted`, only to have their places in the processor's cache afterwards.

    Places lie far apart in memory. Here the waits for them overlap; between the steps of a loop
    that does more they would add up. (It gives a number so that no compiler leaves it all out.)
    """
    found = 0
    for key in wanted:
        found += find(index, keys, key) >= 0
    return found


@compiled
def remove(index: Slots, keys: Hashes, key: np.uint64) -> None:
    """Forget `key`; nothing happens if it is not there."""
    mask = len(index) - 1
    gap = _place(index, keys, key)
    if index[gap] == 0:
        return
    index[gap] = 0
    place = (gap + 1) & mask
    while index[place] != 0:  # move back whatever was pushed past the gap
        home = np.int64(keys[index[place] - 1] & np.uint64(mask))
        if ((place - home) & mask) >= ((place - gap) & mask):
            index[gap] = index[place]
            index[place] = 0
            gap = place
        place = (place + 1) & mask
