"""`streamgauge check`: a config, its broker, and each of its topics."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from stream import build, keys
from stream.config import Config
from stream.kafka import demand, partitions


def check(config: Config, name: str) -> None:
    """Build all parts, then ask the broker for the topics."""
    console = Console()
    monitor = build.monitor(config)
    features = len(monitor.features.names)
    console.print(f"{name} is valid: {config.kind}, {features} dense features")
    for line in about(config):
        console.print(line, soft_wrap=True)
    topics = config.kafka.topics
    sizes = partitions(config.kafka, config.topics)
    table = Table("topic", "name", "partitions", title=f"broker {config.kafka.bootstrap}")
    for use in topics.__struct_fields__:
        topic = getattr(topics, use)
        if topic not in sizes:
            continue
        table.add_row(use.replace("_", " "), topic, str(sizes[topic] or "missing"))
    console.print(table)
    demand(config.kafka, sizes)
    if config.partitions.scope == "partition":
        keys.co_partitioned(config, sizes)


def about(config: Config) -> Iterator[str]:
    """What is to be known of a config with a monitor for each partition, a line each."""
    if config.partitions.scope == "all":
        return
    yield f"each partition has a monitor of its own; records are keyed by {keys.field(config)}"
    for name in config.partitions.local:
        yield f"features of {name} see the events of one partition (partitions.local)"
    mixed = build.mixes(config)
    if mixed:
        yield f"weights of {', '.join(mixed)} are mixed every {config.partitions.mix_every}"
    for name, reason in build.unmixed(config).items():
        yield f"weights of {name} are not mixed: {reason}"
