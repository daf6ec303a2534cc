"""`make bench`: the model alone, beside Vowpal Wabbit's own driver and River, in one run.

Every row learns the same generated events in the same order: a score, then the label, event by
event. What an event is when the clock starts differs, and is said with the table:

- ours: arrays, as the service hands them to the model, in polls; each event is scored by one step
  and learned by another, whose vector has the same pairs, as in a poll that brings both. What the
  first has computed serves the second, while no other label has been learned;
- Vowpal Wabbit: a line of text, or its binary cache of the same lines. It computes a logit once
  for the score and the label, in single precision, and parses in a second thread. Its features'
  names are numbers, which it takes as slots without hashing them;
- River: a dict of the counts of the event's tokens, or of its values.

The log-loss is that of the scores, each made before its label was learned. With the same rate,
`--adaptive` is the formula of our AdaGrad, so those two should be equal but for rounding.

Rounds are interleaved, since machines are noisy: compare the ratios, not the figures of two runs.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from river import optim
from river.linear_model import LogisticRegression as RiverLogisticRegression

from benchmarks.machine import processor
from benchmarks.row import NOT_MEASURED, Row, versions
from models.kernels import sigmoids
from models.logistic import LogisticRegression
from models.optimizers import SGD, AdaGrad, Adam
from models.protocols import Optimizer
from models.schedules import Constant
from models.vectors import LEARN, SCORE, Codes, Floats, Ints, Slots, Steps, Vectors
from stream.commands.progress import bar

POLL = 1_000  # events
SHORT = 2_000  # events that every row takes: River's Adam is slow with many tokens
RIVER = 20_000  # events for River otherwise
HASH_BITS = 18
TOKENS = 60  # of an event
VOCABULARY = 50_000
DENSE = 20
DRIVER = 3.0  # times Vowpal Wabbit's driver, wanted of AdaGrad and Adam
RIVER_TIMES = 20.0  # times River with the same optimizer, likewise
console = Console()
if not console.is_terminal:
    console.width = 120  # as wide as the tables, in a log

Loss = Callable[[], float]  # the log-loss's sum, when the clock has stopped
Run = Callable[[int], Loss]  # learn the first so many events


@dataclass(frozen=True)
class Problem:
    """The same events in the form that each row takes."""

    title: str
    hash_bits: int
    y: Codes
    chance: Floats  # of label 1, by the hidden model
    polls: list[Steps]
    dicts: list[dict[Any, float]]  # of the first events
    text: dict[int, Path]  # by the number of events
    cache: dict[int, Path]

    @property
    def bounds(self) -> tuple[float, float]:
        """Log-loss per event of one who knows the share of label 1, and of the hidden model."""
        share = np.full(len(self.y), self.y.mean())
        return _loss(share, self.y) / len(self.y), _loss(self.chance, self.y) / len(self.y)


@dataclass(frozen=True)
class Learner:
    """One learner: how many events it takes in a round, and its job."""

    name: str
    events: int
    run: Run
    wanted: dict[str, float]  # of our rows, how many times as fast as this


@dataclass
class Figures:
    """What was measured of a row. `short` and `whole` are log-losses per event.

    `cpu` is the processor time of all threads, which a busy machine stretches less than `seconds`.
    """

    events: int
    seconds: list[float]
    cpu: list[float]
    short: float
    whole: float


def sparse(events: int, folder: Path, rng: np.random.Generator) -> Problem:
    """Events of 60 tokens, Zipf-like; labels by a hidden linear model of the tokens' counts."""
    often = 1.0 / (np.arange(VOCABULARY) + 2.7)
    edges = np.cumsum(often / often.sum())
    places = np.minimum(np.searchsorted(edges, rng.random((events, TOKENS))), VOCABULARY - 1)
    logits = rng.normal(0.0, 1.0, VOCABULARY)[places].sum(axis=1)
    chance = sigmoids(2.0 * (logits - logits.mean()) / logits.std() - 1.0)
    slots = rng.permutation(1 << HASH_BITS)[:VOCABULARY].astype(np.int32)[places]

    def poll(a: int, b: int) -> Vectors:
        part = slots[a:b].reshape(-1)
        start = np.repeat(np.arange(b - a, dtype=np.int64) * TOKENS, 2)  # the score's pairs again
        ones = np.ones((len(start), 1))
        return Vectors(ones, start, start + TOKENS, part, np.ones(part.size))

    rows = slots[:RIVER].tolist()
    dicts = [dict(Counter[Any](row)) | {"bias": 1.0} for row in rows]
    title = f"{TOKENS} tokens, 2^{HASH_BITS} slots"
    return _problem(title, HASH_BITS, chance, poll, dicts, _tokens(slots), folder, rng)


