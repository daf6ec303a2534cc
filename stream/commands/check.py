"""`streamgauge check`: a config, its broker, and each of its topics."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from stream import build
from stream.config import Config
from stream.kafka import demand, partitions


def check(config: Config, name: str) -> None:
    """Build all parts, then ask the broker for the topics."""
    console = Console()
    monitor = build.monitor(config)
    features = len(monitor.features.names)
    console.print(f"{name} is valid: {config.kind}, {features} dense features")
    topics = config.kafka.topics
    sizes = partitions(config.kafka, topics.names)
    table = Table("topic", "name", "partitions", title=f"broker {config.kafka.bootstrap}")
    for use in topics.__struct_fields__:
        topic = getattr(topics, use)
        table.add_row(use.replace("_", " "), topic, str(sizes[topic] or "missing"))
    console.print(table)
    demand(config.kafka, sizes)
