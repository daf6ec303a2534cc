"""Messages through the scan, and what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.vectors import Bytes
from stream.config import MASKED_HEADERS
from stream.mail.masks import new_masks
from stream.mail.names import found
from stream.mail.scan import scan
from stream.mail.work import END, GROUPS, RAW, TEXT, new_work

BITS = 22
MASK = np.uint64((1 << BITS) - 1)
MASKS = new_masks(MASKED_HEADERS)


def as_array(text: bytes) -> Bytes:
    """Bytes as compiled code takes them: writable, as those of a batch are."""
    return np.frombuffer(bytearray(text), np.uint8)


@dataclass(frozen=True)
class Found:
    """What a scan found in a message.

    Attributes
    ----------
    text, raw
        The decoded text of all parts, and the bytes that count.
    groups
        The slots of each group, in order.
    names
        What each find is called with the words themselves, and `quiet` without.
    """

    text: str
    raw: bytes
    groups: list[list[int]]
    names: Counter[str]
    quiet: Counter[str]

    @property
    def words(self) -> list[str]:
        return self.text.split()


def groups(work: Any) -> list[list[int]]:
    """The slots of each group that a scan filled."""
    tally, slots = work["tally"][0], work["slots"][0]
    first = [0, *tally[END : END + GROUPS - 1].tolist()]
    return [slots[a : a + tally[g]].tolist() for g, a in enumerate(first)]


def found_in(message: bytes | str, masked: Sequence[str] = (), max_bytes: int = 3_000) -> Found:
    """Scan one message, a text as UTF-8."""
    raw = message.encode() if isinstance(message, str) else message
    work = new_work(max_bytes, noting=True)
    scan(work, as_array(raw), new_masks(masked), MASK)
    state = work["state"][0]
    return Found(
        work["text"][0, : state[TEXT]].tobytes().decode("utf-8", "replace"),
        work["raw"][0, : state[RAW]].tobytes(),
        groups(work),
        Counter(found(work, quoting=True)),
        Counter(found(work, quoting=False)),
    )
