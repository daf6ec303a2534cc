"""A run that stops, and goes on elsewhere: in the process that ``python -m`` makes of this file.

The process reads one run a line from its input, restores the run's snapshot from a file into a
monitor built anew, and answers each with a line: what it said from there on, and what became of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.vectors import Floats
from stream import build, snapshot_file
from stream.config import Config, parse
from stream.events import Record
from stream.monitor import Monitor
from stream.snapshot_header import Header, demand
from tests.stream.streams import email_stream, metric_stream, steps, stream, told

ROOT = Path(__file__).parents[2]


class OwnSchedule:
    """A user's own: half the rate after each 30 labels."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def get(self, t: int) -> float:
        return self.rate * 0.5 ** (t // 30)


class OwnOptimizer:
    """A user's own: AdaGrad, with a state for each weight."""

    slots = 1

    def step(self, weights: Floats, state: Floats, g: Floats, rate: float) -> None:
        state[0] += g * g
        weights -= rate * g / (np.sqrt(state[0]) + 1e-8)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor goes through.

    Attributes
    ----------
    config
        As a file would have it.
    seed, length
        Of the records.
    stop
        Records before the snapshot.
    sizes
        Of polls: where it never stops, and elsewhere.
    """

    config: dict[str, Any]
    seed: int = 7
    length: int = 700
    stop: int = 500
    sizes: tuple[int, int] = (100, 70)

    def settings(self) -> Config:
        """The config, validated."""
        return parse(self.config, "a run")

    @property
    def records(self) -> Sequence[Record]:
        """All of them."""
        return _records(self.config.get("kind", "transactions"), self.length, self.seed)


@lru_cache(100)
def _records(kind: str, length: int, seed: int) -> Sequence[Record]:
    made = {"emails": email_stream, "metrics": metric_stream}.get(kind, stream)
    return made(length, seed)


def before(run: Run) -> Monitor:
    """A monitor as it is at the stop."""
    monitor = build.monitor(run.settings())
    steps(monitor, run.records[: run.stop], run.sizes[0])
    return monitor


def saved(run: Run, monitor: Monitor) -> bytes:
    """A snapshot file."""
    config = msgspec.to_builtins(run.settings())
    header = Header.of(monitor.features.names, config, {("transactions", 0): run.stop})
    return _file(header, monitor.snapshot())


def restored(run: Run, snapshot: bytes) -> Monitor:
    """A monitor built anew, as a snapshot file says."""
    monitor = build.monitor(run.settings())
    header, state = snapshot_file.read(io.BytesIO(snapshot), "a snapshot")
    demand(header, monitor.features.names, msgspec.to_builtins(run.settings()), "a snapshot")
    monitor.restore(state)
    return monitor


def after(run: Run, monitor: Monitor, size: int) -> dict[str, str]:
    """Go on to the end of the records: digests of all that is said, and of each part's state."""
    outcomes = steps(monitor, run.records[run.stop :], size)
    said: dict[str, Any] = {**told(outcomes), "chain": monitor.chain.hex}
    for name in ("scores", "thresholds", "alerts", "by_arm"):
        said[f"bits of {name}"] = b"".join(getattr(o, name).tobytes() for o in outcomes)
    nothing = Header.of([], {}, {})
    for name, part in monitor.snapshot().items():
        said[f"state of {name}"] = _file(nothing, {name: _without_pickles(part)})
    return {name: hashlib.sha256(repr(value).encode()).hexdigest() for name, value in said.items()}


def _without_pickles(part: Any) -> Any:
    """River's models are the same where their scores are; their bytes also say who shares what."""
    if not isinstance(part, Mapping):
        return part
    return {k: _without_pickles(v) for k, v in part.items() if k not in ("model", "models")}


def _file(header: Header, state: Mapping[str, Any]) -> bytes:
    file = io.BytesIO()
    snapshot_file.write(file, header, state)
    return file.getvalue()


class Job(msgspec.Struct, frozen=True):
    """A run, and the file with its snapshot."""

    run: Run
    snapshot: str


class Elsewhere:
    """The process. Its hashes of texts are other ones than here.

    Parameters
    ----------
    folder
        Where snapshots are put.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "snapshot"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stream.elsewhere"],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "4242"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(self, run: Run, snapshot: bytes) -> None:
        """Let it go on with a run."""
        assert self._process.stdin
        self._path.write_bytes(snapshot)
        self._process.stdin.write(msgspec.json.encode(Job(run, str(self._path))) + b"\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, str]:
        """What `after` gave there."""
        assert self._process.stdout
        return msgspec.json.decode(self._process.stdout.readline(), type=dict[str, str])

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        try:
            monitor = restored(job.run, Path(job.snapshot).read_bytes())
            answer = after(job.run, monitor, job.run.sizes[1])
        except Exception:  # noqa: BLE001 - the other side fails with it, and goes on asking
            answer = {"failed": traceback.format_exc()}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
