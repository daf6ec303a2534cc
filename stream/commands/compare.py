"""`streamgauge compare`: a grid of arms over a recording, a table, a report, and the winner."""

from __future__ import annotations

import html
import math
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream import charts, grid
from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.compare import MEASURES, Result, Task, drifts, ranked
from stream.compare import compare as run
from stream.config import Config
from stream.errors import ConfigError
from stream.replay import since as measured_from
from stream.sources.recording import total_bytes
from stream.timestamps import duration
from stream.workers import cluster, processes

SHOWN = 10  # arms with curves
WIDE = 132  # columns, where nobody looks
SPEED = "events a second: of one pass for the features and that arm alone, with all processes busy"


def compare(
    recordings: list[Path],
    config: Config,
    label_delay: str,
    since: str | None,
    grid_file: Path | None,
    jobs: int | None,
    dask: str | None,
    sort: str,
    report: Path | None,
    json: Path | None,
) -> None:
    """Run the grid, print the table, write what is wanted, and print the winner."""
    if sort not in MEASURES:
        raise ConfigError(f"--sort {sort}: expected one of {', '.join(MEASURES)}")
    if since is not None:
        argument("--since", since, partial(measured_from, first_time=0.0))
    delay = argument("--label-delay", label_delay, duration)
    size = total_bytes(recordings)
    arms = grid.arms(config, grid.default() if grid_file is None else grid.load(grid_file))
    jobs = min(jobs or _cores(), len(arms))
    start = cluster(dask, recordings) if dask else processes(jobs, size)
    task = Task(config, tuple(path.absolute() for path in recordings), delay, since)
    started = time.perf_counter()
    with bar(f"compare {len(arms)} arms", 1.0) as (progress, shown):
        results = run(task, arms, start, lambda share: progress.update(shown, completed=share))
    took = time.perf_counter() - started
    results = ranked(results, sort)
    best = None if results[0].why else results[0]
    found = [] if best is None else drifts(best, config)
    about = _about(recordings, label_delay, since, results)
    if json:
        json.write_bytes(_json(results, sort, found))
    if report:
        report.write_text(_report(results, sort, found, about), encoding="utf-8")
    console = Console(width=None if Console().is_terminal else WIDE)
    console.print(_table(results, sort))
    console.print(f"{about}; {took:.1f} s", highlight=False, soft_wrap=True)
    if best is None:
        raise ConfigError("every arm is broken; the table says why")
    best_text = f"\nBest by {MEASURES[sort]}: {best.arm.name}\n\n{grid.to_toml(best.arm)}"
    console.print(best_text, end="", markup=False, highlight=False, soft_wrap=True)


def _cores() -> int:
    """Those that we may use, where the system can say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _about(
    recordings: Sequence[Path], label_delay: str, since: str | None, results: Sequence[Result]
) -> str:
    names = ", ".join(path.name for path in recordings)
    broken = sum(bool(result.why) for result in results)
    parts = [names, f"{len(results)} arms" + (f", {broken} broken" if broken else "")]
    if results[0].figures is not None:
        figures = results[0].figures
        parts.append(f"{figures.events:,} events measured, {figures.labels:,} with a label")
        parts.append(f"{figures.positives:,} of class 1")
    parts.append(f"label delay {label_delay}" + (f", measured from {since}" if since else ""))
    return "; ".join(parts)


def _cells(result: Result) -> list[str]:
    values = [(name, result.measure(name)) for name in MEASURES]
    return [
        "-" if math.isnan(v) else f"{v:,.0f}" if name == "events_per_second" else f"{v:.5f}"
        for name, v in values
    ]


def _note(result: Result) -> str:
    if result.why:
        return f"broken: {result.why}"
    return f"refused {result.refused:,} steps" if result.refused else ""


def _table(results: Sequence[Result], sort: str) -> Table:
    table = Table("arm", title=f"arms by {MEASURES[sort]}", caption=SPEED)
    table.columns[0].no_wrap = True
    for head in MEASURES.values():
        table.add_column(head, justify="right")
    noted = any(map(_note, results))
    if noted:
        table.add_column("note")
    for place, result in enumerate(results):
        style = "red" if result.why else "bold" if place == 0 else ""
        cells = [result.arm.name, *_cells(result), *([_note(result)] if noted else [])]
        table.add_row(*map(Text, cells), style=style)
    return table


def _json(results: Sequence[Result], sort: str, found: Sequence[tuple[str, int]]) -> bytes:
    def row(result: Result) -> dict[str, Any]:
        figures = {} if result.figures is None else msgspec.to_builtins(result.figures)
        figures.pop("drifts", None)
        settings = msgspec.to_builtins(result.arm)
        return {
            "name": settings.pop("name"),
            "model": settings,
            **figures,
            "events_per_second": result.events_per_second,
            "refused": result.refused,
            "broken": result.why or None,
        }

    best = results[0]
    whole = {
        "sort": sort,
        "best": None if best.why else best.arm.name,
        "drifts_of_best": [{"detector": name, "label": label} for name, label in found],
        "arms": [row(result) for result in results],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _top(curves: Sequence[charts.Line]) -> float | None:
    """Where the losses' axis ends: the start, when nobody knows anything, may lie above."""
    late = [y for c in curves for x, y in zip(c.x, c.y, strict=True) if x > c.x[-1] / 10]
    return 1.1 * max(late) if late else None


def _report(
    results: Sequence[Result], sort: str, found: Sequence[tuple[str, int]], about: str
) -> str:
    curves = [(r.arm.name, r.curve) for r in results if r.curve is not None][:SHOWN]
    losses = [charts.Line(name, c.labels.tolist(), c.log_loss.tolist()) for name, c in curves]
    rates = [charts.Line(name, c.labels.tolist(), c.rate.tolist()) for name, c in curves]
    noted = any(map(_note, results))
    rows = [
        (
            "broken" if result.why else "best" if place == 0 else "",
            [result.arm.name, *_cells(result), *([_note(result)] if noted else [])],
        )
        for place, result in enumerate(results)
    ]
    heads = ["arm", *MEASURES.values(), *(["note"] if noted else [])]
    parts: list[tuple[str, Any]] = [
        (
            "Log-loss, faded: lower is better",
            charts.lines(losses, "labels", "log-loss", found, top=_top(losses)),
        ),
        ("Learning rate", charts.lines(rates, "labels", "rate", found, log_y=True)),
        (f"All arms, by {MEASURES[sort]}", charts.table(heads, rows)),
    ]
    if not results[0].why:
        toml = html.escape(grid.to_toml(results[0].arm))
        parts.append((f"The best: {results[0].arm.name}", f"<pre>{toml}</pre>"))
    hint = (
        f"Curves of the best {len(curves)}; a click in the legend hides one. Vertical lines: drifts"
        " in the error of the best arm. The first tenth may lie above the first figure. E"
        f"{SPEED[1:]}."
    )
    return charts.page("Streamgauge: learning rates compared", [about, hint], parts)
