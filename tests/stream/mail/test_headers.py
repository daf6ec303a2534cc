"""Blocks of headers by hand: where they end, and what of them is taken down."""

from __future__ import annotations

import pytest

from tests.stream.mail.mails import found_in


@pytest.mark.parametrize(
    ("mail", "raw", "words"),
    [
        ("A: 1\n\nbody", "A: 1\nbody", "body"),
        ("A: 1\r\n\r\nbody", "A: 1\r\nbody", "body"),
        ("A: 1\n b\n\tc\n\nbody", "A: 1\n b\n\tc\nbody", "body"),
        ("A: 1\n \nbody", "A: 1\n", ""),  # a line of white space belongs to nothing; then no header
        ("From ann  Mon Jun 25\nA: 1\n\nbody", "A: 1\nbody", "body"),
        ("Frau : 1\n\nbody", "Frau : 1\n\nbody", "frau 1 body"),  # no header, and no mailbox's line
        ("Free money\n\nbody", "Free money\n\nbody", "free money body"),
        ("From ann", "", ""),
        ("\nbody", "body", "body"),
        ("body", "body", "body"),
        ("\n", "", ""),
        ("", "", ""),
        ("A: 1", "A: 1", ""),
        ("A: 1\n", "A: 1\n", ""),
        ("A: 1\n>From ann\nB: 2\n\nbody", "A: 1\nB: 2\nbody", "body"),
        (": 1\n\nbody", ": 1\n\nbody", "1 body"),
    ],
)
def test_where_headers_end(mail: str, raw: str, words: str) -> None:
    found = found_in(mail)
    assert found.raw.decode() == raw
    assert " ".join(found.text.lower().replace(":", " ").split()) == words


def values(mail: str, part: str) -> set[str]:
    """Words of a header that were taken down."""
    return {name for name in found_in(mail).names if name.startswith(part)}


def test_words_of_a_header() -> None:
    assert values('X-Y: One <two>, (three); "one"\n a@b.example\n\n', "header x-y") == {
        "header x-y",
        'header x-y "one"',
        'header x-y "two"',
        'header x-y "three"',
        'header x-y "a@b.example"',
        'header x-y "@b.example"',
    }


def test_subject_and_sender_have_names_of_their_own() -> None:
    mail = "Subject: =?utf-8?q?Caf=C3=A9?= now\nFrom: Ann\n\n"
    assert values(mail, 'subject "') == {'subject "café"', 'subject "now"'}
    assert values(mail, 'sender "') == {'sender "ann"'}
    part = "Content-Type: message/rfc822\n\n" + mail
    assert values(part, "header subject") == {
        "header subject",
        'header subject "café"',
        'header subject "now"',
    }
    assert not values(part, "sender")


def test_a_date_counts_by_being_there() -> None:
    assert values("Date: Mon, 25 Jun\n\n", "header date") == {"header date"}


def test_a_word_of_one_header_is_none_of_another() -> None:
    one, other = (found_in(f"{name}: free\n\n").groups[0] for name in ("A", "B"))
    # The figures of the text are the same; name and word are not.
    assert len(one) == len(other)
    assert len(set(one) - set(other)) == 2


def test_names_are_read_in_any_case() -> None:
    assert found_in("SUBJECT: Free\n\n").groups[0] == found_in("subject: fREE\n\n").groups[0]


def test_of_one_value_only_so_much_is_read() -> None:
    found = values("A: " + " ".join(f"w{i}" for i in range(100)) + "\n\n", "header a")
    assert found == {"header a", *(f'header a "w{i}"' for i in range(60))}
    assert values("A: " + "x" * 48 + "\nB: " + "x" * 49 + "\n\n", "header") == {
        "header a",
        "header b",
        f'header a "{"x" * 48}"',
    }
    assert values("A: " + "x" * 1_995 + " yes no\n\n", 'header a "') == {'header a "yes"'}
