"""HTML into what a reader would see: tags, comments, scripts and entities undone."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes, Ints
from stream.mail.characters import (
    AMPERSAND,
    APOSTROPHE,
    BANG,
    HASH,
    HYPHEN,
    LESS,
    MORE,
    NO_DIGIT,
    QUOTE,
    SEMICOLON,
    SLASH,
    SPACE,
    is_digit,
    is_letter,
    lower,
    nibble,
)
from stream.mail.links import first_domain
from stream.mail.tricks import OTHER_TEXT, trick
from stream.mail.work import NOTHING, NOWHERE, OPEN, PART, TAG, TEXT, Work, append, fact, hash_of

LONGEST_ENTITY = 10
LONGEST_TAG = 20
SALT_TAG = number(0x182)


def _pair(two: bytes) -> int:
    return two[0] << 8 | two[1]


# How names of entities and tags start, which is enough to tell those that matter.
AMP, APOS, LT, GT, NBSP, QUOT = map(_pair, (b"am", b"ap", b"lt", b"gt", b"nb", b"qu"))
BIG, EM, FONT, SMALL, SPAN, STRONG, TT = map(
    _pair, (b"bi", b"em", b"fo", b"sm", b"sp", b"st", b"tt")
)
SCRIPT, STYLE = _pair(b"sc"), STRONG


@compiled
def looks_like_html(text: Bytes, size: int) -> bool:
    """Whether one of the usual tags is in the first bytes."""
    for i in range(min(size, 1_000) - 3):
        if text[i] != LESS:
            continue
        c, d, e = lower(text[i + 1]), lower(text[i + 2]), lower(text[i + 3])
        if (
            (c == 104 and d == 116 and e == 109)  # htm(l)
            or (c == 98 and d == 111 and e == 100)  # bod(y)
            or (c == 98 and d == 114 and e in (MORE, SPACE))  # br
            or (c == 116 and d == 97 and e == 98)  # tab(le)
            or (c == 102 and d == 111 and e == 110)  # fon(t)
            or (c == 97 and d == SPACE and e == 104)  # a h(ref)
            or (c == 112 and d == MORE)  # p
        ):
            return True
    return False


@inlined
def _out(out: Bytes, state: Ints, c: int) -> None:
    if state[TEXT] < len(out):
        out[state[TEXT]] = c
        state[TEXT] += 1


@inlined
def _first_two(text: Bytes, a: int, b: int) -> int:
    """How a name starts, as one number; 0 if it is shorter."""
    return 256 * lower(text[a]) + lower(text[a + 1]) if b - a >= 2 else 0


@compiled
def _find(text: Bytes, a: int, b: int, first: int, second: int) -> int:
    """Where two bytes follow each other; `b` if nowhere."""
    for i in range(a, b - 1):
        if text[i] == first and text[i + 1] == second:
            return i
    return b


@compiled
def _code_point(out: Bytes, state: Ints, code: int) -> None:
    """Append a character as UTF-8."""
    if code in (0, 160) or code > 0x10FFFF:
        _out(out, state, SPACE)
    elif code < 0x80:
        _out(out, state, code)
    elif code < 0x800:
        _out(out, state, 0xC0 | (code >> 6))
        _out(out, state, 0x80 | (code & 0x3F))
    elif code < 0x10000:
        _out(out, state, 0xE0 | (code >> 12))
        _out(out, state, 0x80 | ((code >> 6) & 0x3F))
        _out(out, state, 0x80 | (code & 0x3F))
    else:
        _out(out, state, 0xF0 | (code >> 18))
        _out(out, state, 0x80 | ((code >> 12) & 0x3F))
        _out(out, state, 0x80 | ((code >> 6) & 0x3F))
        _out(out, state, 0x80 | (code & 0x3F))


@compiled
def _entity(out: Bytes, state: Ints, text: Bytes, a: int, b: int) -> int:
    """Append the character of the entity after the ampersand at `a`; gives where to go on."""
    end = a + 1
    while end < b and end - a < LONGEST_ENTITY and text[end] != SEMICOLON:
        if not (is_letter(text[end]) or is_digit(text[end]) or text[end] == HASH):
            break
        end += 1
    after = end + 1 if end < b and text[end] == SEMICOLON else end
    if end - a >= 3 and text[a + 1] == HASH:
        code = 0
        if lower(text[a + 2]) == 120:
            for i in range(a + 3, end):
                digit = nibble(text[i])
                code = code * 16 + digit if digit != NO_DIGIT else code
        else:
            for i in range(a + 2, end):
                code = code * 10 + text[i] - 48 if is_digit(text[i]) else code
        _code_point(out, state, int(code))
        return after
    start, size = _first_two(text, a + 1, end), end - a - 1
    if start == NBSP and size == 4:
        _out(out, state, SPACE)
    elif start == LT and size == 2:
        _out(out, state, LESS)
    elif start == GT and size == 2:
        _out(out, state, MORE)
    elif start == QUOT and size == 4:
        _out(out, state, QUOTE)
    elif start == APOS and size == 4:
        _out(out, state, APOSTROPHE)
    else:
        _out(out, state, AMPERSAND)
        return after if start == AMP and size == 3 else a + 1
    return after


@compiled
def _is_inline(text: Bytes, a: int, b: int) -> bool:
    """Whether a tag leaves the words around it together."""
    if b - a == 1:
        return lower(text[a]) in (97, 98, 105, 115, 117)  # a, b, i, s, u
    start = _first_two(text, a, b)
    if b - a == 2:
        return start in (EM, TT)
    return start in (BIG, FONT, SMALL, SPAN, STRONG)


@compiled
def _close_link(w: Work, begins: int, mask: np.uint64) -> None:
    """Hold the text of the link that ends against where it goes."""
    said = first_domain(w.text[:], begins, w.state[TEXT])
    goes = np.uint64(w.state[OPEN])
    if said != np.uint64(0) and goes != np.uint64(0) and said != goes:
        trick(w, OTHER_TEXT, mask)


@inlined
def _is_hidden(text: Bytes, a: int, b: int) -> bool:
    """Whether what is in a tag is not seen: script and style."""
    if b - a < 5:
        return False
    start, third = _first_two(text, a, b), lower(text[a + 2])
    return (start == SCRIPT and third == 114) or (start == STYLE and third == 121)


@compiled
def _past(text: Bytes, i: int, n: int, start: int) -> int:
    """Where the hidden part ends, whose closing tag starts like its opening one."""
    while i < n:
        i = _find(text, i, n, LESS, SLASH)
        if _first_two(text, i + 2, n) == start:
            return i
        i += 2
    return n


@compiled
def strip(w: Work, mask: np.uint64) -> None:
    """Append to ``w.text`` what a reader of the HTML in ``w.part`` sees; take its tags down."""
    out, state = w.text[:], w.state
    text, n = w.part[:], state[PART]
    anchor = NOWHERE
    i = NOTHING
    while i < n:
        k = i
        while k < n and text[k] != AMPERSAND and text[k] != LESS:
            k += 1
        if k > i:
            state[TEXT] = append(text, i, k, out, state[TEXT])
            i = k
            continue
        c = text[i]
        if c == AMPERSAND:
            i = _entity(out, state, text, i, n)
            continue
        if i + 1 >= n:
            _out(out, state, c)
            i += 1
            continue
        if text[i + 1] == BANG and i + 3 < n and text[i + 2] == HYPHEN and text[i + 3] == HYPHEN:
            end = _find(text, i + 4, n, HYPHEN, MORE)  # a comment
            i = end + 2
            continue
        closing = text[i + 1] == SLASH
        a = i + 2 if closing else i + 1
        b = a
        while b < n and (is_letter(text[b]) or is_digit(text[b])):
            b += 1
        if b == a and (a == n or text[a] != BANG):
            _out(out, state, c)  # no tag: a lone sign
            i += 1
            continue
        end = b
        while end < n and text[end] != MORE:
            end += 1
        if not closing and b > a:
            fact(w, hash_of(text, a, min(b, a + LONGEST_TAG), SALT_TAG), mask, TAG, text, a, b)
        if b - a == 1 and lower(text[a]) == 97:
            if anchor >= 0:
                _close_link(w, anchor, mask)
                anchor = NOWHERE
            if not closing:
                anchor = w.state[TEXT]
                w.state[OPEN] = np.int64(first_domain(text, b, end))
        if not _is_inline(text, a, b):
            _out(out, state, SPACE)
        i = end + 1
        if not closing and _is_hidden(text, a, b):
            i = _past(text, i, n, _first_two(text, a, b))
