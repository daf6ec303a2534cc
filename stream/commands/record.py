"""`streamgauge record`: topics into a file."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path

import msgspec
from rich.console import Console

from stream import build
from stream.commands.progress import bar
from stream.commands.signals import stop_event
from stream.config import Config
from stream.record import record as write
from stream.sources.kafka import KafkaSource


def record(config: Config, out: Path, follow: bool) -> None:
    """Read both topics from their beginning, as a group of our own that commits nothing."""
    stop = stop_event()
    group = f"{config.kafka.group}-record-{secrets.token_hex(4)}"
    kafka = msgspec.structs.replace(config.kafka, group=group)
    topics = kafka.topics
    written = 0
    with (
        closing(KafkaSource(kafka, [topics.events, topics.labels])) as source,
        bar("record", None) as (progress, task),
    ):

        def shown(polled: int) -> None:
            nonlocal written
            written += polled
            behind = sum(source.lag().values())
            progress.update(
                task, completed=written, total=written + behind, note=f"{written:,} records"
            )

        write(source, build.codec(config), out, stop, follow=follow, on_poll=shown)
    Console().print(f"{written:,} records in {out}")
