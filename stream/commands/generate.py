"""`streamgauge generate`: a seeded stream into a file."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
from rich.console import Console

from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.errors import ConfigError
from stream.generate import Stream, transactions
from stream.outfile import OutFile
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
    encode = msgspec.json.Encoder().encode
    to_terminal = str(out) == "-"
    target = OutFile(Path("/dev/stdout") if to_terminal else out)
    whole = False
    try:
        with bar("generate", events) as (progress, task):
            for number, event in enumerate(transactions(stream)):
                target.file.write(encode(event) + b"\n")
                if number % 1_000 == 0:
                    progress.update(task, completed=number)
        whole = True
    finally:
        target.close(whole=whole)
    if not to_terminal:
        Console().print(f"{events:,} transactions in {out}")
