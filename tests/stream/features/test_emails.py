"""Vectors of mails: their groups, what is known of senders, domains that look like others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vectors import CORRECT, LEARN, SCORE, Vectors
from stream.codec import Codec
from stream.config import MASKED_HEADERS
from stream.emails import EmailFields, EmailReader
from stream.events import Emails
from stream.features.emails import KNOWN, EmailFeatures
from stream.features.windows import DecayedWindows
from stream.labels import Ops
from tests.stream.mail.mails import BITS, Found, found_in
from tests.stream.streams import record

SPANS = ("1d", "30d")
HISTORY = 2 * len(SPANS) + 1  # of domain and address, and the look-alike
TEXTS = [
    b"From: Ann <ann@a.example>\nSubject: Hi\n\nHello there",
    b"From: Bob <bob@b.example>\nTo: me\n\n<a href=http://a.example>free</a>",
    b"\nan SMS, of 160 letters",
    b"",
    b"Content-Type: text/html\n\n<p>\xe9<b>",
]


def features(show_text: bool = False, masked: Sequence[str] = MASKED_HEADERS) -> EmailFeatures:
    windows = DecayedWindows([86_400.0, 30 * 86_400.0], 2, 100, 100)
    return EmailFeatures(SPANS, windows, 3_000, BITS, masked, show_text)


def mails(*messages: bytes) -> Emails:
    codec = Codec(EmailReader(EmailFields()), max_record_bytes=2**20)
    values = [{"id": 1, "ts": 5, "raw": message.decode("latin-1")} for message in messages]
    events = codec.decode([record(value, "emails") for value in values]).events
    assert isinstance(events, Emails)
    return events


def ops(*code: int, slot: Sequence[int] = (), y: Sequence[int] = ()) -> Ops:
    """Operations at one moment; `slot` from 0 where it is not given."""
    n = len(code)
    return Ops(
        np.array(code, np.int8),
        np.arange(n),
        np.array(slot or range(n), np.int64),
        np.array(y or [0] * n, np.int8),
        np.array([1 - label for label in y] or [0] * n, np.int8),
        np.zeros(n),
        np.zeros(n),
    )


def run(of: EmailFeatures, *messages: bytes) -> Vectors:
    return of.run(ops(*[SCORE] * len(messages)), mails(*messages))


def learn(of: EmailFeatures, slot: int, y: int, code: int = LEARN) -> None:
    of.run(ops(code, slot=[slot], y=[y]), mails())


def rows(of: Vectors) -> list[list[int]]:
    return [of.slots[a:b].tolist() for a, b in zip(of.start, of.end, strict=True)]


def history(of: EmailFeatures, message: bytes) -> list[int]:
    """The slots of what is known: domain in both windows, address in both, look-alike."""
    return rows(run(of, message))[0][-HISTORY:]


def squares(of: Vectors, found: Found) -> list[float]:
    values = of.values[: of.end[0]]
    ends = np.cumsum([*map(len, found.groups), HISTORY])
    return [float(np.sum(part**2)) for part in np.split(values, ends[:-1])]


@pytest.mark.parametrize("message", TEXTS)
def test_a_vector_is_the_finds_of_a_scan_each_group_of_length_1(message: bytes) -> None:
    of = features()
    made, found = run(of, message), found_in(message, MASKED_HEADERS)
    assert rows(made)[0][:-HISTORY] == [slot for group in found.groups for slot in group]
    lengths = [1.0 if group else 0.0 for group in found.groups]
    assert squares(made, found) == pytest.approx([*lengths, 1.0], rel=1e-6)
    assert made.values.tolist() == made.values.astype(np.float32).tolist()
    assert made.dense.tolist() == [[1.0]]
    assert len(made.slots) <= of.hashed


messages = st.lists(st.sampled_from(TEXTS) | st.binary(max_size=60), min_size=1, max_size=6)


@given(messages, st.integers(1, 5))
def test_cutting_a_stream_changes_nothing(many: list[bytes], size: int) -> None:
    whole, cut = features(), features()
    parts = [run(cut, *many[i : i + size]) for i in range(0, len(many), size)]
    expected = run(whole, *many)
    assert rows(expected) == [row for part in parts for row in rows(part)]
    assert expected.values.tolist() == [value for part in parts for value in part.values.tolist()]


@given(messages)
def test_what_is_in_a_mail_does_not_depend_on_those_before(many: list[bytes]) -> None:
    alone = [rows(run(features(), message))[0][:-HISTORY] for message in many]
    assert [row[:-HISTORY] for row in rows(run(features(), *many))] == alone
    assert [row[:-HISTORY] for row in rows(run(features(), *reversed(many)))] == alone[::-1]


@given(st.sampled_from(["To", "Received", "X-Foo"]), st.text("ab @.<>=?:;", max_size=40))
def test_a_masked_value_changes_no_vector(name: str, value: str) -> None:
    plain, other = (f"{name}: {v}\n".encode() + TEXTS[0] for v in ("", value))
    assert rows(run(features(), plain)) == rows(run(features(), other))


ANN, BEN, EVE = (b"From: " + who + b".example\n\nHi" for who in (b"ann@a", b"ben@a", b"eve@b"))


def test_how_often_a_sender_wrote() -> None:
    of = features()
    new = history(of, ANN)
    assert new == history(features(), EVE) == history(features(), b"\nHi")
    again = history(of, ANN)
    assert all(a != b for a, b in zip(again[:-1], new[:-1], strict=True))
    # The domain is known by now, the address is not.
    ben = history(of, BEN)
    assert ben[2:4] == new[2:4]
    assert ben[:2] not in (new[:2], again[:2])
    # Nothing is known of who has no address, however many have none.
    assert [history(of, b"\nHi") for _ in range(3)] == [new] * 3


def test_how_much_of_it_was_spam() -> None:
    hams, spams, none = features(), features(), features()
    for of in (hams, spams, none):
        run(of, ANN)
    unlabelled = history(none, ANN)
    learn(hams, 0, 0)
    learn(spams, 0, 1)
    ham, spam = history(hams, ANN), history(spams, ANN)
    # (1 + 0) / (2 + 0) of unknown ones; (1 + 0) / 3 and (1 + 1) / 3 after a label.
    for other in (ham, spam):
        assert all(a != b for a, b in zip(other[:-1], unlabelled[:-1], strict=True))
    assert all(a != b for a, b in zip(ham[:-1], spam[:-1], strict=True))
    assert ham[-1] == spam[-1]


def test_a_correction_corrects() -> None:
    one, other = features(), features()
    for of, y in ((one, 1), (other, 0)):
        run(of, ANN)
        learn(of, 0, y)
    learn(one, 0, 0, CORRECT)
    assert history(one, ANN) == history(other, ANN)


def poses(of: EmailFeatures, message: bytes) -> bool:
    return history(of, message)[-1] != history(features(), b"\n")[-1]


@pytest.mark.parametrize("known", [b"From: x@paypal.example\n\n", b"\nhttp://www.paypal.example/"])
@pytest.mark.parametrize(
    "other",
    [
        b"From: x@paypa1.example\n\n",
        b"\nhttp://PAYPAI.example",
        b"Reply-To: x@pay-pal.example\n\n",
    ],
)
def test_a_domain_that_looks_like_a_known_one(known: bytes, other: bytes) -> None:
    of = features()
    for _ in range(KNOWN - 1):
        assert not poses(of, known)
    assert not poses(of, b"\nhttp://paypul.example")  # looks like no other
    assert not poses(of, other)  # not known enough; and it is one mail less sure of itself
    assert not poses(of, known)
    assert not poses(of, known)
    assert poses(of, other)
    assert not poses(of, known)  # the known one stays what it was
    assert poses(of, other)


def test_what_looks_like_a_rare_one_takes_its_place() -> None:
    of = features()
    poses(of, b"\nhttp://rare.example")
    poses(of, b"\nhttp://rar-e.example")
    for _ in range(KNOWN):
        assert not poses(of, b"\nhttp://rar-e.example")
    assert poses(of, b"\nhttp://rare.example")


def test_reasons_are_the_parts_of_a_vector_by_name() -> None:
    of, quoting = features(), features(show_text=True)
    event = mails(TEXTS[0], TEXTS[1])
    made = of.run(ops(SCORE, SCORE), event)
    added = [2.0**-i for i in range(made.counts[1])]
    for each in (of, quoting):
        reasons = each.reasons(event, 1, [9.0], added)
        assert math.fsum(part for _, part in reasons) == math.fsum(added)
        assert len({name for name, _ in reasons}) == len(reasons)
        assert [name for name, _ in reasons[-HISTORY:]] == [
            "sender's domain over 1d", "sender's domain over 30d", "sender's address over 1d",
            "sender's address over 30d", "domain that looks like another",
        ]  # fmt: skip
        assert [part for _, part in reasons[-HISTORY:]] == added[-HISTORY:]
    quotes = dict(quoting.reasons(event, 1, [9.0], added))
    assert {'sender "bob"', "header from", '"free"', "tag <a>", "host a.example"} <= set(quotes)
    names = set(dict(of.reasons(event, 1, [9.0], added)))
    assert {"sender", "text", "tag <a>", "links"} <= names
    assert not any(word in name for name in names for word in ("bob", "free", "example"))


def test_a_snapshot_goes_on_where_it_was() -> None:
    of, again = features(), features()
    run(of, ANN, EVE, *[b"\nhttp://paypal.example"] * KNOWN)
    again.restore(of.snapshot())
    for message in (ANN, BEN, EVE, b"\nhttp://paypa1.example"):
        assert rows(run(of, message)) == rows(run(again, message))
