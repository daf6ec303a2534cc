"""Outcomes as JSON: every digit, the user's own ids and times, and bytes that come back."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream import messages
from stream.events import DeadLetter, Record
from stream.monitor import Outcome
from tests.stream.streams import EXTRA, event, new_monitor, record, steps, stream


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return steps(new_monitor(fields=EXTRA), stream(1_500), 400)


def test_a_line_for_every_score(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        lines = [json.loads(line) for line in messages.scores(outcome)]
        assert [list(line) for line in lines] == [
            ["id", "ts", "score", "alert", "threshold"]
        ] * len(outcome.events)
        assert [line["id"] for line in lines] == list(outcome.events.ids)
        assert [line["ts"] for line in lines] == list(outcome.events.given_ts)
        assert [line["alert"] for line in lines] == [bool(alert) for alert in outcome.alerts]
        # with all their digits: to the bit
        for name, numbers in (("score", outcome.scores), ("threshold", outcome.thresholds)):
            assert np.array([line[name] for line in lines]).tobytes() == numbers.tobytes()


def test_ids_and_times_are_handed_back_as_they_were() -> None:
    ids = [1, "1", "ä\n", ""]
    times = [0, 1.5, "2018-04-01", "2018-04-01T00:00:00+02:00"]
    outcome = new_monitor().step([record(event(i, t)) for i, t in zip(ids, times, strict=True)])
    lines = messages.scores(outcome)
    assert [json.loads(line)["id"] for line in lines] == ids
    assert [json.loads(line)["ts"] for line in lines] == times
    assert not any(b"\n" in line for line in lines)


def test_a_message_for_every_alert(outcomes: list[Outcome]) -> None:
    seen = 0
    for outcome in outcomes:
        found = list(messages.alerts(outcome))
        rows = np.flatnonzero(outcome.alerts).tolist()
        assert len(found) == len(rows)
        for row, reasons, (of, line) in zip(rows, outcome.reasons, found, strict=True):
            assert of is outcome.events.records[row]
            assert json.loads(line) == {
                "alert_id": f"transactions-0-{of.offset}",
                "id": json.loads(of.value)["id"],
                "ts": json.loads(of.value)["ts"],
                "score": outcome.scores[row],
                "threshold": outcome.thresholds[row],
                "reasons": [{"feature": name, "contribution": part} for name, part in reasons],
            }
        seen += len(found)
    assert seen > 10


@given(st.binary(), st.text(), st.integers(0, 2**63 - 1))
def test_a_dead_letter_says_why_and_where_from(value: bytes, detail: str, offset: int) -> None:
    letter = DeadLetter(Record(value, "topic", 3, offset, -1, b"key"), "not_json", detail)
    expected = {
        "reason": "not_json",
        "detail": detail,
        "topic": "topic",
        "partition": 3,
        "offset": offset,
        "timestamp": -1,
        "bytes": len(value),
    }
    headers = messages.dead_letter_headers(letter)
    assert dict(headers) == {name: str(about).encode() for name, about in expected.items()}
    line = json.loads(messages.dead_letter_line(letter))
    assert base64.b64decode(line.pop("value_base64")) == value
    assert line == expected


def test_a_huge_dead_letter_is_cut_and_says_so() -> None:
    value = bytes(range(256)) * 8_000
    letter = DeadLetter(Record(value, "topic", 0, 0, 0), "too_large", "")
    line = json.loads(messages.dead_letter_line(letter))
    assert base64.b64decode(line["value_base64"]) == value[: messages.MOST_BYTES]
    assert line["bytes"] == len(value)
