"""Transfer encodings and encoded words, held against the standard library."""

from __future__ import annotations

import base64
import quopri
from email.header import Header, make_header
from email.header import decode_header as parsed

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.decoding import (
    AS_IS,
    BASE64,
    LATIN,
    QUOTED,
    UTF8,
    UTF16,
    charset_of,
    decode,
    decode_header,
)
from stream.mail.work import LINE
from tests.stream.mail.mails import as_array

encodings = st.sampled_from([AS_IS, BASE64, QUOTED])
charsets = st.sampled_from([UTF8, LATIN, UTF16])


def decoded(source: bytes, encoding: int, charset: int = UTF8, room: int = 2_000) -> bytes:
    out = np.zeros(room, np.uint8)
    size = decode(as_array(source), 0, len(source), encoding, charset, out, 0)
    return out[:size].tobytes()


def header(source: str | bytes, room: int = 2_000) -> str:
    raw = source.encode() if isinstance(source, str) else source
    line, state = np.zeros(room, np.uint8), np.zeros(16, np.int64)
    decode_header(as_array(raw), 0, len(raw), line, state)
    return line[: state[LINE]].tobytes().decode("utf-8", "replace")


@given(st.binary(max_size=300))
def test_base64_comes_back(data: bytes) -> None:
    assert decoded(base64.b64encode(data), BASE64) == data
    assert decoded(base64.encodebytes(data).replace(b"\n", b"\r\n"), BASE64) == data


@given(st.text("ABCxyz019+/ \r\n!-_", max_size=80).map(str.encode))
def test_what_is_no_base64_is_left_out(text: bytes) -> None:
    digits = sum(chr(c).isalnum() or c in b"+/" for c in text)
    padded = text + b"=" * (-digits % 4)
    if digits % 4 != 1:  # which the standard library refuses, and we read as far as it goes
        assert decoded(text, BASE64) == base64.b64decode(padded)


def test_base64_goes_on_after_its_end() -> None:
    text = b"QQ==\nQUI=\nQUJD"
    assert base64.b64decode(text) == b"A"
    assert decoded(text, BASE64) == b"AABABC"


@given(st.binary(max_size=300), st.booleans())
def test_quoted_printable_comes_back(data: bytes, tabs: bool) -> None:
    encoded = quopri.encodestring(data, quotetabs=tabs)
    assert decoded(encoded, QUOTED) == data == quopri.decodestring(encoded)


@given(st.text("abcdefABCDEF09=\n.", max_size=80).map(str.encode))
def test_quoted_printable_is_read_as_the_standard_library_reads_it(text: bytes) -> None:
    text = text.replace(b"==", b"=.") + b"."  # see below
    assert decoded(text, QUOTED) == quopri.decodestring(text)


@pytest.mark.parametrize(("text", "theirs"), [(b"a=", b"a"), (b"a==b", b"a=b")])
def test_signs_that_start_nothing_are_kept_where_the_standard_library_drops_them(
    text: bytes, theirs: bytes
) -> None:
    assert decoded(text, QUOTED) == text
    assert quopri.decodestring(text) == theirs


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "us-ascii"])
@given(st.text(st.characters(codec="iso-8859-1", exclude_categories=["C"]), max_size=40))
def test_encoded_words_are_read(charset: str, text: str) -> None:
    text = " ".join(text.split())
    if charset == "us-ascii":
        text = text.encode("ascii", "ignore").decode()
    encoded = Header(text, charset, maxlinelen=60).encode()
    assert header(encoded).split() == text.split() == str(make_header(parsed(encoded))).split()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("=?utf-8?q?caf=C3=A9?=", "café"),
        ("=?ISO-8859-1?Q?caf=E9?=", "café"),
        ("=?windows-1252?B?Y2Fm6Q==?=", "café"),
        ("=?utf-8*fr?Q?caf=C3=A9?=", "café"),  # RFC 2231: a language
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\n\t=?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?a_b=5Fc?=", "a b_c"),
        ("=?utf-8?q??=x", "x"),
        ("a_b =?= ?= =?x", "a_b =?= ?= =?x"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),  # no such encoding
        ("=?utf-8?q?abc", "=?utf-8?q?abc"),  # never closed
        ("=?utf-8?q?a\n b?=", "=?utf-8?q?a  b?="),
        ("a\r\n b\tc", "a   b c"),
        ("", ""),
    ],
)
def test_headers_by_hand(value: str, read: str) -> None:
    assert header(value) == read


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        ("utf-8", UTF8), ("UTF8", UTF8), ("us-ascii", UTF8), ("koi8-r", UTF8), ("big5", UTF8),
        ("gb2312", UTF8), ("x", UTF8), ("", UTF8), ("euc-kr", UTF8), ("cp932", UTF8),
        ("iso-8859-1", LATIN), ("ISO-8859-15", LATIN), ("iso8859-1", LATIN),
        ("iso_8859-1", LATIN), ("Windows-1252", LATIN), ("cp1252", LATIN), ("latin1", LATIN),
        ("utf-16", UTF16), ("UTF-16LE", UTF16),
    ],
)  # fmt: skip
def test_charsets(name: str, charset: int) -> None:
    assert charset_of(as_array(name.encode()), 0, len(name)) == charset


def test_charsets_are_read() -> None:
    assert decoded("café".encode("latin-1"), AS_IS, LATIN).decode() == "café"
    assert decoded(b"it\x92s \x93\x94", QUOTED, LATIN) == b"it's ''"
    assert decoded("free".encode("utf-16-le"), AS_IS, UTF16) == b"free"
    assert decoded(b"\xcb\xce", AS_IS, UTF8) == b"\xcb\xce"  # what it does not know stays


@given(st.binary(max_size=60), encodings, charsets, st.integers(0, 40))
def test_nothing_is_written_beyond_the_room(
    source: bytes, encoding: int, charset: int, room: int
) -> None:
    out = np.full(room + 8, 77, np.uint8)
    size = decode(as_array(source), 0, len(source), encoding, charset, out[:room], 0)
    assert size <= room
    assert out[room:].tolist() == [77] * 8
    if charset != LATIN:  # there a letter of two bytes may find no room where a later one does
        assert decoded(source, encoding, charset).startswith(out[:size].tobytes())
