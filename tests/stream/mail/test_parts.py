"""Bodies by hand: parts in parts, broken boundaries, messages, files."""

from __future__ import annotations

import base64

import pytest

from stream.mail.parts import MAX_DEPTH
from tests.stream.mail.mails import found_in

MIXED = 'Content-Type: multipart/mixed; boundary="b"\n\n'
INNER = "--b\nContent-Type: multipart/alternative; boundary=inner\n\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("pre\n--b\n\none\n--b\n\ntwo\n--b--\npost", "one two"),
        ("pre\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\npost", "one two"),
        ("--b\n\none\n--b\n\ntwo", "one two"),  # never closed
        ("--b\n\none", "one"),
        ("--b\n--b\n\none\n--b--", "one"),  # a part without anything
        ("--b\nContent-Type: text/plain\n--b\n\none", "one"),  # a part without a body
        ("--b\nA: 1\n\n\n\none\n", "one"),
        ("--bc\n\none\n--c\n\ntwo", "one --c two"),  # "--b" is how the first line starts
        ("one\ntwo", "one two"),  # the boundary never comes: then all is shown
        ("--b--\none", ""),
        ("--b \n\none\n--b-- \ntwo", "one"),
        (INNER + "no\n--inner\n\none\n--inner--\nno\n--b\n\ntwo\n--b--", "one two"),
        (INNER + "--inner\n\none\n--b\n\ntwo", "one two"),  # the inner one never closed
        (INNER + "one\n--b\n\ntwo", "one two"),  # the inner boundary never comes
        (INNER + "--inner\n\none\n--b--\nno\n--inner\n\nno", "one"),
        ("--b\nContent-Type: image/png\n\none\n--b\n\ntwo", "two"),
        ("--b\nContent-Type: text/html\n\n<b>o</b>ne\n--b\n\n<b>two", "one <b>two"),
        ("--b\nContent-Type: message/rfc822\n\nSubject: no\n\none\n--b\n\ntwo", "one two"),
        ("--b\nContent-Type: message/rfc822\n\n" + MIXED + "--b\n\none\n--b--\n", "one"),
    ],
)  # fmt: skip
def test_by_hand(body: str, words: str) -> None:
    assert found_in(MIXED + body).words == words.split()


@pytest.mark.parametrize(
    "kind", ["multipart/mixed", 'multipart/mixed; boundary=""', "text/plain", "x"]
)
def test_without_a_boundary_all_is_text(kind: str) -> None:
    shown = [] if kind == "x" else ["--b", "one"]
    assert found_in(f"Content-Type: {kind}\n\n--b\n\none").words == shown


def test_the_longest_boundary_is_meant() -> None:
    outer = MIXED.replace('"b"', "bound")
    inner = INNER.replace("--b", "--bound").replace("inner", "bo")
    assert found_in(outer + inner + "--bo\n\none\n--bound\n\ntwo\n--bound--\nno").words == [
        "one",
        "two",
    ]
    inner = inner.replace("boundary=bo", "boundary=boundary")
    body = "--boundary\n\none\n--boundary--\nno\n--bound\n\ntwo\n--bound--\nno"
    assert found_in(outer + inner + body).words == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("multipart/mixed; boundary=b", "one"),
        ("MULTIPART/Mixed;boundary=b", "one"),
        ('multipart/mixed; charset=x; BOUNDARY = "b" ; x=y', "one"),
        ('multipart/mixed;\n\tboundary="b"', "one"),
        ("multipart/mixed; boundary*=b", "one"),
        ('multipart/mixed; x="; boundary=c"; boundary=b', "one"),
        ("multipart/mixed; x-boundary=b", "--b one"),
        ("multipart/mixed; boundary", "--b one"),
    ],
)
def test_the_boundary_is_found(value: str, words: str) -> None:
    assert found_in(f"Content-Type: {value}\n\n--b\n\none\n").words == words.split()


def nested(depth: int) -> str:
    heads = (f"Content-Type: multipart/mixed; boundary=b{i}.\n\n--b{i}.\n" for i in range(depth))
    return "".join(heads) + "\nfree\n"


@pytest.mark.parametrize("depth", [1, 2, MAX_DEPTH, MAX_DEPTH + 1, 100])
def test_depth(depth: int) -> None:
    words = found_in(nested(depth)).words
    assert words[-1] == "free"
    assert (len(words) == 1) == (depth <= MAX_DEPTH)


@pytest.mark.parametrize("depth", [1, MAX_DEPTH + 1, MAX_DEPTH + 2, 100])
def test_messages_in_messages(depth: int) -> None:
    words = found_in("Content-Type: message/rfc822\n\n" * depth + "\nfree").words
    assert words[-1] == "free"
    assert (len(words) == 1) == (depth <= MAX_DEPTH + 1)  # the first is the message itself


def test_files_are_not_read_but_what_they_are() -> None:
    payload = base64.b64encode(b"free money").decode()
    part = (
        "--b\nContent-Type: application/x; name={}\nContent-Disposition: attachment; {}\n"
        "Content-Transfer-Encoding: base64\n\n{}\n"
    )
    found = found_in(MIXED + part.format('"a.b.EXE"', "filename=c.txt", payload) + "--b--")
    assert not found.words
    files = {name for name in found.names if name.startswith("attached")}
    assert files == {"attached file .exe", "attached file .txt"}


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        ("filename=a.exe", ".exe"),
        ('filename="a b; c.exe"; size=3', ".exe"),
        ("filename*=utf-8''a.exe", ".exe"),
        ("filename*0*=utf-8''a.exe", ".exe"),
        ("filename = a.exe", ".exe"),
        ("filename=a.verylong", None),
        ("filename=exe", None),
        ("filename=", None),
        ("name=a.exe", None),
        ("x", None),
    ],
)
def test_what_a_file_ends_in(value: str, ending: str | None) -> None:
    names = found_in(f"Content-Disposition: attachment; {value}\n\n").names
    files = [name for name in names if name.startswith("attached")]
    assert files == ([f"attached file {ending}"] if ending else [])


def test_words_do_not_go_on_from_part_to_part() -> None:
    assert found_in(MIXED + "--b\n\none\n--b\n\ntwo\n--b--").text == "one\ntwo\n"
