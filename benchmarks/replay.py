"""`make bench`: Streamgauge's replay beside the same job by hand, on the same events in one run.

Rounds are interleaved, since machines are noisy: compare the ratios, not the figures of two runs.
A ratio is the median of those within each round. Time is the processor's, which other work on the
machine disturbs less; neither side waits for anything but the processor and memory. Accuracy is
measured over the second half of the events, since none can learn before the first labels come.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import math
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry
from rich.console import Console
from rich.table import Table

from benchmarks import river_loop
from benchmarks.machine import processor
from benchmarks.row import Row, versions
from models.ranking import average_precision, roc_auc
from stream import build
from stream.commands.progress import bar
from stream.config import Config, parse
from stream.generate import Stream, transactions
from stream.replay import Figures, Ledger
from stream.sinks.files import FileSink
from stream.sources.recording import RecordingSource
from stream.telemetry import Telemetry
from stream.timestamps import epoch

RECORDING = Path("../shared/data/fraud_handbook_days000-089.jsonl.gz")
DELAY = 7 * 86_400.0
AT_LEAST = 25.0  # times the River loop
ONE_ARM = Config()
console = Console()

Rank = Callable[[float], tuple[float, float]]  # average precision and ROC AUC since a time
Run = Callable[[Path, Path], Rank]  # the job; what it gives is called when the clock has stopped


def ours(recording: Path, scores: Path) -> Rank:
    """The path of `streamgauge replay`, and the service's telemetry on top."""
    return _measured(played([recording], scores))


def eight_arms(recording: Path, scores: Path) -> Rank:
    """The same with the default eight arms, and their mixture deciding."""
    several = {"challengers": "default", "decision": {"mode": "mixture"}}
    return _measured(played([recording], scores, parse(several, "eight arms")))


def _measured(ledger: Ledger) -> Rank:
    def rank(since: float) -> tuple[float, float]:
        figures = ledger.figures(since)
        return figures.average_precision, figures.roc_auc

    return rank


def played(
    recordings: list[Path], scores: Path | None, config: Config = ONE_ARM, delay: float = DELAY
) -> Ledger:
    """Recordings to their end, with scores written and the service's telemetry."""
    topics = config.kafka.topics
    monitor, sink, ledger = build.monitor(config), FileSink(scores), Ledger()
    source = RecordingSource(
        recordings, build.fields(config), topics.events, topics.labels, delay, codec=monitor.codec
    )
    telemetry = Telemetry(monitor, CollectorRegistry(), "bench")
    while not source.exhausted:
        records = source.poll(0.0)
        outcome = monitor.step(records)
        sink.write(outcome)
        ledger.add(outcome)
        telemetry.observe(records, outcome, {})
        telemetry.committed()
    sink.flush()
    sink.close()
    return ledger


def by_hand(recording: Path, scores: Path) -> Rank:
    """The River loop with the same features."""
    return _ranked(*river_loop.replay(recording, scores, DELAY))


def bare(recording: Path, scores: Path) -> Rank:
    """The River loop with the event's own fields only, which does less."""
    return _ranked(*river_loop.replay(recording, scores, DELAY, windows=False))


def _ranked(times: list[float], given: list[float], labels: list[int]) -> Rank:
    def rank(since: float) -> tuple[float, float]:
        late = np.array(times) >= since
        p, y = np.array(given)[late], np.array(labels, np.int8)[late]
        return average_precision(p, y), roc_auc(p, y)

    return rank


