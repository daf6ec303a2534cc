"""`streamgauge explain`: why a past event got its score."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream import build, history
from stream.checkpoint import Snapshot, whole
from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.config import Config
from stream.errors import ConfigError, RecoveryError, StreamgaugeError
from stream.events import Record
from stream.explain import Explainer, Explanation, Place, find, place
from stream.history import History
from stream.snapshot_header import Header
from stream.sources.recording import RecordingSource, total_bytes
from stream.sources.scan import Scan
from stream.timestamps import duration

SHOWN = 40  # features in the table; a mail that is quoted has some thousand


def explain(
    event_id: str, config: Config, recording: list[Path], label_delay: str, *, as_json: bool
) -> None:
    """Find the event, take the stream to it, and print what came of it."""
    delay = argument("--label-delay", label_delay, duration)
    if delay and not recording:
        raise ConfigError(
            "--label-delay goes with --recording: in topics, labels come when they do"
        )
    explained = (
        _recorded(event_id, config, recording, delay) if recording else _past(event_id, config)
    )
    if as_json:
        encoded = msgspec.json.format(msgspec.json.encode(explained), indent=2)
        sys.stdout.write(encoded.decode() + "\n")
    else:
        _print(explained)


def _recorded(event_id: str, config: Config, paths: list[Path], delay: float) -> Explanation:
    topics, total = config.kafka.topics, total_bytes(paths)

    def polls(title: str) -> Iterator[Sequence[Record]]:
        source = RecordingSource(
            paths, build.fields(config), topics.events, topics.labels, delay,
            config.kafka.max_poll_records,
        )  # fmt: skip
        with bar(title, total) as (progress, task), closing(source):
            while not source.exhausted:
                yield source.poll(0.0)
                progress.update(task, completed=source.bytes_read)

    names = ", ".join(map(str, paths))
    last = _found(event_id, *find(event_id, polls("find"), build.codec(config)), names)
    explainer = Explainer(build.monitor(config), place(last))
    for records in polls("replay"):
        explainer.take(records)
        if explainer.found:
            return explainer.found
    raise AssertionError("found, and then not")


def _past(event_id: str, config: Config) -> Explanation:
    """From Kafka, by the last snapshot before the event."""
    topic = config.kafka.topics.events
    with closing(Scan(config.kafka, topic)) as scan, bar("find", None) as (progress, task):

        def polls() -> Iterator[Sequence[Record]]:
            for records in scan:
                note = f"{scan.read:,} records"
                progress.update(task, completed=scan.read, total=scan.read + scan.behind, note=note)
                yield records

        last = _found(event_id, *find(event_id, polls(), build.codec(config)), topic)
    wanted, passed = place(last), False
    who = f"event {event_id} ({wanted[0]}-{wanted[1]} at offset {wanted[2]:,})"

    def before(header: Header) -> bool:
        nonlocal passed
        past = header.next_offsets.get(wanted[:2], 0) > wanted[2]
        passed |= past
        return not past

    url = config.snapshot.url
    start = next(whole(url, before, kafka=config.kafka), None) if url else None
    try:
        found = _followed(config, start, wanted)
    except RecoveryError as error:
        raise RecoveryError(f"{who} cannot be explained: {error}") from None
    if found is None and passed:
        raise RecoveryError(
            f"{who} cannot be explained: it came before the oldest snapshot in {url}, and is not "
            "in the journal; snapshot.keep and snapshot.trim_journal say how far back they go"
        )
    if found is None:
        raise RecoveryError(f"{who} is not scored yet: it comes after all that is in the journal")
    return found


def _followed(config: Config, start: Snapshot | None, wanted: Place) -> Explanation | None:
    """From a snapshot to the end of the commit in which the event was scored."""
    monitor = build.monitor(config)
    if start:
        history.restore(config, monitor, start)
    explainer = Explainer(monitor, wanted)
    with (
        closing(History(config, start.header if start else None)) as past,
        bar("replay", 1.0) as (progress, task),
    ):
        for commit in past:
            progress.update(task, completed=past.progress)
            if commit is None:
                continue
            if commit.anew:
                history.forget(config, monitor)
            for records in commit.records:
                explainer.take(records)
            commit.mix(monitor)
            commit.demand(monitor)
            if explainer.found:
                return explainer.found
    return None


def _found(event_id: str, last: Record | None, times: int, where: str) -> Record:
    if last is None:
        raise StreamgaugeError(f"no event {event_id} in {where}")
    if times > 1:
        typer.echo(f"{times:,} events have the id {event_id}: this is the last one", err=True)
    return last


def _print(explained: Explanation) -> None:
    console = Console(highlight=False)
    verdict = "an alert" if explained.alert else "no alert"
    for line in (
        f"event {explained.id}, {explained.place}, time {explained.ts}",
        f"score {explained.score!r}, threshold {explained.threshold!r}: {verdict}",
    ):
        console.print(Text(line), soft_wrap=True)
    arms = Table("arm", "score", "learning rate")
    for arm in explained.arms:
        leads = " (leads)" if len(explained.arms) > 1 and arm.arm == explained.arm else ""
        arms.add_row(arm.arm + leads, f"{arm.score:.6g}", f"{arm.learning_rate:.6g}")
    console.print(arms)
    table = Table("feature", "value", "added to the logit")
    for feature in explained.features[:SHOWN]:
        row = f"{feature.value:.6g}", f"{feature.contribution:+.6f}"
        table.add_row(Text(feature.feature), *row)
    others = explained.features[SHOWN:]
    if others:
        added = math.fsum(feature.contribution for feature in others)
        table.add_row(f"{len(others):,} others", "", f"{added:+.6f}")
    table.add_row("intercept", "", f"{explained.intercept:+.6f}", end_section=True)
    table.add_row(f"logit of {explained.arm}", "", f"{explained.logit:+.6f}")
    console.print(table)
