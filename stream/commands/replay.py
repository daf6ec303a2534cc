"""`streamgauge replay`: a stream that was, through the core again, and how well that did."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from stream import build, history
from stream.checkpoint import load
from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.config import Config
from stream.errors import ConfigError, StreamgaugeError
from stream.history import History
from stream.monitor import Monitor
from stream.outfile import OutFile
from stream.partitioned import Partitioned
from stream.partitioned import replay as by_partition
from stream.replay import Figures, Ledger, repeat
from stream.replay import replay as take
from stream.replay import since as measured_from
from stream.sinks import Sink
from stream.sinks.files import FileSink
from stream.snapshot_header import Header
from stream.sources.recording import RecordingSource, total_bytes
from stream.timestamps import duration


def replay(
    recordings: list[Path],
    config: Config,
    scores: Path | None,
    alerts: Path | None,
    dead_letters: Path | None,
    drifts: Path | None,
    label_delay: str,
    since: str | None,
    skip: int,
    poll: int | None,
    start: str | None,
    expect: str | None,
    report: Path | None,
    figures: Path | None,
    partitions: int | None,
) -> None:
    """Replay, write what is wanted, print the figures."""
    delay = argument("--label-delay", label_delay, duration)
    if delay and not recordings:
        raise ConfigError("--label-delay goes with recordings: in topics, labels come when they do")
    if partitions:
        _refuse(recordings, config, start, expect, report)
    monitor = build.monitor(config)
    monitors: Sequence[Monitor]
    header = None
    if start:
        snapshot = load(start, config.kafka)
        header = snapshot.header
        history.restore(config, monitor, snapshot)
    if expect:
        argument("--expect", expect, monitor.chain.watch)
    began = time.perf_counter()
    to = FileSink(scores, alerts, dead_letters, drifts)
    notes = None
    if report:
        from stream.report import Notes  # noqa: PLC0415 - plotly is slow to import

        notes = Notes(to)
    with closing(notes or to) as sink:
        about: list[str] = []
        if recordings:
            topics = config.kafka.topics
            source = RecordingSource(
                recordings, build.fields(config), topics.events, topics.labels, delay,
                poll or config.kafka.max_poll_records, None if partitions else monitor.codec,
            )  # fmt: skip
            if partitions:
                several = Partitioned(config, partitions)
                monitors, follow = several.monitors, partial(by_partition, partitioned=several)
            else:
                monitors, follow = [monitor], partial(take, monitor=monitor)
            events, ledger = _recorded(recordings, source, sink, follow)
        else:
            events, ledger, about = _journalled(config, header, monitor, sink)
            monitors = [monitor]
    took = time.perf_counter() - began
    console = Console(highlight=False)
    start_at = _since(since, ledger)
    measured = ledger.figures(start_at, skip=skip)
    console.print(_table(measured))
    if report and notes:
        from stream.report import report as page  # noqa: PLC0415

        title = f"Replay of {', '.join(map(str, recordings)) or config.kafka.topics.journal}"
        fingerprint = f"fingerprint of scores {monitor.chain.hex}, at event {monitor.chain.count:,}"
        chosen = ledger, start_at, skip
        text = page(title, [fingerprint], measured, chosen, notes, monitor.late, monitor.arms)
        _write(report, text.encode())
    if figures:
        _write(figures, msgspec.json.encode(measured.plain()) + b"\n")
    for line in (
        f"{events:,} events in {took:.1f} s, {events / took:,.0f} events a second",
        *about,
        *_limited(monitors),
        *(f"fingerprint of scores {m.chain.hex}, at event {m.chain.count:,}" for m in monitors),
    ):
        console.print(line, soft_wrap=True)
    if expect:
        console.print(_met(expect, monitor), soft_wrap=True)


def _write(path: Path, content: bytes) -> None:
    out = OutFile(path)
    out.file.write(content)
    out.close(whole=True)


def _refuse(
    recordings: list[Path], config: Config, start: str | None, expect: str | None, report: object
) -> None:
    """Raise `ConfigError` over what goes with one monitor only."""
    if config.partitions.scope == "all":
        raise ConfigError('--partitions goes with partitions.scope = "partition"')
    if not recordings:
        raise ConfigError("--partitions goes with recordings: in topics, there are as many as are")
    for option, given in (("--from", start), ("--expect", expect), ("--report", report)):
        if given:
            raise ConfigError(f"{option} goes with one monitor, and --partitions has several")


def _recorded(
    recordings: list[Path], source: RecordingSource, sink: Sink, follow: Callable[..., Ledger]
) -> tuple[int, Ledger]:
    """Take recordings to their end; gives how many events that were."""
    events = 0
    with bar("replay", total_bytes(recordings)) as (progress, task):

        def shown(polled: int) -> None:
            nonlocal events
            events += polled
            progress.update(task, completed=source.bytes_read, note=f"{events:,} events")

        ledger = follow(source, sink=sink, on_poll=shown)
    return events, ledger


def _journalled(
    config: Config, start: Header | None, monitor: Monitor, sink: Sink
) -> tuple[int, Ledger, list[str]]:
    """Follow the journal to its end; gives how many events that were, and what else is to say."""
    events = 0
    with closing(History(config, start)) as past, bar("replay", 1.0) as (progress, task):

        def shown(polled: int) -> None:
            nonlocal events
            events += polled
            progress.update(task, completed=past.progress, note=f"{events:,} events")

        repeated = repeat(past, monitor, sink, lambda: history.forget(config, monitor), shown)
    about = f"{repeated.commits:,} commits in {config.kafka.topics.journal}, "
    if repeated.differs:
        about += f"of which entry {repeated.differs.sequence:,} is the first with other scores"
    else:
        about += "each with the fingerprint of then"
    return events, repeated.ledger, [about]


def _limited(monitors: Sequence[Monitor]) -> Iterator[str]:
    """That labels were dropped, which a recording that names no source may not expect."""
    dropped = sum(monitor.limits.limited for monitor in monitors if monitor.limits)
    if dropped:
        yield (
            f"{dropped:,} labels were more than their source may give (labels.per_source), and "
            "were dropped; all that name no source count as one's"
        )


def _since(given: str | None, ledger: Ledger) -> float:
    """Event time from which on events are measured."""
    if given is None:
        return -math.inf
    return argument("--since", given, partial(measured_from, first_time=ledger.first_time))


def _met(expect: str, monitor: Monitor) -> str:
    """That the fingerprint was met, and where.

    Raises
    ------
    StreamgaugeError
        If it was not.
    """
    chain = monitor.chain
    if chain.met is None:
        raise StreamgaugeError(
            f"--expect {expect}: no event had it; at the end, which is event {chain.count:,}, "
            f"the fingerprint is {chain.hex}"
        )
    return f"reproduced: after event {chain.met:,} the fingerprint was {expect}"


def _table(figures: Figures) -> Table:
    table = Table("prequential metric", "value", title=f"{figures.events:,} events measured")
    for row in (
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
    ):
        table.add_row(*row)
    return table


def _digits(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.5f}"
