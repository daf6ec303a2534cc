"""`streamgauge schedules`: every learning rate schedule, as a table and as curves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.protocols import Schedule
from models.schedules import Constant, WarmUp
from stream import charts
from stream.learners import SCHEDULES

STEPS = (0, 1_000, 100_000, 1_000_000)
RATE = 0.1  # where a schedule asks for one
POINTS = 400
WIDE = 132  # columns, where nobody looks


def schedules(plot: Path | None, steps: int) -> None:
    """Print the table, and write the page if asked to."""
    rows = [_row(name, make, _made(make)) for name, make in SCHEDULES.items()]
    rows.append(_row("warm_up = 1000", WarmUp, WarmUp(Constant(RATE))))
    heads = ["name", "formula", "parameters", *(f"t = {t:,}" for t in STEPS)]
    table = Table(*heads, title=f"learning rate schedules, with rate = {RATE:g}")
    for row in rows:
        table.add_row(*map(Text, row))
    table.caption = "t: labels learned so far. warm_up goes with any: schedule.warm_up = 1000."
    console = Console(width=None if Console().is_terminal else WIDE)
    console.print(table)
    if plot:
        plot.write_text(_page(heads, rows, steps), encoding="utf-8")
        console.print(f"curves in {plot}", highlight=False, soft_wrap=True)


def _made(make: Callable[..., Schedule]) -> Schedule:
    needs = inspect.signature(make).parameters
    return make(RATE) if "rate" in needs else make()


def _row(name: str, make: Callable[..., Schedule], schedule: Schedule) -> list[str]:
    parameters = [
        p.name if p.default is p.empty else f"{p.name} = {p.default:g}"
        for p in inspect.signature(make).parameters.values()
        if p.name != "then"
    ]
    rates = [f"{schedule.get(t):.4g}" for t in STEPS]
    return [name, formula(make), ", ".join(parameters), *rates]


def formula(make: Callable[..., Schedule]) -> str:
    """The first formula in a schedule's docstring.

    >>> formula(SCHEDULES["time"])
    'max(floor, r0 / (1 + k * t))'
    """
    found = re.search(r"``(.+?)``", inspect.getdoc(make) or "", re.DOTALL)
    return " ".join(found[1].split()) if found else "-"


def _page(heads: list[str], rows: list[list[str]], steps: int) -> str:
    even = np.unique(np.linspace(0, steps, POINTS).round().astype(np.int64)).tolist()
    spread = np.unique(np.geomspace(1, steps, POINTS).round().astype(np.int64)).tolist()
    all_of = {name: _made(make) for name, make in SCHEDULES.items()}
    all_of["constant, warm_up = 1000"] = WarmUp(Constant(RATE))

    def curves(at: list[int]) -> list[charts.Line]:
        return [charts.Line(n, at, [s.get(t) for t in at]) for n, s in all_of.items()]

    logarithmic = charts.lines(curves(spread), "t", "rate", log_x=True, log_y=True)
    plain = charts.lines(curves(even), "t", "rate", top=2 * RATE)
    return charts.page(
        "Streamgauge: learning rate schedules",
        [f"Each with its defaults and rate = {RATE:g}; t counts the labels learned so far."],
        [
            ("On logarithmic axes", logarithmic),
            (f"As they are, up to {2 * RATE:g}", plain),
            ("Formulas", charts.table(heads, [("", row) for row in rows])),
        ],
    )
