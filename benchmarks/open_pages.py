"""`python -m benchmarks.open_pages`: what 200 open live pages cost the service.

A service takes a generated recording as fast as it can, in a process of its own, with and without
200 clients that read its figures once a second; rounds are interleaved. The clients are in this
process. What counts is the events a second in the middle of the recording.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.table import Table

from stream.commands.progress import bar
from stream.generate import Stream, transactions
from tests.live.service import free_port

EVENTS = 1_000_000
BEGIN, END = 0.15, 0.9  # shares of the events between which is measured
AT_MOST = 0.05
CONFIG = "[features]\nmax_keys = 10000\n[labels]\nmax_waiting = 10000\n[http]\nport = {port}\n"


def record(path: Path) -> None:
    """A recording with labels inside."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file, bar("events", EVENTS) as (progress, task):
        for event in transactions(Stream(events=EVENTS, per_day=100_000.0)):
            file.write(encode(event) + b"\n")
            progress.advance(task)


def read_for_ever(url: str, stop: threading.Event) -> None:
    """One page: what breaks off is begun anew."""
    while not stop.wait(0.2):
        with (
            suppress(httpx.TransportError),
            httpx.stream("GET", f"{url}/api/stream", timeout=5, trust_env=False) as answer,
        ):
            for _ in answer.iter_lines():
                if stop.is_set():
                    return


def speed(config: Path, path: Path, url: str, pages: int) -> float:
    """Events a second of a service with so many pages open."""
    command = [
        sys.executable, "-m", "stream.cli", "run", str(config), "--recording", str(path),
        "--pace", "1000000", "--label-delay", "1h",  # more than it can
    ]  # fmt: skip
    stop, seen = threading.Event(), list[tuple[float, int]]()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    readers = [
        threading.Thread(target=read_for_ever, args=(url, stop), daemon=True) for _ in range(pages)
    ]
    for reader in readers:
        reader.start()
    with httpx.Client(trust_env=False, timeout=5) as client:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                seen.append((time.perf_counter(), client.get(f"{url}/api/state").json()["events"]))
            time.sleep(0.1)
    stop.set()
    for reader in readers:
        reader.join()
    middle = [(t, n) for t, n in seen if BEGIN * EVENTS < n < END * EVENTS]
    return (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pages", type=int, default=200, help="open pages (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, config, port = Path(folder) / "r.jsonl", Path(folder) / "c.toml", free_port()
        record(path)
        config.write_text(CONFIG.format(port=port))
        url = f"http://127.0.0.1:{port}"
        rounds = [
            [speed(config, path, url, pages) for pages in (0, arguments.pages)]
            for _ in range(arguments.rounds)
        ]
    table = Table("open pages", "events a second", title="the service")
    for place, pages in enumerate((0, arguments.pages)):
        table.add_row(str(pages), f"{statistics.median(r[place] for r in rounds):,.0f}")
    Console().print(table)
    lost = statistics.median(1.0 - with_pages / alone for alone, with_pages in rounds)
    missed = "" if lost < AT_MOST else f"; missed: at most {100 * AT_MOST:g} % was wanted"
    print(f"throughput lost: {100 * lost:.1f} %{missed}")


if __name__ == "__main__":
    main()
