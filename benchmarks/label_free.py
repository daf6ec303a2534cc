"""`python -m benchmarks.label_free`: scorers without labels, beside River's, in one run.

Every row takes the same generated events in the same order, each scored before it is learned: ours
arrays in polls, as the service hands them over, River's a dict for each event. Events are of a few
groups, standardised; for River's half-space trees, which suppose values between 0 and 1, they are
brought there by what only the end of the stream tells. A share of the events is strange: every
other one far off in one feature, and the rest among no group.

Rounds are interleaved, and each starts anew. What it takes to start is said beside the time of an
event: River builds its trees at the first one. The ROC AUC is of all but the first events.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from river.anomaly import HalfSpaceTrees as RiverHalfSpaceTrees
from river.anomaly import OneClassSVM

from benchmarks.machine import processor
from models.distance import RobustDistance
from models.half_space import HalfSpaceTrees
from models.ranking import roc_auc
from models.strangeness import Scorer, Sight
from models.surprise import KeySurprise
from models.vectors import Codes, Floats
from stream.commands.progress import bar

POLL = 1_000  # events
WIDTH = 29  # as transactions with three windows have
GROUPS = 6
CUSTOMERS = 1_000
STRANGE = 0.01  # of events
FIRST = 1_000  # events that are not ranked
TREES = {"trees": 25, "depth": 15}  # the paper's
WINDOW = 250  # likewise
WANTED = 20.0  # times River's half-space trees
console = Console()
if not console.is_terminal:
    console.width = 120  # as wide as the table, in a log

Start = Callable[[], Callable[[int], Floats]]  # a new scorer, which takes the first so many events


@dataclass(frozen=True)
class Problem:
    """The same events in the form that each row takes."""

    sights: list[Sight]
    dicts: list[dict[int, float]]
    between: list[dict[int, float]]  # 0 and 1
    strange: Codes
    alone: Codes  # strange in one feature


@dataclass
class Row:
    """A scorer, and what was measured of it."""

    name: str
    start: Start
    events: int
    starts: list[float] = field(default_factory=list)  # seconds
    seconds: list[float] = field(default_factory=list)
    scores: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def us(self) -> float:
        """Of an event: the median over rounds."""
        return 1e6 * statistics.median(self.seconds) / self.events


def problem(events: int, few: int, rng: np.random.Generator) -> Problem:
    """Events of customers, of which each is of one group; River takes the first `few`."""
    customer = rng.integers(0, CUSTOMERS, events)
    middles = 2.0 * rng.normal(size=(GROUPS, WIDTH))
    scaled = middles[customer % GROUPS]
    scaled += rng.normal(size=(events, WIDTH))
    strange = rng.random(events) < STRANGE
    rows = np.flatnonzero(strange)
    alone, apart = rows[::2], rows[1::2]
    scaled[apart] = 3.0 * rng.normal(size=(len(apart), WIDTH))
    scaled -= scaled.mean(axis=0)
    scaled /= scaled.std(axis=0)
    scaled[alone, rng.integers(1, WIDTH, len(alone))] = 10.0 * rng.choice([-1.0, 1.0], len(alone))
    scaled[:, 0] = 1.0
    keys = customer.astype(np.uint64)[:, None] + np.uint64(1)
    ts = np.arange(float(events))
    sights = [
        Sight(scaled[i : i + POLL], scaled[i : i + POLL], keys[i : i + POLL], ts[i : i + POLL])
        for i in range(0, events, POLL)
    ]
    low, high = scaled[:, 1:].min(axis=0), scaled[:, 1:].max(axis=0)
    given = scaled[:few, 1:]
    is_alone = np.isin(np.arange(events), alone)
    return Problem(
        sights,
        [dict(enumerate(row)) for row in given.tolist()],
        [dict(enumerate(row)) for row in ((given - low) / (high - low)).tolist()],
        strange.astype(np.int8),
        is_alone.astype(np.int8),
    )


def ours(sights: list[Sight], make: Callable[[], Scorer]) -> Start:
    """A scorer of ours, poll by poll."""

    def start() -> Callable[[int], Floats]:
        scorer = make()
        return lambda n: np.concatenate([scorer.run(sight).logits for sight in sights[: n // POLL]])

    return start


def river(dicts: list[dict[int, float]], make: Callable[[], Any]) -> Start:
    """One of River's, event by event. The first event, at which it builds its trees, is over."""

    def start() -> Callable[[int], Floats]:
        scorer = make()
        scorer.learn_one(dicts[0])

        def run(n: int) -> Floats:
            given = []
            for x in dicts[:n]:
                given.append(scorer.score_one(x))
                scorer.learn_one(x)
            return np.array(given)

        return run

    return start


