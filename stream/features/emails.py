"""A mail's features: what is in it, each group of finds of length 1, and who sent it.

In the message (`stream.mail`): 4-grams of its first bytes as they came, which survive the tricks
that break words apart (Goodman, Heckerman & Rounthwaite 2005; Sculley & Wachman 2007 found 3,000
bytes enough); the words of its decoded text and each two that are next to each other; and facts:
words of headers, hosts of links, tags, kinds of files, tricks, and how the text is made up. A group
has length 1 in a vector, so a long mail is no louder than a short one, and a host no softer than
the text around it (docs/adr/0008).

Of the stream: how often the sender's domain and address have written, and how much of that was
spam; and whether one of the mail's domains looks like another that is well known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from models.compiled import compiled, inlined
from models.state import come_back, leave
from models.vectors import Bytes, Floats, Hashes, Ints, Slots, Vectors
from stream.events import Emails
from stream.features.windows import COUNT, FRAUDS, LABELS, Windows
from stream.labels import Ops
from stream.mail.masks import Masks, new_masks
from stream.mail.names import found
from stream.mail.scan import scan
from stream.mail.work import (
    END,
    FIRST_DOMAIN,
    GROUPS,
    MAX_DOMAINS,
    MAX_FINDS,
    START,
    add,
    mixed,
    new_work,
)

SENDERS = ("sender's domain", "sender's address")
PRIOR_LABELS = 2.0  # a sender's spam rate starts as if two labels were known, one of each class
SALT_HISTORY = 0x1F0
KNOWN = 5  # mails after which a domain is one that others may pose as
LOOK_ALIKES = 1 << 14


class _LookAlikes(NamedTuple):
    """The best-known domain of each skeleton; a new one wears an old one down before it goes."""

    skeleton: Hashes
    domain: Hashes
    mails: Ints


@compiled
def _poses(domains: Hashes, skeletons: Hashes, known: _LookAlikes) -> bool:
    """Take a mail's domains in; whether one looks like a known other one."""
    alike = False
    for i in range(len(domains)):
        if domains[i] == np.uint64(0):
            break
        at = np.int64(skeletons[i] & np.uint64(LOOK_ALIKES - 1))
        if known.domain[at] == domains[i]:
            known.mails[at] += 1
        elif known.skeleton[at] == skeletons[i] and known.mails[at] >= KNOWN:
            alike = True
        else:
            known.mails[at] -= 1
            if known.mails[at] <= 0:
                known.skeleton[at] = skeletons[i]
                known.domain[at] = domains[i]
                known.mails[at] = 1
    return alike


@compiled
def _find(
    work: Any,
    masks: Masks,
    mask: np.uint64,
    text: Bytes,
    begin: Ints,
    keys: Hashes,
    domains: Hashes,
    skeletons: Hashes,
    history: int,
    start: Ints,
    slots: Slots,
    values: Floats,
) -> None:
    """Scan each message; fill its senders, its domains and its pairs, `history` aside."""
    w = work[0]
    for i in range(len(begin) - 1):
        scan(work, text[begin[i] : begin[i + 1]], masks, mask)
        for k in range(keys.shape[1]):
            keys[i, k] = w.domains[k]
        for k in range(MAX_DOMAINS):
            domains[i, k] = w.domains[FIRST_DOMAIN + 2 * k]
            skeletons[i, k] = w.domains[FIRST_DOMAIN + 2 * k + 1]
        at = start[i]
        for group in range(GROUPS):
            first = w.tally[END + group - 1] if group else 0
            count = w.tally[group]
            # As a float32 has it, which is how it is kept.
            value = np.float64(np.float32(1.0 / math.sqrt(max(count, 1))))
            for k in range(count):
                slots[at] = w.slots[first + k]
                values[at] = value
                at += 1
        start[i + 1] = at + history


@inlined
def _bin(cell: Floats) -> int:
    """What is known of a sender, in steps: how many mails, and how much of them was spam."""
    mails = min(int(2.0 * math.log2(1.0 + max(0.0, cell[COUNT]))), 15)
    rate = (cell[FRAUDS] + 0.5 * PRIOR_LABELS) / (cell[LABELS] + PRIOR_LABELS)
    return mails * 16 + min(int(rate * 10.0), 9)


