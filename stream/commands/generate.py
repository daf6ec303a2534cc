"""`streamgauge generate`: a seeded stream into a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.errors import ConfigError
from stream.generate import Stream, transactions
from stream.generate_emails import MailStream, emails
from stream.generate_metrics import MetricStream, metrics
from stream.outfile import OutFile
from stream.timestamps import duration, epoch

# What only one kind of stream has.
ONLY = {
    "transactions": ("fraud", "customers", "terminals"),
    "emails": ("spam",),
    "metrics": ("series", "anomalies"),
}


def generate(
    out: Path,
    kind: str,
    drift_at: str | None,
    start: str,
    **given: float | None,
) -> None:
    """Generate, and write a line for each event; what is None is as the stream has it."""
    if kind not in ONLY:
        raise ConfigError(f"--kind {kind}: expected one of {', '.join(ONLY)}")
    settings: dict[str, Any] = {name: v for name, v in given.items() if v is not None}
    for other, names in ONLY.items():
        for name in names:
            if other != kind and name in settings:
                raise ConfigError(f"--{name} {settings[name]}: goes with --kind {other}")
    settings["start"] = argument("--start", start, epoch)
    if drift_at is not None:
        settings["drift_at"] = argument("--drift-at", drift_at, duration)
    try:
        total, made = KINDS[kind](settings)
    except ValueError as error:
        raise ConfigError(f"--{error}".replace("_", "-")) from None
    _write(out, made, total)
    if str(out) != "-":
        Console().print(f"{total:,} {kind} in {out}")


def _transactions(settings: dict[str, Any]) -> tuple[int, Iterator[dict[str, Any]]]:
    stream = Stream(**settings)
    return stream.events, transactions(stream)


def _emails(settings: dict[str, Any]) -> tuple[int, Iterator[dict[str, Any]]]:
    stream = MailStream(**settings)
    return stream.events, emails(stream)


def _metrics(settings: dict[str, Any]) -> tuple[int, Iterator[dict[str, Any]]]:
    stream = MetricStream(**settings)
    return stream.events, metrics(stream)


KINDS = {"transactions": _transactions, "emails": _emails, "metrics": _metrics}


def _write(out: Path, events: Iterator[dict[str, Any]], total: int) -> None:
    encode = msgspec.json.Encoder().encode
    target = OutFile(Path("/dev/stdout") if str(out) == "-" else out)
    whole = False
    try:
        with bar("generate", total) as (progress, task):
            for number, event in enumerate(events):
                target.file.write(encode(event) + b"\n")
                if number % 1_000 == 0:
                    progress.update(task, completed=number)
        whole = True
    finally:
        target.close(whole=whole)
