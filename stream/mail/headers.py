"""A block of headers: what of it counts, who sent the message, and what its body is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Ints
from stream.mail.characters import (
    AT,
    BANG,
    COLON,
    DOT,
    NEWLINE,
    QUOTE,
    RETURN,
    SEMICOLON,
    SLASH,
    SPACE,
    TAB,
    cuts_header,
    is_space,
    lower,
)
from stream.mail.decoding import AS_IS, BASE64, QUOTED, UTF8, charset_of, decode_header
from stream.mail.hosts import (
    ADDRESS_NAME,
    OTHER_NAME,
    OTHER_REPLY,
    address,
    bare_domain,
    domain_start,
    hash_of,
    know_domain,
    trick,
)
from stream.mail.work import (
    BOUNDARY,
    BOUNDARY_END,
    CHARSET,
    ENCODING,
    FILE,
    HEADER,
    LIMIT,
    LINE,
    NAMED,
    NOTING,
    OF,
    OF_END,
    RAW,
    SENDER,
    SENDER_ADDRESS,
    SENDER_DOMAIN,
    START,
    SUBJECT,
    TYPE,
    Bytes,
    Work,
    add,
    add_hash,
    fact,
    keep_name,
    mixed,
)

PLAIN, HTML, MULTIPART, MESSAGE, OTHER = range(5)  # types of a body
MAX_TOKENS = 60  # of a header's value
LONGEST_TOKEN = 48
STAR = 42
SALT_ADDRESS, SALT_EXTENSION = 0x183, 0x184


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


@compiled
def line_end(text: Bytes, i: int, n: int) -> int:
    """Where the line ends that `i` is in: at its newline, or at `n`."""
    while i < n and text[i] != NEWLINE:
        i += 1
    return i


@compiled
def keep_raw(text: Bytes, a: int, b: int, raw: Bytes, state: Ints) -> None:
    """Append to the bytes that the 4-grams come from."""
    size = state[RAW]
    end = min(b, a + state[LIMIT] - size)
    for i in range(a, end):
        raw[size] = text[i]
        size += 1
    state[RAW] = size


@inlined
def _named(text: Bytes, a: int, b: int, what: Bytes) -> bool:
    """Whether ``text[a:b]`` is `what`, whatever its case."""
    if b - a != len(what):
        return False
    for i in range(len(what)):  # noqa: SIM110 - numba compiles no generators here
        if lower(text[a + i]) != what[i]:
            return False
    return True


@compiled
def find_parameter(text: Bytes, a: int, b: int, what: Bytes) -> tuple[int, int]:
    """Where the value of ``what=`` lies in a header, its quotes taken off; (-1, -1) if nowhere."""
    for i in range(a, b - len(what)):
        if not _named(text, i, i + len(what), what):
            continue
        k = i + len(what)
        if k < b and text[k] == QUOTE:
            end = k + 1
            while end < b and text[end] != QUOTE:
                end += 1
            return k + 1, end
        end = k
        while end < b and not is_space(text[end]) and text[end] != SEMICOLON:
            end += 1
        return k, end
    return -1, -1


def _bytes(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8)


CONTENT_TYPE = _bytes(b"content-type")
CONTENT_ENCODING = _bytes(b"content-transfer-encoding")
CONTENT_DISPOSITION = _bytes(b"content-disposition")
SUBJECT_NAME, FROM_NAME, REPLY_NAME = _bytes(b"subject"), _bytes(b"from"), _bytes(b"reply-to")
DATE_NAME = _bytes(b"date")
BOUNDARY_IS, CHARSET_IS = _bytes(b"boundary="), _bytes(b"charset=")
NAME_IS, FILENAME_IS = _bytes(b"name="), _bytes(b"filename=")


@compiled
def _body_type(w: Work, state: Ints, text: Bytes, a: int, b: int, mask: np.uint64) -> None:
    """Read a Content-Type's value."""
    while a < b and is_space(text[a]):
        a += 1
    first = lower(text[a]) if a < b else 0
    state[TYPE] = OTHER
    if first == 116:  # text/…
        state[TYPE] = PLAIN
        for i in range(a, min(b, a + 12) - 1):
            if text[i] == SLASH and lower(text[i + 1]) == 104:
                state[TYPE] = HTML
    elif first == 109 and a + 1 < b:
        second = lower(text[a + 1])
        state[TYPE] = MULTIPART if second == 117 else MESSAGE if second == 101 else OTHER
    i, end = find_parameter(text, a, b, CHARSET_IS)
    if i >= 0:
        state[CHARSET] = charset_of(text, i, end)
    i, end = find_parameter(text, a, b, BOUNDARY_IS)
    state[BOUNDARY] = i
    state[BOUNDARY_END] = end
    _extension(w, text, a, b, NAME_IS, mask)


@compiled
def _extension(w: Work, text: Bytes, a: int, b: int, what: Bytes, mask: np.uint64) -> None:
    """Take down what an attached file's name ends in."""
    i, end = find_parameter(text, a, b, what)
    dot = -1
    for k in range(max(i, 0), end):
        if text[k] == DOT:
            dot = k
    if dot >= 0 and end - dot <= 8:
        fact(w, hash_of(text, dot, end, SALT_EXTENSION), mask, FILE, text, dot, end)


