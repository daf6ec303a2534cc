"""All forms of a mail become its bytes, and what is none of them becomes a dead letter."""

from __future__ import annotations

import base64
import email
import email.policy
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.codec import MAX_TEXT, OWN, REASONS, Codec
from stream.emails import FORMS, EmailFields, EmailReader, MessageReader, assemble
from stream.events import Batch, Emails, Record
from stream.hashing import ABSENT, hash64
from stream.labels import LABEL_ITEM
from tests.stream.streams import DAY, START, email_stream, record

JSON = Codec(EmailReader(EmailFields()))
MESSAGE = Codec(MessageReader(EmailFields()))
RAW = "From: a@b.example\r\nSubject: Grüße\r\n\r\nbody \xff\n"


def decode(value: bytes | Mapping[str, Any], topic: str = "emails") -> Batch:
    return JSON.decode([record(value, topic)])


def messages(batch: Batch) -> list[bytes]:
    assert isinstance(batch.events, Emails)
    text, start = batch.events.text.tobytes(), batch.events.start.tolist()
    return [text[a:b] for a, b in pairwise(start)]


def only(value: Mapping[str, Any]) -> bytes:
    batch = decode({"id": 1, "ts": START, **value})
    assert batch.dead == []
    (message,) = messages(batch)
    return message


def test_a_whole_message_is_its_bytes() -> None:
    assert only({"raw": RAW}) == RAW.encode("latin-1")
    assert only({"raw": ""}) == b""
    coded = base64.encodebytes(RAW.encode("latin-1")).decode()  # with line ends, as mail has it
    assert only({"raw_base64": coded}) == RAW.encode("latin-1")


def test_a_text_is_a_message_without_a_header() -> None:
    assert only({"text": "Subject: none\n€"}) == "\nSubject: none\n€".encode()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"body": "Hi"}, "\nHi"),
        ({"subject": "Hi"}, "Subject: Hi\n\n"),
        ({"body": "Hi", "to": ["a", "b"], "from": "c"}, "From: c\nTo: a\nTo: b\n\nHi"),
        ({"headers": {"X-A": "1", "X-B": ["2", "ü"]}}, "X-A: 1\nX-B: 2\nX-B: ü\n\n"),
        ({"headers": [["X-A", "1"], ["X-A", "2"]], "body": ""}, "X-A: 1\nX-A: 2\n\n"),
        ({"headers": {}, "subject": None, "raw": None}, "\n"),
        ({"subject": "a;\r\n\tb", "body": "x\r\ny"}, "Subject: a;\n b\n\nx\r\ny"),
    ],
    ids=str,
)
def test_parts_are_put_together(parts: Mapping[str, Any], message: str) -> None:
    assert only(parts) == message.encode()


texts = st.text(max_size=12) | st.text("a:\r\n\t -\x00", max_size=12)


@given(texts, texts, texts)
def test_no_value_forges_a_header_or_the_body(name: str, value: str, body: str) -> None:
    whole = assemble({"subject": value, "headers": {f"X-{name}": value}, "body": body})
    head, _, rest = whole.partition(b"\n\n")
    assert rest == body.encode()
    lines = head.replace(b"\r", b"?").split(b"\n")
    assert b"\r" not in head
    starts = [line for line in lines if not line.startswith(b" ")]
    assert [line.split(b":")[0][:2] for line in starts] == [b"Su", b"X-"]
    read = email.message_from_bytes(whole, policy=email.policy.compat32)
    assert len(read.keys()) == 2


