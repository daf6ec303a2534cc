"""HTML as a reader sees it, worked out by hand; plain text of the standard library's parser too."""

from __future__ import annotations

from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.work import MAX_TEXT
from tests.stream.mail.mails import Found, found_in

HEAD = "Content-Type: text/html; charset=utf-8\n\n"
OTHER_TEXT = "link text names another host"


def html(text: str) -> Found:
    return found_in(HEAD + text)


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("a<b>b</b>c", "abc"),
        ("a<B CLASS=x>b</B>c", "abc"),
        ("fr<i></i>ee", "free"),
        ("fr<font color=white></font>ee", "free"),
        ("fr<span>e</span>e", "free"),
        ("fr<em>e</em><tt>e</tt>", "free"),
        ("fr<strong>e</strong>e", "free"),
        ("fr<!-- x > y -->ee", "free"),
        ("fr<!---->ee", "free"),
        ("a<br>b", "a b"),
        ("a<p>b</p>c", "a b c"),
        ("<td>a</td><td>b</td>", "a b"),
        ("a<img src='x'>b", "a b"),
        ("a<script>free</script>b", "a b"),
        ("a<SCRIPT>x<b>y</b></Script>b", "a b"),
        ("a<style>x{}</style>b", "ab"),
        ("a<script>free", "a"),
        ("a<!-- free", "a"),
        ("a<b free", "a"),
        ("<!DOCTYPE html>a", "a"),
        ("1 < 2 > 1", "1 < 2 > 1"),
        ("a<", "a<"),
        ("a</", "a</"),
        ("a<>b", "a<>b"),
        ("&lt;b&gt;", "<b>"),
        ("&amp;lt;", "&lt;"),
        ("a&nbsp;b&#160;c&#xa0;d", "a b c d"),
        ("&quot;&apos;&#39;", "\"''"),
        ("&#102;&#x72;&#X65;&#101", "free"),
        ("&#233;&#8364;&#128169;", "é€💩"),
        ("&#0;&#x110000;a", "a"),
        ("&LT;&bogus;&", "<&bogus;&"),
        ("a&ltb", "a&ltb"),
        ("?a=1&amplitude=2", "?a=1&amplitude=2"),
        ("&#;&#x;", "&#;"),
    ],
)
def test_by_hand(markup: str, seen: str) -> None:
    assert html(markup).words == seen.split()


class Reader(HTMLParser):
    """What the standard library takes for text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.text += "" if tag in ("b", "font") else " "

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, None)


pieces = st.sampled_from(
    ["free", " ", "<b>", "</b>", "<p>", "</p>", "<br>", "<font size=1>", "<td x='1'>", "&amp;", "é",
     "&lt;", "&#65;", "<!-- no -->", "<a href=x>", "3 ", "<H1>", "\n"]
)  # fmt: skip


@given(st.lists(pieces, max_size=20).map("".join))
def test_well_formed_markup_is_read_as_the_standard_library_reads_it(markup: str) -> None:
    assert html(markup).words == Reader(markup.replace("<a ", "<b ")).text.split()


@given(
    st.characters(exclude_categories=["C", "Z"]), st.sampled_from(["&#{};", "&#x{:x};", "&#X{:X};"])
)
def test_characters_by_number(c: str, written: str) -> None:
    entity = written.format(ord(c))
    assert html(f"x{entity}y").text == f"x{unescape(entity)}y\n" == f"x{c}y\n"


def test_tags_are_taken_down_once_as_they_open() -> None:
    names = html("<b>x</b><B>y</B></i><table bgcolor=red>").names
    assert {name: n for name, n in names.items() if name.startswith("tag")} == {
        "tag <b>": 1,
        "tag <table>": 1,
    }


@pytest.mark.parametrize(
    ("markup", "tricked"),
    [
        ('<a href="http://evil.example/">www.bank.example</a>', True),
        ('<a href="http://evil.example/">http://bank.example/x</a>', True),
        ('<a href="http://x.bank.example/">www.bank.example</a>', False),
        ('<a href="http://bank.example/">Your bank</a>', False),
        ('<a href="http://bank.example@evil.example/">www.bank.example</a>', True),
        ('<a href="mailto:x@evil.example">www.bank.example</a>', False),
        ('<a href="http://evil.example/">www.<b>ba</b>nk.example</a>', True),
        ('<a href="http://evil.example/">Hi<a href="http://b.example">www.bank.example', False),
        ('<a href="http://evil.example/">Hi</a> www.bank.example', False),
    ],
)
def test_link_text_that_names_another_host(markup: str, tricked: bool) -> None:
    assert html(markup).names[OTHER_TEXT] == tricked


def test_html_is_known_without_its_type() -> None:
    assert found_in("\n<html>fr<b>e</b>e").words == ["free"]
    assert found_in("\n<a href=x>free</a>").words == ["free"]
    assert found_in("\na <b> c").words == ["a", "<b>", "c"]


def test_text_is_bounded() -> None:
    found = html("<b>free</b> " * 4_000)
    assert len(found.text) == MAX_TEXT
    assert set(found.words) == {"free"}
