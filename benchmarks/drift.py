"""`python -m benchmarks.drift`: how soon a rise of the error is found, beside River's detectors.

Errors of rate 0.2, and of 0.4 from value 5,000 of 10,000 on, by `random.Random(seed)`. An alarm
before is false; a drift that is not found within 2,000 values is missed. The defaults of our ADWIN
were chosen in sight of seeds 0 to 29, 1000 to 1299 and 2000 to 2299, so they are shown on later
ones too. Takes two minutes, most of them for River's KSWIN.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from river import drift as river

from models.drift import DDM, EDDM, HDDMA, HDDMW, KSWIN, Adwin, Detector, PageHinkleyTest
from models.protocols import Drift
from models.vectors import Floats

BEFORE, WITHIN = 5_000, 2_000
RATES = 0.2, 0.4
BATCH = 1_000  # values of a poll, for the time

SEEDS = range(30)
OTHERS = {"where it was chosen": range(1_000, 1_300), "on fresh seeds": range(5_000, 5_300)}

PAIRS: Sequence[tuple[str, Callable[[], Detector], Callable[[], Any]]] = (
    ("ADWIN, delta 0.002, clock 32", lambda: Adwin(0.002, 32), river.ADWIN),
    ("ADWIN, our default", Adwin, lambda: river.ADWIN(delta=0.005, clock=8)),  # type: ignore[no-untyped-call]
    ("Page-Hinkley", PageHinkleyTest, lambda: river.PageHinkley(mode="up")),
    ("DDM", DDM, river.binary.DDM),
    ("EDDM", EDDM, river.binary.EDDM),
    ("HDDM-A", HDDMA, river.binary.HDDMA),
    ("HDDM-W", HDDMW, river.binary.HDDMW),
    ("KSWIN", KSWIN, lambda: river.KSWIN(seed=0)),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Means of some runs."""

    false: float
    share: float
    delay: float
    nanoseconds: float


def errors(seed: int) -> Floats:
    chance = random.Random(seed).random
    return np.array([float(chance() < rate) for rate in RATES for _ in range(BEFORE)])


def ours(make: Callable[[], Detector]) -> Callable[[Floats], list[int]]:
    def alarms(stream: Floats) -> list[int]:
        detector = make()
        pieces = np.split(stream, range(BATCH, len(stream), BATCH))
        levels = np.concatenate([detector.run(piece).levels for piece in pieces])
        return np.flatnonzero(levels == Drift.DRIFT).tolist()

    return alarms


def rivers(make: Callable[[], Any]) -> Callable[[Floats], list[int]]:
    def alarms(stream: Floats) -> list[int]:
        detector = make()
        found = []
        for at, error in enumerate(stream.tolist()):
            detector.update(error)
            if detector.drift_detected:
                found.append(at)
        return found

    return alarms


def measure(alarms: Callable[[Floats], list[int]], seeds: Iterable[int]) -> Found:
    streams = [errors(seed) for seed in seeds]
    alarms(streams[0][:BATCH])  # compiles it
    start = time.perf_counter()
    found = [alarms(stream) for stream in streams]
    seconds = time.perf_counter() - start
    after = [[at - BEFORE for at in run if BEFORE <= at < BEFORE + WITHIN] for run in found]
    delays = [run[0] for run in after if run]
    return Found(
        sum(at < BEFORE for run in found for at in run) / len(found),
        len(delays) / len(found),
        float(np.mean(delays)) if delays else float("nan"),
        seconds / (2 * BEFORE * len(found)) * 1e9,
    )


def cells(found: Found) -> list[str]:
    return [f"{found.false:.2f}", f"{found.share:.0%}", f"{found.delay:.0f}"]


def main() -> None:
    console = Console(width=None if Console().is_terminal else 120)
    table = Table(
        "detector",
        *(
            f"{whose}:\n{what}"
            for whose in ("ours", "River")
            for what in ("false", "found", "delay")
        ),
        "ns a value",
        "River's",
        "ratio",
        title=f"Errors from {RATES[0]} to {RATES[1]}, {len(SEEDS)} runs",
        caption=f"false: alarms before, of {BEFORE:,} values. delay: values until found, mean.",
    )
    for name, make, make_rivers in PAIRS:
        mine, theirs = measure(ours(make), SEEDS), measure(rivers(make_rivers), SEEDS)
        times = mine.nanoseconds, theirs.nanoseconds
        ratio = f"{times[1] / times[0]:.0f}"
        table.add_row(name, *cells(mine), *cells(theirs), *(f"{t:,.0f}" for t in times), ratio)
    console.print(table)
    for where, seeds in OTHERS.items():
        found = measure(ours(Adwin), seeds)
        console.print(
            f"ADWIN, our default, {where} (seeds {seeds[0]} to {seeds[-1]}): "
            f"{found.false:.3f} false alarms, {found.share:.1%} found, delay {found.delay:.1f}",
            highlight=False,
        )


if __name__ == "__main__":
    main()
