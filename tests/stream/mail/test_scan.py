"""The laws of a scan: any bytes do, nothing is carried over, nothing is written beside a buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.masks import new_masks
from stream.mail.scan import scan
from stream.mail.work import LAYOUT, MAX_SCAN, STAMP, TABLE, new_work
from tests.stream.mail.hostile import HEAD, HTML, MAKERS, MIXED
from tests.stream.mail.mails import MASK, MASKS, as_array, found_in, groups

REAL = (
    HEAD + b"Reply-To: Bob <b@evil.example>\n\nBuy now at http://www.shop.example:80/ $100!\n",
    HTML + b"<p>Fr<b>e</b>e &amp; <a href='http://evil.example/'>www.bank.example</a><!-- x -->",
    MIXED + b"--b\nContent-Transfer-Encoding: quoted-printable\n\nfr=65e\n"
    b"--b\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n"
    b"PGI+Y2Fm6Q==\n--b\nContent-Type: message/rfc822\n\nSubject: =?utf-8?q?x?=\n\nHi\n--b--\n",
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A message that looks real, cut, repeated and written over here and there."""
    message = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(0, 4))):
        a = draw(st.integers(0, len(message)))
        b = draw(st.integers(a, min(len(message), a + 40)))
        what = draw(
            st.sampled_from(
                [b"", b"\n", b"--b", b"<", b'"', b"=", b"=?", b"\x00", message[a:b] * 3]
            )
            | st.binary(max_size=4)
        )
        message = message[:a] + what + message[b:]
    return message


messages = mutated() | st.binary(max_size=200) | st.sampled_from(REAL)


def scanned(work: Any, message: bytes) -> list[list[int]]:
    scan(work, as_array(message), MASKS, MASK)
    return groups(work)


@given(st.lists(messages, min_size=1, max_size=4))
def test_nothing_of_a_message_is_left_for_the_next(many: list[bytes]) -> None:
    work = new_work(3_000)
    for message in many:
        assert scanned(work, message) == scanned(new_work(3_000), message)
    assert scanned(work, many[0]) == scanned(new_work(3_000, noting=True), many[0])


@given(messages)
def test_each_find_is_there_once(message: bytes) -> None:
    found = [slot for group in scanned(new_work(3_000), message) for slot in group]
    assert len(found) == len(set(found))
    assert all(0 <= slot <= int(MASK) for slot in found)
    # What a feature vector makes room for, whatever the message.
    assert len(found) <= 3 * len(message) + 64 + min(len(message), 3_000)


@pytest.mark.parametrize("name", MAKERS)
def test_there_is_room_for_the_finds_of_what_is_hostile(name: str) -> None:
    message = MAKERS[name](2_000)
    test_each_find_is_there_once.hypothesis.inner_test(message)  # type: ignore[attr-defined]


def test_finds_are_whole_when_stamps_run_out() -> None:
    fresh = scanned(new_work(3_000), REAL[0])
    work = new_work(3_000)
    last = 2**31 // (int(MASK) + 1) - 1
    work["tally"][0, STAMP] = last - 3
    stamps = []
    for _ in range(6):
        assert scanned(work, REAL[0]) == fresh
        stamps.append(int(work["tally"][0, STAMP]))
    assert stamps == [last - 2, last - 1, last, 1, 2, 3]


@pytest.mark.parametrize("bits", [8, 13, 26])
def test_any_number_of_slots_will_do(bits: int) -> None:
    work, mask = new_work(4_096), np.uint64((1 << bits) - 1)
    for _ in range(3):
        for message in (REAL[0], MAKERS["4-grams"](60_000), REAL[1]):
            scan(work, as_array(message), MASKS, mask)
            found = [slot for group in groups(work) for slot in group]
            assert len(found) == len(set(found)) <= min(2**bits, TABLE)


GUARD = 64  # bytes


@pytest.fixture(scope="module")
def guarded() -> Any:
    """Buffers with bytes of no one's before and after the whole record."""
    memory = np.full(LAYOUT.itemsize + 2 * GUARD, 77, np.uint8)
    work = memory[GUARD:-GUARD].view(LAYOUT)
    work[0] = new_work(3_000, noting=True)[0]
    return memory, work


@given(message=messages | st.sampled_from(sorted(MAKERS)).map(lambda name: MAKERS[name](30_000)))
def test_buffers_are_kept_to(guarded: Any, message: bytes) -> None:
    """Fields of the record run over into each other only: see `test_hostile` for that."""
    memory, work = guarded
    text = np.full(len(message) + 2 * GUARD, 77, np.uint8)
    text[GUARD : GUARD + len(message)] = as_array(message)
    before = text.copy()
    scan(work, text[GUARD : GUARD + len(message)], MASKS, MASK)
    assert memory[:GUARD].tolist() == memory[-GUARD:].tolist() == [77] * GUARD
    assert (text == before).all()
    assert groups(work) == scanned(new_work(3_000), message)  # whatever lies around the message


def test_what_lies_beyond_the_limit_is_not_looked_at() -> None:
    head = HEAD + b"Content-Type: text/html\n\n<!--"
    message = head + b"x" * (MAX_SCAN - len(head)) + b"--> free http://a.example/"
    assert found_in(message) == found_in(message[:MAX_SCAN])
    assert found_in(message).words == []
    assert found_in(message[:-30] + b"\xff" * 999, max_bytes=3_000) == found_in(message)


def test_an_empty_pattern_list_masks_nothing() -> None:
    work = new_work(3_000)
    scan(work, as_array(b"To: x\n\n"), new_masks([]), MASK)
    assert groups(work)[0] != scanned(new_work(3_000), b"To: x\n\n")[0]
