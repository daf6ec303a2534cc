"""`make bench`: what exactly-once costs, Kafka to Kafka.

The service reads a backlog of events and labels and writes a score for each event, once with
transactions and once without, over topics that are filled anew for each run. Rounds are
interleaved. Time goes from the first score that is sent to the last one, without the start.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from deploy.kafka.broker import Broker
from stream.commands.progress import bar
from tests.live.service import Stage, eventually
from tests.live.test_exactly_once import PARTITIONS, fill

DELIVERIES = ("exactly-once", "at-least-once")
SETTINGS = 'max_wait = "60s"\nmax_poll_records = 2000\ndelivery = "{}"\n'


def rate(kafka: str, folder: Path, delivery: str, events: int) -> float:
    """Events a second of one run."""
    stage = Stage(kafka, folder, PARTITIONS, settings=SETTINGS.format(delivery))
    fill(stage, events)
    with stage.service("--set", "kafka.commit_interval=1s", "--set", "snapshot.url=") as service:
        eventually(lambda: service.state()["events"] == events, "all scored", 300)
        eventually(lambda: not sum(service.state()["lag"].values()), "all read", 60)
        stamps = [record.timestamp for record in stage.read("scores", events)]
    return 1_000.0 * (len(stamps) - 1) / float(max(stamps) - min(stamps))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {delivery: [] for delivery in DELIVERIES}
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            with bar("Kafka to Kafka", arguments.rounds) as (progress, task):
                for _ in range(arguments.rounds):
                    for delivery in DELIVERIES:
                        one = rate(broker.bootstrap, folder, delivery, arguments.events)
                        rates[delivery].append(one)
                    progress.advance(task)
        finally:
            broker.stop()
    table = Table(
        title=f"{arguments.events:,} events and as many labels, kafka-python, median of "
        f"{arguments.rounds} interleaved rounds",
        caption=f"broker and service on the same two cores; {processor()}",
    )
    for column in ("run, Kafka to Kafka", "events/s", "of at-least-once"):
        table.add_column(column)
    for delivery, found in rates.items():
        shares = [a / b for a, b in zip(found, rates["at-least-once"], strict=True)]
        table.add_row(
            delivery, f"{statistics.median(found):,.0f}", f"{statistics.median(shares):.2f} x"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
