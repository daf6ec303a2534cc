"""`python -m benchmarks.on_drift`: what it gains that the rate answers drift, and what it costs.

Labels of a logistic model of 20 features, 20,000 of them, whose weights change: all at once in the
middle; little by little over a fifth of the stream; there and back every quarter; or never. And the
recording sea_4concepts, if it is there: its three numbers, standardised. Mean prequential log-loss
over 5 seeds. Each family has the same grid with and without `on_drift`, and its best arm is chosen
in hindsight, for each stream and each way. Takes half a minute.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from models.answering import Answering
from models.logistic import LogisticRegression
from models.optimizers import SGD, AdaGrad, Adam, FTRLProximal, RMSProp
from models.protocols import Optimizer, Schedule
from models.scaler import StandardScaler
from models.schedules import Constant, ExponentialDecay, StepDecay, TimeBasedDecay
from models.vectors import LEARN, Floats, Steps, Vectors

SEA = Path("../shared/data/sea_4concepts.jsonl.gz")
LABELS, WIDTH = 20_000, 20
SEEDS = range(5)
RATES = 0.003, 0.01, 0.03, 0.1, 0.3, 1.0
Arm = tuple[Optimizer, Schedule]


def constants(optimizer: Optimizer) -> list[Arm]:
    return [(optimizer, Constant(rate)) for rate in RATES]


FAMILIES: Mapping[str, list[Arm]] = {
    "constant": constants(SGD()),
    "step decay": [(SGD(), StepDecay(rate, every=2_000)) for rate in RATES],
    "exponential decay": [(SGD(), ExponentialDecay(rate, k=5e-4)) for rate in RATES],
    "time decay": [(SGD(), TimeBasedDecay(rate, k=k)) for rate in RATES for k in (1e-3, 1e-2)],
    "AdaGrad": constants(AdaGrad()),
    "FTRL": constants(FTRLProximal()),
    "Adam": constants(Adam()),
    "RMSProp": constants(RMSProp()),
}


def shares() -> Iterator[tuple[str, Floats]]:
    """How much of the second weights is in each label's, for each stream."""
    t = np.arange(LABELS) / LABELS
    yield "stationary", np.zeros(LABELS)
    yield "abrupt", (t >= 0.5).astype(np.float64)
    yield "gradual", np.clip((t - 0.4) / 0.2, 0.0, 1.0)
    yield "recurring", (np.floor(4.0 * t) % 2.0)


def stream(share: Floats, seed: int) -> Steps:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(LABELS, WIDTH))
    x[:, 0] = 1.0
    first, second = draw.normal(size=(2, WIDTH))
    z = (1.0 - share) * (x @ first) + share * (x @ second)
    y = (draw.random(LABELS) < 1.0 / (1.0 + np.exp(-z))).astype(np.int8)
    return Steps(np.full(LABELS, LEARN, np.int8), y, Vectors.of_dense(x))


def sea() -> Steps:
    """The recording, where an intercept and three numbers are all there is."""
    with gzip.open(SEA) as lines:
        rows = [json.loads(line) for line in lines]
    x = np.array([[1.0, row["f1"], row["f2"], row["f3"]] for row in rows])
    StandardScaler(x.shape[1]).scale(x)
    y = np.array([row["label"] for row in rows], np.int8)
    return Steps(np.full(len(y), LEARN, np.int8), y, Vectors.of_dense(x))


def loss(make: Callable[[], LogisticRegression | Answering], streams: list[Steps]) -> float:
    total = 0.0
    for steps in streams:
        z = make().run(steps).logits
        total += float(np.mean(np.logaddexp(0.0, np.where(steps.y == 1, -z, z))))
    return total / len(streams)


def best(arms: list[Arm], streams: list[Steps]) -> tuple[float, float]:
    """The lowest loss of a family without `on_drift`, and with it."""
    width = streams[0].vectors.dense.shape[1]
    makes = [partial(LogisticRegression, width, *arm) for arm in arms]
    return (
        min(loss(make, streams) for make in makes),
        min(loss(partial(Answering, make), streams) for make in makes),
    )


def main() -> None:
    streams = {name: [stream(share, seed) for seed in SEEDS] for name, share in shares()}
    if SEA.exists():
        streams["sea_4concepts"] = [sea()]
    else:
        Console().print(f"{SEA} is not there: without it")
    table = Table("family, best of its grid", *streams, title="Log-loss: without, with on_drift")
    lowest: dict[str, list[tuple[float, float]]] = {name: [] for name in streams}
    for family, arms in FAMILIES.items():
        row = []
        for name, of in streams.items():
            pair = best(arms, of)
            lowest[name].append(pair)
            row.append(f"{pair[0]:.4f}  {pair[1]:.4f}")
        table.add_row(family, *row)
    ends = [[min(pair[k] for pair in pairs) for k in (0, 1)] for pairs in lowest.values()]
    table.add_row("best of all", *(f"{a:.4f}  {b:.4f}" for a, b in ends), style="bold")
    Console(width=None if Console().is_terminal else 120).print(table)


if __name__ == "__main__":
    main()
