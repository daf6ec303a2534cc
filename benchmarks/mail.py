"""`make bench`: Streamgauge on mails, beside bogofilter and the same job by hand with River.

Each mail is scored, and its label learned at once. Accuracy is over the mails after the first
1,000, since none can tell spam before it has seen some: (1-ROCA)%, the share of pairs of a spam and
a ham that are in the wrong order, as in TREC's spam tracks, and the share of scores on the wrong
side of 0.5. Headers of SpamAssassin's corpus that say how it was made are masked by default for
ours; the others see them all, and so does ours in a row of its own.

Rounds are interleaved, since machines are noisy: compare the ratios, not the figures of two runs.
A ratio is the median of those within each round, where ours is the median of three runs: the first
one after River's spends as long again in the kernel, on memory. Time is the processor's, of all
processes, when ours has compiled.

River by hand is json, River and prometheus-client; its pipeline makes a mail's features for the
score and again for the label, and in the rows "made once" they are kept. How bogofilter is run is
in `benchmarks.bogofilter`.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import bogofilter, river_mail
from benchmarks.machine import processor
from benchmarks.replay import played
from benchmarks.row import Row, versions
from models.ranking import roc_auc
from stream import config
from stream.commands.progress import bar

MAILS = Path("../shared/data/spamassassin_2001-06_2002-08.jsonl.gz")
TEXTS = Path("../shared/data/sms_spam.jsonl.gz")
TEXTS_CONFIG = Path("deploy/examples/sms.toml")
FIRST = 1_000  # not measured
console = Console()
if not console.is_terminal:
    console.width = 120  # as wide as the tables, in a log

Quality = tuple[float, float]  # (1-ROCA)%, and the share of scores on the wrong side of 0.5
Run = Callable[[], Callable[[], Quality]]  # what it gives is called when the clock has stopped


@dataclass
class Filter:
    """One filter, how many times its speed is wanted of ours, and its runs in a round."""

    name: str
    run: Run
    wanted: float = 0.0
    runs: int = 1
    seconds: list[float] = field(default_factory=list)
    quality: Quality = (np.nan, np.nan)


def ours(recording: Path, scores: Path | None, **email: Any) -> Run:
    """The path of `streamgauge replay`, and the service's telemetry on top."""
    return _ours(recording, scores, config.parse({"kind": "emails", "email": email}, "bench"))


def _ours(recording: Path, scores: Path | None, settings: config.Config) -> Run:
    def run() -> Callable[[], Quality]:
        ledger = played([recording], scores, settings, delay=0.0)

        def quality() -> Quality:
            figures = ledger.figures(skip=FIRST)
            return 100.0 * (1.0 - figures.roc_auc), figures.error

        return quality

    return run


def by_hand(recording: Path, scores: Path, bag: Callable[[], Any], once: bool) -> Run:
    """The River loop."""

    def run() -> Callable[[], Quality]:
        given, labels = river_mail.replay(recording, scores, bag(), once)
        return lambda: _quality(given, labels)

    return run


def bogo(script: Path, labels: list[int]) -> Run:
    """Bogofilter."""

    def run() -> Callable[[], Quality]:
        given = bogofilter.replay(script)
        return lambda: _quality(given, labels)

    return run


def _quality(given: Sequence[float], labels: Sequence[int]) -> Quality:
    assert len(given) == len(labels)
    p, y = np.array(given[FIRST:]), np.array(labels[FIRST:], np.int8)
    return 100.0 * (1.0 - roc_auc(p, y)), float(np.mean((p > 0.5) != y))


OURS = "Streamgauge replay"
BOGOFILTER = "bogofilter, a process for each mail"


def filters_of(lines: list[bytes], folder: Path) -> list[Filter]:
    """The filters, ours first."""
    recording, scores = folder / "mails.jsonl", folder / "scores.jsonl"
    recording.write_bytes(b"".join(lines))
    found = [
        Filter(OURS, ours(recording, scores), runs=3),
        Filter("the same, no headers masked", ours(recording, scores, masked_headers=[]), runs=3),
    ]
    if bogofilter.installed():
        mails = [json.loads(line) for line in lines]
        labels = [mail["label"] for mail in mails]
        raw = [mail["raw"].encode("latin-1") for mail in mails]
        script = bogofilter.prepare(raw, labels, folder)
        found.append(Filter(BOGOFILTER, bogo(script, labels), 5.0))
    else:
        console.print("bogofilter is not there: apt-get update && apt-get install bogofilter")
    for name, bag, wanted in (
        ("River by hand, words", river_mail.words, 8.0),
        ("River by hand, our 4-grams", river_mail.four_grams, 60.0),
    ):
        found.append(Filter(name, by_hand(recording, scores, bag, once=False), wanted))
        found.append(Filter(f"{name}, made once", by_hand(recording, scores, bag, once=True)))
    return found


