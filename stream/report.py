"""A replay as a page of its own: how right the scores were, when, and what was strange."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from plotly import graph_objects as go

from models.cohort import Measures
from models.curves import cost_curve, curves, reliability
from models.prequential import CLIP
from models.vectors import Codes, Floats
from stream.charts import Line, lines, page, table
from stream.late_labels import LateLabels
from stream.monitor import Arm, Outcome
from stream.replay import Figures, Ledger
from stream.sinks import Sink

PIECES = 100  # that the time is cut into
POINTS = 400  # of a curve
STRANGEST = 20  # events


class Strange(NamedTuple):
    """An event with a high score."""

    score: float
    number: int
    id: str
    ts: float
    reasons: str


class Notes:
    """A sink that takes note of drifts and of the strangest events, and passes all on."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._seen = 0
        self._strangest: list[Strange] = []
        self.drifts: list[tuple[str, float]] = []  # signal, and event time

    def write(self, outcome: Outcome) -> None:
        self._sink.write(outcome)
        self.drifts += [(each.signal, each.ts) for each in outcome.drifts if each.level]
        rows = np.flatnonzero(outcome.alerts).tolist()
        for row, reasons in zip(rows, outcome.reasons, strict=True):
            main = [name for name, part in reasons if part > 0.0 and name != "intercept"]
            found = Strange(
                float(outcome.scores[row]), self._seen + row, str(outcome.events.ids[row]),
                float(outcome.events.ts[row]), ", ".join(main[:3]),
            )  # fmt: skip
            push = heapq.heappush if len(self._strangest) < STRANGEST else heapq.heappushpop
            push(self._strangest, found)
        self._seen += len(outcome.events)

    def flush(self) -> None:
        self._sink.flush()

    def close(self) -> None:
        self._sink.close()

    @property
    def strangest(self) -> list[Strange]:
        """Alerts of the highest scores, the highest first."""
        return sorted(self._strangest, reverse=True)


def report(
    title: str,
    about: Sequence[str],
    figures: Figures,
    chosen: tuple[Ledger, float, int],
    notes: Notes,
    late: LateLabels,
    arms: Sequence[Arm],
) -> str:
    """The page.

    Parameters
    ----------
    title, about
        Its heading, and lines below.
    figures
        The metrics, of the events that `chosen` says.
    chosen
        The ledger, event time from which on is measured, and events that are left out.
    notes
        Taken meanwhile.
    late
        Days, with what was expected of them.
    arms
        What each of them said and learned.
    """
    ledger, since, skip = chosen
    all_ts, all_p, _, all_y = ledger.columns
    take = (all_ts >= since) & (np.arange(len(all_ts)) >= skip) & (all_y >= 0)
    number, p, y = np.flatnonzero(take), all_p[take], all_y[take]
    parts: list[tuple[str, go.Figure | str]] = [
        ("Figures", table(["measure", "value"], _rows(figures))),
    ]
    if len(y):
        passed = np.maximum.accumulate(all_ts)
        drifts = [(signal, int(np.searchsorted(passed, ts))) for signal, ts in notes.drifts]
        parts += _over_time(number, p, y, [each for each in drifts if each[1] >= number[0]])
        mean, share = reliability(p, y)
        parts.append(
            (
                "Reliability: how often events of a score had label 1",
                lines(
                    [
                        Line("events", mean.tolist(), share.tolist()),
                        Line("as it should be", [0, 1], [0, 1]),
                    ],
                    "mean score",
                    "share of label 1",
                ),
            )
        )
    if 0 < y.sum() < len(y):
        of = curves(p, y)
        some = np.unique(np.searchsorted(of.recall, np.linspace(0.0, 1.0, POINTS)))
        recall = of.recall[some].tolist()
        parts.append(
            (
                f"Precision and recall: average precision {figures.average_precision:.4f}",
                lines(
                    [Line("precision", recall, of.precision[some].tolist())],
                    "recall",
                    "precision",
                    top=1.0,
                ),
            )
        )
        x, cost = cost_curve(of)
        parts.append(
            (
                "Cost, at the best threshold for it",
                lines(
                    [
                        Line("scores", x.tolist(), cost.tolist()),
                        Line("without a model", x.tolist(), np.minimum(x, 1.0 - x).tolist()),
                    ],
                    "share of the cost that is in missed ones, if all were wrong",
                    "cost",
                ),
            )
        )
    parts.append(("Arms, at the end", _arms(arms)))
    parts.append(("By day of the event", _days(late)))
    parts.append(("Alerts of the highest scores", _strangest(notes.strangest)))
    return page(title, about, parts)


def _rows(figures: Figures) -> list[tuple[str, list[str]]]:
    return [
        ("", [name.replace("_", " "), f"{value:,}" if isinstance(value, int) else _digits(value)])
        for name, value in asdict(figures).items()
    ]


def _over_time(
    number: Any, p: Floats, y: Codes, drifts: list[tuple[str, int]]
) -> list[tuple[str, go.Figure | str]]:
    pieces = [part for part in np.array_split(np.arange(len(y)), PIECES) if len(part)]
    middle = [float(number[part].mean()) for part in pieces]
    loss = -np.log(np.maximum(np.where(y == 1, p, 1.0 - p), CLIP))
    error = Line("error", middle, [float(np.mean((p[part] > 0.5) != y[part])) for part in pieces])
    base = Line("share of label 1", middle, [float(y[part].mean()) for part in pieces])
    losses = Line("log-loss", middle, [float(loss[part].mean()) for part in pieces])
    return [
        ("Prequential error", lines([error, base], "event", "share", drifts)),
        ("Prequential log-loss", lines([losses], "event", "nats", drifts)),
    ]


def _days(late: LateLabels) -> str:
    rows = late.cohorts.rows()
    if not rows:
        return "<p>No event yet.</p>"
    names = Measures._fields
    heads = [
        "from (UTC)",
        "events",
        "labelled",
        *(f"{n}{e}" for n in names for e in ("", ", expected")),
    ]
    return table(
        heads,
        [
            ("", [
                _time(row.start), f"{row.events:,}", _digits(row.coverage),
                *(_digits(getattr(row, f"{e}{n}")) for n in names for e in ("", "expected_")),
            ])
            for row in rows
        ],
    )  # fmt: skip


def _arms(arms: Sequence[Arm]) -> str:
    rows = [
        (
            "",
            [
                arm.name,
                _digits(arm.prequential.error),
                _digits(arm.prequential.log_loss),
                _digits(arm.model.rate),
                f"{arm.model.learned:,}",
                f"{arm.model.refused:,}",
            ],
        )
        for arm in arms
    ]
    heads = ["arm", "error", "log-loss", "learning rate", "learned", "refused"]
    return table(heads, rows)


def _strangest(found: list[Strange]) -> str:
    if not found:
        return "<p>None.</p>"
    rows = [
        ("", [_digits(each.score), each.id, f"{each.number:,}", _time(each.ts), each.reasons])
        for each in found
    ]
    return table(["score", "id", "event", "time (UTC)", "reasons"], rows)


def _digits(value: float) -> str:
    return f"{value:.5f}" if math.isfinite(value) else "-"


def _time(ts: float) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M")