DEAD: list[tuple[str, dict[str, Any]]] = [
    ("missing_field", {"id": 1, "ts": START}),
    ("missing_field", {"ts": START, "text": "x"}),
    ("missing_field", {"id": 1, "ts": START, "text": None, "body": None}),
    ("bad_message", {"id": 1, "ts": START, "raw": "€"}),
    ("bad_message", {"id": 1, "ts": START, "raw_base64": "a"}),
    ("bad_message", {"id": 1, "ts": START, "raw_base64": "ü"}),
    ("bad_message", {"id": 1, "ts": START, "raw_base64": "YW!="}),
    ("bad_message", {"id": 1, "ts": START, "raw": "x", "text": "x"}),
    ("bad_message", {"id": 1, "ts": START, "raw": "x", "subject": ""}),
    ("wrong_type", {"id": 1, "ts": START, "text": 5}),
    ("wrong_type", {"id": 1, "ts": START, "headers": "x"}),
    ("wrong_type", {"id": 1, "ts": START, "headers": [["a", "b", "c"]]}),
    ("wrong_type", {"id": 1, "ts": START, "headers": {"a": {}}}),
    ("bad_time", {"id": 1, "ts": "soon", "text": "x"}),
    ("future_time", {"id": 1, "ts": START + 2 * DAY, "text": "x"}),
]


@pytest.mark.parametrize(("reason", "value"), DEAD, ids=str)
def test_a_bad_mail_is_a_dead_letter_with_its_reason(reason: str, value: dict[str, Any]) -> None:
    (letter,) = decode(json.dumps(value).encode()).dead
    assert letter.reason == reason
    assert letter.detail
    assert "\n" not in letter.detail


@pytest.mark.parametrize("name", ["from", "to", "subject", "headers"])
def test_too_many_values_are_not_put_together(name: str) -> None:
    values: Any = ["x" * 60] * 1_200
    roomy = Codec(EmailReader(EmailFields()), max_record_bytes=2**20)
    good, bad = (
        roomy.decode([record({"id": 1, "ts": START, name: given}, "emails")])
        for many in (values[:900], values)
        for given in [{"X-Y": many} if name == "headers" else many]
    )
    assert good.dead == []
    (letter,) = bad.dead
    assert letter.reason == "too_large"
    assert letter.detail.startswith(f"{name} of 768")


def test_a_dead_letter_says_which_forms_there_were() -> None:
    (letter,) = decode({"id": 1, "ts": None, "raw": "x", "subject": "y"}).dead
    assert letter.detail == "raw and parts: expected one form of a mail"
    (letter,) = decode({"id": 1, "ts": None, "raw": "ab\u0142"}).dead
    assert letter.detail == "raw has a character above U+00FF, at 2: it is no byte as latin-1"


def test_without_a_time_the_timestamp_of_the_record_stands_for_it() -> None:
    for value in ({"id": 1, "text": "x"}, {"id": 1, "text": "x", "ts": None}):
        batch = decode(value)
        assert batch.ts.tolist() == [START]
        assert batch.events.given_ts == [None]
    label = decode({"id": 1, "label": 1}, "labels")
    assert (label.ts.tolist(), label.label.tolist()) == ([START], [1])
    (letter,) = JSON.decode([Record(b'{"id":1,"text":"x"}', "emails", 0, 0, -1)]).dead
    assert letter.reason == "bad_time"


def test_a_stream_may_have_no_time_and_no_source_at_all() -> None:
    codec = Codec(EmailReader(EmailFields(ts="", source="")))
    mail, label = {"id": 1, "ts": [], "text": "x"}, {"id": 1, "label": 1, "source": OWN}
    batch = codec.decode([record(mail, "emails"), record(label, "labels")])
    assert batch.dead == []
    assert batch.ts.tolist() == [START, START]
    assert batch.source.tolist() == [ABSENT, ABSENT]


def test_a_label_says_whose_word_it_is() -> None:
    given_: list[dict[str, Any]] = [{"source": "user"}, {}, {"source": None}, {"source": "trap"}]
    labels = [record({"id": 1, "ts": START, "label": 1, **each}, "labels") for each in given_]
    batch = JSON.decode(labels)
    assert batch.source.tolist() == [hash64("user"), ABSENT, ABSENT, hash64("trap")]
    own = record({"id": 1, "ts": START, "label": 1, "source": OWN}, "labels")
    assert [letter.reason for letter in JSON.decode([own]).dead] == ["own_verdict"]


