"""`python -m benchmarks.nab`: the Numenta Anomaly Benchmark's two families of real series.

Ours is the shipped monitor with the defaults of `kind = "metrics"`, one for all series, which come
one after another; what it is measured by are the scores that it gives. Beside it, each series for
itself: River's half-space trees (on the value over the range of the probation, which they learn
first), and a windowed Gaussian as NAB has it (the last 6,400 values, renewed every 100; the chance
of a value as far from their mean). All go through `benchmarks.nab_score`, with one threshold for
all series, the best one for each: ours was found here once, and is kept as `THRESHOLD`.

Skips what is not there: the recordings lie in ../shared/data. Takes a minute, nearly all of it
River's.
"""

from __future__ import annotations

import gzip
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from river.anomaly import HalfSpaceTrees

from benchmarks.nab_score import PROFILES, Sweep, Window, probation, sweep
from models.vectors import Floats
from stream import build
from stream.config import parse
from stream.events import Record
from stream.timestamps import epoch

DATA = Path("../shared/data")
FAMILIES = ("realKnownCause", "realAWSCloudwatch")
THRESHOLD = 0.99835  # of our scores: chosen on these families, and kept
POLL = 5_000


class Series(NamedTuple):
    """One series: its name, times, values, and where its anomalies are."""

    name: str
    ts: list[str]
    values: list[float]
    windows: list[Window]


def series(family: str) -> list[Series]:
    """Those of a family, in the order of the recording."""
    found: dict[str, tuple[list[str], list[float], list[int]]] = {}
    with gzip.open(DATA / f"nab_{family}.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            ts, values, labels = found.setdefault(row["series"], ([], [], []))
            ts.append(row["ts"])
            values.append(float(row["value"]))
            labels.append(row["label"])
    return [Series(name, ts, values, _runs(labels)) for name, (ts, values, labels) in found.items()]


def _runs(labels: Sequence[int]) -> list[Window]:
    edges = np.flatnonzero(np.diff([0, *labels, 0])).tolist()
    return [(first, after - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def ours(all_series: Sequence[Series]) -> list[Floats]:
    """The shipped monitor's scores."""
    config = parse({"kind": "metrics"}, "the defaults of metrics")
    monitor = build.monitor(config)
    topic = config.kafka.topics.events
    records = [
        Record(
            json.dumps({"series": one.name, "ts": ts, "value": value}).encode(), topic, 0, 0,
            int(1e3 * epoch(ts)),
        )
        for one in all_series
        for ts, value in zip(one.ts, one.values, strict=True)
    ]  # fmt: skip
    scores = np.concatenate(
        [monitor.step(records[at : at + POLL]).scores for at in range(0, len(records), POLL)]
    )
    return np.split(scores, np.cumsum([len(one.values) for one in all_series])[:-1])


def windowed_gaussian(values: Sequence[float]) -> Iterator[float]:
    """One less the chance of a value further from the mean on its side."""
    window, fresh = list[float](), list[float]()
    mean, deviation = 0.0, 1.0
    for value in values:
        z = abs(value - mean) / deviation
        yield 1.0 - 0.5 * math.erfc(z / math.sqrt(2.0)) if window else 0.0
        if len(window) < 6_400:
            window.append(value)
        else:
            fresh.append(value)
            if len(fresh) < 100:
                continue
            window, fresh = window[100:] + fresh, []
        mean, deviation = float(np.mean(window)), float(np.std(window)) or 1e-6


def half_space_trees(values: Sequence[float]) -> Iterator[float]:
    """River's, with its defaults."""
    start = values[: probation(len(values))]
    low, high = min(start), max(start)
    trees: Any = HalfSpaceTrees(seed=42)
    for value in values:
        x = {"value": min(max((value - low) / ((high - low) or 1.0), 0.0), 1.0)}
        yield float(trees.score_one(x))
        trees.learn_one(x)


def each(
    detect: Callable[[Sequence[float]], Iterator[float]], name: str
) -> Callable[[Sequence[Series]], list[Floats]]:
    """A detector that takes each series for itself."""

    def run(all_series: Sequence[Series]) -> list[Floats]:
        return [
            np.fromiter(detect(one.values), np.float64)
            for one in track(all_series, name, transient=True)
        ]

    return run


DETECTORS: Mapping[str, Callable[[Sequence[Series]], list[Floats]]] = {
    "Streamgauge": ours,
    "windowed Gaussian": each(windowed_gaussian, "windowed Gaussian"),
    "River HalfSpaceTrees": each(half_space_trees, "River HalfSpaceTrees"),
}


def measured(families: Mapping[str, list[Series]], scores: Sequence[Floats]) -> dict[str, Any]:
    """Sweeps by what is scored and profile."""
    flat = [one for family in families.values() for one in family]
    found: dict[str, dict[str, Sweep]] = {}
    for what, names in {**{name: [name] for name in families}, "both": list(families)}.items():
        mine = {id(one) for name in names for one in families[name]}
        chosen = [(s, one.windows) for s, one in zip(scores, flat, strict=True) if id(one) in mine]
        found[what] = {
            profile: sweep([s for s, _ in chosen], [w for _, w in chosen], weights)
            for profile, weights in PROFILES.items()
        }
    return found


def main() -> None:
    """Print the table."""
    missing = [name for name in FAMILIES if not (DATA / f"nab_{name}.jsonl.gz").exists()]
    if missing:
        print(f"skipped: no recordings of {', '.join(missing)} in {DATA}")
        return
    families = {name: series(name) for name in FAMILIES}
    flat = [one for family in families.values() for one in family]
    rows = sum(len(one.values) for one in flat)
    table = Table(
        "", "series", *(name.removeprefix("reward ") for name in PROFILES), "threshold", "us each",
        title=f"Numenta Anomaly Benchmark, {len(flat)} series, {rows:,} values: score, 0 to 100",
    )  # fmt: skip
    standard: dict[tuple[str, str], float] = {}
    for name, detect in DETECTORS.items():
        began = time.perf_counter()
        scores = detect(flat)
        cost = 1e6 * (time.perf_counter() - began) / rows
        for what, sweeps in measured(families, scores).items():
            best = [one.normalised().max() for one in sweeps.values()]
            standard[name, what] = best[0]
            told = f"{sweeps['standard'].best():.6g}"
            said = [f"{score:.1f}" for score in best]
            table.add_row(name, what.removeprefix("real"), *said, told, f"{cost:.1f}")
            if name == "Streamgauge":
                said = [f"{one.at(THRESHOLD):.1f}" for one in sweeps.values()]
                table.add_row("", "  as kept", *said, str(THRESHOLD))
        table.add_section()
    Console().print(table)
    for peer in list(DETECTORS)[1:]:
        ratios = ", ".join(
            f"{what} {standard['Streamgauge', what] / standard[peer, what]:.2f}"
            for what in (*families, "both")
            if standard[peer, what] > 0.0
        )
        print(f"standard score, ours over {peer}'s: {ratios}")


if __name__ == "__main__":
    main()
