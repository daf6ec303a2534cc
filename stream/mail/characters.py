"""What bytes are: letters, digits, spaces; looked up, since these are the innermost questions."""

from __future__ import annotations

import numpy as np

from models.compiled import inlined, number

SPACE, TAB, NEWLINE, RETURN = map(number, b" \t\n\r")
DOT, HYPHEN, SLASH, COLON, AT, PERCENT = map(number, b".-/:@%")
QUOTE, EQUALS, QUESTION, SEMICOLON, LESS, MORE, BANG = map(number, b'"=?;<>!')
AMPERSAND, APOSTROPHE, HASH, STAR, UNDERSCORE = map(number, b"&'#*_")
NO_DIGIT = number(-1)

_ALL = [chr(i) for i in range(128)] + ["é"] * 128
(
    _IS_SPACE, _IS_DIGIT, _IS_LETTER, _IS_HOST, _CUTS_WORDS, _CUTS_HEADER, _IS_CAPITAL,
    _STARTS_LINK,
) = (1 << i for i in range(8))  # fmt: skip
# $, %, &, @, backslash and ^ are parts of words: "100%", "$5", "a@b".
_KINDS = np.array(
    [
        _IS_SPACE * c.isspace()
        | _IS_DIGIT * (c.isdigit())
        | _IS_LETTER * (c.isalpha() and c.isascii())
        | _IS_HOST * (c.isalnum() or c in ".-_")
        | _CUTS_WORDS * (not (c.isalnum() or c in "$%&@\\^\x7f") and not "\x00" < c < "\t")
        | _CUTS_HEADER * (c.isspace() or c in '<>";,()')
        | _IS_CAPITAL * ("A" <= c <= "Z")
        | _STARTS_LINK * (c in ":wW")
        for c in _ALL
    ],
    np.uint8,
)
_LOWER = np.array([i + 32 if 65 <= i <= 90 else i for i in range(256)], np.uint8)
_FOLDED = np.array([48 if 48 <= i <= 57 else _LOWER[i] for i in range(256)], np.uint8)


@inlined
def lower(c: int) -> int:
    """An ASCII letter in lower case; any other byte as it is."""
    return int(_LOWER[c])


@inlined
def folded(c: int) -> int:
    """A byte as words have it: in lower case, every digit 0."""
    return int(_FOLDED[c])


@inlined
def is_space(c: int) -> bool:
    return bool(_KINDS[c] & _IS_SPACE)


@inlined
def is_digit(c: int) -> bool:
    return bool(_KINDS[c] & _IS_DIGIT)


@inlined
def is_letter(c: int) -> bool:
    """Whether a byte is an ASCII letter."""
    return bool(_KINDS[c] & _IS_LETTER)


@inlined
def is_capital(c: int) -> bool:
    return bool(_KINDS[c] & _IS_CAPITAL)


@inlined
def is_host(c: int) -> bool:
    """Whether a byte may be in a host's name; beyond ASCII too, for names not in punycode."""
    return bool(_KINDS[c] & _IS_HOST)


@inlined
def starts_link(c: int) -> bool:
    """Whether a link may be recognised at a byte: the colon of a scheme, or a "www"."""
    return bool(_KINDS[c] & _STARTS_LINK)


@inlined
def cuts_words(c: int) -> bool:
    """Whether a byte parts the words of a text."""
    return bool(_KINDS[c] & _CUTS_WORDS)


@inlined
def cuts_header(c: int) -> bool:
    """Whether a byte parts the words of a header."""
    return bool(_KINDS[c] & _CUTS_HEADER)


@inlined
def nibble(c: int) -> int:
    """The value of a hexadecimal digit; `NO_DIGIT` for any other byte."""
    if is_digit(c):
        return c - 48
    c = lower(c)
    return c - 87 if 97 <= c <= 102 else NO_DIGIT