@compiled
def _history(
    known: Floats,
    domains: Hashes,
    skeletons: Hashes,
    look_alikes: _LookAlikes,
    mask: np.uint64,
    start: Ints,
    slots: Slots,
    values: Floats,
) -> None:
    """Fill the last pairs of each vector: of each sender and window, and of the look-alikes."""
    count = known.shape[1] * known.shape[2] + 1
    value = np.float64(np.float32(1.0 / math.sqrt(count)))
    for i in range(len(known)):
        at = start[i + 1] - count
        for c in range(known.shape[1]):
            for k in range(known.shape[2]):
                h = add(add(add(START, SALT_HISTORY + c), 256 + k), 256 + _bin(known[i, c, k]))
                slots[at] = np.int64(mixed(h) & mask)
                values[at] = value
                at += 1
        poses = _poses(domains[i], skeletons[i], look_alikes)
        slots[at] = np.int64(
            mixed(add(add(START, SALT_HISTORY + known.shape[1]), 256 + poses)) & mask
        )
        values[at] = value


class EmailFeatures:
    """Vectors of mails.

    Parameters
    ----------
    spans
        What the windows are called.
    windows
        What is known of senders.
    max_bytes
        Bytes of a message, masked headers aside, that 4-grams are taken from.
    hash_bits
        ``2 ** hash_bits`` slots for all that is found in a message.
    masked_headers
        Headers that must not count (see `stream.mail.masks.new_masks`).
    show_text
        Whether reasons quote the message; else they name its parts.
    """

    names = ("bias",)
    watched = ("log_bytes", "log_finds")
    mixes = ()

    def __init__(
        self,
        spans: Sequence[str],
        windows: Windows,
        max_bytes: int,
        hash_bits: int,
        masked_headers: Sequence[str],
        show_text: bool,
    ) -> None:
        self._history = [f"{sender} over {span}" for sender in SENDERS for span in spans]
        self._history.append("domain that looks like another")
        self.windows = windows
        self.hash_bits = hash_bits
        self.hashed = sum(MAX_FINDS) + max_bytes + len(self._history)
        self._max_bytes = max_bytes
        self._show_text = show_text
        self._masks = new_masks(masked_headers)
        self._mask = np.uint64((1 << hash_bits) - 1)
        self._work = new_work(max_bytes)
        self._noting = new_work(max_bytes, noting=True)
        self._look_alikes = _LookAlikes(
            np.zeros(LOOK_ALIKES, np.uint64),
            np.zeros(LOOK_ALIKES, np.uint64),
            np.zeros(LOOK_ALIKES, np.int64),
        )

    def run(self, ops: Ops, events: Emails) -> Vectors:
        """Carry out `ops`; gives a vector for each event, not yet standardised."""
        n = len(events)
        lengths = np.diff(events.start)
        room = np.minimum(lengths, self._max_bytes) + np.minimum(3 * lengths + 64, sum(MAX_FINDS))
        keys = np.empty((n, len(SENDERS)), np.uint64)
        domains, skeletons = (np.empty((n, MAX_DOMAINS), np.uint64) for _ in range(2))
        start = np.zeros(n + 1, np.int64)
        history = len(self._history)
        most = room.sum() + n * history
        slots, values = np.empty(most, np.int32), np.empty(most)
        _find(
            self._work, self._masks, self._mask, events.text, events.start, keys, domains,
            skeletons, history, start, slots, values,
        )  # fmt: skip
        known = self.windows.run(ops, keys, np.zeros(n))
        _history(known, domains, skeletons, self._look_alikes, self._mask, start, slots, values)
        ones, most = np.ones((n, 1)), start[-1]
        return Vectors.in_order(ones, start, slots[:most], values[:most])

    def observe(self, events: Emails, vectors: Vectors) -> tuple[Floats, Hashes]:
        """How long each message is, and how much was found in it."""
        sizes = np.stack([np.diff(events.start), vectors.counts], axis=1)
        return np.log1p(sizes.astype(np.float64)), np.zeros((len(events), 0), np.uint64)

    def reasons(
        self,
        events: Emails,
        event: int,
        dense: Sequence[float],  # noqa: ARG002 - the intercept's
        hashed: Sequence[float],
    ) -> list[tuple[str, float]]:
        """What the finds of each name added, and what is known of the sender."""
        message = events.text[events.start[event] : events.start[event + 1]]
        scan(self._noting, message, self._masks, self._mask)
        names = found(self._noting, self._show_text) + self._history
        added = dict.fromkeys(names, 0.0)
        for name, part in zip(names, hashed, strict=True):
            added[name] += part
        return list(added.items())

    def snapshot(self) -> dict[str, Any]:
        return {"windows": self.windows.snapshot(), "look_alikes": leave(self._look_alikes)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.windows.restore(state["windows"])
        come_back(self._look_alikes, state["look_alikes"])
