"""`streamgauge record`: topics into a file."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rich.console import Console

from stream import build
from stream.commands.progress import bar
from stream.commands.signals import stop_event
from stream.config import Config
from stream.events import Record
from stream.masking import Mask
from stream.record import record as write
from stream.sources.kafka import KafkaSource


def record(config: Config, out: Path, follow: bool, mask: bool) -> None:
    """Read both topics from their beginning."""
    stop = stop_event()
    topics = config.kafka.topics
    written = 0
    with (
        closing(KafkaSource(config.kafka, [topics.events, topics.labels])) as source,
        bar("record", None) as (progress, task),
    ):
        source.start(dict.fromkeys(source.partitions, 0))

        def shown(polled: int) -> None:
            nonlocal written
            written += polled
            behind = sum(source.lag().values())
            progress.update(
                task, completed=written, total=written + behind, note=f"{written:,} records"
            )

        put = _mask(config) if mask else None
        write(source, build.codec(config), out, stop, follow=follow, mask=put, on_poll=shown)
    Console().print(f"{written:,} records in {out}")


def _mask(config: Config) -> Callable[[Record], Record]:
    f = config.fields
    keys = {
        "transactions": (f.customer, f.terminal, *f.categorical),
        "emails": (),
        "metrics": (f.series,),
    }
    hidden = [name for name in keys[config.kind] if name]
    return Mask(
        build.fields(config), config.kafka.topics.labels, hidden, secrets.token_bytes(32)
    ).record
