"""`python -m benchmarks.input_drift`: drift of inputs, its false alarms, what it finds, its time.

Streams of 30 features, independent rows: 12 normal, 6 of Student's t with two degrees of freedom, 2
log-normal, 5 of 0 and 1 (1 in a share of 0.5 to 0.002), 4 of 3 to 40 whole numbers of unlike
shares, and 1 constant that is missing in 1 %; 10 columns of categories of Zipf's law. Beside it,
for the time, River's KSWIN on one feature. Takes half a minute.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from rich.console import Console
from rich.table import Table
from river import drift as river

from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.vectors import Floats, Hashes

FEATURES, MIXES = 30, 10
EVENTS, SEEDS = 1_000_000, range(5)
BATCH = 1_000  # rows of a poll
RATES = 1.0, 10.0, 100.0
SHIFTS = 0.05, 0.1, 0.15, 0.25, 0.5
RUNS, BEFORE, AFTER, WINDOW = 40, 200_000, 100_000, 5_000
SWINGING, LEARNED = 10, 40  # columns of a stream that is not independent; windows it may learn


def stationary(rng: np.random.Generator, n: int) -> Floats:
    values = np.empty((n, FEATURES))
    values[:, :12] = rng.normal(size=(n, 12))
    values[:, 12:18] = rng.standard_t(2.0, size=(n, 6))
    values[:, 18:20] = np.exp(2.0 * rng.normal(size=(n, 2)))
    values[:, 20:25] = rng.random((n, 5)) < [0.5, 0.2, 0.05, 0.01, 0.002]
    values[:, 25:29] = np.floor(rng.random((n, 4)) ** 2 * [3.0, 6.0, 12.0, 40.0])
    values[:, 29] = np.where(rng.random(n) < 0.01, np.nan, 1.0)
    return values


def categories(rng: np.random.Generator, n: int) -> Hashes:
    return rng.zipf(1.5, (n, MIXES)).astype(np.uint64)


def pieces(seed: int) -> Iterator[tuple[Floats, Hashes]]:
    rng = np.random.default_rng(seed)
    for _ in range(0, EVENTS, 50_000):
        yield stationary(rng, 50_000), categories(rng, 50_000)


def false_alarms(console: Console) -> None:
    numbers = {
        (rate, least): [TwoWindows(FEATURES, rate, least=least) for _ in SEEDS]
        for rate in RATES
        for least in (0.0, 0.005)
    }
    mixes = {rate: [TwoMixes(MIXES, rate, least=0.0) for _ in SEEDS] for rate in RATES}
    found = dict.fromkeys((*numbers, *mixes), 0)
    for k in SEEDS:
        for values, kinds in pieces(k):
            for key, detectors in numbers.items():
                found[key] += len(detectors[k].run(values).rows)
            for rate, others in mixes.items():
                found[rate] += len(others[k].run(kinds).rows)
    table = Table(
        "set",
        f"{FEATURES} features",
        "the same, least 0.005",
        f"{MIXES} columns of categories",
        title=f"False alarms in a million events, {len(SEEDS)} streams of {EVENTS:,}",
        caption="In brackets how many there were, and what a Poisson number of the set mean is.",
    )
    for rate in RATES:
        alarms = [found[rate, 0.0], found[rate, 0.005], found[rate]]
        mean = rate * len(SEEDS)
        counted = [f"{n / len(SEEDS):.1f} ({n})" for n in alarms]
        table.add_row(f"{rate:.0f} ({mean:.0f} ± {math.sqrt(mean):.0f})", *counted)
    console.print(table)


def power(console: Console) -> None:
    table = Table(
        "shift, standard deviations",
        "found",
        "delay in events",
        "longest",
        title=f"One of {FEATURES} normal features shifts, {RUNS} runs",
        caption=f"Found within {AFTER:,} events; 1 false alarm in a million is set.",
    )
    for shift in SHIFTS:
        delays = []
        for seed in range(RUNS):
            rng = np.random.default_rng(seed)
            at = BEFORE + seed * WINDOW // RUNS  # anywhere in a window
            column = rng.normal(size=at + AFTER)
            column[at:] += shift
            # The others do not matter, but for their share of the false alarms.
            alone = TwoWindows(1, 1.0 / FEATURES, WINDOW)
            rows = alone.run(column[:, None]).rows
            delays += (rows[rows >= at][:1] - at).tolist()
        table.add_row(
            f"{shift:.2f}",
            f"{len(delays) / RUNS:.0%}",
            f"{np.mean(delays):,.0f}" if delays else "",
            f"{max(delays, default=0):,}",
        )
    console.print(table)


def persistent(rng: np.random.Generator, memory: float) -> Floats:
    noise = math.sqrt(1.0 - memory**2) * rng.normal(size=(EVENTS, SWINGING))
    for i in range(1, EVENTS):
        noise[i] += memory * noise[i - 1]
    return noise


def daily(rng: np.random.Generator, size: float) -> Floats:
    swing = size * np.sin(2.0 * math.pi * np.arange(EVENTS) / 17_777)
    return rng.normal(size=(EVENTS, SWINGING)) + swing[:, None]


STREAMS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "a day of 17,777 events moves the mean by 0.1": lambda rng: daily(rng, 0.1),
    "by 1": lambda rng: daily(rng, 1.0),
    "autoregressive, 0.9": lambda rng: persistent(rng, 0.9),
    "0.999": lambda rng: persistent(rng, 0.999),
    "0.999, above 1 or not": lambda rng: (persistent(rng, 0.999) > 1.0).astype(np.float64),
}


def swinging(console: Console) -> None:
    table = Table(
        f"{SWINGING} columns",
        f"alarms in the first {LEARNED} windows",
        "later",
        title=f"Streams that are not independent, {EVENTS:,} events",
        caption="1 false alarm in a million is set.",
    )
    for name, make in STREAMS.items():
        rows = TwoWindows(SWINGING).run(make(np.random.default_rng(0))).rows
        early = int((rows < LEARNED * WINDOW).sum())
        table.add_row(name, f"{early}", f"{len(rows) - early}")
    console.print(table)


def nanoseconds(run: Callable[[int, int], object], n: int, columns: int) -> float:
    run(0, BATCH)  # compiles it
    start = time.perf_counter()
    for i in range(0, n, BATCH):
        run(i, i + BATCH)
    return (time.perf_counter() - start) / (n * columns) * 1e9


def times(console: Console) -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    values, kinds = stationary(rng, n), categories(rng, n)
    one = np.ascontiguousarray(values[:, :1])
    numbers, single, mixes = TwoWindows(FEATURES), TwoWindows(1), TwoMixes(MIXES)
    kswin = river.KSWIN(seed=0)
    stream = values[:, 0].tolist()

    def rivers(i: int, j: int) -> None:
        for value in stream[i:j]:
            kswin.update(value)  # type: ignore[no-untyped-call]

    theirs = nanoseconds(rivers, 10_000, 1)
    ours = {
        f"TwoWindows, {FEATURES} features": nanoseconds(
            lambda i, j: numbers.run(values[i:j]), n, FEATURES
        ),
        "TwoWindows, 1 feature": nanoseconds(lambda i, j: single.run(one[i:j]), n, 1),
        f"TwoMixes, {MIXES} columns": nanoseconds(lambda i, j: mixes.run(kinds[i:j]), n, MIXES),
    }
    table = Table("", "ns a feature and event", "of River's", title=f"Time, polls of {BATCH:,}")
    for name, mine in ours.items():
        table.add_row(name, f"{mine:.1f}", f"1 / {theirs / mine:,.0f}")
    table.add_row("River's KSWIN, 1 feature", f"{theirs:,.0f}", "")
    console.print(table)


def main() -> None:
    console = Console(width=None if Console().is_terminal else 120)
    for part in (false_alarms, power, swinging, times):
        part(console)


if __name__ == "__main__":
    main()
