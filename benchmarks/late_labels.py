"""`python -m benchmarks.late_labels`: what is said of a day before its labels, and what they say.

The fraud recording is replayed with the example config and labels 7 days late. For each day the
label-free estimate of error, precision and recall is held against the truth, known a week later.
Beside it, what one has without an estimate: the truth of the last day whose labels are all there at
midnight, which is a week old. And what chance alone leaves between the true probabilities, if one
knew them, and what a day's events happen to be.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from benchmarks.pictures import Line, Panel, page
from benchmarks.replay import DELAY, RECORDING
from models.calibration import GROUPS, Calibration
from models.card_precision import CardPrecision
from models.cohort import Cohort
from models.cohorts import Cohorts
from models.delays import LabelDelays
from models.kernels import logits, sigmoids
from models.vectors import LEARN, SCORE, Codes, Floats, Hashes, Ints
from stream import build, config
from stream.events import Transactions
from stream.sources.recording import RecordingSource

CONFIG = Path("deploy/examples/transactions.toml")
DAY = 86_400.0
FIRST, END = 30, 83  # days that are measured; later ones lack labels
LATE = int(DELAY / DAY)
MEMORY = 25_000  # labels, of every calibration
MEASURES = ("error", "precision", "recall")
OURS, PLATT, RAW, AT_ONCE = "isotonic", "Platt", "the score as it is", "isotonic, labels at once"
POLL = 1_000


@dataclass(frozen=True, slots=True)
class Replay:
    """Events, and the operations on them, in order.

    Attributes
    ----------
    ts, score, alert, customer, y
        Of each event: label -1 if none came.
    code, number
        Of each operation: scored or learned, and which event, from 0.
    """

    ts: Floats
    score: Floats
    alert: Codes
    customer: Hashes
    y: Codes
    code: Codes
    number: Ints

    @property
    def day(self) -> Ints:
        """Day of each event, from 0."""
        days = np.floor(self.ts / DAY).astype(np.int64)
        return np.asarray(days - days[0])


def replay(recording: Path) -> Replay:
    """The monitor's scores and alerts."""
    settings = config.load(CONFIG)
    topics = settings.kafka.topics
    source = RecordingSource(
        [recording], build.fields(settings), topics.events, topics.labels, DELAY, POLL
    )
    monitor = build.monitor(settings)
    events, code, number, labels, first = [], [], [], [], 0
    while not source.exhausted:
        outcome = monitor.step(source.poll(0.0))
        assert isinstance(outcome.events, Transactions)
        n = len(outcome.events)
        customers = outcome.events.keys[:, 0]
        events.append((outcome.events.ts, outcome.scores, outcome.alerts, customers))
        code += [np.full(n, SCORE, np.int8), np.full(len(outcome.labels), LEARN, np.int8)]
        number += [np.arange(first, first + n), outcome.labelled]
        labels.append(outcome.labels)
        first += n
    ts, score, alert, customer = (np.concatenate(each) for each in zip(*events, strict=True))
    codes, numbers = np.concatenate(code), np.concatenate(number)
    y = np.full(first, -1, np.int8)
    y[numbers[codes == LEARN]] = np.concatenate(labels)  # one for each event, in this recording
    return Replay(ts, score, alert, customer, y, codes, numbers)


def isotonic(seen: Replay) -> Floats:
    """Each event's probability by `models.calibration`."""
    p: Floats = Calibration(len(seen.ts), MEMORY).run(*_steps(seen))[seen.code == SCORE]
    return p


def isotonic_at_once(seen: Replay) -> Floats:
    """The same scores, were each label there before the next event."""
    known = np.flatnonzero(seen.y >= 0)
    code = np.tile(np.array([SCORE, LEARN], np.int8), len(known))
    steps = _steps(
        Replay(seen.ts, seen.score, seen.alert, seen.customer, seen.y, code, known.repeat(2))
    )
    p = seen.score.copy()
    p[known] = Calibration(len(seen.ts), MEMORY).run(*steps)[::2]
    return p


def _steps(seen: Replay) -> tuple[Codes, Ints, Codes, Codes, Floats]:
    """Operations as stages take them; each event has a place of its own."""
    at, was = seen.number, np.full(len(seen.code), -1, np.int8)
    return seen.code, at, seen.y[at], was, logits(seen.score)[at]


