"""`make bench`: how long a start takes, of the command's help and of a ready service.

Compiled code is on the disk already: the first start of the service, which is not measured, sees to
that. Wall-clock time, as whoever waits has it; medians of rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.row import Row, versions
from stream.generate import Stream, transactions
from tests.live.service import free_port

STREAMGAUGE = Path(sys.executable).with_name("streamgauge")
CONFIG = "deploy/examples/transactions.toml"
PATIENCE = 300.0  # seconds for a start that compiles


def help_seconds() -> float:
    """Of ``streamgauge --help``."""
    began = time.perf_counter()
    subprocess.run([STREAMGAUGE, "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def ready_seconds(recording: Path) -> float:
    """Of the service, from its start until it says that it is ready."""
    port = free_port()
    command = [
        str(STREAMGAUGE), "run", CONFIG, "--recording", str(recording), "--pace", "10",
        "--set", f"http.port={port}",
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as service:
        try:
            while time.perf_counter() - began < PATIENCE:
                with suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{port}/readyz").is_success:
                        return time.perf_counter() - began
                if service.poll() is not None:
                    raise RuntimeError(f"{' '.join(command)} ended with {service.returncode}")
                time.sleep(0.01)
            raise RuntimeError(f"not ready after {PATIENCE:g} s")
        finally:
            service.terminate()


def rows(rounds: int = 5) -> Iterator[Row]:
    """Both, beside what was wanted."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        recording = Path(name) / "events.jsonl"
        made = (json.dumps(event) for event in transactions(Stream(events=5_000)))
        recording.write_text("\n".join(made))
        ready_seconds(recording)
        times = [(help_seconds(), ready_seconds(recording)) for _ in range(rounds)]
    found = [statistics.median(each) for each in zip(*times, strict=True)]
    for what, ours, bound in zip(
        ("--help", "ready, compiled before"), found, (0.4, 4.0), strict=True
    ):
        yield Row(
            name=f"start: {what}", peer="the bound", versions=versions("numba"), ours=ours,
            theirs=bound, unit="s", wanted=1.0, at_most=True,
        )  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(row, f"{row.ratio:.2f}")