def dense(events: int, folder: Path, rng: np.random.Generator) -> Problem:
    """Events of 20 normal features; labels by a hidden linear model of them."""
    x = rng.normal(0.0, 1.0, (events, DENSE)).round(6)
    w = rng.normal(0.0, 1.0, DENSE)
    chance = sigmoids(3.0 * (x @ w) / float(np.linalg.norm(w)) - 1.0)

    def poll(a: int, b: int) -> Vectors:
        twice = np.repeat(x[a:b], 2, axis=0)
        return Vectors.of_dense(np.column_stack((np.ones(len(twice)), twice)))

    dicts: list[dict[Any, float]] = [
        dict(enumerate(row)) | {"bias": 1.0} for row in x[:RIVER].tolist()
    ]
    return _problem(f"{DENSE} dense features", 0, chance, poll, dicts, _values(x), folder, rng)


def _tokens(slots: Slots) -> list[str]:
    return [" ".join(map(str, row)) for row in slots.tolist()]


def _values(x: Floats) -> list[str]:
    return [" ".join(f"{j}:{v:.6f}" for j, v in enumerate(row)) for row in x.tolist()]


def _problem(
    title: str,
    hash_bits: int,
    chance: Floats,
    poll: Callable[[int, int], Vectors],
    dicts: list[dict[Any, float]],
    features: list[str],
    folder: Path,
    rng: np.random.Generator,
) -> Problem:
    events = len(chance)
    y = (rng.random(events) < chance).astype(np.int8)
    polls = []
    for a in range(0, events, POLL):
        labels = np.zeros(2 * POLL, np.int8)
        labels[1::2] = y[a : a + POLL]
        code = np.tile(np.array([SCORE, LEARN], np.int8), POLL)
        polls.append(Steps(code, labels, poll(a, a + POLL)))
    lines = [
        f"{1 if label else -1} | {part}\n" for label, part in zip(y.tolist(), features, strict=True)
    ]
    kind = "sparse" if hash_bits else "dense"
    text, cache = {}, {}
    for n in (SHORT, events):
        text[n] = folder / f"{kind}-{n}.vw"
        text[n].write_text("".join(lines[:n]))
        cache[n] = folder / f"{kind}-{n}.cache"
    return Problem(title, hash_bits, y, chance, polls, dicts, text, cache)


