"""A block of headers: what of it counts, who sent the message, and what its body is."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, number
from models.vectors import Bytes, Ints
from stream.mail.characters import (
    AT,
    COLON,
    HYPHEN,
    NEWLINE,
    RETURN,
    SPACE,
    TAB,
    cuts_header,
    is_space,
    lower,
)
from stream.mail.content import (
    DISPOSITION_FILE,
    TYPE_FILE,
    forget_content,
    is_named,
    literal,
    read_encoding,
    read_ending,
    read_type,
)
from stream.mail.decoding import decode_header
from stream.mail.masks import Masks, masked
from stream.mail.senders import read_from, read_reply_to
from stream.mail.work import (
    HEADER,
    LIMIT,
    LINE,
    NAMED,
    NOTING,
    NOWHERE,
    OF,
    OF_END,
    RAW,
    SENDER,
    START,
    SUBJECT,
    Work,
    add,
    add_hash,
    append,
    fact,
    hash_of,
    keep_name,
)

# Whose headers: the message's own, or those of a part. A part's say nothing of a sender.
PART_OF, TOP = map(number, range(2))
MAX_TOKENS = 60  # of a header's value
LONGEST_TOKEN = 48
SALT_AT = number(0)

CONTENT_TYPE = literal(b"content-type")
CONTENT_ENCODING = literal(b"content-transfer-encoding")
CONTENT_DISPOSITION = literal(b"content-disposition")
SUBJECT_NAME, FROM_NAME, REPLY_NAME = literal(b"subject"), literal(b"from"), literal(b"reply-to")
DATE_NAME = literal(b"date")


@compiled
def line_end(text: Bytes, i: int, n: int) -> int:
    """Where the line ends that `i` is in: at its newline, or at `n`."""
    while i < n and text[i] != NEWLINE:
        i += 1
    return i


@compiled
def keep_raw(text: Bytes, a: int, b: int, raw: Bytes, state: Ints) -> None:
    """Append to the bytes that the 4-grams come from."""
    state[RAW] = append(text, a, b, raw[: state[LIMIT]], state[RAW])


@compiled
def _tokens(w: Work, text: Bytes, n: int, header: np.uint64, kind: int, mask: np.uint64) -> None:
    """Take down the words of the value ``text[:n]``."""
    i = 0
    for _ in range(MAX_TOKENS):
        while i < n and cuts_header(text[i]):
            i += 1
        a = i
        at = NOWHERE
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
            h = hash_of(text, at, i, SALT_AT)
            fact(w, add_hash(header, h), mask, kind, text, at, i)


@compiled
def _header(
    w: Work, text: Bytes, a: int, colon: int, end: int, masks: Masks, whose: int, mask: np.uint64
) -> None:
    """Read one header, `a` to `end`."""
    # A masked one still says how the body is to be read.
    if is_named(text, a, colon, CONTENT_TYPE):
        read_type(w, text, colon + 1, end)
    elif is_named(text, a, colon, CONTENT_ENCODING):
        read_encoding(w, text, colon + 1, end)
    if masked(masks, text, a, colon):
        return
    if whose == TOP:
        keep_raw(text, a, min(end + 1, len(text)), w.raw[:], w.state)
    h = START
    for i in range(a, colon):
        h = add(h, lower(text[i]))
    h = add(h, COLON)
    if w.tally[NOTING]:
        w.state[OF] = w.tally[NAMED]
        w.state[OF_END] = keep_name(w, text, a, colon)
    fact(w, h, mask, HEADER, text, a, a)
    if is_named(text, a, colon, DATE_NAME):
        return  # what day it is tells a filter of past mail, not of this one
    if is_named(text, a, colon, CONTENT_TYPE):
        read_ending(w, text, colon + 1, end, TYPE_FILE, mask)
    elif is_named(text, a, colon, CONTENT_DISPOSITION):
        read_ending(w, text, colon + 1, end, DISPOSITION_FILE, mask)
    decode_header(text, colon + 1, end, w.line[:], w.state)
    kind = HEADER
    if whose == TOP:
        if is_named(text, a, colon, SUBJECT_NAME):
            kind = SUBJECT
        elif is_named(text, a, colon, FROM_NAME):
            kind = SENDER
            read_from(w, mask)
        elif is_named(text, a, colon, REPLY_NAME):
            read_reply_to(w)
    _tokens(w, w.line[:], w.state[LINE], h, kind, mask)


@compiled
def read_headers(
    w: Work, text: Bytes, a: int, n: int, masks: Masks, whose: int, mask: np.uint64
) -> int:
    """Read headers from `a` on; gives where the body starts."""
    forget_content(w)
    i = a
    while i < n:
        end = line_end(text, i, n)
        if end == i or (end == i + 1 and text[i] == RETURN):
            return int(min(end + 1, n))
        if whose == PART_OF and end > i + 1 and text[i] == HYPHEN and text[i + 1] == HYPHEN:
            return i  # a boundary, before any body
        colon = i
        while colon < end and text[colon] != COLON and not is_space(text[colon]):
            colon += 1
        if colon in (end, i) or text[colon] != COLON:
            if whose == TOP and i == a:
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
        _header(w, text, i, colon, end, masks, whose, mask)
        i = end + 1
    return n
