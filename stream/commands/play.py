"""`streamgauge play`: a recording into topics."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from stream import build
from stream.commands.arguments import argument
from stream.commands.progress import bar
from stream.commands.signals import stop_event
from stream.config import Config
from stream.kafka import create_topics as create
from stream.keys import Keys
from stream.play import play as produce
from stream.sources import Source
from stream.sources.paced import PacedSource
from stream.sources.recording import RecordingSource, total_bytes
from stream.timestamps import duration


def play(
    recordings: list[Path], config: Config, pace: float, label_delay: str, create_topics: bool
) -> None:
    """Create the topics if asked to, then produce."""
    stop = stop_event()
    topics = config.kafka.topics
    total = total_bytes(recordings)
    recording = RecordingSource(
        recordings,
        build.fields(config),
        topics.events,
        topics.labels,
        argument("--label-delay", label_delay, duration),
        max(1, int(pace / 10)) if pace else 1_000,
    )
    source: Source = PacedSource(recording, pace) if pace else recording
    if create_topics:
        create(config.kafka, config.topics)
    played = 0
    with bar("play", total) as (progress, task):

        def shown(polled: int) -> None:
            nonlocal played
            played += polled
            progress.update(task, completed=recording.bytes_read, note=f"{played:,} records")

        by = {"key": Keys(config).of} if config.partitions.scope == "partition" else {}
        produce(source, config.kafka, config.fields.label, stop, shown, **by)
    Console().print(f"{played:,} records produced to {config.kafka.bootstrap}")
