"""Takes a monitor through a long stream and says what it held on the way, for ``python -m``.

All that could grow is in it: keys, labels that are late, early or of nothing, records that cannot
be read, snapshots on the way, and someone who looks at the metrics.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from stream import build, messages
from stream.checkpoint import Checkpoints
from stream.config import parse
from stream.events import Record
from stream.generate_emails import MailStream, emails
from stream.snapshot_header import Header
from stream.telemetry import Telemetry

KEYS = 200_000  # customers, and as many terminals
TRANSACTIONS, MAILS = 2_000_000, 20_000
PER_DAY = 40_000.0
LATE = 80_000  # events between one and its label: two days
START = 1.7e9
SNAPSHOTS = 8
# A ring that goes round in the first quarter, as one of 20,000 mails does within some weeks.
MAIL = {"kind": "emails", "labels": {"max_waiting": 4_000}}


class Held(msgspec.Struct):
    """What the process had, by quarter of the stream.

    Attributes
    ----------
    resident
        The most memory, MiB.
    files, threads
        Open files and threads, at the quarter's end.
    snapshots
        How many were written in all.
    seconds, labels
        It took so long, and so many labels were learned.
    """

    resident: list[float]
    files: list[int]
    threads: list[int]
    snapshots: int
    seconds: float
    labels: int


def transactions(size: int) -> Iterator[Sequence[Record]]:
    """Polls of `size` events and the labels that come between them; all labels are late."""
    draw = np.random.default_rng(7)
    for start in range(0, TRANSACTIONS, size):
        customers, terminals = draw.integers(0, KEYS, (2, size)).tolist()
        amounts = np.round(np.exp(draw.normal(3.0, 1.0, size)), 2).tolist()
        strange = draw.random(size).tolist()
        records = []
        for i, number in enumerate(range(start, start + size)):
            ts = START + number * (86_400.0 / PER_DAY)
            stamp = int(ts * 1000)
            event = b'{"id":"t%d","ts":%.3f,"customer":%d,"terminal":%d,"amount":%.2f}'
            value = event % (number, ts, customers[i], terminals[i], amounts[i])
            if strange[i] < 0.001:
                value = value[:-9]
            records.append(Record(value, "transactions", 0, number, stamp))
            of = number - LATE if strange[i] < 0.98 else number + 7  # too soon
            if strange[i] < 0.99:
                truth = b'{"id":"t%d","label":%d,"ts":%.3f}' % (of, of % 101 == 0, ts)
                records.append(Record(truth, "labels", 0, number, stamp))
        yield records


def mails(size: int) -> Iterator[Sequence[Record]]:
    """Polls of `size` mails, each with its label somewhat later."""
    stream = emails(MailStream(events=MAILS, per_day=2_000.0, seed=7))
    late: list[Record] = []
    number = 0
    while some := list(islice(stream, size)):
        records, due = late, []
        for mail in some:
            label = {"id": mail["id"], "label": mail.pop("label"), "ts": mail["ts"]}
            label["source"] = mail.pop("source")
            stamp = int(mail["ts"] * 1000)
            records.append(Record(msgspec.json.encode(mail), "emails", 0, number, stamp))
            due.append(Record(msgspec.json.encode(label), "labels", 0, number, stamp))
            number += 1
        late = due
        yield records


def resident() -> float:
    """MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def hold(config: dict[str, Any], polls: Iterator[Sequence[Record]], count: int, to: str) -> Held:
    """Take a monitor through `count` polls, with `SNAPSHOTS` on the way."""
    settings = parse(config, "memory")
    monitor = build.monitor(settings)
    registry = CollectorRegistry()
    telemetry = Telemetry(monitor, registry, "0")
    checkpoints = Checkpoints(to, keep=2)
    held = Held([0.0] * 4, [0] * 4, [0] * 4, 0, 0.0, 0)
    started = time.perf_counter()
    header = Header.of(monitor.features.names, msgspec.to_builtins(settings), {})
    for number, records in enumerate(polls):
        outcome = monitor.step(records)
        telemetry.observe(records, outcome, {("events", 0): 0})
        telemetry.committed()
        messages.score_lines(outcome)
        list(messages.alerts(outcome))
        quarter = number * 4 // count
        if number % 10 == 0 or number == count - 1:
            held.resident[quarter] = max(held.resident[quarter], resident())
            held.files[quarter] = len(list(Path("/proc/self/fd").iterdir()))
            held.threads[quarter] = threading.active_count()
        if (number + 1) % (count // SNAPSHOTS) == 0:
            generate_latest(registry)
            checkpoints.save(monitor.snapshot, header).result(60)
            held.snapshots += 1
    held.seconds = time.perf_counter() - started
    held.labels = monitor.arms[0].model.learned
    return held


def main() -> None:
    """`transactions` or `mails`, and a folder for the snapshots."""
    kind, folder = sys.argv[1:]
    if kind == "mails":
        held = hold(MAIL, mails(100), MAILS // 100, folder)
    else:
        held = hold({}, transactions(2_000), TRANSACTIONS // 2_000, folder)
    sys.stdout.write(msgspec.json.encode(held).decode() + "\n")


if __name__ == "__main__":
    main()
