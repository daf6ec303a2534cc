"""`python -m benchmarks.pictures`: the schedules of `docs/learning-rates.md`, and small SVGs.

Written by hand, so that a picture in the docs needs neither a browser nor a plotting library.
"""

from __future__ import annotations

import argparse
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.protocols import Schedule
from models.schedules import (
    Constant,
    CosineRestarts,
    ExponentialDecay,
    InverseScaling,
    Optimal,
    StepDecay,
    TimeBasedDecay,
    WarmUp,
)
from stream.charts import COLOURS

LEFT, TOP, BOTTOM, GAP = 64, 34, 46, 26
LINE = 18  # height of a line of the legend


@dataclass(frozen=True, slots=True)
class Line:
    """One named curve."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes, with its curves and a level line to compare them with."""

    title: str
    lines: Sequence[Line]
    rule: tuple[str, float] | None = None


def page(
    panels: Sequence[Panel],
    x: str,
    y: str,
    columns: int,
    size: tuple[int, int],
    top: float | None = None,
    bottom: float = 0.0,
) -> str:
    """An SVG of panels that share both axes, and a legend of all names.

    Parameters
    ----------
    panels
        From left to right, then down.
    x, y
        Titles of the axes.
    columns, size
        Panels in a row, and the width and height of each in pixels.
    top, bottom
        Where the vertical axis ends, if not at the highest value, and begins.
    """
    width, height = size
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    rules = list(dict.fromkeys(panel.rule[0] for panel in panels if panel.rule))
    keyed = len(names) > 1 or bool(rules)
    rows = math.ceil(len(panels) / columns)
    full = columns * (LEFT + width) + GAP
    under = rows * (TOP + height + BOTTOM)
    tall = under + (LINE * (len(names) + len(rules)) + 12 if keyed else 0)
    end = max(max(line.x) for panel in panels for line in panel.lines)
    high = top or 1.05 * max(max(line.y) for panel in panels for line in panel.lines)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {tall}" width="{full}" '
        f'height="{tall}" font-family="system-ui, sans-serif" font-size="12" fill="#1b1f24">'
    )
    out = [
        head,
        f'<rect width="{full}" height="{tall}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        left = LEFT + number % columns * (LEFT + width)
        upper = TOP + number // columns * (TOP + height + BOTTOM)

        def place(a: float, b: float, left: int = left, upper: int = upper) -> tuple[float, float]:
            b = min(max(b, bottom), high)
            return left + a / end * width, upper + (high - b) / (high - bottom) * height

        out += _axes(panel.title, x, y, left, upper, size, (end, bottom, high))
        if panel.rule:
            (x1, y1), (x2, y2) = place(0.0, panel.rule[1]), place(end, panel.rule[1])
            out.append(
                f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#B22222" '
                'stroke-dasharray="6 4"/>'
            )
        for line in panel.lines:
            points = [place(a, b) for a, b in zip(line.x, line.y, strict=True)]
            path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
            colour = colours[line.name] if keyed else COLOURS[0]
            out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    if keyed:
        entries = [(name, colours[name], "") for name in names]
        entries += [(name, "#B22222", ' stroke-dasharray="6 4"') for name in rules]
        for number, (name, colour, dash) in enumerate(entries):
            at = under + 6 + LINE * number
            out.append(
                f'<path d="M{LEFT} {at}h28" stroke="{colour}" stroke-width="2"{dash}/>'
                f'<text x="{LEFT + 36}" y="{at + 4}">{html.escape(name)}</text>'
            )
    return "\n".join([*out, "</svg>\n"])


def _axes(
    title: str,
    x: str,
    y: str,
    left: int,
    upper: int,
    size: tuple[int, int],
    ends: tuple[float, float, float],
) -> list[str]:
    width, height = size
    end, bottom, high = ends
    middle, low = left + width / 2, upper + height
    centre = 'text-anchor="middle"'
    side = f"translate({left - 46} {upper + height / 2}) rotate(-90)"
    bold = f'{centre} font-weight="600"'
    out = [
        f'<text x="{middle}" y="{upper - 12}" {bold}>{html.escape(title)}</text>',
        f'<text x="{middle}" y="{low + 36}" {centre} fill="#444c56">{x}</text>',
        f'<text transform="{side}" {centre} fill="#444c56">{y}</text>',
        f'<path d="M{left} {upper}v{height}h{width}" fill="none" stroke="#8c959f"/>',
    ]
    for tick in _ticks(bottom, high):
        at = low - (tick - bottom) / (high - bottom) * height
        out.append(
            f'<path d="M{left} {at:.1f}h{width}" stroke="#e4e8ec"/>'
            f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for tick in _ticks(0.0, end, 3):
        at = left + tick / end * width
        out.append(f'<text x="{at:.1f}" y="{low + 18}" text-anchor="middle">{tick:,.0f}</text>')
    return out


def _ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from `low` to `high`.

    >>> _ticks(0.0, 0.42)
    [0.0, 0.1, 0.2, 0.3, 0.4]
    """
    raw = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= 0.95 * raw)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


RATE = 0.1
STEPS = 50_000
SHOWN: Sequence[tuple[str, Schedule]] = (
    ("constant", Constant(RATE)),
    ("step: factor 0.5, every 10,000", StepDecay(RATE)),
    ("exponential: k 5e-5", ExponentialDecay(RATE, k=5e-5)),
    ("time: k 1e-4", TimeBasedDecay(RATE)),
    ("inverse: power 0.5", InverseScaling(RATE)),
    ("cosine: period 10,000, stretch 2", CosineRestarts(RATE)),
    ("warm_up 5,000, then constant", WarmUp(Constant(RATE), steps=5_000)),
    ("step, as above, with floor 0.03", StepDecay(RATE, floor=0.03)),
    ("optimal: alpha 1e-2", Optimal(alpha=1e-2)),
)


def schedules() -> str:
    """Every schedule, at a rate of 0.1."""
    at = sorted({*range(0, STEPS, 250), *range(9_999, STEPS, 10_000)})
    panels = [
        Panel(title, [Line("rate", at, [schedule.get(t) for t in at])]) for title, schedule in SHOWN
    ]
    return page(panels, "labels learned", "rate", 3, (250, 120), top=0.12)


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--svg", type=Path, default=Path("docs/img/schedules.svg"))
    out = parser.parse_args().svg
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(schedules(), encoding="utf-8")
    print(f"curves in {out}")


if __name__ == "__main__":
    main()