def rows(rounds: int = 3) -> Iterator[Row]:
    """For the one table of `make bench`."""
    if not MAILS.exists():
        console.print(f"{MAILS} is not there: nothing measured on mails")
        return
    with gzip.open(MAILS) as whole:
        lines = list(whole)
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        filters = filters_of(lines, Path(name))
        measure(filters, rounds)
    mine, *others = filters
    for other in others:
        if other.wanted:
            yield Row(
                name="replay of mails, shipped features", peer=other.name,
                versions=versions("river", "numba", "numpy"), ours=_rate(mine, len(lines)),
                theirs=_rate(other, len(lines)), unit="mails/s", wanted=other.wanted,
            )  # fmt: skip


def _rate(one: Filter, mails: int) -> float:
    return mails / statistics.median(one.seconds)


def measure(filters: list[Filter], rounds: int) -> None:
    """Ours compiles before the first round."""
    for row in filters[:2]:
        row.run()
    with bar("bench", rounds * len(filters)) as (progress, task):
        for _ in range(rounds):
            for row in filters:
                progress.update(task, note=row.name)
                row.seconds.append(statistics.median(_take(row) for _ in range(row.runs)))
                progress.advance(task)


def _take(row: Filter) -> float:
    """Seconds of a run."""
    gc.collect()
    start = _processor_time()
    quality = row.run()
    seconds = _processor_time() - start
    row.quality = quality()
    return seconds


def _processor_time() -> float:
    """Seconds of this process and those that it has waited for."""
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def ratio(row: Filter, mine: Filter) -> float:
    """How many times as fast as a row ours is, within a round."""
    pairs = zip(row.seconds, mine.seconds, strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _show(filters: list[Filter], mails: int) -> None:
    mine = filters[0]
    versions = [f"{name} {version(name)}" for name in ("river", "numba", "numpy")]
    table = Table(
        "replay of mails", "mails/s", "us/mail", "ours is", "wanted", "(1-ROCA)%", "errors",
        title=f"{mails:,} mails, labels at once, median of {len(mine.seconds)} interleaved rounds",
        caption=f"accuracy after the first {FIRST:,}; time is the processor's, compiling aside. "
        f"Python {platform.python_version()}, {', '.join(versions)}, {processor()}",
    )  # fmt: skip
    for row in filters:
        us = 1e6 * statistics.median(row.seconds) / mails
        wanted = f"{row.wanted:g} x" if row.wanted else ""
        worse, errors = row.quality
        table.add_row(
            row.name, f"{1e6 / us:,.0f}", f"{us:,.0f}", f"{ratio(row, mine):.1f} x", wanted,
            f"{worse:.3f}", f"{errors:.2%}",
        )  # fmt: skip
    console.print(table)
    for row in filters:
        if (reached := ratio(row, mine)) < row.wanted:
            console.print(f"missed: ours is {reached:.1f} x {row.name}, wanted {row.wanted:g} x")
        if row.name == BOGOFILTER and mine.quality[0] > row.quality[0]:
            console.print("missed: (1-ROCA)% of ours is above bogofilter's")


def _texts() -> Quality | None:
    """Ours on texts without a header."""
    if not TEXTS.exists():
        return None
    quality = _ours(TEXTS, None, config.load(TEXTS_CONFIG))()()
    worse, errors = quality
    table = Table("SMS Spam Collection", "(1-ROCA)%", "errors")
    table.add_row(OURS, f"{worse:.3f}", f"{errors:.2%}")
    console.print(table)
    return quality


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--mails", type=int, help="mails to take (all)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    if not MAILS.exists():
        console.print(f"{MAILS} is not there: nothing measured on mails")
        return
    with gzip.open(MAILS) as whole:
        lines = list(islice(whole, arguments.mails))
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        filters = filters_of(lines, Path(name))
        measure(filters, arguments.rounds)
    _show(filters, len(lines))
    texts = _texts()
    if arguments.json:
        known = {
            "mails": len(lines),
            "seconds": {row.name: row.seconds for row in filters},
            "ratios": {row.name: ratio(row, filters[0]) for row in filters},
            "(1-ROCA)% and errors": {row.name: row.quality for row in filters},
            "texts": texts,
        }
        arguments.json.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
