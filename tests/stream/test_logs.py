"""How log lines come out, and that dead letters do not flood them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stream import logs
from stream.bursts import EVERY, Bursts
from stream.events import DeadLetter
from tests.stream.streams import record

log = logging.getLogger("streamgauge")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger("kafka").propagate = True


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_json_where_no_person_reads_it() -> None:
    out = io.StringIO()
    logs.set_up(out)
    log.warning("drift of %s", "error", extra={"signal": "error", "before": 0.1})
    line = json.loads(out.getvalue())
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line.pop("timestamp"))).seconds) < 60
    assert line == {"event": "drift of error", "level": "warning", "signal": "error", "before": 0.1}


def test_a_line_is_text_at_a_terminal() -> None:
    out = Terminal()
    logs.set_up(out)
    log.info("drift of %s", "error", extra={"signal": "error"})
    assert "drift of error" in out.getvalue()
    assert "{" not in out.getvalue()


@pytest.mark.parametrize("how", ["text", "json"])
def test_a_traceback_has_no_variables(how: logs.Format) -> None:
    out = io.StringIO()
    logs.set_up(out, how)
    secret = "hunter" + "2"

    def fail() -> None:
        assert secret
        raise RuntimeError("no")

    try:
        fail()
    except RuntimeError:
        log.exception("failed")
    said = out.getvalue()
    assert "RuntimeError: no" in said
    assert "hunter2" not in said
    if how == "json":
        assert said.count("\n") == 1


def test_the_config_outranks_the_terminal() -> None:
    out = Terminal()
    logs.set_up(out, "json")
    log.info("hello")
    assert json.loads(out.getvalue())["event"] == "hello"


def test_a_burst_of_dead_letters_is_a_line_each_half_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    bursts = Bursts(lambda: now)
    letter = DeadLetter(record(b"?"), "not_json", "")
    other = DeadLetter(record(b"?", "labels"), "bad_time", "")
    bursts.add([])
    assert caplog.messages == []
    bursts.add([letter])
    assert caplog.messages == ["a record could not be read: 1 not_json in transactions"]
    for _ in range(1_000):
        now += EVERY / 1_001
        bursts.add([letter, letter, other])
    assert len(caplog.messages) == 1
    now += 1.0
    bursts.add([])
    said = (
        "3,000 records could not be read: 2,000 not_json in transactions, 1,000 bad_time in labels"
    )
    assert caplog.messages[1:] == [said]
    now += 10 * EVERY
    bursts.add([])
    assert len(caplog.messages) == 2
