"""Buffers for one message at a time, and where its finds are taken down."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes, Hashes, Ints, Slots
from stream.mail.characters import lower

# Groups of finds: each is scaled to length 1 on its own, so that many 4-grams do not drown a host.
FACTS, WORDS, PAIRS, GRAMS = map(number, range(4))
GROUPS = 4

# Kinds of finds, by what a reason calls them.
(
    HEADER, SUBJECT, SENDER, HOST, TAG, FILE, TRICK, FIGURE, RUN, SIGN, WORD, PAIR, GRAM,
) = map(number, range(13))  # fmt: skip

# Places of `state`: bytes used of the buffers; what the latest headers said of the body that
# follows; domains and links found, and the domain of the link that is open; most bytes of
# `raw`, and how many of them are headers; where the name of the header that is read lies in
# `names`.
RAW, LINE, PART, TEXT = range(4)
TYPE, ENCODING, CHARSET, BOUNDARY, BOUNDARY_END = range(4, 9)
DOMAINS, LINKS, OPEN = range(9, 12)
LIMIT, HEAD, OF, OF_END = range(12, 16)
# Places of `domains`: whose history counts; where replies go; pairs of a domain and its skeleton.
SENDER_DOMAIN, SENDER_ADDRESS, REPLY_DOMAIN, FIRST_DOMAIN = range(4)
MAX_DOMAINS = 8
# Places of `tally`: finds by group, where each group's place ends, bytes used of `names`, the
# message's stamp, and whether notes are taken.
COUNT, END, NAMED, STAMP, NOTING = 0, 4, 8, 9, 10

MAX_SCAN = 1 << 16  # bytes of a message in which headers and parts are looked for
MAX_TEXT = 6_000  # bytes of decoded text that are read
MAX_LINE = 2_000  # bytes of a header's value that are read
MAX_FINDS = (512, 1_024, 1_024)  # of facts, words and pairs of words
MAX_NAME = 64  # bytes of a find's name
NOTE = 5  # numbers of a note
TABLE = 1 << 13
MAX_BYTES = 4_096  # so that the table is never full

NOTHING, NOWHERE = number(0), number(-1)
START = np.uint64(0xCBF29CE484222325)
PRIME = np.uint64(0x100000001B3)
MIX = np.uint64(0xD6E8FEB86659FD93)
HALF = np.uint64(32)


class Work(NamedTuple):
    """All that a message's scan writes into: the fields of one record, for type checkers.

    In fact a record of the type `LAYOUT`. It goes into compiled functions as one pointer; a tuple
    of arrays would go in as seven numbers for each. An array's size is part of its type there, so
    functions that take any buffer are handed a slice (``w.text[:]``) and compiled once.

    Attributes
    ----------
    raw
        The message as it came, less the masked headers.
    line, part, text
        A header's value; a part's bytes, both decoded; and the text of all parts.
    state, domains
        See the places above.
    stack
        Where the boundaries of the open parts lie.
    table
        Slots that the message has already, as open-addressed entries of stamp and slot.
    slots
        The finds, group after group; ``tally[COUNT + g]`` of group ``g``.
    tally
        See the places above.
    notes
        For each find its kind, two numbers, mostly where its name lies in `names`, and where that
        of its header does; taken down for reasons only (``tally[NOTING]``).
    names
        Bytes of names.
    """

    raw: Bytes
    line: Bytes
    part: Bytes
    text: Bytes
    state: Ints
    domains: Hashes
    stack: Ints
    table: Slots
    slots: Slots
    tally: Ints
    notes: Ints
    names: Bytes


MOST_FINDS = sum(MAX_FINDS) + MAX_BYTES
LAYOUT = np.dtype(
    [
        ("raw", np.uint8, MAX_BYTES),
        ("line", np.uint8, MAX_LINE),
        ("part", np.uint8, 4 * MAX_TEXT),
        ("text", np.uint8, MAX_TEXT),
        ("state", np.int64, 16),
        ("domains", np.uint64, FIRST_DOMAIN + 2 * MAX_DOMAINS),
        ("stack", np.int64, 64),
        ("table", np.int32, TABLE),
        ("slots", np.int32, MOST_FINDS),
        ("tally", np.int64, 11),
        ("notes", np.int64, NOTE * MOST_FINDS),
        ("names", np.uint8, MAX_SCAN + MAX_NAME * sum(MAX_FINDS)),  # of headers, and of finds
    ],
    align=True,
)


def new_work(max_bytes: int, noting: bool = False) -> Any:
    """Buffers for messages of which `max_bytes` count; `noting` where reasons are wanted."""
    work = np.zeros(1, LAYOUT)
    work["state"][0, LIMIT] = max_bytes
    tally = work["tally"][0]
    tally[NOTING] = noting
    tally[END : END + GROUPS] = np.cumsum([*MAX_FINDS, MAX_BYTES])
    return work


@compiled
def clear(w: Work, mask: np.uint64) -> None:
    """Get ready for the next message; `mask` gives the bits of a slot."""
    tally = w.tally
    tally[STAMP] += 1
    # A stamp takes the bits that a slot leaves free.
    if (tally[STAMP] * (np.int64(mask) + 1)) >> 31:
        tally[STAMP] = 1
        for i in range(TABLE):
            w.table[i] = 0
    for i in range(GROUPS):
        tally[COUNT + i] = 0
    tally[NAMED] = 0
    for i in range(len(w.state)):
        if i != LIMIT:
            w.state[i] = 0
    for i in range(len(w.domains)):
        w.domains[i] = np.uint64(0)


@inlined
def append(source: Bytes, a: int, b: int, out: Bytes, size: int) -> int:
    """Append ``source[a:b]`` to the first `size` bytes of `out`, as far as they fit.

    Gives the size after it. From slice to slice, bytes go many at a time.
    """
    count = min(b - a, len(out) - size)
    if count <= 0:
        return size
    these, room = source[a : a + count], out[size : size + count]
    for i in range(count):
        room[i] = these[i]
    return size + count


@inlined
def add(h: np.uint64, byte: int) -> np.uint64:
    """Take one more byte into a hash (FNV-1a)."""
    return (h ^ np.uint64(byte)) * PRIME


@inlined
def add_hash(h: np.uint64, other: np.uint64) -> np.uint64:
    """Take a whole hash into a hash."""
    h = (h ^ (other >> HALF)) * MIX
    return (h ^ other) * PRIME


@inlined
def mixed(h: np.uint64) -> np.uint64:
    """All bits of a hash into its low ones."""
    h = (h ^ (h >> HALF)) * MIX
    return h ^ (h >> HALF)


@compiled
def hash_of(text: Bytes, a: int, b: int, salt: int) -> np.uint64:
    """Hash of bytes in lower case."""
    h = add(START, salt)
    for i in range(a, b):
        h = add(h, lower(text[i]))
    return h


@inlined
def stamped(w: Work, mask: np.uint64) -> int:
    """The message's stamp, above the bits of a slot."""
    return int(w.tally[STAMP] * (np.int64(mask) + 1))