def carried(value: bytes, *headers: tuple[str, bytes]) -> Batch:
    return MESSAGE.decode([Record(value, "emails", 0, 0, int(START * 1000), headers=headers)])


def test_a_record_may_be_the_message_and_headers_say_the_rest() -> None:
    value = RAW.encode("latin-1")
    name, ts = ("id", b"m-1"), ("ts", b"2018-04-01T00:00:31")
    batch = carried(value, ("other", b"\xff"), ("id", b"not this"), ts, name)
    assert messages(batch) == [value]
    assert batch.events.ids == ["m-1"]
    assert batch.events.given_ts == ["2018-04-01T00:00:31"]
    assert batch.ts.tolist() == [START + 31.0]
    assert carried(value, name).ts.tolist() == [START]
    assert carried(value, name, ("ts", b"1522540831.5")).ts.tolist() == [START + 31.5]
    assert carried(b"", name).dead == []
    label = MESSAGE.decode([record({"id": "m-1", "label": 1, "ts": START}, "labels")])
    assert label.kind.tolist() == [LABEL_ITEM]
    assert label.ids[0] == batch.ids[0]


@pytest.mark.parametrize(
    ("reason", "headers"),
    [
        ("missing_field", []),
        ("missing_field", [("ID", b"1")]),
        ("wrong_type", [("id", b"\xff")]),
        ("too_large", [("id", b"x" * (MAX_TEXT + 1))]),
        ("bad_time", [("id", b"1"), ("ts", b"soon")]),
        ("bad_time", [("id", b"1"), ("ts", b"")]),
        ("bad_time", [("id", b"1"), ("ts", b"nan")]),
        ("bad_time", [("id", b"1"), ("ts", b"1522540831000")]),
        ("future_time", [("id", b"1"), ("ts", b"1600000000")]),
    ],
    ids=str,
)
def test_headers_that_are_none_make_a_dead_letter(
    reason: str, headers: Sequence[tuple[str, bytes]]
) -> None:
    assert [letter.reason for letter in carried(b"x", *headers).dead] == [reason]


@pytest.mark.parametrize("size", [1, 7])
def test_decoding_in_parts_is_decoding_the_whole(size: int) -> None:
    records = email_stream(300)
    whole = JSON.decode(records)
    reasons = {letter.reason for letter in whole.dead}
    assert reasons == {"bad_message", "own_verdict"}
    parts = [JSON.decode(records[i : i + size]) for i in range(0, len(records), size)]
    for name in ("kind", "ids", "ts", "label", "source"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert [message for part in parts for message in messages(part)] == messages(whole)
    assert [letter for part in parts for letter in part.dead] == whole.dead


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
names = st.sampled_from(["id", "ts", "label", "source", *FORMS])
topics = st.sampled_from(["emails", "labels"])


@given(topics, st.dictionaries(names, json_values, max_size=4), st.integers(-1, 2**63 - 1))
def test_values_never_raise(topic: str, odd: dict[str, Any], timestamp: int) -> None:
    value = json.dumps({"id": 1, "ts": None, "label": 1} | odd).encode()
    batch = JSON.decode([Record(value, topic, 0, 0, timestamp)])
    assert len(batch.kind) + len(batch.dead) == 1
    assert all(letter.reason in REASONS for letter in batch.dead)
    assert np.isfinite(batch.ts).all()


@given(
    topics,
    st.binary(max_size=40),
    st.lists(st.tuples(st.sampled_from(["id", "ts", "x"]), st.binary(max_size=12)), max_size=3),
)
def test_bytes_never_raise(topic: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    given_ = Record(value, topic, 0, 0, 0, headers=tuple(headers))
    for codec in (JSON, MESSAGE):
        batch = codec.decode([given_])
        assert len(batch.kind) + len(batch.dead) == 1
