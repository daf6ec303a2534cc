"""Keys and categories as numbers, the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from models.vectors import Hashes
from stream import xxh3

ABSENT = 0  # what no key hashes to; stands for "the stream has no such key"


def hash64(text: str) -> int:
    """64-bit XXH3 of the UTF-8 bytes of `text`, never `ABSENT`.

    >>> hash64("customer-17")
    17451400790687511452
    """
    return xxh3_64_intdigest(text.encode()) or 1


def hashes(keys: Sequence[str | int]) -> Hashes:
    """`hash64` of each as text, a whole number in decimal.

    >>> hashes([17, -3]) == hashes(["17", "-3"])
    array([ True,  True])
    """
    text = msgspec.json.encode(keys)
    found = np.full(len(keys), ABSENT, np.uint64)
    if b"\\" not in text:
        xxh3.of_array(np.frombuffer(text, np.uint8), found)
    for i in np.flatnonzero(found == ABSENT).tolist():
        found[i] = hash64(str(keys[i]))
    return found
