"""Addresses, display names that lie, and where replies go."""

from __future__ import annotations

from email.utils import formataddr, parseaddr

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.mail.masks import new_masks
from stream.mail.scan import scan
from stream.mail.senders import address
from stream.mail.work import SENDER_ADDRESS, SENDER_DOMAIN, new_work
from tests.stream.mail.mails import MASK, as_array, found_in

OTHER_NAME = "display name names another domain"
ADDRESS_NAME = "display name holds an address"
OTHER_REPLY = "replies go to another domain"


def read(text: str) -> str:
    start, _, end = address(as_array(text.encode()), 0, len(text.encode()))
    return "" if start < 0 else text.encode()[start:end].decode()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann Bee <ann@example.com>", "ann@example.com"),
        ('"ann@bank.example" <eve@evil.example>', "eve@evil.example"),
        ("ann@example.com (Ann)", "ann@example.com"),
        ("(Ann)ann@example.com", "Ann)ann@example.com"),  # lenient, and wrong the same way always
        ("mailto:ann@example.com,", "ann@example.com"),
        ("ann@example.com.", "ann@example.com"),
        ("@example.com", ""),
        ("ann@", ""),
        ("ann@ x", ""),
        ("", ""),
    ],
)
def test_addresses_by_hand(value: str, found: str) -> None:
    assert read(value) == found


names = st.text("abc XYZ.'-", max_size=20)
locals_, domains = (st.text(f"abcxyz019-_{more}", min_size=1, max_size=9) for more in ("+=", ""))


@given(names, locals_, domains)
def test_the_address_is_the_one_that_the_standard_library_finds(
    name: str, local: str, domain: str
) -> None:
    value = formataddr((name, f"{local}@{domain}.example"))
    assert read(value) == parseaddr(value)[1] == f"{local}@{domain}.example"


def senders(mail: str) -> tuple[int, int]:
    work = new_work(100)
    scan(work, as_array(mail.encode()), new_masks([]), MASK)
    domains = work["domains"][0]
    return int(domains[SENDER_DOMAIN]), int(domains[SENDER_ADDRESS])


def test_a_sender_is_a_domain_and_an_address() -> None:
    ann = senders("From: Ann <ann@a.example.com>\n\n")
    assert 0 not in ann
    assert ann == senders("FROM: ANN@A.EXAMPLE.COM\n\nother text")
    assert ann == senders("Subject: x\nFrom: ann@a.example.com\nFrom: eve@evil.example\n\n")
    assert ann == senders("From: =?utf-8?q?Ann?= <ann@a.example.com>\n\n")
    bob, eve = senders("From: bob@example.com\n\n"), senders("From: ann@a.example.org\n\n")
    assert bob[0] == ann[0]
    assert bob[1] != ann[1]
    assert not {*eve} & {*ann, *bob}
    for none in ("", "From: nobody\n\n", "\nFrom: ann@example.com\n", "Sender: a@b.example\n\n"):
        assert senders(none) == (0, 0)


def test_only_the_message_itself_has_a_sender() -> None:
    part = "Content-Type: message/rfc822\n\nFrom: ann@example.com\nReply-To: x@y.example\n\nHi"
    assert senders(part) == (0, 0)
    assert senders("From: bob@b.example\n" + part) == senders("From: bob@b.example\n\n")
    assert found_in("From: bob@b.example\n" + part).names[OTHER_REPLY] == 0


@pytest.mark.parametrize(
    ("name", "tricks"),
    [
        ("Ann", set()),
        ("bank.example", {OTHER_NAME}),
        ("Service at BANK.example today", {OTHER_NAME}),
        ("mail.evil.example", set()),
        ("ann@bank.example", {OTHER_NAME, ADDRESS_NAME}),
        ("ann@evil.example", {ADDRESS_NAME}),
        ("J. R. Tolkien", set()),
        ("v1.2", set()),
        ("...", set()),
    ],
)
def test_tricks_of_the_display_name(name: str, tricks: set[str]) -> None:
    for written in (f'"{name}"', f"=?utf-8?q?{name.replace(' ', '_')}?="):
        found = found_in(f"From: {written} <eve@evil.example>\n\nHi").names
        assert {trick for trick in (OTHER_NAME, ADDRESS_NAME) if found[trick]} == tricks


@pytest.mark.parametrize(
    ("reply", "elsewhere"),
    [
        ("ann@example.com", False),
        ("x@mail.example.com", False),
        ("x@evil.example", True),
        ("x", False),
    ],
)
def test_where_replies_go(reply: str, elsewhere: bool) -> None:
    own, other = "From: ann@example.com\n", f"Reply-To: {reply}\n"
    assert found_in(own + other + "\nHi").names[OTHER_REPLY] == elsewhere
    assert found_in(other + own + "\nHi").names[OTHER_REPLY] == elsewhere
    assert found_in(other + "\nHi").names[OTHER_REPLY] == 0
    assert np.sum(senders(own + other)) == np.sum(senders(own))
