"""What finds are called, for people: with the words themselves, or only with where they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream.mail.known import ENDINGS, HEADERS, TAGS
from stream.mail.tricks import TRICKS
from stream.mail.words import FIGURES, LONGEST_WORD
from stream.mail.work import (
    END,
    FACTS,
    FIGURE,
    FILE,
    GRAMS,
    HEAD,
    HEADER,
    HOST,
    NOTE,
    PAIR,
    RAW,
    RUN,
    SENDER,
    SUBJECT,
    TAG,
    TRICK,
    WORD,
)

_BREAKS = b" \t\r\n<>\"'()[],;:.!?=/|*_{}#~`+-"
_SPACES = bytes.maketrans(_BREAKS, b" " * len(_BREAKS))


def found(work: Any, quoting: bool) -> list[str]:
    """The name of each find in `work`, which has notes, in the order of a vector's pairs.

    Parameters
    ----------
    work
        What a scan has filled (see `stream.mail.work.new_work`).
    quoting
        Whether names quote the message. If not, they say which part of it a find is in, and nothing
        in them is a sender's own: of headers, tags and endings of files, only well-known ones are
        named.
    """
    tally, texts = work["tally"][0], work["names"][0].tobytes()
    notes = work["notes"][0].reshape(-1, NOTE)
    state = work["state"][0]
    owners = _owners(work["raw"][0, : state[RAW]].tobytes(), int(state[HEAD]), quoting)
    names: list[str] = []
    first = 0
    for group in range(GRAMS):
        if group != FACTS and not quoting:
            names += ["text"] * tally[group]
        else:
            for kind, a, b, c, d in notes[first : first + tally[group]].tolist():
                names.append(_name(kind, a, texts[a:b], texts[c:d], quoting))
        first = int(tally[END + group])
    # 4-grams are by far the most, and need only where they begin.
    begins = notes[first : first + tally[GRAMS], 1]
    of = np.searchsorted([start for start, _ in owners], begins, side="right") - 1
    return names + [owners[i][1] for i in of.tolist()]


def _name(kind: int, which: int, text: bytes, header: bytes, quoting: bool) -> str:
    if kind == TRICK:
        return TRICKS[which]
    if kind == FIGURE:
        return FIGURES[which]
    if kind == RUN:
        return "digits in a row"
    if kind == TAG:
        read = _read(text)
        return f"tag <{read}>" if quoting or read in TAGS else "another tag"
    if kind == FILE:
        read = _read(text)
        return f"attached file {read}" if quoting or read in ENDINGS else "attached file"
    part = {SUBJECT: "subject", SENDER: "sender", HOST: "links"}.get(kind, "text")
    if kind == HEADER:
        part = _header(header, quoting)
    if not quoting or not text:
        return part
    if kind in (WORD, PAIR):
        return f'"{_read(b" ".join(text.translate(_SPACES).split()))}"'
    if kind == HOST:
        return f"host {_read(text)}"
    return f'{part} "{_read(text)}"'


def _header(name: bytes, quoting: bool) -> str:
    read = _read(name)
    return f"header {read}" if quoting or read in HEADERS else "another header"


def _read(text: bytes) -> str:
    """Bytes in lower case as they can be shown anywhere: what would move a cursor is one sign."""
    read = text.decode("utf-8", "replace").lower()
    if read.isprintable():
        return read
    return "".join(c if c.isprintable() else "\ufffd" for c in read)


def _owners(raw: bytes, head: int, quoting: bool) -> list[tuple[int, str]]:
    """Where in the raw bytes each header, the text, and each of its words begins, with its name."""
    owners = []
    at = 0
    for line in raw[:head].split(b"\n"):
        if not line.startswith((b" ", b"\t")):  # else it belongs to the header before it
            name = line.partition(b":")[0]
            own = {b"subject": "subject", b"from": "sender"}.get(name.lower())
            owners.append((at, own or _header(name, quoting)))
        at += len(line) + 1
    owners.append((head, "text"))
    if quoting:
        place = head
        for word in raw[head:].translate(_SPACES).split(b" "):
            if word:
                short = len(word) <= LONGEST_WORD  # a longer one is no word
                owners.append((place, f'"{_read(word)}"' if short else "text"))
            place += len(word) + 1
    return owners
