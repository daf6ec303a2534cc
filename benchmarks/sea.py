"""`python -m benchmarks.sea`: how soon each way of learning is back after a drift.

The stream is SEA (Street & Kim 2001): 50,000 events, whose rule changes after 12,500, 25,000 and
37,500; every tenth label is wrong on purpose. Labels come at once. The time stamps of the
recording are row numbers, which would make a "night" of its first 21,600 rows; the copy that is
measured here lies within two hours of one afternoon.

The mean of 100 losses is uncertain by a sixth of itself, because of the wrong labels, and so is of
no use for a band of a tenth. So each loss is held against that of a reference on the same event:
the logistic regression that fits all 12,500 events of the concept best, known in hindsight only.
The level of an arm is the reference's mean loss in the concept, plus the mean of the arm's excess
over some labels. An arm has recovered at the first label from which on its level, over `--window`
labels, stays within 1.1 times its level over the last 2,500 before the drift, up to the next drift.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.pictures import Line, Panel, page
from models.vectors import Floats
from stream import build, config
from stream.sources.recording import RecordingSource

RECORDING = Path("../shared/data/sea_4concepts.jsonl.gz")
CONCEPT = 12_500
DRIFTS = (12_500, 25_000, 37_500)
BEFORE = 2_500  # labels before a drift, over which the level is taken
BAND = 1.1
AFTERNOON = 43_200.0
FIELDS = {"customer": "", "terminal": "", "amount": "", "numeric": ["f1", "f2", "f3"]}
CONSTANT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
MIXTURE = "mixture of the default arms"
# Those that are shown beside the constant rates, with settings that a user would start from.
OTHERS: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("hypergradient", "hypergradient", {"name": "constant", "rate": 0.05}),
    ("adagrad 0.3", "adagrad", {"name": "constant", "rate": 0.3}),
    ("adam 0.01", "adam", {"name": "constant", "rate": 0.01}),
    ("cosine 0.1, restarts every 500", "sgd",
     {"name": "cosine", "rate": 0.1, "period": 500, "stretch": 1, "floor": 0.0003}),
    ("time 0.3, k 1e-3", "sgd", {"name": "time", "rate": 0.3, "k": 1e-3}),
    ("step 0.3, every 5,000", "sgd", {"name": "step", "rate": 0.3, "every": 5_000}),
    ("exponential 0.3, k 2e-4", "sgd", {"name": "exponential", "rate": 0.3, "k": 2e-4}),
    ("dog", "dog", {"name": "constant", "rate": 1.0}),
    ("cocob", "cocob", {"name": "constant", "rate": 1.0}),
)  # fmt: skip
SHOWN = 2_000  # labels after a drift in the picture


@dataclass(frozen=True, slots=True)
class Stream:
    """The features, with a 1 in front, and the labels."""

    x: Floats
    y: Floats


@dataclass(frozen=True, slots=True)
class Recovery:
    """One arm after one drift.

    Attributes
    ----------
    before, worst
        Level over the last labels before the drift, and the highest after it.
    labels
        How many it took; None if it never recovered.
    cost
        Excess over the reference in the first 2,500 labels, in nats.
    """

    before: float
    worst: float
    labels: int | None
    cost: float


def main() -> None:
    """Measure, print a table, and draw."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: %(default)s")
    parser.add_argument("--window", type=int, default=100, help="labels (%(default)s)")
    parser.add_argument("--svg", type=Path, help="write the curves here")
    parser.add_argument("--copy", type=Path, help="keep the copy that is measured")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = arguments.copy or Path(folder) / "sea.jsonl"
        stream = prepare(arguments.recording, path)
        losses = measure(path, stream)
    reference, frozen = hindsight(stream)
    best = min((f"constant {rate:g}" for rate in CONSTANT), key=lambda name: losses[name].mean())
    show(losses, reference, frozen, best, arguments.window)
    if arguments.svg:
        draw(losses, reference, best, arguments.window, arguments.svg)


