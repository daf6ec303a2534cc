"""`make bench`: what a monitor holds when it is full, and how fast one is that has seen many keys.

Each case is a process of its own: it makes the default monitor of transactions with room for so
many keys or so many waiting examples, fills it with events that nobody has seen before, and looks
at its own resident memory. Rounds of the two rates are interleaved.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.row import Row, versions
from stream import build
from stream.config import parse
from stream.events import Record
from stream.monitor import Monitor

MILLION = 1_000_000
POLL = 10_000
START = 1.7e9
GAP = 0.2  # seconds of event time between two events
FEW, MANY = 10_000, 10 * MILLION
MEASURED = 200_000  # events of a rate

KEYS: dict[str, Any] = {"features": {"max_keys": MILLION}}
WAITING: dict[str, Any] = {
    "labels": {"max_waiting": 5 * MILLION, "ttl": "365d"},
    "fields": {"numeric": ["n"]},  # one more than the 29 that there are: 30
}
FULL = {
    "1 million customers and 1 million terminals": (KEYS, MILLION, MILLION, 1.2),
    "5 million waiting examples of 30 features": (WAITING, 10_000, 5 * MILLION, 2.0),
}


def polls(first: int, events: int, keys: int) -> Iterator[list[Record]]:
    """Events whose keys go round, in steps that come back late."""
    step = 7_919 if keys % 7_919 else 1
    for begin in range(first, first + events, POLL):
        records = []
        for number in range(begin, min(begin + POLL, first + events)):
            key, ts = number * step % keys, START + GAP * number
            value = b'{"id":%d,"ts":%.1f,"customer":%d,"terminal":%d,"amount":%d.5,"n":1}' % (
                number, ts, key, key, number % 97,
            )  # fmt: skip
            records.append(Record(value, "transactions", 0, number, round(ts * 1_000)))
        yield records


def resident() -> float:
    """The most memory that this process has had, in GB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1_024 / 1e9


def fill(settings: dict[str, Any], keys: int, events: int) -> Monitor:
    """A monitor that has seen so many events of so many keys."""
    monitor = build.monitor(parse(settings, "bench"))
    for records in polls(0, events, keys):
        monitor.step(records)
    return monitor


def rate(monitor: Monitor, seen: int, keys: int) -> float:
    """Events a second of the processor, of keys as they come round."""
    taken = 0.0
    for records in polls(seen, MEASURED, keys):
        began = time.process_time()
        monitor.step(records)
        taken += time.process_time() - began
    return MEASURED / taken


def child(what: str) -> None:
    """One case; prints its figure."""
    if what in FULL:
        settings, keys, events, _ = FULL[what]
        monitor = fill(settings, keys, events)
        print(json.dumps([resident(), monitor.labels.waiting]))
        return
    settings = {"features": {"max_keys": MANY}}
    full = {keys: fill(settings, keys, keys) for keys in (FEW, MANY)}
    rates = [
        [rate(monitor, keys + turn * MEASURED, keys) for keys, monitor in full.items()]
        for turn in range(int(what))
    ]
    print(json.dumps([statistics.median(each) for each in zip(*rates, strict=True)]))


def _measured(what: str) -> list[float]:
    """What a process of its own finds."""
    command = [sys.executable, "-m", "benchmarks.memory", what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout))


def rows(rounds: int = 3) -> Iterator[Row]:
    """Memory of two full monitors, and the rate with many keys beside the one with few."""
    used = versions("numpy", "numba")
    for name, (*_, bound) in FULL.items():
        yield Row(
            name=name, peer="the bound", versions=used, ours=_measured(name)[0], theirs=bound,
            unit="GB resident", wanted=1.0, at_most=True,
        )  # fmt: skip
    few, many = _measured(str(rounds))
    yield Row(
        name="events a second at 10 million keys seen", peer="at 10,000 keys seen", versions=used,
        ours=many, theirs=few, unit="events/s", wanted=0.7,
    )  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """A case, or all rows."""
    if arguments:
        child(arguments[0])
        return
    for row in rows():
        print(row, f"{row.ratio:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