@inlined
def is_new(w: Work, stamp: int, slot: int) -> bool:
    """Whether the message has not had a slot yet; now it has."""
    entry = stamp | slot
    at = slot & (TABLE - 1)
    held = w.table[at]
    while held >= stamp:  # this message's: none has a later stamp
        if held == entry:
            return False
        at = (at + 1) & (TABLE - 1)
        held = w.table[at]
    w.table[at] = entry
    return True


@inlined
def take(w: Work, group: int, h: np.uint64, mask: np.uint64) -> int:
    """Take a find down, unless the message has it already; gives its place, or -1."""
    tally = w.tally
    place = (tally[END + group - 1] if group else 0) + tally[COUNT + group]
    slot = int(mixed(h) & mask)
    if place >= tally[END + group] or not is_new(w, stamped(w, mask), slot):
        return -1
    w.slots[place] = slot
    tally[COUNT + group] += 1
    return int(place)


@inlined
def note(w: Work, place: int, kind: int, a: int, b: int) -> None:
    """Note a find's kind, and two numbers that say more, if notes are wanted."""
    if place >= 0 and w.tally[NOTING]:
        at = NOTE * place
        w.notes[at] = kind
        w.notes[at + 1] = a
        w.notes[at + 2] = b
        w.notes[at + 3] = w.state[OF]
        w.notes[at + 4] = w.state[OF_END]


@inlined
def keep_name(w: Work, text: Bytes, a: int, b: int) -> int:
    """Append ``text[a:b]`` to the names; gives where it ends."""
    start = w.tally[NAMED]
    end = min(start + min(b - a, MAX_NAME), len(w.names))
    for i in range(start, end):
        w.names[i] = text[a + i - start]
    w.tally[NAMED] = end
    return int(end)


@inlined
def name(w: Work, place: int, kind: int, text: Bytes, a: int, b: int) -> None:
    """Note a find's kind and name, if notes are wanted."""
    if place >= 0 and w.tally[NOTING]:
        _name(w, place, kind, text, a, b)


@compiled
def _name(w: Work, place: int, kind: int, text: Bytes, a: int, b: int) -> None:
    start = w.tally[NAMED]
    note(w, place, kind, start, keep_name(w, text, a, b))


@compiled
def fact(w: Work, h: np.uint64, mask: np.uint64, kind: int, text: Bytes, a: int, b: int) -> None:
    """Take a fact down under the name ``text[a:b]``."""
    name(w, take(w, FACTS, h, mask), kind, text, a, b)


@compiled
def numbered(w: Work, kind: int, which: int, value: int, mask: np.uint64) -> None:
    """Take down a fact that a number names: which of its kind, and how much."""
    h = add(add(add(START, 256 + kind), 256 + which), 256 + value)
    note(w, take(w, FACTS, h, mask), kind, which, value)
