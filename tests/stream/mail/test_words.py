"""Words, pairs and 4-grams against Python's own slices; figures by hand."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.words import FIGURES
from tests.stream.mail.mails import found_in

_, WORDS, PAIRS, GRAMS = range(4)


def cut(text: str) -> list[str]:
    """The words of a text, as the scan sees them."""
    return [re.sub(r"\d", "0", word.lower()) for word in re.split(r"[\s.,!?:\-]+", text) if word]


texts = st.text("abAB019 .,!?:-\n", max_size=80)


@given(texts)
def test_words_are_each_counted_once(text: str) -> None:
    words = dict.fromkeys(cut(text))
    found = found_in("\n" + text)
    assert len(found.groups[WORDS]) == len(words)
    quoted = [
        name for name in found_in("\n" + " ".join(words), max_bytes=16).names if " " not in name
    ]
    assert set(quoted) >= {f'"{word}"' for word in words}


@given(texts)
def test_pairs_are_words_that_are_next_to_each_other(text: str) -> None:
    words = cut(text)
    assert len(found_in("\n" + text).groups[PAIRS]) == len(set(pairwise(words)))


@given(st.binary(max_size=60) | st.text("ab", max_size=60).map(str.encode), st.integers(16, 40))
def test_each_gram_counts_once(body: bytes, max_bytes: int) -> None:
    found = found_in(b"A: b\n\n" + body, max_bytes=max_bytes)
    kept = (b"A: b\n" + body)[:max_bytes]
    assert found.raw == kept
    assert len(found.groups[GRAMS]) == len({kept[i : i + 4] for i in range(len(kept) - 3)})


def test_grams_do_not_depend_on_where_they_are() -> None:
    assert set(found_in("\nfree").groups[GRAMS]) <= set(found_in("\nx free y").groups[GRAMS])


def test_digits_are_alike_and_case_does_not_count() -> None:
    assert found_in("\nCall 0123").groups[1:3] == found_in("\ncALL 9876").groups[1:3]
    assert found_in("\ncall 0123").groups[1] != found_in("\ncall 012").groups[1]


def test_long_words_are_none_and_part_their_neighbours() -> None:
    assert found_in("\none " + "x" * 41 + " two").groups[1:3] == [
        found_in("\none two").groups[1],
        [],
    ]
    assert len(found_in("\none " + "x" * 40 + " two").groups[PAIRS]) == 2


def test_no_more_than_there_is_room_for() -> None:
    text = "\n" + " ".join(
        chr(97 + i % 26) * (1 + i // 26 % 30) + "abc"[i % 3] for i in range(4_000)
    )
    found = found_in(text, max_bytes=4_096)
    assert len(found.groups[WORDS]) <= 1_024
    assert len(found.groups[PAIRS]) <= 1_024


def figures(text: str) -> dict[str, int]:
    """Which step of each figure a text has, told apart by its slot."""
    names = found_in("\n" + text)
    return {name: n for name, n in names.names.items() if name in FIGURES}


def test_every_text_has_every_figure_and_links_only_where_there_are_some() -> None:
    assert figures("") == dict.fromkeys(FIGURES[:-2], 1)
    assert figures("see http://a.example") == dict.fromkeys(FIGURES, 1)


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ("aaaa", "bbbb", 0),
        ("aaaa", "Aaaa", 2),  # the first character, and the share of capitals
        ("aaaa!", "aaaa.", 1),
        ("aaa!!", "aaaa!", 0),  # in steps
        ("aaaa!!!", "aaaa...", 1),
        ("aaaa?", "aaaa.", 1),
        ("aaaa aaaa", "aaaaaaaaa", 1),  # words
        ("aaaa", "aaaaaaaa", 1),  # length
        ("x 12", "x 34", 0),
    ],
)
def test_figures_say_how_a_text_is_made_up(one: str, other: str, differing: int) -> None:
    a, b = (set(found_in("\n" + text).groups[0]) for text in (one, other))
    assert len(a - b) == len(b - a) == differing


def test_runs_of_digits_and_signs_are_facts() -> None:
    assert found_in("\na 12 b 34 c 567").names["digits in a row"] == 2
    assert found_in("\na 12").groups[0] != found_in("\na 1 2").groups[0]
    assert found_in("\n5").names["digits in a row"] == 1
    signs = set(found_in("\n$ 5").groups[0]) ^ set(found_in("\n% 5").groups[0])
    assert len(signs) == 2
