"""`python -m benchmarks.drift`: how soon a rise of the error is found, beside River's detectors.

Errors of rate 0.2, and of 0.4 from value 5,000 of 10,000 on, by `random.Random(seed)`. An alarm
before is false; a drift that is not found within 2,000 values is missed. "As shipped" is what a
config without `[drift]` has: its detectors together, with the false alarms that it allows. The
defaults of our ADWIN were chosen in sight of seeds 0 to 29, 1000 to 1299 and 2000 to 2299, so what
is shipped is shown on later ones too. Takes two minutes, most of them for River's KSWIN.

`--calibrate` measures the tables of `models.drift.calibrated`: ten minutes.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from river import drift as river

from models.drift import DDM, EDDM, HDDMA, HDDMW, KSWIN, Adwin, Detector, PageHinkleyTest
from models.drift.calibrated import CALIBRATED
from models.protocols import Drift
from models.vectors import Floats
from stream.build import detectors
from stream.config import parse

BEFORE, WITHIN = 5_000, 2_000
RATES = 0.2, 0.4
BATCH = 1_000  # values of a poll, for the time
ERROR_RATES = 0.005, 0.02, 0.05, 0.2, 0.5  # for the calibration
STREAM = 100_000

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


def shipped(stream: Floats) -> list[int]:
    """Alarms of all detectors of a config that says nothing of drift, those of the error."""
    watching = detectors(parse({}, "benchmarks.drift")).values()
    levels = np.max([detector.run(stream).levels for detector in watching], axis=0)
    return np.flatnonzero(levels == Drift.DRIFT).tolist()


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
    chosen = {f"{len(SEEDS)} runs": SEEDS, **OTHERS}
    for where, seeds in chosen.items():
        found = measure(shipped, seeds)
        console.print(
            f"as shipped, {where} (seeds {seeds[0]} to {seeds[-1]}): "
            f"{found.false:.3f} false alarms, {found.share:.1%} found, delay {found.delay:.1f}",
            highlight=False,
        )


def calibrate() -> None:
    """False alarms in a million errors, for each detector, parameter and error rate."""
    table = Table("detector", "parameter", *(f"at {rate:g}" for rate in ERROR_RATES))
    for name, of in CALIBRATED.items():
        streams = 400 if name != "kswin" else 50
        for value, _ in of.measured:
            alarms = [_false(of.make, value, rate, streams) for rate in ERROR_RATES]
            table.add_row(name, f"{value:g}", *(f"{each:.3f}" for each in alarms))
    Console().print(table)


def _false(make: Callable[[float], Detector], value: float, rate: float, streams: int) -> float:
    draw = np.random.default_rng(11)
    alarms = 0
    for _ in range(streams):
        stream = (draw.random(STREAM) < rate).astype(np.float64)
        alarms += int(np.count_nonzero(make(value).run(stream).levels == Drift.DRIFT))
    return 1e6 * alarms / (streams * STREAM)


if __name__ == "__main__":
    calibrate() if "--calibrate" in sys.argv[1:] else main()