def platt(seen: Replay) -> Floats:
    """Each event's probability by Platt's line, fitted at midnight to the labels until then.

    With his priors, labels fading as ours do, and logits held to [-16, 16] likewise.
    """
    day, z = seen.day, np.clip(logits(seen.score), -16.0, 16.0)
    p, w = seen.score.copy(), np.array([1.0, 0.0])
    for today in range(LATE + 1, int(day[-1]) + 1):
        known = np.flatnonzero((day < today - LATE) & (seen.y >= 0))
        weight = 0.5 ** (np.arange(len(known))[::-1] / MEMORY)
        known, weight = known[weight > 1e-4], weight[weight > 1e-4]
        ones = float(weight @ seen.y[known])
        zeros = float(weight.sum()) - ones
        target = np.where(seen.y[known] == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
        w = _line(np.stack([z[known], np.ones(len(known))], axis=1), target, weight, w)
        p[day == today] = sigmoids(w[0] * z[day == today] + w[1])
    return p


def _line(x: Floats, target: Floats, weight: Floats, w: Floats) -> Floats:
    """Newton's method from `w`, with steps halved until they help (Lin, Lin & Weng 2007)."""

    def loss(w: Floats) -> float:
        z = x @ w
        return float(weight @ (np.logaddexp(0.0, z) - target * z))

    for _ in range(50):
        p = sigmoids(x @ w)
        slopes = x.T @ (weight * (p - target))
        step = np.linalg.solve((x.T * (weight * p * (1.0 - p))) @ x + 1e-9 * np.eye(2), slopes)
        while loss(w - step) > loss(w) and np.abs(step).max() > 1e-12:
            step /= 2
        w = w - step
        if np.abs(step).max() < 1e-9:
            break
    return w


def cohorts(seen: Replay, p: Floats) -> list[Cohort]:
    """Every day, from the first on, with what calibrated probabilities `p` had expected of it."""
    days = Cohorts(len(seen.ts), DAY, keep=256)
    code, at, y, was, _ = _steps(seen)
    days.run(code, at, y, was, seen.ts[at], seen.score[at], p[at], seen.alert[at])
    return days.rows()[::-1]


def column(days: list[Cohort], name: str) -> Floats:
    """One figure of every day."""
    return np.array([getattr(day, name) for day in days], np.float64)


def calibration_error(p: Floats, y: Codes) -> float:
    """The expected calibration error over groups as in `models.calibration`, without fading."""
    group = np.clip(np.floor(logits(np.clip(p, 1e-9, 1 - 1e-9)) + GROUPS / 2), 0, GROUPS - 1)
    return float(np.abs(np.bincount(group.astype(int), p - y)).sum() / len(p))


def chance(seen: Replay, p: Floats) -> dict[str, float]:
    """By how much days miss what is expected of them if `p` are the true probabilities."""
    rng = np.random.default_rng(1)
    missed: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(5):
        y = (rng.random(len(p)) < p).astype(np.int8)
        drawn = Replay(seen.ts, seen.score, seen.alert, seen.customer, y, seen.code, seen.number)
        days = cohorts(drawn, p)[FIRST:END]
        for name in MEASURES:
            missed[name].append(_apart(column(days, name), column(days, f"expected_{name}")))
    return {name: float(np.mean(values)) for name, values in missed.items()}


def _apart(a: Floats, b: Floats) -> float:
    return float(np.mean(np.abs(a - b)))


def _alike(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def card_precision(seen: Replay) -> str:
    """Card precision at 100, and what it would be if all compromised cards were on top."""
    cards = CardPrecision(len(seen.ts), keep=256)
    code, at, y, was, _ = _steps(seen)
    cards.run(code, at, y, was, seen.ts[at], seen.score[at], seen.customer)
    reached = np.array([day.precision for day in cards.rows()[::-1]])[FIRST:END]
    frauds = seen.y == 1
    most = [
        min(1.0, len(np.unique(seen.customer[frauds & (seen.day == day)])) / 100)
        for day in range(FIRST, END)
    ]
    return (
        f"card precision at 100: {reached.mean():.3f} a day, from {reached.min():.2f} to "
        f"{reached.max():.2f}; with every compromised card on top {np.mean(most):.3f}"
    )


def cost(seen: Replay) -> Mapping[str, float]:
    """Nanoseconds an event of every stage, as a monitor would call them: the best of three."""
    code, at, y, was, z = _steps(seen)
    place, since = at % 1_000_000, seen.ts[at]
    ts = np.where(code == LEARN, since + DELAY, since)
    score, alert = seen.score[at], seen.alert[at]
    best: dict[str, float] = {}
    for _ in range(3):
        calibration, days = Calibration(1_000_000), Cohorts(1_000_000)
        delays, cards = LabelDelays(), CardPrecision(1_000_000)
        spent, first = np.zeros(4), 0
        for start in range(0, len(code), POLL):
            on = slice(start, start + POLL)
            events = int(np.count_nonzero(code[on] == SCORE))
            customers = np.ascontiguousarray(seen.customer[first : first + events])
            first += events
            steps = code[on], place[on], y[on], was[on]
            clock = [time.perf_counter()]
            p = calibration.run(*steps, z[on])
            clock.append(time.perf_counter())
            days.run(*steps, since[on], score[on], p, alert[on])
            clock.append(time.perf_counter())
            delays.run(code[on], was[on], ts[on], since[on])
            clock.append(time.perf_counter())
            cards.run(*steps, since[on], score[on], customers)
            clock.append(time.perf_counter())
            spent += np.diff(clock)
        names = ("Calibration", "Cohorts", "LabelDelays", "CardPrecision")
        for name, seconds in zip(names, spent.tolist(), strict=True):
            best[name] = min(best.get(name, math.inf), 1e9 * seconds / len(seen.ts))
    return best


def show(seen: Replay, ways: Mapping[str, Floats]) -> None:
    """A table of all ways to calibrate, the week-old truth, and chance."""
    table = Table(
        "", "calibration\nerror", "log-loss", *(f"{name}\nmissed by" for name in MEASURES),
        title=f"days {FIRST} to {END - 1}: the label-free estimate against the truth",
    )  # fmt: skip
    chosen = (seen.day >= FIRST) & (seen.day < END)
    y = seen.y[chosen]
    for way, p in ways.items():
        days = cohorts(seen, p)[FIRST:END]
        missed = [_apart(column(days, name), column(days, f"expected_{name}")) for name in MEASURES]
        q = np.where(y == 1, p[chosen], 1.0 - p[chosen])
        error = calibration_error(p[chosen], y)
        table.add_row(way, f"{error:.5f}", f"{-np.log(q).mean():.5f}", *map(_text, missed))
    ours = cohorts(seen, ways[OURS])
    before = [
        _apart(column(ours, name)[FIRST:END], column(ours, name)[FIRST - LATE : END - LATE])
        for name in MEASURES
    ]
    table.add_row("the truth of a week ago", "", "", *map(_text, before), style="bold")
    table.add_row("chance alone", "", "", *map(_text, chance(seen, ways[OURS]).values()))
    follows = []
    for name in MEASURES:
        known, expected = (column(ours, each)[FIRST:END] for each in (name, f"expected_{name}"))
        week_ago = column(ours, name)[FIRST - LATE : END - LATE]
        follows.append(f"{name} {_alike(known, expected):.2f} ({_alike(known, week_ago):.2f})")
    levels = (float(column(ours[FIRST:END], name).mean()) for name in MEASURES)
    table.add_row("the truth itself, mean", "", "", *map(_text, levels))
    out = Console(width=None if Console().is_terminal else 120)
    out.print(table)
    alike = ", ".join(follows)
    out.print(f"correlation with the truth, and last week's: {alike}", highlight=False)
    out.print(card_precision(seen), highlight=False)
    spent = cost(seen)
    parts = ", ".join(f"{name} {nanoseconds:.0f}" for name, nanoseconds in spent.items())
    out.print(f"{sum(spent.values()):.0f} ns an event: {parts}; {processor()}", highlight=False)


def _text(value: float) -> str:
    return f"{value:.5f}" if value < 0.01 else f"{value:.4f}"


def draw(days: list[Cohort], path: Path) -> None:
    """The error on one page, and the alerts' precision and recall on another beside it."""
    at = list(range(END))

    def panel(name: str, title: str, scale: float = 1.0) -> Panel:
        known = scale * column(days, name)[:END]
        expected = scale * column(days, f"expected_{name}")[:END]
        before = np.concatenate([np.full(LATE, math.nan), known[:-LATE]])
        curves = (
            ("the truth, a week later", known),
            ("expected at midnight, before any label of the day", expected),
            ("known at midnight: the truth of a week ago", before),
        )  # fmt: skip
        lines = []
        for label, values in curves:
            there = np.isfinite(values)
            lines.append(Line(label, np.array(at)[there].tolist(), values[there].tolist()))
        return Panel(title, lines)

    path.parent.mkdir(parents=True, exist_ok=True)
    errors = [panel("error", "scores on the wrong side of 0.5", 1000.0)]
    path.write_text(page(errors, "day", "of 1,000 events", 1, (700, 240), top=10.0), "utf-8")
    alerts = [panel("precision", "precision of alerts"), panel("recall", "recall of alerts")]
    beside = path.with_stem(f"{path.stem}-alerts")
    beside.write_text(page(alerts, "day", "share", 2, (430, 240), top=1.0), "utf-8")
    Console().print(f"curves in {path} and {beside}", highlight=False)


def main() -> None:
    """Measure, print a table, and draw."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: %(default)s")
    parser.add_argument("--svg", type=Path, help="write the curves here")
    arguments = parser.parse_args()
    if not arguments.recording.exists():
        print(f"{arguments.recording} is not there: nothing is measured")
        return
    seen = replay(arguments.recording)
    ways = {
        RAW: seen.score,
        PLATT: platt(seen),
        OURS: isotonic(seen),
        AT_ONCE: isotonic_at_once(seen),
    }
    show(seen, ways)
    if arguments.svg:
        draw(cohorts(seen, ways[OURS]), arguments.svg)


if __name__ == "__main__":
    main()
