"""`python -m benchmarks.scrape`: how long a scrape takes, with few keys and with 200,000.

The service's metrics, eight arms, every event labelled, written in Prometheus's text form; the loop
waits meanwhile for the lock, so this is also how long a scrape can hold it up. Takes some seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from rich.console import Console
from rich.table import Table

from stream import build
from stream.commands.progress import bar
from stream.config import parse
from stream.events import Record
from stream.telemetry import Telemetry

KEYS = (2_000, 200_000)
POLL = 1_000  # events
APART = 30  # seconds between two, so that there are days of them
SCRAPES = 20
AT_MOST = 100.0  # ms


def records(topics: list[str], first: int) -> Iterator[Record]:
    """A poll of events, each of a customer and a terminal not seen before, and their labels."""
    for n in range(first, first + POLL):
        ts = 1_600_000_000 + APART * n
        event = b'{"id":"e%d","ts":%d,"customer":"c%d","terminal":"t%d","amount":%d.5}'
        yield Record(event % (n, ts, n, n, n % 90), topics[0], 0, n, 1_000 * ts)
        label = b'{"id":"e%d","label":%d,"ts":%d}' % (n, n % 20 == 0, ts + 1)
        yield Record(label, topics[1], 0, n, 1_000 * (ts + 1))


def scraped(keys: int) -> tuple[float, float, int]:
    """Milliseconds of a scrape, and of the longest, and bytes, after so many customers."""
    config = parse({"challengers": "default"}, "scrape")
    monitor, registry = build.monitor(config), CollectorRegistry()
    topics = [config.kafka.topics.events, config.kafka.topics.labels]
    telemetry = Telemetry(monitor, registry, "0", topics)
    with bar(f"{keys:,} keys", keys) as (progress, task):
        for first in range(0, keys, POLL):
            taken = list(records(topics, first))
            telemetry.observe(taken, monitor.step(taken), {(topics[0], 0): 0})
            telemetry.committed()
            progress.advance(task, POLL)
    times, text = [], b""
    for _ in range(SCRAPES):
        began = time.perf_counter()
        text = generate_latest(registry)
        times.append(1e3 * (time.perf_counter() - began))
    if monitor.prequential.count != keys:
        raise AssertionError(f"{monitor.prequential.count} of {keys} labels were measured")
    return statistics.median(times), max(times), len(text)


def main() -> None:
    """Print the table."""
    table = Table("customers, and terminals", "ms a scrape", "longest", "bytes", title="/metrics")
    for keys in KEYS:
        ms, longest, size = scraped(keys)
        missed = "" if longest < AT_MOST else f"  missed: wanted {AT_MOST:g}"
        table.add_row(f"{keys:,}", f"{ms:.1f}", f"{longest:.1f}{missed}", f"{size:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
