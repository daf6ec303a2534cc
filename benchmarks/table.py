"""`make bench`: every row that is wanted, in one table: ours beside the peer, in the same run.

Each part says in its own file what is measured, and how. Rounds are interleaved, figures are
medians of at least three, and a ratio counts, not a figure: machines are noisy, and shared.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import capymoa, kafka_path, latency, mail, memory, model, replay, start
from benchmarks.machine import processor
from benchmarks.row import Row

PARTS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "replay": replay.rows,
    "mail": mail.rows,
    "model": model.rows,
    "capymoa": capymoa.rows,
    "kafka_path": kafka_path.rows,
    "latency": latency.rows,
    "memory": memory.rows,
    "start": start.rows,
}
COLUMNS = ("run", "beside", "ours", "theirs", "unit", "ratio", "wanted", "reached")
console = Console(stderr=True)


def cells(row: Row) -> list[str]:
    """A row's, as a reader has them."""
    peer = f"{row.peer} ({row.versions})" if row.versions else row.peer
    bound = "at most" if row.at_most else "at least"
    figures = [f"{each:,.4g}" for each in (row.ours, row.theirs)]
    ratio, wanted = f"{row.ratio:.2f} x", f"{bound} {row.wanted:g} x"
    return [row.name, peer, *figures, row.unit, ratio, wanted, "yes" if row.reached else "no"]


def markdown(rows: list[Row]) -> str:
    """The table of `docs/benchmarks.md`."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--markdown", type=Path, help="write the table here too")
    arguments = parser.parse_args()
    chosen = arguments.parts or list(PARTS)
    unknown = [part for part in chosen if part not in PARTS]
    if unknown:
        parser.error(f"{unknown[0]}: expected one of {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in chosen:
        for row in PARTS[part]():
            rows.append(row)
            console.print(" · ".join(cells(row)), highlight=False)
    about = f"Python {platform.python_version()}, {processor()}"
    table = Table(*COLUMNS, caption=about)
    for row in rows:
        table.add_row(*cells(row))
        if row.note:
            table.add_row("", row.note)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if arguments.json:
        known = {"machine": about, "rows": [row.as_json() for row in rows]}
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows))


if __name__ == "__main__":
    main()
