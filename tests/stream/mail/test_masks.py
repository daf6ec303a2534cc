"""Masked headers are passed over, and what is kept is what 4-grams come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.config import MASKED_HEADERS
from tests.stream.mail.mails import found_in

MAIL = (
    b"From x@y.example  Mon Jun 25\nReceived: by a\n\tfor b\nSubject: Hi\n there\nX-Mailer: m\r\n"
    b"TO: me\nToday: 1\n\nTo: body\nReceived: body\n"
)
BODY = b"To: body\nReceived: body\n"


@pytest.mark.parametrize(
    ("masked", "kept"),
    [
        (["received", "x-*", "to"], b"Subject: Hi\n there\nToday: 1\n"),
        (["RECEIVED", "t*"], b"Subject: Hi\n there\nX-Mailer: m\r\n"),
        (["*", "!today"], b"Today: 1\n"),
        (["!today", "*"], b""),  # the last pattern that fits rules
        (["x-*", "!x-*", "*e*"], MAIL.partition(b"\n")[2].partition(b"\n\n")[0] + b"\n"),
    ],
)
def test_masked_headers_are_passed_over(masked: list[str], kept: bytes) -> None:
    assert found_in(MAIL, masked).raw == kept + BODY


def test_a_body_has_no_headers() -> None:
    assert found_in(b"\nTo: you\n", ["to"]).raw == b"To: you\n"
    assert found_in(b"A: 1\r\n\r\nTo: you", ["to"]).raw == b"A: 1\r\nTo: you"
    assert found_in(b"To: you", ["to"]).raw == b""


def test_only_what_is_kept_counts_against_the_limit() -> None:
    raw = b"To: " + b"x" * 500 + b"\nA: 12345678\n\n" + b"y" * 99
    assert found_in(raw, ["to"], 20).raw == b"A: 12345678\nyyyyyyyy"


@pytest.mark.parametrize("name", ["To", "Delivered-To", "Received", "List-Id", "X-Any", "Sender"])
def test_the_default_masks_tell_no_mailbox_from_another(name: str) -> None:
    assert found_in(f"{name}: me\n\nbody", MASKED_HEADERS) == found_in("\nbody", MASKED_HEADERS)


@pytest.mark.parametrize("name", ["From", "Subject", "Content-Type", "Date", "X-Mailer"])
def test_what_a_sender_chooses_counts(name: str) -> None:
    assert found_in(f"{name}: me\n\nbody", MASKED_HEADERS).raw == f"{name}: me\nbody".encode()


VALUES = [b"", b"a", b"Ann <ann@evil.example>", b"=?utf-8?q?free?=", b"http://a.example x=\n y"]


@given(
    st.sampled_from(["From", "To", "Reply-To", "Subject", "Content-Disposition", "X-Y", "Date"]),
    st.sampled_from(VALUES) | st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"\n ")),
)
def test_a_masked_value_changes_nothing(name: str, value: bytes) -> None:
    rest = b"\nFrom: Bob <b@c.example>\nReply-To: x@y.example\nMessage-Id: <1@c.example>\n\nHello"
    plain, other = (found_in(name.encode() + b": " + v + rest, [name]) for v in (b"", value))
    assert other == plain


def test_a_masked_type_still_says_how_to_read() -> None:
    mail = "Content-Type: text/html; name=a.exe\nContent-Transfer-Encoding: base64\n\nPGI+ZnJlZQ=="
    found = found_in(mail, ["content-*"])
    assert found.words == ["free"]
    assert found.names["attached file .exe"] == 0
    assert found_in(mail).names["attached file .exe"] == 1
