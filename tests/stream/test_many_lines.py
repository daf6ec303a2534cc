"""Lines taken many at once give what they give line by line, to the byte and to the bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields as columns_of
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream import build
from stream.codec import Codec
from stream.config import parse
from stream.events import Decoded, Events, Origins, Record
from stream.generate_emails import MailStream, emails
from stream.generate_metrics import MetricStream, metrics
from stream.sources.recording import RecordingSource
from stream.transactions import TransactionFields, TransactionReader
from tests.stream.streams import DAY, START, event

FIELDS = TransactionFields(numeric=["n"], categorical=["mcc"])


def taken(path: Path, delay: float, topic: str, size: int, codec: Codec, many: bool) -> Any:
    """All records, all batches, and how many of the records were decoded on the way."""
    source = RecordingSource(
        [path], codec.fields, topic, codec.labels_topic, delay, size, codec if many else None
    )
    records: list[Record] = []
    batches, ahead = [], 0
    while not source.exhausted:
        polled = source.poll(0.0)
        assert len(polled) <= size
        batches.append(codec.decode(polled))
        ahead += len(polled) * isinstance(polled, Decoded)
        records += polled
    return records, batches, ahead


def vars_of(events: Events) -> dict[str, Any]:
    return {column.name: getattr(events, column.name) for column in columns_of(events)}


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype, value.tobytes()
    return list(value) if isinstance(value, Origins) else value


def joined(batches: Sequence[Any], of: str = "") -> list[Any]:
    """Each column over all batches."""
    parts = [getattr(batch, of) if of else batch for batch in batches]
    names = [column.name for column in columns_of(parts[0]) if column.name != "events"]
    found = []
    for name in names:
        values = [getattr(part, name) for part in parts]
        if name == "category_texts":
            found.append([[text for each in values for text in each[0]]])
        elif isinstance(values[0], np.ndarray):
            found.append(plain(np.concatenate(values)))
        else:
            found.append([each for value in values for each in value])
    return found


def demand_equal(path: Path, delay: float, topic: str = "transactions", size: int = 50) -> int:
    """Compare both ways; gives how many records were decoded on the way."""
    codec = Codec(TransactionReader(FIELDS))
    one, many = (taken(path, delay, topic, size, codec, way) for way in (False, True))
    assert many[0] == one[0]
    assert joined(many[1]) == joined(one[1])
    assert joined(many[1], "events") == joined(one[1], "events")
    assert one[2] == 0
    return int(many[2])


def written(path: Path, lines: Sequence[Any]) -> Path:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in raw))
    return path


times = st.one_of(
    st.integers(0, 40).map(lambda hours: START + 3_600.0 * hours + 0.25),
    st.sampled_from([5, "2018-04-02T00:00:00", "2018-04-02T00:00:00+02:00"]),
)
odd = st.sampled_from(
    [
        b"", b"no json", b'{"id":1,"ts":5,"label":1}', {"id": 1, "ts": 5},
        event(1, None, n=1, mcc=2),
        event(1, -5.0, n=1, mcc=2, label=1), event(1, START, n=1, mcc=2, label=2),
        event(1, START, n=1, mcc=2, label=True), event(1, START, n=1, mcc=2, label=1, source=7),
        event(1, START, n=1, mcc=2, label=1, source="streamgauge"), event(1, "soon", n=1, mcc=2),
        event(1, START, n=1e16, mcc=2), event(1, START, n=1, mcc=2, recorded={"value": ""}),
        event(1, START, n=1, mcc="x" * 2_000),
    ]
)  # fmt: skip
good = st.builds(
    lambda name, ts, label, source, mcc: (
        event(name, ts, n=1.5, mcc=mcc)
        | ({} if label is None else {"label": label})
        | ({} if source is None else {"source": source})
    ),
    st.one_of(st.integers(-5, 5), st.text(max_size=3)),
    times,
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, "analyst", ""]),
    st.sampled_from(["a", 7, True, 2.5]),
)


@pytest.mark.parametrize("delay", [0.0, 0.5 * DAY])
@pytest.mark.parametrize("topic", ["a-topic", "transactions"])
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(good, max_size=60), strange=st.one_of(st.none(), odd), size=st.integers(1, 40)
)
def test_both_ways_give_the_same(
    delay: float, topic: str, lines: list[Any], strange: Any, size: int, tmp_path: Path
) -> None:
    if strange is not None:
        lines.insert(len(lines) * 2 // 3, strange)
    demand_equal(written(tmp_path / "r.jsonl", lines), delay, topic, size)


def test_a_stream_is_taken_many_at_once_to_its_end(tmp_path: Path) -> None:
    lines = [
        event(i, START + 1e3 * (i - i % 3), n=i, mcc=i % 5, label=int(i % 7 == 0))
        for i in range(3_000)
    ]
    path = written(tmp_path / "r.jsonl", lines)
    assert demand_equal(path, 0.0, size=500) == 6_000
    assert demand_equal(path, 2 * DAY, size=500) == 6_000
    assert (
        demand_equal(written(path, [*lines[:1_000], b"?", *lines[1_000:]]), DAY, size=500) > 1_000
    )


def test_nobody_elses_decoding_is_taken_for_ours(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", [event(1, START, n=1, mcc=2)])
    theirs, ours = Codec(TransactionReader(FIELDS)), Codec(TransactionReader(TransactionFields()))
    polled = RecordingSource([path], FIELDS, "transactions", "labels", codec=theirs).poll(0.0)
    assert isinstance(polled, Decoded)
    numbers = [vars_of(codec.decode(polled).events)["numeric"] for codec in (theirs, ours)]
    assert [each.tolist() for each in numbers] == [[[1.0]], [[]]]


@pytest.mark.parametrize("delay", [0.0, 0.1 * DAY])
@pytest.mark.parametrize("kind", ["emails", "metrics"])
def test_other_kinds_are_taken_many_at_once_too(kind: str, delay: float, tmp_path: Path) -> None:
    codec = build.codec(parse({"kind": kind}, "test"))
    made: Any = emails(MailStream(200)) if kind == "emails" else metrics(MetricStream(200))
    path = written(tmp_path / "r.jsonl", [msgspec.json.encode(each) for each in made])
    one, many = (taken(path, delay, kind, 90, codec, way) for way in (False, True))
    assert many[0] == one[0]
    assert joined(many[1]) == joined(one[1])
    assert joined(many[1], "events")[:3] == joined(one[1], "events")[:3]
    assert [one[2], many[2]] == [0, len(many[0])]
