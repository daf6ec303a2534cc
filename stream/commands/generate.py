"""`streamgauge generate`: a seeded stream into a file."""

from __future__ import annotations

import gzip
import math
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

import msgspec
from rich.console import Console

from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.errors import ConfigError
from stream.generate import Stream, transactions
from stream.timestamps import duration, epoch


def generate(
    out: Path,
    events: int,
    seed: int,
    per_day: float,
    fraud: float,
    drift_at: str | None,
    customers: int,
    terminals: int,
    start: str,
) -> None:
    """Generate, and write a line for each transaction."""
    after = math.inf if drift_at is None else argument("--drift-at", drift_at, duration)
    try:
        stream = Stream(
            events, per_day, seed, customers, terminals, fraud, after,
            argument("--start", start, epoch),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"--{error}".replace("_", "-")) from None
    target = Path("/dev/stdout") if str(out) == "-" else out
    encode = msgspec.json.Encoder().encode
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(target.open("wb"))
        if out.suffix == ".gz":
            packed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0)
            file = cast(IO[bytes], stack.enter_context(packed))
        progress, task = stack.enter_context(bar("generate", events))
        for number, event in enumerate(transactions(stream)):
            file.write(encode(event) + b"\n")
            if number % 1_000 == 0:
                progress.update(task, completed=number)
    if target == out:
        Console().print(f"{events:,} transactions in {out}")
