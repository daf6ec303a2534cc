"""Keys and categories as numbers, the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from xxhash import xxh3_64_intdigest

from models.vectors import Hashes

ABSENT = 0  # what no key hashes to; stands for "the stream has no such key"


def hash64(text: str) -> int:
    """64-bit XXH3 of the UTF-8 bytes of `text`, never `ABSENT`.

    >>> hash64("customer-17")
    17451400790687511452
    """
    return xxh3_64_intdigest(text.encode()) or 1


def hashes(texts: Iterable[str]) -> Hashes:
    """`hash64` of each."""
    found = np.array([xxh3_64_intdigest(text.encode()) for text in texts], np.uint64)
    found[found == ABSENT] = 1
    return found
