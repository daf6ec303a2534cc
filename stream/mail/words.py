"""The text cut into words and pairs of words, the raw bytes into 4-grams, and figures of both."""

from __future__ import annotations

import math

import numpy as np

from models.compiled import compiled, inlined, number
from models.vectors import Bytes
from stream.mail.characters import cuts_words, folded, is_capital, is_digit
from stream.mail.work import (
    COUNT,
    DOMAINS,
    END,
    FIGURE,
    GRAM,
    GRAMS,
    LINKS,
    NOTHING,
    NOTING,
    PAIR,
    PAIRS,
    RUN,
    SIGN,
    START,
    WORD,
    WORDS,
    Work,
    add,
    add_hash,
    is_new,
    mixed,
    name,
    note,
    numbered,
    stamped,
    take,
)

GRAM_LENGTH = 4
LONGEST_WORD = 40  # longer ones are no words
SALT_WORD, SALT_PAIR = map(number, range(0x185, 0x187))
SALT_OF_GRAMS = np.uint64(0x187 << 32)  # above the four bytes, which `take` mixes well by itself

# Figures, by the number that is hashed.
FIGURES = (
    "length of the text", "words", "share of digits", "digits", "share of capitals",
    "exclamation marks", "question marks", "share beyond ASCII", "first character", "links",
    "domains",
)  # fmt: skip
(
    LENGTH, COUNT_OF_WORDS, DIGIT_SHARE, DIGITS, CAPITAL_SHARE, BANGS, QUESTIONS, FOREIGN_SHARE,
    FIRST, LINK_COUNT, DOMAIN_COUNT,
) = map(number, range(11))  # fmt: skip


# Counts of four kinds of bytes, side by side in one number; a text is too short to fill a field.
FIELD = 16
_COUNTED = np.array(
    [
        (65 <= c <= 90) | (c == 33) << FIELD | (c == 63) << 2 * FIELD | (c >= 128) << 3 * FIELD
        for c in range(256)
    ],
    np.uint64,
)
_SPACES = np.array([c < 128 and chr(c).isspace() for c in range(256)], np.uint64)
_SIGNS = np.array([c in (36, 37, 38, 0xA3, 0xAC) for c in range(256)])  # $ % & £ €, the last bytes


@inlined
def _count(counts: np.uint64, which: int) -> int:
    """One of the counts in `counts`."""
    return int((counts >> np.uint64(FIELD * which)) & np.uint64((1 << FIELD) - 1))


@inlined
def _steps(count: int) -> int:
    """A count on a scale of half powers of two."""
    return int(2.0 * math.log2(count + 1.0))


@compiled
def figures(w: Work, text: Bytes, n: int, mask: np.uint64) -> None:
    """Take down how the text is made up."""
    digits = words = run = 0
    before = np.uint64(1)  # whether the last byte was a space
    counts = np.uint64(0)
    for i in range(n):
        c = text[i]
        counts += _COUNTED[c]
        space = _SPACES[c]
        words += int(space & ~before)
        before = space
        if is_digit(c):
            digits += 1
            run += 1
            continue
        if run:
            numbered(w, RUN, NOTHING, min(run, 12), mask)
            run = 0
        if _SIGNS[c]:
            numbered(w, SIGN, c, NOTHING, mask)
    if run:
        numbered(w, RUN, NOTHING, min(run, 12), mask)
    words += int(np.uint64(1) - before)
    capitals, bangs = _count(counts, 0), _count(counts, 1)
    questions, foreign = _count(counts, 2), _count(counts, 3)
    share = 20.0 / max(n, 1)
    numbered(w, FIGURE, LENGTH, _steps(n), mask)
    numbered(w, FIGURE, COUNT_OF_WORDS, _steps(words), mask)
    numbered(w, FIGURE, DIGIT_SHARE, int(digits * share), mask)
    numbered(w, FIGURE, DIGITS, _steps(digits), mask)
    numbered(w, FIGURE, CAPITAL_SHARE, int(capitals * share), mask)
    numbered(w, FIGURE, BANGS, _steps(bangs) // 2, mask)
    numbered(w, FIGURE, QUESTIONS, _steps(questions), mask)
    numbered(w, FIGURE, FOREIGN_SHARE, int(foreign * share), mask)
    first = text[0] if n else 0
    numbered(w, FIGURE, FIRST, 1 if is_capital(first) else 2 if is_digit(first) else 0, mask)
    if w.state[LINKS]:
        numbered(w, FIGURE, LINK_COUNT, _steps(w.state[LINKS]), mask)
        numbered(w, FIGURE, DOMAIN_COUNT, _steps(w.state[DOMAINS]), mask)


@compiled
def words(w: Work, text: Bytes, n: int, mask: np.uint64) -> None:
    """Take down the text's words, in lower case with all digits 0, and each two that are next."""
    last = np.uint64(0)
    last_start = NOTHING
    i = NOTHING
    while i < n:
        while i < n and cuts_words(text[i]):
            i += 1
        a = i
        h = add(START, SALT_WORD)
        while i < n and not cuts_words(text[i]):
            h = add(h, folded(text[i]))
            i += 1
        if i == a:
            return
        if i - a > LONGEST_WORD:
            last = np.uint64(0)
            continue
        name(w, take(w, WORDS, h, mask), WORD, text, a, i)
        if last != np.uint64(0):
            pair = add_hash(add_hash(add(START, SALT_PAIR), last), h)
            name(w, take(w, PAIRS, pair, mask), PAIR, text, last_start, i)
        last = h
        last_start = a


@compiled
def grams(w: Work, raw: Bytes, n: int, mask: np.uint64) -> None:
    """Take down the 4-grams of the raw bytes.

    As `take` does, with what does not change within a message at hand: this is most of the work.
    """
    window = np.uint64(0)
    low = np.uint64(0xFFFFFFFF)
    eight = np.uint64(8)
    first = w.tally[END + GRAMS - 1]
    room = w.tally[END + GRAMS] - first
    noting = w.tally[NOTING]
    stamp = stamped(w, mask)
    count = np.int64(0)
    for i in range(n):
        window = ((window << eight) | np.uint64(raw[i])) & low
        if i >= GRAM_LENGTH - 1 and count < room:
            slot = int(mixed(window ^ SALT_OF_GRAMS) & mask)
            if is_new(w, stamp, slot):
                w.slots[first + count] = slot
                if noting:
                    note(w, first + count, GRAM, i - GRAM_LENGTH + 1, NOTHING)
                count += 1
    w.tally[COUNT + GRAMS] = count
