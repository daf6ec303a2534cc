"""The body: its parts, however nested, decoded into text."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled
from models.vectors import Bytes, Ints
from stream.mail.characters import HYPHEN, RETURN
from stream.mail.content import HTML, MESSAGE, MULTIPART, OTHER
from stream.mail.decoding import decode
from stream.mail.headers import PART_OF, line_end, read_headers
from stream.mail.html import looks_like_html, strip
from stream.mail.links import links
from stream.mail.masks import Masks
from stream.mail.work import (
    BOUNDARY,
    BOUNDARY_END,
    CHARSET,
    ENCODING,
    NOTHING,
    NOWHERE,
    PART,
    TEXT,
    TYPE,
    Work,
    append,
)

MAX_DEPTH = 16  # parts nested deeper are read as text of the part around them


@compiled
def _leaf(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> None:
    """Take a part's text in, if it is one."""
    if w.state[TYPE] == OTHER or w.state[TEXT] >= len(w.text):
        return
    state = w.state
    part = w.part[:]
    state[PART] = decode(text, a, b, state[ENCODING], state[CHARSET], part, NOTHING)
    links(w, part, NOTHING, state[PART], mask)
    if w.state[TYPE] == HTML or looks_like_html(part, state[PART]):
        strip(w, mask)
    else:
        w.state[TEXT] = append(part, NOTHING, w.state[PART], w.text[:], w.state[TEXT])
    if w.state[TEXT] < len(w.text):
        w.text[w.state[TEXT]] = 10  # words do not go on from one part to the next
        w.state[TEXT] += 1


@compiled
def _boundary_at(text: Bytes, i: int, n: int, stack: Ints, depth: int) -> int:
    """Which open boundary the line at `i` is, or -1; the longest, as one may start like another."""
    found = NOWHERE
    length = NOTHING
    for d in range(depth - 1, -1, -1):
        a, b = stack[2 * d], stack[2 * d + 1]
        if b - a <= length or i + 2 + b - a > n:
            continue
        k = 0
        while k < b - a and text[i + 2 + k] == text[a + k]:
            k += 1
        if k == b - a:
            found = d
            length = k
    return found


@compiled
def _enter(
    w: Work, text: Bytes, a: int, n: int, masks: Masks, depth: int, mask: np.uint64
) -> tuple[int, int]:
    """After a block of headers: go into messages and multiparts; gives body's start and depth."""
    state = w.state
    for _ in range(MAX_DEPTH):
        if state[TYPE] != MESSAGE:
            break
        a = read_headers(w, text, a, n, masks, PART_OF, mask)
    if state[TYPE] == MULTIPART and state[BOUNDARY_END] > state[BOUNDARY] and depth < MAX_DEPTH:
        w.stack[2 * depth] = state[BOUNDARY]
        w.stack[2 * depth + 1] = state[BOUNDARY_END]
        depth += 1
    return a, depth


@compiled
def read_body(w: Work, text: Bytes, a: int, n: int, masks: Masks, mask: np.uint64) -> None:
    """Read the body from `a` on, after its headers."""
    stack = w.stack[:]
    # The part that is open starts here; nowhere after the last of a multipart, which is not shown.
    start, depth = _enter(w, text, a, n, masks, NOTHING, mask)
    entered = depth  # how deep its headers led
    i = start
    while depth and i < n:
        d = NOWHERE
        if text[i] == HYPHEN and i + 1 < n and text[i + 1] == HYPHEN:
            d = _boundary_at(text, i, n, stack, depth)
        if d < 0:
            i = line_end(text, i, n) + 1
            continue
        # What goes before the first part of a multipart is not shown.
        if start >= 0 and not (w.state[TYPE] == MULTIPART and d + 1 == entered):
            end = i - 1
            if end > start and text[end - 1] == RETURN:
                end -= 1
            _leaf(w, text, start, max(start, end), mask)
        after = i + 2 + stack[2 * d + 1] - stack[2 * d]
        closes = after + 1 < n and text[after] == HYPHEN and text[after + 1] == HYPHEN
        i = min(line_end(text, i, n) + 1, n)
        if closes:
            start = NOWHERE
            depth = d
            continue
        start = read_headers(w, text, i, n, masks, PART_OF, mask)
        start, depth = _enter(w, text, start, n, masks, d + 1, mask)
        entered = depth if depth > d + 1 else NOWHERE
        i = start
    if start >= 0:
        _leaf(w, text, start, n, mask)
