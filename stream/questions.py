"""What would the score of this event be? Answered by a copy of the process, so nothing is learned.

A score needs the features of that moment and leaves a trace in all of them. So the loop, between
two polls, forks (see `stream.forked`): the copy takes the event through the whole monitor, says
what came of it, and is gone. The loop is held up for the milliseconds that a fork takes.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from typing import IO

import msgspec
import numpy as np

from stream.events import Record
from stream.forked import Forked
from stream.messages import Reason
from stream.monitor import Monitor

MOST = 8  # questions that may wait
PATIENCE = 10.0  # seconds that one does


class Answer(msgspec.Struct, frozen=True):
    """As in the alerts topic, of any event."""

    id: str | int
    ts: str | int | float | None
    score: float
    alert: bool
    threshold: float
    reasons: list[Reason]


class Unreadable(msgspec.Struct, frozen=True):
    """Why an event would be a dead letter."""

    reason: str
    detail: str


class Busy(Exception):  # noqa: N818 - no error of anyone's
    """Too many questions wait, or the loop is not at work."""


class Questions:
    """Between those who ask, in threads of their own, and the loop.

    Parameters
    ----------
    topic
        That events come from.
    clock
        Seconds since 1970.
    """

    def __init__(self, topic: str, clock: Callable[[], float]) -> None:
        self._topic = topic
        self._clock = clock
        self._waiting: queue.Queue[tuple[bytes, Future[bytes]]] = queue.Queue(MOST)

    def ask(self, value: bytes) -> bytes:
        """The answer to an event's bytes, as JSON: an `Answer`, or `Unreadable`.

        Raises
        ------
        Busy
            If there is none in time.
        """
        answer = Future[bytes]()
        try:
            self._waiting.put_nowait((value, answer))
            return answer.result(PATIENCE)
        except queue.Full:
            raise Busy(f"{MOST} questions wait already") from None
        except NotYetError:
            answer.cancel()
            raise Busy("no events are being scored now") from None

    def answer(self, monitor: Monitor) -> None:
        """Begin to answer one question, if there is any. To be called between two steps."""
        try:
            value, answer = self._waiting.get_nowait()
        except queue.Empty:
            return
        if not answer.set_running_or_notify_cancel():
            return
        record = Record(value, self._topic, 0, -1, int(1e3 * self._clock()))
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the thread closes it
        try:
            copy = Forked(lambda: _say(monitor, record, file), file.fileno())
        except OSError as error:
            file.close()
            answer.set_exception(Busy(f"no copy of the process: {error.strerror}"))
            return
        threading.Thread(target=_wait, args=(copy, file, answer), daemon=True).start()


def _say(monitor: Monitor, record: Record, file: IO[bytes]) -> None:
    outcome = monitor.step([record])
    said: Answer | Unreadable
    if outcome.dead:
        said = Unreadable(outcome.dead[0].reason, outcome.dead[0].detail)
    else:
        events = outcome.events
        reasons = monitor.reasons_of(outcome.workings, events, 0)
        said = Answer(
            events.ids[0], events.given_ts[0], float(outcome.scores[0]),
            bool(np.any(outcome.alerts)), float(outcome.thresholds[0]),
            [Reason(name, part) for name, part in reasons],
        )  # fmt: skip
    file.write(msgspec.json.encode(said))
    file.flush()


def _wait(copy: Forked, file: IO[bytes], answer: Future[bytes]) -> None:
    with file:
        try:
            copy.wait()
            file.seek(0)
            answer.set_result(file.read())
        except OSError as error:
            answer.set_exception(Busy(f"the copy of the process: {error}"))