@compiled
def _tokens(w: Work, text: Bytes, n: int, header: np.uint64, kind: int, mask: np.uint64) -> None:
    """Take down the words of the value ``text[:n]``."""
    i = 0
    for _ in range(MAX_TOKENS):
        while i < n and cuts_header(text[i]):
            i += 1
        a = i
        at = -1
        h = header
        while i < n and not cuts_header(text[i]):
            h = add(h, lower(text[i]))
            if text[i] == AT:
                at = i
            i += 1
        if i == a:
            return
        if i - a <= LONGEST_TOKEN:
            fact(w, h, mask, kind, text, a, i)
        if at >= 0:
            h = hash_of(text, at, i, 0)
            fact(w, add_hash(header, h), mask, kind, text, at, i)


@compiled
def _sender(w: Work, mask: np.uint64) -> None:
    """Read the value of From in ``w.line``."""
    text, n = w.line, w.state[LINE]
    start, at, end = address(text, 0, n)
    if start < 0:
        return
    domain = domain_start(text, at + 1, end)
    w.domains[SENDER_DOMAIN] = know_domain(w.state, w.domains, text, domain, end)
    w.domains[SENDER_ADDRESS] = mixed(hash_of(text, start, end, SALT_ADDRESS))
    for i in range(start):
        if text[i] == AT:
            trick(w, ADDRESS_NAME, mask)
            break
    said = bare_domain(text, 0, start)
    if said != np.uint64(0) and said != w.domains[SENDER_DOMAIN]:
        trick(w, OTHER_NAME, mask)


@compiled
def _reply(w: Work, mask: np.uint64) -> None:
    """Hold the value of Reply-To in ``w.line`` against the sender."""
    text = w.line
    start, at, end = address(text, 0, w.state[LINE])
    if start < 0 or w.domains[SENDER_DOMAIN] == np.uint64(0):
        return
    if (
        know_domain(w.state, w.domains, text, domain_start(text, at + 1, end), end)
        != w.domains[SENDER_DOMAIN]
    ):
        trick(w, OTHER_REPLY, mask)


@compiled
def read_headers(
    w: Work, text: Bytes, a: int, n: int, masks: Masks, top: bool, mask: np.uint64
) -> int:
    """Read headers from `a` on; gives where the body starts.

    `top` says whether they are the message's own. A part's give its type and nothing of a sender.
    """
    w.state[TYPE] = PLAIN
    w.state[ENCODING] = AS_IS
    w.state[CHARSET] = UTF8
    w.state[BOUNDARY] = -1
    i = a
    while i < n:
        end = line_end(text, i, n)
        if end == i or (end == i + 1 and text[i] == RETURN):
            return int(min(end + 1, n))
        colon = i
        while colon < end and text[colon] != COLON and not is_space(text[colon]):
            colon += 1
        if colon in (end, i) or text[colon] != COLON:
            if top and i == a:
                return a  # no header at all: all is body
            i = end + 1  # no header: what it is instead is not known
            continue
        # What follows on lines that start with white space belongs to it.
        while end + 1 < n and (text[end + 1] == SPACE or text[end + 1] == TAB):
            after = line_end(text, end + 1, n)
            blank = True
            for k in range(end + 1, after):
                blank = blank and is_space(text[k])
            if blank:
                break
            end = after
        _header(w, text, i, colon, end, masks, top, mask)
        i = end + 1
    return n


@compiled
def _header(
    w: Work, text: Bytes, a: int, colon: int, end: int, masks: Masks, top: bool, mask: np.uint64
) -> None:
    """Read one header, `a` to `end`."""
    if _named(text, a, colon, CONTENT_TYPE):
        _body_type(w, w.state, text, colon + 1, end, mask)
    elif _named(text, a, colon, CONTENT_ENCODING):
        i = colon + 1
        while i < end and is_space(text[i]):
            i += 1
        first = lower(text[i]) if i < end else 0
        w.state[ENCODING] = BASE64 if first == 98 else QUOTED if first == 113 else AS_IS
    elif _named(text, a, colon, CONTENT_DISPOSITION):
        _extension(w, text, colon + 1, end, FILENAME_IS, mask)
    is_from = top and _named(text, a, colon, FROM_NAME)
    is_masked = masked(masks, text, a, colon)
    if is_masked and not is_from:
        return
    decode_header(text, colon + 1, end, w.line, w.state)
    if is_from:
        _sender(w, mask)
    elif top and _named(text, a, colon, REPLY_NAME):
        _reply(w, mask)
    if is_masked:
        return
    if top:
        keep_raw(text, a, min(end + 1, len(text)), w.raw, w.state)
    h = START
    for i in range(a, colon):
        h = add(h, lower(text[i]))
    h = add(h, COLON)
    if w.tally[NOTING]:
        w.state[OF] = w.tally[NAMED]
        w.state[OF_END] = keep_name(w, text, a, colon)
    fact(w, h, mask, HEADER, text, a, colon)
    if _named(text, a, colon, DATE_NAME):
        return  # what day it is tells a filter of past mail, not of this one
    kind = HEADER
    if top and _named(text, a, colon, SUBJECT_NAME):
        kind = SUBJECT
    elif is_from:
        kind = SENDER
    _tokens(w, w.line, w.state[LINE], h, kind, mask)
