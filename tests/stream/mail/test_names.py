"""What finds are called: nothing of a sender's own unless names may quote, and then readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.known import ENDINGS, HEADERS, TAGS
from stream.mail.tricks import TRICKS
from stream.mail.words import FIGURES
from tests.stream.mail.mails import found_in

MARK = "xqzk"  # in no name of ours
MAIL = f"""From: "{MARK}1" <{MARK}2@{MARK}3.example>
Subject: {MARK}4 =?utf-8?q?{MARK}5?=
Reply-To: {MARK}6@b.example
X-{MARK}: {MARK}7
Content-Type: text/html; name="a.{MARK}"
Content-Disposition: attachment; filename=a.{MARK}

{MARK}8: <b>{MARK}9</b> <{MARK}> <http://{MARK}.{MARK}.example/> {MARK}a@{MARK}b.example 12
"""
PLAIN_NAMES = {
    *TRICKS, *FIGURES, "text", "subject", "sender", "links", "digits in a row", "another header",
    "another tag", "attached file", *(f"header {name}" for name in HEADERS),
    *(f"tag <{name}>" for name in TAGS), *(f"attached file {name}" for name in ENDINGS),
}  # fmt: skip


def test_quiet_names_by_hand() -> None:
    found = found_in(MAIL)
    # 4-grams go by where they are, like all else of that place.
    assert set(found.quiet) - set(FIGURES) - set(TRICKS) == {
        "sender", "subject", "text", "header from", "header subject", "header reply-to",
        "header content-type", "header content-disposition", "another header", "another tag",
        "tag <b>", "attached file", "digits in a row",
    }  # fmt: skip
    assert found.quiet.total() == found.names.total() == sum(map(len, found.groups))


def test_quoting_names_by_hand() -> None:
    names = found_in("From: Ann <a@b.example>\nSubject: Free\n\n<b>Buy now! www.c.example\n").names
    assert {
        "header from", 'sender "ann"', 'sender "a@b.example"', 'sender "@b.example"', "sender",
        "header subject", 'subject "free"', "subject", '"buy"', '"now"', '"buy now"', '"example"',
        "host www.c.example", "host c.example",
    } <= set(names)  # fmt: skip


def test_a_gram_has_the_name_of_where_it_starts() -> None:
    found = found_in("Subject: a\nX: b\n c\n\nbuy it now", max_bytes=4_096)
    raw = b"Subject: a\nX: b\n c\nbuy it now"
    assert found.raw == raw
    assert found.names["subject"] == len(b"Subject: a\n")
    assert found.quiet["another header"] == len(b"X: b\n c\n") + 3  # its name, and its two words
    # "buy ", "uy i", "y it", " it " are of "buy", which is a word too.
    assert found.names['"buy"'] == 4 + 1
    assert found.names['"now"'] == 0 + 1 + 0
    assert found.names['"it"'] == 3 + 1


markup = st.sampled_from(
    ["\n", "\n\n", ": ", "<", ">", "@", ".", "/", " ", "http://", "\r", "=?", "?=", "Subject",
     "From", "\t", "<b", "--", "&", MARK, "\x00"]
)  # fmt: skip


@given(st.lists(markup, max_size=30).map("".join))
def test_quiet_names_are_a_few_whatever_the_message(tail: str) -> None:
    for mail in (tail, MAIL + tail, "Subject: " + tail, "Content-Type: text/html\n\n" + tail):
        assert set(found_in(mail).quiet) <= PLAIN_NAMES


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"Content-Type: text/html\n\n", b"Subject: "])
)
def test_names_can_be_shown(tail: bytes, head: bytes) -> None:
    found = found_in(head + tail)
    assert set(found.quiet) <= PLAIN_NAMES
    for name in found.names:
        assert name
        assert name.isprintable()


def test_names_are_whole_whatever_the_message() -> None:
    """There is room for all names, however long those of the headers."""
    headers = "".join(f"{'h' * 56}{i}: {'v' * 40}{i}\n" for i in range(550))
    words = " ".join(f"{'w' * 30}{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(150))
    names = found_in(headers + "\n" + words).names
    assert sum(bool(re.fullmatch(r'"w{30}[a-z]{2}"', name)) for name in names) == 150


@pytest.mark.parametrize("size", [64, 65, 300])
def test_long_names_are_cut(size: int) -> None:
    assert f"header {'h' * 64}" in found_in("h" * size + ": x\n\n").names