def prepare(recording: Path, path: Path) -> Stream:
    """Write the copy, and give what is in it."""
    x, y = [], []
    with gzip.open(recording) as lines, path.open("w") as out:
        for line in lines:
            event = json.loads(line)
            event["ts"] = AFTERNOON + event["ts"] / 10
            out.write(json.dumps(event) + "\n")
            x.append([1.0, event["f1"], event["f2"], event["f3"]])
            y.append(float(event["label"]))
    return Stream(np.array(x), np.array(y))


def measure(path: Path, stream: Stream) -> dict[str, Floats]:
    """Log-loss of every arm at every label."""
    settings = {f"constant {r:g}": ("sgd", {"name": "constant", "rate": r}) for r in CONSTANT}
    settings |= {name: (optimizer, schedule) for name, optimizer, schedule in OTHERS}
    challengers = [
        {"name": f"arm-{number}", "optimizer": {"name": optimizer}, "schedule": schedule}
        for number, (optimizer, schedule) in enumerate(settings.values())
    ]
    _, by_arm = _scores(path, {"challengers": challengers})
    mixture = {"challengers": "default", "decision": {"mode": "mixture"}}
    decided, _ = _scores(path, mixture)
    scores = {name: by_arm[:, number] for number, name in enumerate(settings, 1)}
    scores[MIXTURE] = decided
    return {name: -np.log(np.where(stream.y == 1, p, 1.0 - p)) for name, p in scores.items()}


def _scores(path: Path, extra: dict[str, Any]) -> tuple[Floats, Floats]:
    made = config.parse({"fields": FIELDS, "drift": {"detectors": []}} | extra, "benchmarks.sea")
    topics = made.kafka.topics
    source = RecordingSource([path], build.fields(made), topics.events, topics.labels)
    monitor = build.monitor(made)
    outcomes = []
    while not source.exhausted:
        outcomes.append(monitor.step(source.poll(0.0)))
    decided = np.concatenate([outcome.scores for outcome in outcomes])
    return decided, np.concatenate([outcome.by_arm for outcome in outcomes])


def hindsight(stream: Stream) -> tuple[Floats, Floats]:
    """Loss at every label of the best fixed weights of its concept, and of those of the one before.

    Where there is none before, both are the same.
    """
    best: list[Floats] = []
    frozen: list[Floats] = []
    before: Floats | None = None
    for start in range(0, len(stream.y), CONCEPT):
        x, y = stream.x[start : start + CONCEPT], stream.y[start : start + CONCEPT]
        w = np.zeros(x.shape[1])
        for _ in range(30):  # Newton's method
            p = 1.0 / (1.0 + np.exp(-x @ w))
            w -= np.linalg.solve((x.T * (p * (1.0 - p))) @ x, x.T @ (p - y))
        before = w if before is None else before
        for losses, weights in ((best, w), (frozen, before)):
            z = x @ weights
            losses.append(np.logaddexp(0.0, z) - y * z)
        before = w
    return np.concatenate(best), np.concatenate(frozen)


def levels(loss: Floats, reference: Floats, drift: int, window: int) -> Floats:
    """The level over `window` labels, from each label after a drift that has as many."""
    end = drift + CONCEPT
    sums = np.concatenate([[0.0], np.cumsum((loss - reference)[drift:end])])
    return np.asarray(reference[drift:end].mean() + (sums[window:] - sums[:-window]) / window)


def recovery(loss: Floats, reference: Floats, drift: int, window: int) -> Recovery:
    """How an arm came back."""
    excess = loss - reference
    ground = float(reference[drift - CONCEPT : drift].mean())
    before = ground + float(excess[drift - BEFORE : drift].mean())
    after = levels(loss, reference, drift, window)
    outside = np.flatnonzero(after > BAND * before)
    labels: int | None = int(outside[-1]) + 1 if len(outside) else 0
    if labels == len(after):
        labels = None
    cost = float(excess[drift : drift + BEFORE].sum())
    return Recovery(before, float(after.max()), labels, cost)


