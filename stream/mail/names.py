"""What finds are called, for people: with the words themselves, or only with where they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from stream.mail.hosts import TRICKS
from stream.mail.words import FIGURES, LONGEST_WORD
from stream.mail.work import (
    END,
    FIGURE,
    FILE,
    GRAM,
    GROUPS,
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


def found(work: Any, quoting: bool) -> Iterator[str]:
    """The name of each find in `work`, which has notes, in the order of a vector's pairs.

    Parameters
    ----------
    work
        What a scan has filled (see `stream.mail.work.new_work`).
    quoting
        Whether names quote the message. If not, they say which part of it a find is in, and nothing
        in them comes from a sender but the names of headers, tags and endings of files.
    """
    tally, texts = work["tally"][0], work["names"][0].tobytes()
    notes = work["notes"][0].reshape(-1, NOTE)
    owners = _owners(work["raw"][0, : work["state"][0, RAW]].tobytes(), quoting)
    starts = [start for start, _ in owners]
    first = 0
    for group in range(GROUPS):
        for kind, a, b, c, d in notes[first : first + tally[group]].tolist():
            if kind == GRAM:
                yield owners[bisect_right(starts, a) - 1][1]
            else:
                yield _name(kind, a, texts[a:b], texts[c:d], quoting)
        first = int(tally[END + group])


def _name(kind: int, which: int, text: bytes, header: bytes, quoting: bool) -> str:
    if kind == TRICK:
        return TRICKS[which]
    if kind == FIGURE:
        return FIGURES[which]
    if kind == RUN:
        return "digits in a row"
    if kind == TAG:
        return f"tag <{_read(text)}>"
    if kind == FILE:
        return f"attached file {_read(text)}"
    if kind == HEADER and not header:
        return f"header {_read(text)}"
    part = {
        HEADER: f"header {_read(header)}", SUBJECT: "subject", SENDER: "sender", HOST: "links",
        WORD: "text", PAIR: "text",
    }.get(kind, "text")  # fmt: skip
    if not quoting:
        return part
    if kind in (WORD, PAIR):
        return f'"{_read(b" ".join(text.translate(_SPACES).split()))}"'
    if kind == HOST:
        return f"host {_read(text)}"
    return f'{part} "{_read(text)}"' if text else part


def _read(text: bytes) -> str:
    return text.decode("utf-8", "replace").lower()


def _owners(raw: bytes, quoting: bool) -> list[tuple[int, str]]:
    """Where in the raw bytes each header, the text, and each of its words begins, with its name."""
    owners = [(0, "text")]
    at = 0
    body = True
    for line in raw.splitlines(keepends=True):
        name, colon, _ = line.partition(b":")
        if not line.strip():
            break
        if not line[:1].isspace():
            if not colon or b" " in name:
                break
            read = _read(name)
            body = False
            owners.append(
                (at, {"subject": "subject", "from": "sender"}.get(read, f"header {read}"))
            )
        at += len(line)
    if body:
        at = 0
    owners.append((at, "text"))
    if quoting:
        text = raw[at:].translate(_SPACES)
        place = 0
        for word in text.split(b" "):
            if 0 < len(word) <= LONGEST_WORD:
                owners.append((at + place, f'"{_read(word)}"'))
            place += len(word) + 1
    return owners