def ours(problem: Problem, optimizer: Optimizer, rate: float) -> Run:
    """`LogisticRegression.run`, poll by poll."""

    def run(n: int) -> Loss:
        width = problem.polls[0].vectors.dense.shape[1]
        model = LogisticRegression(width, optimizer, Constant(rate), problem.hash_bits)
        logits = [model.run(steps).logits[::2] for steps in problem.polls[: n // POLL]]
        assert model.learned == n
        return lambda: _loss(sigmoids(np.concatenate(logits)), problem.y[:n])

    return run


def driver(vw: Any, problem: Problem, options: str, cached: bool) -> Run:
    """Vowpal Wabbit's native driver over a file: all of it happens within the constructor."""

    def run(n: int) -> Loss:
        command = f"-d {problem.text[n]} --loss_function logistic -b {HASH_BITS} --quiet {options}"
        if cached:  # made when it is not there: in the first run, which is not timed
            command += f" --cache_file {problem.cache[n]}"
        workspace = vw.Workspace(command)
        workspace.finish()
        assert workspace.get_weighted_examples() == n
        return lambda: float(workspace.get_sum_loss())

    return run


def river(problem: Problem, optimizer: Callable[[], Any]) -> Run:
    """River's own loop, `predict_proba_one` and `learn_one`; the bias is a feature, as ours is."""

    def run(n: int) -> Loss:
        model: Any = RiverLogisticRegression(optimizer(), intercept_lr=0.0)
        given = []
        for x, y in zip(problem.dicts[:n], problem.y[:n].tolist(), strict=True):
            given.append(model.predict_proba_one(x)[True])
            model.learn_one(x, bool(y))
        return lambda: _loss(np.array(given), problem.y[:n])

    return run


def _loss(p: Floats, y: Codes | Ints) -> float:
    right = np.where(y == 1, p, 1.0 - p)
    return float(-np.log(np.maximum(right, 1e-15)).sum())


OURS = {name: f"Streamgauge {name}" for name in ("SGD", "AdaGrad", "Adam")}
Rates = dict[str, float]
# The best of a few, by the log-loss of ours over such events.
SPARSE_RATES: Rates = {"SGD": 0.006, "AdaGrad": 0.05, "Adam": 0.005}
DENSE_RATES: Rates = {"SGD": 0.02, "AdaGrad": 0.2, "Adam": 0.005}


def learners_of(problem: Problem, vw: Any, rates: Rates) -> list[Learner]:
    """The learners of one table. River and `--adaptive` have the rates of ours."""
    events = len(problem.y)
    fast = {OURS["AdaGrad"]: DRIVER, OURS["Adam"]: DRIVER}
    found = [
        Learner(OURS[name], events, ours(problem, optimizer, rates[name]), {})
        for name, optimizer in (("SGD", SGD()), ("AdaGrad", AdaGrad()), ("Adam", Adam()))
    ]
    adaptive = f"--adaptive -l {rates['AdaGrad']:g}"
    for name, options in (("--adaptive", adaptive), ("by default", "")):
        for form in ("text", "cache"):
            if vw is not None:
                run = driver(vw, problem, options, form == "cache")
                wanted = fast if form == "text" else {}
                found.append(Learner(f"VW {name}, {form}", events, run, wanted))
    few = SHORT if problem.hash_bits else RIVER
    for name, n, optimizer in (
        ("AdaGrad", RIVER, lambda: optim.AdaGrad(rates["AdaGrad"])),
        ("Adam", few, lambda: optim.Adam(rates["Adam"])),
    ):
        run, wanted = river(problem, optimizer), {OURS[name]: RIVER_TIMES}
        found.append(Learner(f"River {name}", min(n, events), run, wanted))
    return found


def measure(learners: list[Learner], rounds: int, title: str) -> dict[str, Figures]:
    """Each learner's first run is over the few events that all take, and compiles."""
    found: dict[str, Figures] = {}
    with bar("bench", (rounds + 1) * len(learners)) as (progress, task):
        for row in learners:
            progress.update(task, note=f"{title}: {row.name}")
            short = row.run(SHORT)() / SHORT
            if row.events != SHORT and "cache" in row.name:
                row.run(row.events)  # makes the cache file
            found[row.name] = Figures(row.events, [], [], short, 0.0)
            progress.advance(task)
        for _ in range(rounds):
            for row in learners:
                progress.update(task, note=f"{title}: {row.name}")
                gc.collect()
                start, cpu = time.perf_counter(), time.process_time()
                loss = row.run(row.events)
                found[row.name].seconds.append(time.perf_counter() - start)
                found[row.name].cpu.append(time.process_time() - cpu)
                found[row.name].whole = loss() / row.events
                progress.advance(task)
    return found


def _ratio(figures: dict[str, Figures], mine: str, peer: str) -> float:
    """How many times as fast as `peer` `mine` is per event, within a round."""
    a, b = figures[mine], figures[peer]
    pairs = zip(a.seconds, b.seconds, strict=True)
    return statistics.median((y / b.events) / (x / a.events) for x, y in pairs)


def _show(problem: Problem, learners: list[Learner], figures: dict[str, Figures]) -> None:
    events, rounds = len(problem.y), len(figures[OURS["SGD"]].seconds)
    share, hidden = problem.bounds
    loss = f"log-loss,\nfirst {SHORT:,}"
    table = Table(
        "model only", "events", "events/s", "us", "CPU us", "AdaGrad is", "Adam is", loss, "all",
        title=f"{problem.title}: score, then learn; median of {rounds} interleaved rounds",
        caption=f"log-loss of the share of label 1: {share:.3f}, of the hidden model: {hidden:.3f}",
    )  # fmt: skip
    for row in learners:
        f = figures[row.name]
        us, cpu = (1e6 * statistics.median(taken) / f.events for taken in (f.seconds, f.cpu))
        ratios = ["", ""]
        if row.name not in OURS.values():
            pair = (OURS["AdaGrad"], OURS["Adam"])
            ratios = [f"{_ratio(figures, mine, row.name):,.1f} x" for mine in pair]
        table.add_row(
            row.name, f"{f.events:,}", f"{1e6 / us:,.0f}", f"{us:,.2f}", f"{cpu:,.2f}", *ratios,
            f"{f.short:.3f}", f"{f.whole:.3f}",
        )  # fmt: skip
    if not any(row.name.startswith("VW") for row in learners):
        table.add_row("VW: not installed", f"{events:,}", *[""] * 7)
    console.print(table)
    for row in learners:
        for mine, want in row.wanted.items():
            if (ratio := _ratio(figures, mine, row.name)) < want:
                console.print(f"missed: {mine} is {ratio:.2f} x {row.name}, wanted {want:g} x")


def main() -> None:
    """Measure, and print a table for sparse events and one for dense."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="of each kind (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    events = max(arguments.events // POLL * POLL, SHORT)
    vw = _vowpal_wabbit()
    versions = {name: version(name) for name in ("river", "numba", "numpy")}
    if vw is not None:
        versions["vowpalwabbit"] = version("vowpalwabbit")
    versions["Python"] = platform.python_version()
    known: dict[str, Any] = {"versions": versions, "processor": processor(), "tables": {}}
    for make, rates in ((sparse, SPARSE_RATES), (dense, DENSE_RATES)):
        with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
            with console.status("making events"):
                problem = make(events, Path(name), np.random.default_rng(4))
            learners = learners_of(problem, vw, rates)
            figures = measure(learners, arguments.rounds, problem.title)
        _show(problem, learners, figures)
        known["tables"][problem.title] = {
            "rates": rates,
            "log-loss of the share, of the hidden model": problem.bounds,
            "rows": {name: vars(f) for name, f in figures.items()},
            "ratios": {
                mine: {row.name: _ratio(figures, mine, row.name) for row in learners}
                for mine in OURS.values()
            },
        }
    console.print(
        "Streamgauge starts from arrays, River from dicts, VW (Vowpal Wabbit's own driver) from a "
        "file: it parses text in a thread of its own; its cache is binary; --adaptive is at our "
        "AdaGrad's rate, its default at its own. River takes fewer "
        "events; its Adam's cost grows with the tokens seen. Wanted of AdaGrad and Adam: "
        f"{DRIVER:g} x VW on text, and {RIVER_TIMES:g} x River's own. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f", {processor()}"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")


def rows(events: int = 100_000, rounds: int = 3) -> Iterator[Row]:
    """For the one table of `make bench`: AdaGrad beside the driver's own, on text."""
    vw = _vowpal_wabbit()
    peer = "VW --adaptive, text"
    for make, rates in ((sparse, SPARSE_RATES), (dense, DENSE_RATES)):
        with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
            problem = make(events, Path(name), np.random.default_rng(4))
            chosen = [
                one
                for one in learners_of(problem, vw, rates)
                if one.name in (OURS["AdaGrad"], peer)
            ]
            found = measure(chosen, rounds, problem.title)
        us = [1e6 * statistics.median(each.seconds) / each.events for each in found.values()]
        yield Row(
            name=f"model only, AdaGrad, {make.__name__}", peer="Vowpal Wabbit's driver, text",
            versions=versions("vowpalwabbit", "numba"), ours=us[0],
            theirs=us[1] if len(us) > 1 else NOT_MEASURED, unit="us/event", wanted=DRIVER,
        )  # fmt: skip


def _vowpal_wabbit() -> Any:
    try:
        return import_module("vowpalwabbit")
    except ModuleNotFoundError:
        return None


if __name__ == "__main__":
    main()
