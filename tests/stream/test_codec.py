"""Every reason is reached, nothing is raised, and how records are cut changes nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields as fields_of
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import build
from stream.codec import MAX_TEXT, OWN, REASONS, Codec
from stream.config import parse
from stream.events import Batch, Record, Transactions
from stream.generate import Stream, transactions
from stream.generate_emails import MailStream, emails
from stream.generate_metrics import MetricStream, metrics
from stream.hashing import ABSENT, hash64
from stream.labels import EVENT_ITEM, LABEL_ITEM
from stream.timestamps import epoch
from stream.transactions import TransactionFields, TransactionReader
from tests.stream.streams import BAD, DAY, EXTRA, START, event, record, stream

FULL = TransactionReader(
    TransactionFields(numeric=EXTRA["numeric"], categorical=EXTRA["categorical"])
)
MB = 2**20


def good(**fields: Any) -> dict[str, Any]:
    return event("a", START, risk=0.5, channel="web", country="de") | fields


def literal(field: str, text: str) -> bytes:
    """A good event with a JSON text of its own in one field."""
    return json.dumps(good(**{field: "@"})).replace('"@"', text).encode()


def columns(batch: Batch) -> Transactions:
    assert isinstance(batch.events, Transactions)
    return batch.events


def decode(value: bytes | Mapping[str, Any], topic: str = "transactions") -> Batch:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Codec(FULL).decode([record(raw, topic)])


EVENTS: list[tuple[str, bytes | dict[str, Any]]] = [
    ("too_large", good(note="x" * MB)),
    ("too_large", good(id="x" * (MAX_TEXT + 1))),
    ("too_large", good(customer="x" * (MAX_TEXT + 1))),
    ("too_large", good(ts="x" * (MAX_TEXT + 1))),
    ("not_json", b""),
    ("not_json", b"\x00\xff\xfe"),
    ("not_json", b'{"id": "\xff"}'),
    ("not_json", b'{"id": "a"'),
    ("not_json", json.dumps(good()).encode() + b"{}"),
    ("not_json", b'{"deep": ' * 5000),
    ("not_json", b'{"deep": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    ("not_json", literal("amount", "NaN")),
    ("not_json", literal("amount", "Infinity")),
    ("not_json", literal("risk", "-Infinity")),
    ("not_json", literal("id", r'"\ud800"')),
    ("missing_field", {}),
    ("missing_field", {k: v for k, v in good().items() if k != "risk"}),
    ("wrong_type", b"null"),
    ("wrong_type", b"[1, {}]"),
    ("wrong_type", b"[" * 30_000),
    ("wrong_type", good(amount=True)),
    ("wrong_type", good(amount="5")),
    ("wrong_type", good(amount=None)),
    ("wrong_type", good(id=1.5)),
    ("wrong_type", good(id=True)),
    ("wrong_type", good(ts=True)),
    ("wrong_type", good(customer={"a": 1})),
    ("wrong_type", good(channel=["web"])),
    ("out_of_range", literal("amount", "1e999")),
    ("out_of_range", literal("amount", "9" * 400)),
    ("out_of_range", literal("risk", "-1e16")),
    ("out_of_range", literal("ts", "1e999")),
    ("out_of_range", literal("id", str(2**63))),
    ("out_of_range", literal("customer", str(10**400))),
    ("bad_time", good(ts="yesterday")),
    ("bad_time", good(ts="2018-02-30T00:00:00")),
    ("bad_time", good(ts=2**62)),
    ("bad_time", good(ts=-1e300)),
    ("future_time", good(ts="9999-12-31T23:59:59")),
    ("future_time", good(ts=START + DAY + 0.001)),
]
LABELS: list[tuple[str, bytes | dict[str, Any]]] = [
    ("missing_field", {"id": "a", "ts": START}),
    ("wrong_type", {"id": "a", "ts": START, "label": True}),
    ("wrong_type", {"id": "a", "ts": START, "label": None}),
    ("wrong_type", {"id": "a", "ts": START, "label": "1"}),
    ("wrong_type", {"id": "a", "ts": START, "label": 0.5}),
    ("out_of_range", {"id": "a", "ts": START, "label": 2}),
    ("out_of_range", {"id": "a", "ts": START, "label": -1}),
    ("future_time", {"id": "a", "ts": START + 2 * DAY, "label": 1}),
    ("wrong_type", {"id": "a", "ts": None, "label": 1}),
    ("wrong_type", {"id": "a", "ts": START, "label": 1, "source": 5}),
    ("too_large", {"id": "a", "ts": START, "label": 1, "source": "x" * (MAX_TEXT + 1)}),
    ("own_verdict", {"id": "a", "ts": START, "label": 1, "source": OWN}),
]


def shown(value: object) -> str:
    return str(value)[:40]


@pytest.mark.parametrize(
    ("topic", "reason", "value"),
    [("transactions", *each) for each in EVENTS] + [("labels", *each) for each in LABELS],
    ids=shown,
)
def test_a_bad_record_is_a_dead_letter_with_its_reason(
    topic: str, reason: str, value: bytes | dict[str, Any]
) -> None:
    batch = decode(value, topic)
    (letter,) = batch.dead
    assert (letter.reason, len(letter.detail) > 0) == (reason, True)
    assert "\n" not in letter.detail
    assert len(batch.events) == len(batch.kind) == 0


def test_every_reason_is_reached() -> None:
    reached = {reason for reason, _ in [*EVENTS, *LABELS]}
    assert reached == set(REASONS) - {"bad_message"}  # which is for mails


@pytest.mark.parametrize(
    "value",
    [good(), good(id=-(2**63)), good(id=""), good(id="x" * MAX_TEXT), good(amount=-1e15),
     good(amount=3), good(channel=1.5, country=False), good(ts=0), good(ts=START + DAY),
     good(ts="2018-04-01T00:00:31.5+02:00"), good(unknown={"deep": [1, None]}),
     literal("id", r'"\ud83d\ude00"'), literal("risk", "1e-400")],
    ids=shown,
)  # fmt: skip
def test_a_good_event_is_one(value: bytes | dict[str, Any]) -> None:
    batch = decode(value)
    assert batch.dead == []
    assert batch.kind.tolist() == [EVENT_ITEM]
    given_ = json.loads(value) if isinstance(value, bytes) else value
    assert batch.events.ids == [given_["id"]]
    assert batch.events.given_ts == [given_["ts"]]
    assert columns(batch).amount.tolist() == [given_["amount"]]
    assert columns(batch).category_texts == [
        [f"channel={given_['channel']}"],
        [f"country={given_['country']}"],
    ]


def test_an_int_and_a_str_that_read_the_same_are_the_same() -> None:
    given_ = [good(id=5, customer=7), good(id="5", customer="7"), good(id="05", customer="07")]
    batch = Codec(FULL).decode([record(value) for value in given_])
    label = decode({"id": "5", "ts": START, "label": 1}, "labels")
    assert batch.ids[0] == batch.ids[1] == label.ids[0]
    assert columns(batch).keys[0, 0] == columns(batch).keys[1, 0]
    assert batch.events.ids == [5, "5", "05"]  # handed back as they were
    assert len(set(batch.ids.tolist())) == len(set(columns(batch).keys[:, 0].tolist())) == 2


def test_fields_have_the_names_of_the_stream() -> None:
    names = "TX_ID", "TX_DATETIME", "TX_FRAUD", "BY", "CUSTOMER_ID", "", "TX_AMOUNT"
    codec = Codec(TransactionReader(TransactionFields(*names, ["n-1"])), labels_topic="truth")
    value = {"TX_ID": 1, "TX_DATETIME": "2018-04-01T00:00:31", "CUSTOMER_ID": 5, "TX_AMOUNT": 2}
    label = {"TX_ID": 1, "TX_DATETIME": "2018-04-02T00:00:00", "TX_FRAUD": 1, "BY": "bank"}
    batch = codec.decode([record(value | {"n-1": 9}), record(label, "truth"), record(good())])
    assert batch.kind.tolist() == [EVENT_ITEM, LABEL_ITEM]
    assert batch.ts.tolist() == [START + 31, START + DAY]
    assert batch.label.tolist() == [0, 1]
    assert batch.source.tolist() == [ABSENT, hash64("bank")]
    assert batch.ids[0] == batch.ids[1]
    assert columns(batch).keys.shape == (1, 1)
    assert columns(batch).numeric.tolist() == [[9.0]]
    assert [letter.reason for letter in batch.dead] == ["missing_field"]


@pytest.mark.parametrize("size", [1, 7])
def test_decoding_in_parts_is_decoding_the_whole(size: int) -> None:
    records = stream(600)
    codec = Codec(FULL, max_record_bytes=4096)
    whole = codec.decode(records)
    assert {letter.reason for letter in whole.dead} == set(BAD)
    parts = [codec.decode(records[i : i + size]) for i in range(0, len(records), size)]
    for name in ("kind", "ids", "ts", "label", "source"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    for name in ("keys", "amount", "numeric", "categories"):
        joined = np.concatenate([getattr(part.events, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole.events, name))
    assert [letter for part in parts for letter in part.dead] == whole.dead
    assert [letter.record.offset for letter in whole.dead] == sorted(
        letter.record.offset for letter in whole.dead
    )


topics = st.sampled_from(["transactions", "labels"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
names = st.sampled_from([*good(), "label"])


@given(st.lists(st.tuples(topics, st.binary(max_size=40)), max_size=5))
def test_bytes_never_raise(given_: list[tuple[str, bytes]]) -> None:
    records = [record(value, topic) for topic, value in given_]
    assert len(Codec(FULL).decode(records).dead) == len(records)


@given(topics, st.dictionaries(names, json_values, max_size=3), st.integers(-1, 2**63 - 1))
def test_values_never_raise(topic: str, odd: dict[str, Any], timestamp: int) -> None:
    value = json.dumps(good(label=1) | odd).encode()
    batch = Codec(FULL).decode([Record(value, topic, 0, 0, timestamp)])
    assert len(batch.kind) + len(batch.dead) == 1
    assert all(letter.reason in REASONS for letter in batch.dead)
    assert np.isfinite(batch.ts).all()
    assert np.isfinite(columns(batch).amount).all()
    assert np.isfinite(columns(batch).numeric).all()
    assert all(math.isfinite(ts) for ts in batch.events.given_ts if isinstance(ts, int | float))
    msgspec.json.encode([batch.events.ids, batch.events.given_ts])  # can be handed back


@pytest.mark.parametrize("kind", ["transactions", "emails", "metrics"])
def test_a_poll_of_good_records_is_read_as_each_one_is(kind: str) -> None:
    codec = build.codec(parse({"kind": kind}, "test"))
    made: Any = {
        "transactions": lambda: transactions(Stream(60)),
        "emails": lambda: emails(MailStream(60)),
        "metrics": lambda: metrics(MetricStream(60)),
    }[kind]()
    records = []
    for number, each in enumerate(made):
        truth = {"id": each.get("id"), "ts": each["ts"], "label": each.pop("label") or 0}
        if kind == "metrics":
            truth["id"] = f"{each['series']}@{each['ts']}"
        at = round(epoch(each["ts"]) * 1_000)
        value, label = map(msgspec.json.encode, (each, truth | {"source": "a"}))
        records.append(Record(value, kind, 0, number, at if number % 5 else -1))
        records.append(Record(label, "labels", 0, number, at))
    whole, singly = codec.decode(records), [codec.decode([record]) for record in records]
    assert not whole.dead
    for column in ("kind", "ids", "ts", "label", "source"):
        expected = np.concatenate([getattr(each, column) for each in singly])
        assert getattr(whole, column).tobytes() == expected.tobytes(), column
    bad = Record(b"{", kind, 0, 99, 0)
    broken = codec.decode([*records, bad])  # goes one by one
    assert [letter.record for letter in broken.dead] == [bad]
    for column in (each.name for each in fields_of(whole.events)):
        one, other = (getattr(each.events, column) for each in (whole, broken))
        if isinstance(one, np.ndarray):
            one, other = one.tobytes(), other.tobytes()
        assert one == other, column
