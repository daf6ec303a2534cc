"""`streamgauge` that kills itself at a given point: ``python -m tests.live.crashing poll:3 run …``.

The program knows nothing of it. What is called at the point is wrapped from outside, and the n-th
call is the process's last: a SIGKILL, so that nothing is closed, flushed or said goodbye to.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from stream import checkpoint
from stream.cli import app
from stream.delivery import AtLeastOnce, ExactlyOnce
from stream.events import Record
from stream.folders.local import LocalFolder
from stream.monitor import Monitor, Outcome
from stream.outlets import librdkafka
from stream.recovery import Recovery
from stream.sources.kafka import KafkaSource

COMMAND = [sys.executable, "-m", "tests.live.crashing"]


class Point(NamedTuple):
    """A method whose call is the end, before it does anything or after it has done all.

    Where each client has one, all are meant. `often` calls are to be had in a second or two.
    """

    where: Any
    method: str
    done_before: bool
    often: int


POINTS = {
    "poll": Point(KafkaSource, "_fetch", True, 12),
    "learn": Point(Monitor, "step", False, 12),
    "learned": Point(Monitor, "step", True, 12),
    "produce": Point((AtLeastOnce, librdkafka.AtLeastOnce), "send", True, 12),
    "flushed": Point((AtLeastOnce, librdkafka.AtLeastOnce), "flush", True, 4),
    "commit": Point((ExactlyOnce, librdkafka.ExactlyOnce), "commit", False, 4),
    "committed": Point((ExactlyOnce, librdkafka.ExactlyOnce), "commit", True, 4),
    "snapshot": Point(checkpoint, "Forked", True, 1),
    "rename": Point(LocalFolder, "publish", False, 1),
    "renamed": Point(LocalFolder, "publish", True, 1),
    "recovery": Point(KafkaSource, "follow", False, 1),
    "recovered": Point(Recovery, "_start_the_rest", True, 1),
}

# Each start takes seconds, so the points that lie next to others are left to kills at any time.
NEXT_TO_OTHERS = {"poll", "learn", "learned", "flushed", "renamed", "recovered"}
HERE = [point for point in POINTS if point not in NEXT_TO_OTHERS]
OF_CLIENTS = ["produce", "commit", "committed"]  # where a client is at work


def crash(point: str, number: int) -> None:
    """Make the `number`-th call at a point the last."""
    where, name, done_before, _ = POINTS[point]
    calls = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number and not done_before:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = original(*arguments, **more)
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return wrapped

    for each in where if isinstance(where, tuple) else (where,):
        setattr(each, name, wrap(getattr(each, name)))


def slow_down(seconds: float) -> None:
    """Make every step take longer, so that there is something left to be killed in."""
    step = Monitor.step

    def slow(monitor: Monitor, records: Sequence[Record]) -> Outcome:
        time.sleep(seconds)
        return step(monitor, records)

    setattr(Monitor, "step", slow)  # noqa: B010 - mypy knows that a method is no variable


if __name__ == "__main__":
    slow_down(0.05)
    name, _, count = sys.argv.pop(1).partition(":")
    crash(name, int(count))
    app()