def show(
    losses: dict[str, Floats], reference: Floats, frozen: Floats, best: str, window: int
) -> None:
    """A table: whether there is anything to recover from, how soon it is done, what it costs."""
    console = Console(width=None if Console().is_terminal else 140)
    table = Table(
        "arm",
        "log-loss",
        *(f"{n}:\n{what}" for n in (1, 2, 3) for what in ("worst", "labels", "nats")),
        title=f"SEA: back within {BAND - 1:.0%} of the level before, {window} labels at a time",
        caption="1, 2, 3: the drifts. worst: the highest level after one, over that before it.\n"
        "labels: until the level stays within. nats: lost to the reference in the next "
        f"{BEFORE:,} labels.",
    )
    for column in table.columns:
        column.no_wrap = True
    for name in sorted(losses, key=lambda name: float(losses[name].mean())):
        cells = []
        for drift in DRIFTS:
            r = recovery(losses[name], reference, drift, window)
            labels = "never" if r.labels is None else f"{r.labels:,}"
            cells += [f"{r.worst / r.before:.2f}", labels, f"{r.cost:.0f}"]
        title = f"{name}, the best constant" if name == best else name
        style = "bold" if name in {best, MIXTURE} else None
        table.add_row(title, f"{losses[name].mean():.4f}", *cells, style=style)
    console.print(table)
    raw = ", ".join(f"{_raw(reference, drift, window):.2f}" for drift in DRIFTS)
    lost = ", ".join(f"{_frozen(reference, frozen, drift) - 1:.0%}" for drift in DRIFTS)
    console.print(
        f"The best weights of a concept, kept after the drift, lose {lost}.\n"
        f"The reference's own log-loss is {reference.mean():.4f}; its plain mean of {window} losses"
        f" reaches {raw} times its level before: wrong labels.",
        soft_wrap=True,
        highlight=False,
    )


def _frozen(reference: Floats, frozen: Floats, drift: int) -> float:
    """What the best weights before a drift lose on all that comes after, over what they lost."""
    return float(frozen[drift : drift + CONCEPT].mean() / reference[drift - CONCEPT : drift].mean())


def _raw(loss: Floats, drift: int, window: int) -> float:
    """The highest plain mean of a window after a drift, over the level before it."""
    sums = np.concatenate([[0.0], np.cumsum(loss[drift : drift + CONCEPT])])
    means = (sums[window:] - sums[:-window]) / window
    return float(means.max() / loss[drift - BEFORE : drift].mean())


def draw(losses: dict[str, Floats], reference: Floats, best: str, window: int, path: Path) -> None:
    """Three panels, one for each drift."""
    names = {
        MIXTURE: MIXTURE,
        best: f"{best}, the best constant rate",
        "constant 0.002": "constant 0.002",
        "exponential 0.3, k 2e-4": "exponential 0.3, k 2e-4, no floor",
    }
    panels = []
    for number, drift in enumerate(DRIFTS, 1):
        curves = []
        for name, title in names.items():
            after = levels(losses[name], reference, drift, window)[: SHOWN + 1]
            at = np.arange(0, len(after), 10)
            curves.append(Line(title, at.tolist(), after[at].tolist()))
        r = recovery(losses[MIXTURE], reference, drift, window)
        rule = ("10 % above the mixture's level before the drift", BAND * r.before)
        panels.append(Panel(f"drift {number}, at label {drift:,}", curves, rule))
    x = f"labels after the drift (mean of the next {window})"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = page(panels, x, "log-loss, nats", 3, (270, 240), bottom=0.38)
    path.write_text(text, encoding="utf-8")
    Console().print(f"curves in {path}", highlight=False)


if __name__ == "__main__":
    main()
