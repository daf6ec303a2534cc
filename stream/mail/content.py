"""What the headers of a part say of its body: type, encoding, charset, boundary, kind of file."""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes
from stream.mail.characters import (
    DOT,
    EQUALS,
    QUOTE,
    SEMICOLON,
    SLASH,
    STAR,
    is_digit,
    is_space,
    lower,
)
from stream.mail.decoding import AS_IS, BASE64, QUOTED, UTF8, charset_of
from stream.mail.work import (
    BOUNDARY,
    BOUNDARY_END,
    CHARSET,
    ENCODING,
    FILE,
    NOWHERE,
    TYPE,
    Work,
    fact,
    hash_of,
)

PLAIN, HTML, MULTIPART, MESSAGE, OTHER = map(number, range(5))  # types of a body
LONGEST_ENDING = 8  # bytes of a file's name from its last dot on
SALT_ENDING = number(0x184)


def literal(text: bytes) -> Bytes:
    """Bytes for compiled code to compare with, in lower case."""
    return np.frombuffer(text, np.uint8)


BOUNDARY_NAME, CHARSET_NAME = literal(b"boundary"), literal(b"charset")
TYPE_FILE, DISPOSITION_FILE = literal(b"name"), literal(b"filename")


@compiled
def is_named(text: Bytes, a: int, b: int, what: Bytes) -> bool:
    """Whether ``text[a:b]`` is `what`, whatever its case."""
    if b - a != len(what):
        return False
    for i in range(len(what)):  # noqa: SIM110 - numba compiles no generators here
        if lower(text[a + i]) != what[i]:
            return False
    return True


@inlined
def _value_start(text: Bytes, a: int, b: int) -> int:
    while a < b and is_space(text[a]):
        a += 1
    return a


@compiled
def _quote_end(text: Bytes, a: int, b: int) -> int:
    while a < b and text[a] != QUOTE:
        a += 1
    return a


@compiled
def find_parameter(text: Bytes, a: int, b: int, what: Bytes) -> tuple[int, int]:
    """Where the value of a parameter lies in a header, its quotes taken off; (-1, -1) if nowhere.

    Of a value in pieces or with a charset (RFC 2231) it is the first piece, as it is written.
    """
    i = a
    while i < b:
        if text[i] == QUOTE:  # the value of another
            i = _quote_end(text, i + 1, b) + 1
            continue
        k = i + len(what)
        starts = i == a or is_space(text[i - 1]) or text[i - 1] == SEMICOLON
        i += 1
        if k >= b or not starts or not is_named(text, k - len(what), k, what):
            continue
        while k < b and (text[k] == STAR or is_digit(text[k])):
            k += 1
        k = _value_start(text, k, b)
        if k >= b or text[k] != EQUALS:
            continue
        k = _value_start(text, k + 1, b)
        if k < b and text[k] == QUOTE:
            return k + 1, _quote_end(text, k + 1, b)
        end = k
        while end < b and not is_space(text[end]) and text[end] != SEMICOLON:
            end += 1
        return k, end
    return NOWHERE, NOWHERE


@compiled
def forget_content(w: Work) -> None:
    """A body of which no header says anything."""
    w.state[TYPE] = PLAIN
    w.state[ENCODING] = AS_IS
    w.state[CHARSET] = UTF8
    w.state[BOUNDARY] = NOWHERE


@compiled
def read_type(w: Work, text: Bytes, a: int, b: int) -> None:
    """Read a Content-Type's value."""
    state = w.state
    a = _value_start(text, a, b)
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
    i, end = find_parameter(text, a, b, CHARSET_NAME)
    if i >= 0:
        state[CHARSET] = charset_of(text, i, end)
    state[BOUNDARY], state[BOUNDARY_END] = find_parameter(text, a, b, BOUNDARY_NAME)


@compiled
def read_encoding(w: Work, text: Bytes, a: int, b: int) -> None:
    """Read a Content-Transfer-Encoding's value."""
    a = _value_start(text, a, b)
    first = lower(text[a]) if a < b else 0
    w.state[ENCODING] = BASE64 if first == 98 else QUOTED if first == 113 else AS_IS


@compiled
def read_ending(w: Work, text: Bytes, a: int, b: int, what: Bytes, mask: np.uint64) -> None:
    """Take down what an attached file's name ends in."""
    i, end = find_parameter(text, a, b, what)
    dot = NOWHERE
    for k in range(max(i, 0), end):
        if text[k] == DOT:
            dot = k
    if dot >= 0 and end - dot <= LONGEST_ENDING:
        fact(w, hash_of(text, dot, end, SALT_ENDING), mask, FILE, text, dot, end)
