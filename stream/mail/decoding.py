"""Transfer encodings undone: base64, quoted-printable, and the encoded words of headers.

Lenient, as readers of mail are: what is no code is left out (base64) or taken as it is (the rest).
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes, Ints
from stream.mail.characters import (
    EQUALS,
    NEWLINE,
    QUESTION,
    RETURN,
    SPACE,
    TAB,
    UNDERSCORE,
    is_space,
    lower,
    nibble,
)
from stream.mail.work import LINE, NOTHING, append

AS_IS, BASE64, QUOTED, QUOTED_WORD = map(number, range(4))  # encodings; the last of headers
UTF8, LATIN, UTF16 = map(number, range(3))  # charsets; what is none of them stays as it is
NO_CODE = -1
_DIGITS = (ascii_uppercase + ascii_lowercase + digits + "+/").encode()
_SIX = np.array([_DIGITS.find(c) for c in range(256)], np.int64)  # bits of a base64 digit
# Bytes that no encoding and no charset changes.
_STAYS = np.array([0 < c < 128 and c not in b"=_" for c in range(256)])


@inlined
def put(out: Bytes, size: int, c: np.uint8, charset: int) -> int:
    """Append one decoded byte as UTF-8; gives the size after it."""
    if charset == LATIN and c >= 128:
        if size + 1 < len(out):
            if 0x91 <= c <= 0x94:  # Windows' curly quotes
                out[size] = 39
                return size + 1
            out[size] = 0xC0 | (c >> 6)
            out[size + 1] = 0x80 | (c & 0x3F)
            return size + 2
        return size
    if charset == UTF16 and c == 0:
        return size
    if size < len(out):
        out[size] = c
        return size + 1
    return size


@compiled
def decode(
    source: Bytes, a: int, b: int, encoding: int, charset: int, out: Bytes, size: int
) -> int:
    """Append ``source[a:b]``, decoded, to `out` from `size` on; gives the size after it."""
    if encoding == BASE64:
        bits = 0
        held = 0
        for i in range(a, b):
            if size >= len(out):
                break
            six = _SIX[source[i]]
            if six == NO_CODE:
                if source[i] == EQUALS:  # the end; another text in base64 may follow
                    bits = 0
                continue
            held = ((held << 6) | six) & 0xFFFFFF
            bits += 6
            if bits >= 8:
                bits -= 8
                size = put(out, size, np.uint8((held >> bits) & 255), charset)
        return size
    if encoding == AS_IS and charset == UTF8:
        return append(source, a, b, out, size)
    i = a
    while i < b and size < len(out):
        c = source[i]
        if _STAYS[c]:
            out[size] = c
            size += 1
            i += 1
            continue
        if encoding == QUOTED_WORD and c == UNDERSCORE:
            c = np.uint8(SPACE)
        if encoding != AS_IS and c == EQUALS:
            if i + 2 < b and nibble(source[i + 1]) >= 0 and nibble(source[i + 2]) >= 0:
                c = np.uint8(nibble(source[i + 1]) * 16 + nibble(source[i + 2]))
                i += 2
            else:  # a soft line break, or a stray sign
                j = i + 1
                while j < b and (source[j] == SPACE or source[j] == TAB or source[j] == RETURN):
                    j += 1
                if j < b and source[j] == NEWLINE:
                    i = j + 1
                    continue
        size = put(out, size, c, charset)
        i += 1
    return size


@compiled
def charset_of(source: Bytes, a: int, b: int) -> int:
    """How bytes above 127 are to be read, from the name of a charset."""
    if b - a < 4:
        return UTF8
    first, second, fourth = lower(source[a]), lower(source[a + 1]), source[a + 3]
    if first == 117:  # u…
        for i in range(a, b):
            if source[i] == 49:  # utf-16, not utf-8
                return UTF16
    elif first == 105 and second == 115:  # iso-8859-…, iso8859-…
        return LATIN if fourth in (45, 95, 56) else UTF8
    elif (
        (first == 119 and second == 105)  # windows-125…
        or (first == 99 and second == 112 and fourth == 50)  # cp125…
        or (first == 108 and second == 97)  # latin-…
    ):
        return LATIN
    return UTF8


@compiled
def decode_header(source: Bytes, a: int, b: int, line: Bytes, state: Ints) -> None:
    """A header's value, unfolded and with its encoded words (RFC 2047) read, into `line`."""
    size = NOTHING
    i = a
    while i < b and size < len(line):
        c = source[i]
        if c == EQUALS and i + 1 < b and source[i + 1] == QUESTION:
            # =?charset?Q?text?=
            first = i + 2
            second = first
            while second < b and source[second] != QUESTION and not is_space(source[second]):
                second += 1
            if second + 2 < b and source[second] == QUESTION and source[second + 2] == QUESTION:
                code = lower(source[second + 1])
                start = second + 3
                end = start
                while end < b and source[end] != QUESTION and source[end] != NEWLINE:
                    end += 1
                if end < b and source[end] == QUESTION and code in (98, 113):
                    charset = charset_of(source, first, second)
                    encoding = BASE64 if code == 98 else QUOTED_WORD
                    size = decode(source, start, end, encoding, charset, line, size)
                    i = end + 2 if end + 1 < b and source[end + 1] == EQUALS else end + 1
                    # White space between two encoded words is no part of the text.
                    j = i
                    while j < b and is_space(source[j]):
                        j += 1
                    if j + 1 < b and source[j] == EQUALS and source[j + 1] == QUESTION:
                        i = j
                    continue
        if c in (NEWLINE, RETURN, TAB):
            c = np.uint8(SPACE)
        line[size] = c
        size += 1
        i += 1
    state[LINE] = size
