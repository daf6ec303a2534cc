"""Recordings: what comes out of the lines of a file, and in what order."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from stream.codec import Fields
from stream.errors import RecordingError
from stream.events import Record
from stream.sources.memory import MemorySource
from stream.sources.recording import RecordingSource, wrap
from stream.transactions import TransactionFields
from tests.stream.streams import DAY, START, event, new_monitor, stream, told

EVENTS, LABELS = "transactions", "labels"
Line = bytes | Mapping[str, Any]


def write(path: Path, lines: Sequence[Line]) -> Path:
    whole = b"".join(
        (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
    )
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


def read(
    *paths: Path,
    fields: Fields | None = None,  # of transactions
    delay: float = 0.0,
    events_topic: str = EVENTS,
    size: int = 1_000,
) -> list[Record]:
    source = RecordingSource(
        paths, fields or TransactionFields(), events_topic, LABELS, delay, size
    )
    records: list[Record] = []
    while not source.exhausted:
        polled = source.poll(0.0)
        assert len(polled) <= size
        records += polled
    assert source.poll(0.0) == []
    source.close()
    return records


def brief(records: Sequence[Record]) -> list[tuple[str, Any, float]]:
    """Topic, id and event time of each, which is what the order is about."""
    values = [json.loads(r.value) for r in records]
    return [(r.topic, v["id"], v["ts"]) for r, v in zip(records, values, strict=True)]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
@pytest.mark.parametrize("size", [1, 2, 3, 1_000])
def test_lines_come_as_they_are_and_labels_to_their_topic(
    name: str, size: int, tmp_path: Path
) -> None:
    lines: list[Line] = [
        event(1, START),
        {"id": 1, "label": 1, "ts": START + 1},
        event(2, "2018-04-01T00:00:02.25"),
    ]
    records = read(write(tmp_path / name, lines), size=size)
    assert [r.value for r in records] == [json.dumps(line).encode() for line in lines]
    assert [r.topic for r in records] == [EVENTS, LABELS, EVENTS]
    assert [r.offset for r in records] == [0, 1, 2]
    assert [r.timestamp / 1000 for r in records] == [START, START + 1, START + 2.25]


def test_truth_inside_follows_its_event_at_once_without_a_delay(tmp_path: Path) -> None:
    lines = [event(1, START, label=1), event("2", "2018-04-01", label=0), event(3, START)]
    records = read(write(tmp_path / "r.jsonl", lines))
    assert brief(records) == [
        (EVENTS, 1, START),
        (LABELS, 1, START),
        (EVENTS, "2", "2018-04-01"),
        (LABELS, "2", "2018-04-01"),
        (EVENTS, 3, START),
    ]
    assert [json.loads(records[i].value)["label"] for i in (1, 3)] == [1, 0]


@pytest.mark.parametrize("size", [1, 1_000])
@pytest.mark.parametrize("topic", ["a-topic", EVENTS])
def test_truth_inside_is_held_back(topic: str, size: int, tmp_path: Path) -> None:
    days = [0.0, 1.0, 6.999, 7.0, 7.001, 20.0]
    lines = [event(i, START + day * DAY, label=i % 2) for i, day in enumerate(days)]
    path = write(tmp_path / "r.jsonl", lines)
    records = read(path, delay=7 * DAY, events_topic=topic, size=size)

    def at(name: int, delay: float = 0.0) -> tuple[str, int, float]:
        return (LABELS if delay else topic, name, START + days[name] * DAY + delay)

    labels = [at(i, 7 * DAY) for i in range(len(days))]
    # where times are equal the name of the topic decides, as it does in a monitor of two topics
    tie = [labels[0], at(3)] if topic > LABELS else [at(3), labels[0]]
    order = [at(0), at(1), at(2), *tie, at(4), *labels[1:5], at(5), labels[5]]
    assert brief(records) == order
    assert [r.timestamp for r in records] == sorted(r.timestamp for r in records)


def test_a_label_of_null_is_none(tmp_path: Path) -> None:
    records = read(write(tmp_path / "r.jsonl", [event(1, START, label=None), event(2, START)]))
    assert [r.topic for r in records] == [EVENTS, EVENTS]


def test_fields_have_the_names_of_the_stream(tmp_path: Path) -> None:
    # "labels" and "timestamp" are names like any other
    fields = TransactionFields("labels", "timestamp", "truth", "by", "who", "", "", ["n"])
    lines: list[Line] = [
        {"labels": 1, "timestamp": START, "who": 5, "n": 1, "truth": 1, "label": 9},
        {"labels": 1, "timestamp": START, "truth": 0, "ts": None},
        {"labels": 1, "timestamp": START, "truth": 0, "n": 5},
    ]
    records = read(write(tmp_path / "r.jsonl", lines), fields=fields)
    assert [r.topic for r in records] == [EVENTS, LABELS, LABELS, EVENTS, LABELS]
    assert json.loads(records[1].value) == {"labels": 1, "timestamp": START, "truth": 1}
    assert {r.timestamp for r in records} == {int(START) * 1000}


def test_fields_of_other_uses_do_not_hide_the_truth(tmp_path: Path) -> None:
    odd = {"timestamp": "yesterday", "labels": ["a"], "recorded": "today", "value": 5}
    records = read(write(tmp_path / "r.jsonl", [event(1, START, label=1, **odd)]))
    assert brief(records) == [(EVENTS, 1, START), (LABELS, 1, START)]


def test_blank_lines_are_passed_over_and_odd_ones_are_not(tmp_path: Path) -> None:
    lines: list[Line] = [b"", event(1, START), b"\r", b"no json", b"[1]", b"\xff", event(2, 0.5)]
    records = read(write(tmp_path / "r.jsonl", lines))
    assert [r.value for r in records[1:4]] == [b"no json", b"[1]", b"\xff"]
    assert [r.topic for r in records] == [EVENTS] * 5
    assert [r.offset for r in records] == [1, 3, 4, 5, 6]
    # a line without a time comes a second after the line before it
    first = int(START) * 1000
    assert [r.timestamp for r in records] == [first, *(first + 1000 * i for i in (1, 2, 3)), 500]


def test_what_is_wrapped_comes_back_as_it_was(tmp_path: Path) -> None:
    given = [
        Record(value, topic, 0, at, 17 + at)
        for at, (value, topic) in enumerate(
            [
                (b"", EVENTS),
                (b"\xff\n{}", LABELS),
                (b'{"recorded": 1}', EVENTS),
                (b"\0" * 99, LABELS),
            ]
        )
    ]
    lines: list[Line] = [wrap(r, r.topic == LABELS) for r in given]
    assert not any(b"\n" in line for line in lines if isinstance(line, bytes))
    assert read(write(tmp_path / "r.jsonl", lines)) == given


def test_several_files_are_one_stream(tmp_path: Path) -> None:
    first = write(tmp_path / "1.jsonl", [event(1, START, label=1)])
    second = write(tmp_path / "2.jsonl.gz", [event(2, START + DAY), event(3, START + 3 * DAY)])
    source = RecordingSource([first, second], TransactionFields(), EVENTS, LABELS, 2 * DAY)
    records = [record for poll in iter(lambda: source.poll(0.0), []) for record in poll]
    assert [name for _, name, _ in brief(records)] == [1, 2, 1, 3]
    assert [r.offset for r in records] == [0, 1, 0, 2]
    assert source.bytes_read == first.stat().st_size + second.stat().st_size


def test_a_last_line_may_lack_its_end(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(event(1, START)))
    assert brief(read(path)) == [(EVENTS, 1, START)]


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    lines = [event(i, START) for i in range(5_000)]
    torn = write(tmp_path / "torn.gz", lines)
    torn.write_bytes(torn.read_bytes()[:-1_000])
    spoilt = write(tmp_path / "spoilt.gz", lines)
    header, packed = spoilt.read_bytes()[:10], spoilt.read_bytes()[10:]
    spoilt.write_bytes(header + b"\xff" + packed[1:])  # there is no such type of block
    plain = tmp_path / "plain.gz"
    plain.write_bytes(b"{}\n")
    missing = tmp_path / "missing.jsonl"
    reasons = {
        torn: "ended before",
        spoilt: "invalid block type",
        plain: "Not a gzipped file",
        missing: "No such",
    }
    for path, reason in reasons.items():
        with pytest.raises(RecordingError) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert reason in message
        assert "\n" not in message


def test_a_recording_of_a_stream_gives_the_scores_of_the_stream(tmp_path: Path) -> None:
    records = stream(1_000)
    dead = {letter.record for letter in new_monitor().step(records).dead}
    lines: list[Line] = [wrap(r, r.topic == LABELS) if r in dead else r.value for r in records]
    replayed = read(write(tmp_path / "r.jsonl.gz", lines))
    live, again = (told([new_monitor().step(part)]) for part in (records, replayed))
    assert again["scores"] == live["scores"]
    assert again["labels"] == live["labels"]
    assert len(again["dead"]) == len(live["dead"]) > 0


def test_a_memory_source_gives_its_list_in_parts() -> None:
    records = stream(10)
    source = MemorySource(records, 4)
    polled = [list(source.poll(0.0)) for _ in range(3)]
    assert [len(part) for part in polled] == [4, 4, 2]
    assert [r for part in polled for r in part] == records
    assert source.exhausted
    assert list(source.poll(0.0)) == []