OURS = "Streamgauge replay"
EIGHT = "the same with eight arms and their mixture"
BY_HAND = "json + River + prometheus-client, same features"
ROWS: dict[str, Run] = {
    OURS: ours,
    EIGHT: eight_arms,
    BY_HAND: by_hand,
    "the same, the event's own fields only": bare,
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events to take (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    events, seconds, quality = measure(arguments.events, arguments.rounds)
    _show(seconds, quality, events)
    figures = _whole()
    if arguments.json:
        known = {
            "events": events,
            "seconds": seconds,
            "ratios": {row: _ratio(seconds, row) for row in ROWS},
            "average precision and ROC AUC": quality,
            "whole": msgspec.to_builtins(figures) if figures else None,
        }
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")


def measure(
    events: int, rounds: int
) -> tuple[int, dict[str, list[float]], dict[str, tuple[float, float]]]:
    """How many events there were; and by row the seconds of each round, and how right it was."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        folder = Path(name)
        recording = folder / "events.jsonl"
        events, middle = _prepare(recording, events)
        warm = folder / "warm.jsonl"
        _prepare(warm, 5_000)
        for run in ROWS.values():  # ours compiles
            run(warm, folder / "scores.jsonl")
        seconds: dict[str, list[float]] = {row: [] for row in ROWS}
        quality = {}
        with bar("bench", rounds * len(ROWS)) as (progress, task):
            for _ in range(rounds):
                for row, run in ROWS.items():
                    progress.update(task, note=row)
                    gc.collect()
                    start = time.process_time()
                    rank = run(recording, folder / "scores.jsonl")
                    seconds[row].append(time.process_time() - start)
                    quality[row] = rank(middle)
                    progress.advance(task)
    return events, seconds, quality


def rows(events: int = 200_000, rounds: int = 3) -> Iterator[Row]:
    """For the one table of `make bench`."""
    events, seconds, _ = measure(events, rounds)
    medians = {row: statistics.median(taken) for row, taken in seconds.items()}
    used = versions("river", "numba", "numpy")
    yield Row(
        name="replay of transactions, one arm", peer=BY_HAND, versions=used,
        ours=events / medians[OURS], theirs=events / medians[BY_HAND], unit="events/s",
        wanted=AT_LEAST,
    )  # fmt: skip
    yield Row(
        name="replay of transactions, eight arms and their mixture", peer="one arm", versions=used,
        ours=1e6 * medians[EIGHT] / events, theirs=1e6 * medians[OURS] / events, unit="us/event",
        wanted=3.0, at_most=True,
    )  # fmt: skip


def _prepare(recording: Path, events: int) -> tuple[int, float]:
    """The first events of the fraud recording; generated ones where it is not there.

    Gives how many there are, and the time of the one in the middle.
    """
    with recording.open("wb") as out:
        if RECORDING.exists():
            with gzip.open(RECORDING) as lines:
                chosen = list(islice(lines, events))
        else:
            console.print(f"{RECORDING} is not there: measuring on a generated stream")
            stream = transactions(Stream(events=events))
            chosen = [msgspec.json.encode(event) + b"\n" for event in stream]
        out.writelines(chosen)
    return len(chosen), epoch(json.loads(chosen[len(chosen) // 2])["ts"])


def _ratio(seconds: dict[str, list[float]], row: str) -> float:
    """How many times as fast as a row ours is, within a round."""
    pairs = zip(seconds[row], seconds[OURS], strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _show(
    seconds: dict[str, list[float]], quality: dict[str, tuple[float, float]], events: int
) -> None:
    rounds = len(seconds[OURS])
    table = Table(
        "replay of transactions", "events/s", "us/event", "ours is", "AP", "ROC AUC",
        title=f"{events:,} events, labels 7 days late, median of {rounds} interleaved rounds",
        caption=f"wanted: at least {AT_LEAST:g} times the loop with the same features, and "
        f"eight arms in at most 3 times the time of one. Python "
        f"{platform.python_version()}, river {version('river')}, numba {version('numba')}, "
        f"numpy {version('numpy')}, {processor()}",
    )  # fmt: skip
    for row, taken in seconds.items():
        speed = events / statistics.median(taken)
        ap, auc = quality[row]
        us, ratio = f"{1e6 / speed:.1f}", f"{_ratio(seconds, row):.1f} x"
        table.add_row(row, f"{speed:,.0f}", us, ratio, f"{ap:.3f}", f"{auc:.3f}")
    console.print(table)


def _whole() -> Figures | None:
    """The whole recording, measured from day 30 on."""
    if not RECORDING.exists():
        return None
    with console.status("the whole recording"):
        ledger = played([RECORDING], None)
    figures = ledger.figures(ledger.first_time // 86_400.0 * 86_400.0 + 30 * 86_400.0)
    table = Table("days 30 to 89 of the fraud recording", "reached", "wanted")
    table.add_row("average precision", f"{figures.average_precision:.4f}", "0.66")
    table.add_row("ROC AUC", f"{figures.roc_auc:.4f}", "0.89")
    console.print(table)
    assert not math.isnan(figures.average_precision)
    return figures


if __name__ == "__main__":
    main()
