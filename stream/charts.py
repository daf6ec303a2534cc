"""Figures for people, on a page that holds all it needs: plotly.js is inside."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from plotly import graph_objects as go
from plotly.offline import get_plotlyjs

# Distinct for most eyes, also side by side (Okabe & Ito 2008, and dashes once they are used up).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
DASHES = ("solid", "dash", "dot")
DRIFT = "#B22222"

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff;
       margin: 2rem auto; padding: 0 1.5rem; max-width: 90rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; color: #444c56; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
        font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid #d8dee4; text-align: right; }
th { border-bottom: 2px solid #8c959f; white-space: nowrap; }
td.text, th.text { text-align: left; }
tr.best td { background: #e7f3ec; font-weight: 600; } tr.broken td { color: #8c2f2f; }
pre { background: #f4f6f8; padding: .75rem 1rem; overflow-x: auto; border-radius: 4px; }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One named curve."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def lines(
    curves: Iterable[Line],
    x: str,
    y: str,
    drifts: Sequence[tuple[str, int]] = (),
    *,
    log_x: bool = False,
    log_y: bool = False,
    top: float | None = None,
) -> go.Figure:
    """Curves over one another, with each drift as a vertical line.

    Parameters
    ----------
    curves
        The curves, in the order of the legend.
    x, y
        Titles of the axes.
    drifts
        Detector and place of each.
    log_x, log_y
        Whether an axis is logarithmic.
    top
        Where the vertical axis ends, if not at the highest value.
    """
    figure = go.Figure()
    for number, curve in enumerate(curves):
        line = {
            "color": COLOURS[number % len(COLOURS)],
            "dash": DASHES[number // len(COLOURS) % len(DASHES)],
            "width": 2,
        }
        figure.add_trace(
            go.Scatter(x=list(curve.x), y=list(curve.y), name=curve.name, mode="lines", line=line)
        )
    low, high = 0.0, 1.0
    for detector in sorted({detector for detector, _ in drifts}):
        places = [place for name, place in drifts if name == detector]
        # One trace for all, against an axis of its own, so that the legend can put them out.
        xs = [at for place in places for at in (place, place, None)]
        ys = [at for _ in places for at in (low, high, None)]
        dash = "dot" if detector == "adwin" else "dashdot"
        figure.add_trace(
            go.Scatter(
                x=xs, y=ys, yaxis="y2", name=f"drift, by {detector} ({len(places)})", mode="lines",
                line={"color": DRIFT, "dash": dash, "width": 1}, opacity=0.7, hoverinfo="x+name",
            )
        )  # fmt: skip
    figure.update_layout(
        template="plotly_white",
        font={"size": 14},
        margin={"l": 80, "r": 20, "t": 20, "b": 60},
        legend={"x": 1.01, "y": 1, "xanchor": "left", "yanchor": "top", "font": {"size": 12}},
        hovermode="closest",
        yaxis2={"overlaying": "y", "range": [low, high], "visible": False, "fixedrange": True},
    )
    figure.update_xaxes(title_text=x, **_axis(log_x))
    figure.update_layout(yaxis={"title": {"text": y}, **_axis(log_y)})
    if top is not None:
        figure.update_layout(yaxis_range=[0.0, top])
    return figure


def _axis(log: bool) -> dict[str, Any]:
    if log:
        return {"type": "log", "exponentformat": "power", "dtick": 1}
    return {"type": "linear", "separatethousands": True, "rangemode": "tozero"}


def table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table: of each row its class and its cells."""
    rows = list(rows)
    columns = zip(*(cells for _, cells in rows), strict=True)
    text = [not all(map(_is_number, column)) for column in columns]
    top = "".join(_cell("th", head, left) for head, left in zip(heads, text, strict=True))
    body = "\n".join(
        f'<tr class="{kind}">'
        + "".join(_cell("td", cell, left) for cell, left in zip(cells, text, strict=True))
        + "</tr>"
        for kind, cells in rows
    )
    return f'<div class="scroll"><table>\n<tr>{top}</tr>\n{body}\n</table></div>'


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-|[0-9.,]+(e[-+]?[0-9]+)?", text))


def _cell(tag: str, text: str, left: bool) -> str:
    return f"<{tag}{' class=text' if left else ''}>{html.escape(text)}</{tag}>"


def page(title: str, about: Sequence[str], parts: Sequence[tuple[str, go.Figure | str]]) -> str:
    """A page of its own.

    Parameters
    ----------
    title, about
        The heading, and the lines under it.
    parts
        Each a heading, and a figure or HTML.
    """
    out = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>",
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>",
        f"<h1>{html.escape(title)}</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in about),
    ]
    for number, (heading, part) in enumerate(parts):
        out.append(f"<h2>{html.escape(heading)}</h2>")
        if isinstance(part, str):
            out.append(part)
            continue
        config = {"displaylogo": False, "responsive": True}
        out.append(
            part.to_html(
                config, include_plotlyjs=False, full_html=False, div_id=f"figure-{number}",
                default_height="480px",
            )
        )  # fmt: skip
    return "\n".join([*out, "</body>\n</html>\n"])
