"""Headers that must not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.compiled import compiled
from models.vectors import Bytes, Ints
from stream.mail.characters import BANG, STAR, lower


class Masks(NamedTuple):
    """Patterns of header names, back to back in lower case: see `new_masks`."""

    text: Bytes
    ends: Ints


def new_masks(patterns: Sequence[str]) -> Masks:
    """Patterns for `masked`.

    Each is a header's name, or how it starts and a ``*``; with a ``!`` before it, an exception.

    >>> masks = new_masks(["received", "x-*", "!x-mailer"])
    >>> names = [b"Received", b"Receiver", b"X-Foo", b"X-Mailer"]
    >>> [masked(masks, np.frombuffer(name, np.uint8), 0, len(name)) for name in names]
    [True, False, True, False]
    """
    encoded = [pattern.lower().encode() for pattern in patterns]
    ends = np.zeros(len(encoded) + 1, np.int64)
    ends[1:] = np.cumsum([len(pattern) for pattern in encoded])
    return Masks(np.frombuffer(b"".join(encoded) + b" ", np.uint8).copy(), ends)


@compiled
def masked(masks: Masks, text: Bytes, a: int, b: int) -> bool:
    """Whether the header with the name ``text[a:b]`` must not count; the last pattern rules."""
    found = False
    for m in range(len(masks.ends) - 1):
        i, end = masks.ends[m], masks.ends[m + 1]
        exception = masks.text[i] == BANG
        if exception:
            i += 1
        k = a
        while i < end and k < b and masks.text[i] == lower(text[k]):
            i += 1
            k += 1
        if (i == end and k == b) or (i == end - 1 and masks.text[i] == STAR):
            found = not exception
    return found
