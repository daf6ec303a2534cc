"""`python -m benchmarks.broken_streams`: what a label-free estimate says when a stream breaks.

The fraud recording, with labels 7 days late, is broken from one day on in three ways: amounts come
in cents; terminals come under new names, a new one for each event; a new kind of fraud that looks
like any other event makes up one event in a hundred. For that day and some after it, what was
expected before any label, and the truth.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.late_labels import MEASURES, cohorts, isotonic, replay
from benchmarks.replay import RECORDING
from stream.timestamps import epoch

DAY = 86_400.0
AFTER = (-1, 0, 1, 6, 7, 10, 14)  # days that are shown, from that of the break on

Event = dict[str, Any]


def in_cents(event: Event, _: np.random.Generator) -> Event:
    return event | {"amount": event["amount"] * 100}


def renamed(event: Event, rng: np.random.Generator) -> Event:
    return event | {"terminal": int(rng.integers(10**6, 10**9))}


def new_fraud(event: Event, rng: np.random.Generator) -> Event:
    return event | {"label": int(event["label"] or rng.random() < 0.01)}


BREAKS: dict[str, Callable[[Event, np.random.Generator], Event]] = {
    "amounts in cents": in_cents,
    "terminals renamed": renamed,
    "a new kind of fraud": new_fraud,
}


def broken(recording: Path, path: Path, day: int, change: Callable[..., Event]) -> None:
    """Write the recording, changed from a day on."""
    rng, start = np.random.default_rng(1), None
    with gzip.open(recording) as lines, path.open("w") as out:
        for line in lines:
            event = json.loads(line)
            today = epoch(event["ts"]) // DAY
            start = today if start is None else start
            event = change(event, rng) if today - start >= day else event
            out.write(json.dumps(event) + "\n")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: %(default)s")
    parser.add_argument("--day", type=int, default=60, help="of the break (%(default)s)")
    arguments = parser.parse_args()
    if not arguments.recording.exists():
        print(f"{arguments.recording} is not there: nothing is measured")
        return
    table = Table(
        "broken", "day", "alerts", *MEASURES,
        title="expected before any label of the day, and the truth a week later",
    )  # fmt: skip
    for name, change in BREAKS.items():
        with TemporaryDirectory() as folder:
            path = Path(folder) / "broken.jsonl"
            broken(arguments.recording, path, arguments.day, change)
            seen = replay(path)
        days = cohorts(seen, isotonic(seen))
        for after in AFTER:
            day = days[arguments.day + after]
            pairs = (
                f"{getattr(day, f'expected_{measure}'):.4f} {getattr(day, measure):.4f}"
                for measure in MEASURES
            )
            table.add_row(name, f"{after:+d}", str(day.alerts), *pairs)
        table.add_section()
    Console(width=None if Console().is_terminal else 120).print(table)


if __name__ == "__main__":
    main()
