"""`python -m benchmarks.snapshot`: how long taking a snapshot of 1,000,000 keys holds scoring up.

A monitor of deploy/examples/transactions.toml is given a million events of a million customers and
a million terminals, so that all it has room for is used. Then polls of random keys go on while a
snapshot is taken in one way and another:

- fork: `Checkpoints.save`, as the service does it;
- copy: all arrays into new memory, and a thread writes them.

The pause is what the loop waits for; the polls are those taken until the file is safe.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from stream import build, config, snapshot_file
from stream.checkpoint import Checkpoints
from stream.events import Record
from stream.monitor import Monitor
from stream.snapshot_header import Header

EXAMPLE = Path(__file__).parents[1] / "deploy" / "examples" / "transactions.toml"
START = 1_700_000_000.0
POLL = 500
HEADER = Header.of([], {}, {})
console = Console()


def polls(keys: Iterator[tuple[int, int]], first: int, size: int) -> Iterator[list[Record]]:
    """Events of (customer, terminal), half a second apart."""
    records: list[Record] = []
    for n, (customer, terminal) in enumerate(keys, first):
        ts = START + n / 2
        value = (
            f'{{"id": "{n}", "ts": {ts}, "customer": {customer}, "terminal": {terminal}, '
            f'"amount": {n % 97 + 0.5}}}'
        )
        records.append(Record(value.encode(), "transactions", 0, n, int(ts * 1000)))
        if len(records) == size:
            yield records
            records = []


def resident() -> float:
    """Memory of this process, MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (found,) = (line for line in lines if line.startswith("VmRSS"))
    return int(found.split()[1]) / 1024


def write(state: Any, path: Path) -> None:
    """As a thread would."""
    with path.open("wb") as file:
        snapshot_file.write(file, HEADER, state)


def measure(
    name: str,
    monitor: Monitor,
    stream: Iterator[list[Record]],
    pace: float,
    take: Callable[[], Future[Any]],
) -> list[str]:
    """A row: the pause, and the polls until it is done."""
    started = time.perf_counter()
    saved = take()
    pause = time.perf_counter() - started
    times = []
    due = time.perf_counter()
    while not saved.done():
        records = next(stream)
        begun = time.perf_counter()
        monitor.step(records)
        times.append(1000 * (time.perf_counter() - begun))
        due += POLL / pace
        time.sleep(max(0.0, due - time.perf_counter()))
    saved.result()
    took = time.perf_counter() - started
    return [
        name, f"{1000 * pause:.0f}", f"{statistics.median(times):.1f}", f"{max(times):.1f}",
        str(len(times)), f"{took:.2f}",
    ]  # fmt: skip


def main() -> None:
    """Feed, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--pace", type=float, default=5_000, help="events a second")
    options = parser.parse_args()
    keys, pace = options.keys, options.pace
    draw = random.Random(1)
    monitor = build.monitor(config.load(EXAMPLE))
    for records in polls(zip(range(keys), range(keys), strict=True), 0, 20_000):
        monitor.step(records)
    console.print(f"{processor()}: {keys:,} events and keys, {resident():.0f} MB resident")
    endless = iter(lambda: (draw.randrange(keys), draw.randrange(keys)), None)
    stream = polls(endless, keys, POLL)
    table = Table("", "pause, ms", "poll, median ms", "worst", "polls", "done after s")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        to = Checkpoints(folder, keep=1)

        def nothing() -> Future[Any]:
            return pool.submit(time.sleep, 2.0)

        def fork() -> Future[Any]:
            return to.save(monitor.snapshot, HEADER)

        def copy() -> Future[Any]:
            return pool.submit(write, monitor.snapshot(), Path(folder) / "copy")

        for take in (nothing, fork, fork, fork, copy, copy):
            table.add_row(*measure(take.__name__, monitor, stream, pace, take))
        (file,) = Path(folder).glob("snapshot-*")
        size = file.stat().st_size
        started = time.perf_counter()
        next(to.newest())
        read = time.perf_counter() - started
    console.print(table)
    empty = io.BytesIO()
    snapshot_file.write(empty, HEADER, build.monitor(config.load(EXAMPLE)).snapshot())
    console.print(
        f"{size / 1e6:.0f} MB in the file, read in {read:.2f} s; "
        f"{empty.tell() / 1e6:.3f} MB for a monitor that has seen nothing"
    )


if __name__ == "__main__":
    main()
