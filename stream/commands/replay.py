"""`streamgauge replay`: a recording through the core, and a table of how well it did."""

from __future__ import annotations

import math
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stream import build
from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.config import Config
from stream.replay import Figures, Ledger
from stream.replay import replay as take
from stream.replay import since as measured_from
from stream.sinks.files import FileSink
from stream.sources.recording import RecordingSource, total_bytes
from stream.timestamps import duration


def replay(
    recordings: list[Path],
    config: Config,
    scores: Path | None,
    alerts: Path | None,
    dead_letters: Path | None,
    label_delay: str,
    since: str | None,
    skip: int,
    poll: int | None,
) -> None:
    """Replay, write what is wanted, print the figures."""
    topics = config.kafka.topics
    delay = argument("--label-delay", label_delay, duration)
    source = RecordingSource(
        recordings, build.fields(config), topics.events, topics.labels, delay,
        poll or config.kafka.max_poll_records,
    )  # fmt: skip
    monitor = build.monitor(config)
    sink = FileSink(scores, alerts, dead_letters)
    started = time.perf_counter()
    events = 0
    with closing(sink), bar("replay", total_bytes(recordings)) as (progress, task):

        def shown(polled: int) -> None:
            nonlocal events
            events += polled
            progress.update(task, completed=source.bytes_read, note=f"{events:,} events")

        ledger = take(source, monitor, sink, shown)
    took = time.perf_counter() - started
    _print(ledger.figures(_since(since, ledger), skip=skip), took, events)


def _since(given: str | None, ledger: Ledger) -> float:
    """Event time from which on events are measured."""
    if given is None:
        return -math.inf
    return argument("--from", given, partial(measured_from, first_time=ledger.first_time))


def _print(figures: Figures, took: float, events: int) -> None:
    table = Table("prequential metric", "value", title=f"{figures.events:,} events measured")
    rows = [
        ("events with a label", f"{figures.labels:,}"),
        ("of class 1", f"{figures.positives:,}"),
        ("error", _digits(figures.error)),
        ("log-loss, nats", _digits(figures.log_loss)),
        ("ROC AUC", _digits(figures.roc_auc)),
        ("1 - ROC AUC, %", _digits(100.0 * (1.0 - figures.roc_auc))),
        ("average precision", _digits(figures.average_precision)),
        ("alerts with a label", f"{figures.alerts:,}"),
        ("precision of alerts", _digits(figures.precision)),
        ("recall of alerts", _digits(figures.recall)),
        ("dead letters, whole stream", f"{figures.dead_letters:,}"),
        ("drifts, whole stream", f"{figures.drifts:,}"),
    ]
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(f"{events:,} events in {took:.1f} s, {events / took:,.0f} events a second")


def _digits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.5f}"