def rows(given: Problem, few: int) -> list[Row]:
    """The scorers. River's half-space trees, the last, are what the others are compared to."""
    events = len(given.strange)
    scorers: dict[str, Callable[[], Scorer]] = {
        "half-space trees": lambda: HalfSpaceTrees(WIDTH, math.inf),
        f"half-space trees, window {WINDOW}": lambda: HalfSpaceTrees(
            WIDTH, math.inf, **TREES, window=WINDOW
        ),
        "distance": lambda: RobustDistance(WIDTH, math.inf),
        "surprise": lambda: KeySurprise(WIDTH, math.inf),
    }
    found = [Row(name, ours(given.sights, make), events) for name, make in scorers.items()]
    return [
        *found,
        Row("River OneClassSVM", river(given.dicts, OneClassSVM), few),
        Row(
            "River HalfSpaceTrees",
            river(
                given.between,
                lambda: RiverHalfSpaceTrees(
                    n_trees=TREES["trees"], height=TREES["depth"], window_size=WINDOW, seed=1
                ),
            ),
            few,
        ),
    ]


def once(row: Row) -> None:
    """One more round of a row."""
    begin = time.perf_counter()
    run = row.start()
    started = time.perf_counter()
    row.scores = run(row.events)
    row.starts.append(started - begin)
    row.seconds.append(time.perf_counter() - started)


def measure(scorers: list[Row], rounds: int) -> None:
    """Ours once over a poll first, which compiles."""
    with bar("bench", rounds * len(scorers)) as (progress, task):
        for row in scorers:
            row.start()(min(POLL, row.events))
        for _ in range(rounds):
            for row in scorers:
                progress.update(task, note=row.name)
                gc.collect()
                once(row)
                progress.advance(task)


def ranked(row: Row, given: Problem, few: int) -> list[float]:
    """ROC AUC over the events that every row takes: of all strange ones, and those by kind."""
    scores, strange = row.scores[FIRST:few], given.strange[FIRST:few]
    alone = given.alone[FIRST:few]
    kinds = [np.ones(len(scores), bool), (strange == 0) | (alone == 1), alone == 0]
    return [roc_auc(scores[kind], strange[kind]) for kind in kinds]


def times(row: Row, peer: Row) -> float:
    """How many times as fast as `peer` a row is per event, within a round."""
    pairs = zip(row.seconds, peer.seconds, strict=True)
    return statistics.median((b / peer.events) / (a / row.events) for a, b in pairs)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="for ours (%(default)s)")
    parser.add_argument("--few", type=int, default=5_000, help="for River (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    few = max(arguments.few // POLL * POLL, 2 * FIRST)
    events = max(arguments.events // POLL * POLL, few)
    given = problem(events, few, np.random.default_rng(8))
    scorers = rows(given, few)
    measure(scorers, arguments.rounds)
    peer = scorers[-1]
    versions = {name: version(name) for name in ("river", "numba", "numpy")}
    versions["Python"] = platform.python_version()
    table = Table(
        "scorer", "events", "to start", "us/event", f"times {peer.name}",
        "ROC AUC", "one feature", "no group",
        title=f"score, then learn; {WIDTH - 1} features, {TREES['trees']} trees of depth "
        f"{TREES['depth']}; median of {arguments.rounds} interleaved rounds",
        caption=f"ROC AUC of events {FIRST:,} to {few:,}. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f", {processor()}",
    )  # fmt: skip
    for row in scorers:
        auc = [f"{share:.3f}" for share in ranked(row, given, few)]
        ratio = f"{times(row, peer):,.1f} x"
        start = f"{statistics.median(row.starts):.3f} s"
        table.add_row(row.name, f"{row.events:,}", start, f"{row.us:,.2f}", ratio, *auc)
    console.print(table)
    for row in scorers:
        if row.name.startswith("half-space") and times(row, peer) < WANTED:
            console.print(f"missed: {row.name} is {times(row, peer):.1f} x, wanted {WANTED:g} x")
    if arguments.json:
        known = {
            "versions": versions,
            "processor": processor(),
            "rows": {
                row.name: {
                    "seconds to start": statistics.median(row.starts),
                    "us": row.us,
                    "times River's": times(row, peer),
                    "ROC AUC, one feature, no group": ranked(row, given, few),
                }
                for row in scorers
            },
        }
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
