"""The body: its parts, however nested, decoded into text."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled
from models.vectors import Ints
from stream.mail.characters import HYPHEN, RETURN
from stream.mail.decoding import decode
from stream.mail.headers import HTML, MESSAGE, MULTIPART, OTHER, Masks, line_end, read_headers
from stream.mail.hosts import links
from stream.mail.html import looks_like_html, strip
from stream.mail.work import (
    BOUNDARY,
    BOUNDARY_END,
    CHARSET,
    ENCODING,
    PART,
    TEXT,
    TYPE,
    Bytes,
    Work,
)

MAX_DEPTH = 16  # parts nested deeper are read as text of the part around them


@compiled
def _leaf(w: Work, text: Bytes, a: int, b: int, mask: np.uint64) -> None:
    """Take a part's text in, if it is one."""
    if w.state[TYPE] == OTHER or w.state[TEXT] >= len(w.text):
        return
    state = w.state
    state[PART] = decode(text, a, b, state[ENCODING], state[CHARSET], w.part, 0)
    links(w, w.part, 0, w.state[PART], mask)
    if w.state[TYPE] == HTML or looks_like_html(w.part, w.state[PART]):
        strip(w, mask)
    else:
        size = w.state[TEXT]
        for i in range(min(w.state[PART], len(w.text) - size)):
            w.text[size] = w.part[i]
            size += 1
        w.state[TEXT] = size
    if w.state[TEXT] < len(w.text):
        w.text[w.state[TEXT]] = 10  # words do not go on from one part to the next
        w.state[TEXT] += 1


@compiled
def _boundary_at(text: Bytes, i: int, n: int, stack: Ints, depth: int) -> int:
    """Which open boundary the line at `i` is, the innermost first; -1 if none."""
    for d in range(depth - 1, -1, -1):
        a, b = stack[2 * d], stack[2 * d + 1]
        if b <= a or i + 2 + b - a > n:
            continue
        same = True
        for k in range(b - a):
            if text[i + 2 + k] != text[a + k]:
                same = False
                break
        if same:
            return d
    return -1


@compiled
def _enter(
    w: Work, text: Bytes, a: int, n: int, masks: Masks, depth: int, mask: np.uint64
) -> tuple[int, int]:
    """After a block of headers: go into messages and multiparts; gives body's start and depth."""
    for _ in range(MAX_DEPTH):
        if w.state[TYPE] == MESSAGE:
            a = read_headers(w, text, a, n, masks, False, mask)
            continue
        break
    if w.state[TYPE] == MULTIPART and w.state[BOUNDARY] >= 0 and depth < MAX_DEPTH:
        w.stack[2 * depth] = w.state[BOUNDARY]
        w.stack[2 * depth + 1] = w.state[BOUNDARY_END]
        depth += 1
    return a, depth


@compiled
def read_body(w: Work, text: Bytes, a: int, n: int, masks: Masks, mask: np.uint64) -> None:
    """Read the body from `a` on, after its headers."""
    stack = w.stack
    a, depth = _enter(w, text, a, n, masks, 0, mask)
    if depth == 0:
        _leaf(w, text, a, n, mask)
        return
    start = -1  # of the part that is open; what goes before the first is not shown
    i = a
    while i < n:
        if text[i] == HYPHEN and i + 1 < n and text[i + 1] == HYPHEN:
            d = _boundary_at(text, i, n, stack, depth)
            if d >= 0:
                if start >= 0:
                    end = i - 1
                    if end > start and text[end - 1] == RETURN:
                        end -= 1
                    _leaf(w, text, start, max(start, end), mask)
                after = i + 2 + stack[2 * d + 1] - stack[2 * d]
                closes = after + 1 < n and text[after] == HYPHEN and text[after + 1] == HYPHEN
                i = line_end(text, i, n) + 1
                start = -1
                if closes:
                    depth = d
                    if depth == 0:
                        break  # what goes after the last is not shown
                    continue
                i = min(i, n)
                body = read_headers(w, text, i, n, masks, False, mask)
                body, depth = _enter(w, text, body, n, masks, d + 1, mask)
                multipart = w.state[TYPE] == MULTIPART and depth > d + 1
                start = -1 if multipart else body
                i = body
                continue
        i = line_end(text, i, n) + 1
    if start >= 0:
        _leaf(w, text, start, n, mask)
