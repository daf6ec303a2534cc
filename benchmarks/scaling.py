"""`make scaling`: what more workers bring, and what a monitor for each partition costs.

Three parts. *Throughput* is in `benchmarks.workers`. *Kills*: two workers, one of which gets a
SIGKILL over and over; each event must be scored once, and as the journal of its partition leads to,
to the bit. *Accuracy*: the fraud recording in one monitor and in eight, mixed and not, with
features that all go by the key, with some that do not, and with these made elsewhere from the whole
history of their key and sent along in the events, as by a repartition topic.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.workers import PARTITIONS, shared, throughput
from deploy.kafka.broker import Broker
from stream import build, config
from stream.features.transactions import CALENDAR
from stream.sources.recording import RecordingSource
from tests.live.by_partition import events_of, fill, repeated, stage_of
from tests.live.crashing import COMMAND
from tests.live.service import Service, Stage, eventually

RECORDING = Path("../shared/data/fraud_handbook_days000-089.jsonl.gz")
DELAY = 7 * 86_400.0  # of labels, in seconds
SINCE = "45d"  # the second half
SLOW = [*COMMAND, "poll:0"]
console = Console(width=110, highlight=False)

TERMINAL = ("--set", "partitions.key=terminal")
NONE_LOCAL = ("--set", "partitions.local=[]", "--set", "fields.customer=")
# What is replayed: the features, and what the config says for them.
STREAMS = {
    "terminals, by terminal": (*TERMINAL, *NONE_LOCAL),
    "both, by terminal": (*TERMINAL, "--set", 'partitions.local=["customer"]'),
    "both, by customer": (),
}
# The same when all features came with the event, whatever the key.
CARD = "card"  # what records go by: the customer, no longer a field that features are kept by
GIVEN = (
    "--set", "fields.customer=", "--set", "fields.terminal=", "--set", "fields.amount=",
    "--set", f"partitions.key={CARD}", "--set", "partitions.local=[]",
)  # fmt: skip
ONE = ("--set", "partitions.scope=all")
EIGHT = ("--partitions", str(PARTITIONS))


def kills(broker: Broker, folder: Path, events: int, times: int, seed: int) -> None:
    """Kill one of two workers, over and over, and look at what was committed."""
    stage = stage_of(broker.bootstrap, folder, PARTITIONS, "max_poll_records = 30\n")
    places, draw = fill(stage, events), random.Random(seed)
    with ExitStack() as stack:

        def start() -> Service:
            keep = "--set", "snapshot.trim_journal=false"
            return stack.enter_context(stage.service(*keep, command=SLOW))

        two = [start(), start()]
        for _ in range(times):
            time.sleep(draw.uniform(2.0, 8.0))
            victim = draw.randrange(2)
            two[victim].kill()
            two[victim] = start()
            console.print(f"killed at {events_of(two[1 - victim]):,} events of the other one")
        eventually(lambda: shared(two), "both at work", 180)
        eventually(lambda: events_of(*two) == events, "all scored", 600)
        for worker in two:
            worker.signal(signal.SIGTERM)
    _verdict(stage, places, times)


def _verdict(stage: Stage, places: dict[str, int], times: int) -> None:
    scored = [record.value for record in stage.read("scores", len(places))]
    if sorted(str(json.loads(line)["id"]) for line in scored) != sorted(places):
        sys.exit(f"{len(scored):,} scores for {len(places):,} events")
    again = [repeated(stage, partition) for partition in range(PARTITIONS)]
    if sorted(line for lines, _ in again for line in lines) != sorted(scored):
        sys.exit("the journals lead to other scores")
    mixed = sum(number for _, number in again)
    console.print(
        f"{times} kills: {len(scored):,} scores, each once, and as the journals of "
        f"{PARTITIONS} partitions lead to, to the bit; {mixed:,} times weights were mixed in",
        soft_wrap=True,
    )


def precision(recording: Path, *options: str) -> float:
    """Average precision of a replay."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [
            sys.executable, "-m", "stream.cli", "replay", str(recording),
            "--config", "deploy/examples/scaled.toml", "--label-delay", "7d", "--since", SINCE,
            "--figures", str(figures), *options,
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return float(json.loads(figures.read_bytes())["average_precision"])


def sent_along(recording: Path, out: Path) -> Sequence[str]:
    """Write a recording whose events have all features in them, as one monitor made them; gives
    what a config says for it.
    """
    settings = config.parse({}, "bench")
    monitor, topics = build.monitor(settings), settings.kafka.topics
    source = RecordingSource(
        [recording], build.fields(settings), topics.events, topics.labels, DELAY, codec=None
    )
    names = [f"f{n}" for n in range(CALENDAR, len(monitor.features.names))]
    with out.open("wb") as file:
        while records := source.poll(0.0):
            outcome = monitor.step(records)
            rows = outcome.workings.raw[:, CALENDAR:].tolist()
            for origin, row in zip(outcome.events.records, rows, strict=True):
                event = msgspec.json.decode(origin.value)
                kept = {"id": event["id"], "ts": event["ts"], "label": event["label"]}
                named = dict(zip(names, row, strict=True))
                file.write(msgspec.json.encode({**kept, CARD: event["customer"], **named}) + b"\n")
    return *GIVEN, "--set", f"fields.numeric={json.dumps(names)}"


def accuracy(recording: Path, every: Sequence[str], folder: Path) -> None:
    """The table of average precisions."""
    if not recording.exists():
        console.print(f"{recording} is not there: no accuracy", soft_wrap=True)
        return
    table = Table(title=f"average precision over the second half of {recording.name}")
    mixed = [f"8, mixed every {span}" for span in every]
    for column in ("features of", "one monitor", "8, not mixed", *mixed):
        table.add_column(column)
    along = folder / "along.jsonl"
    streams: dict[str, tuple[Path, Sequence[str]]]
    streams = {name: (recording, options) for name, options in STREAMS.items()}
    streams["both, sent along"] = along, sent_along(recording, along)
    for name, (path, options) in streams.items():
        one = precision(path, *options, *ONE)
        row = [f"{one:.4f}"]
        for span in ("0s", *every):
            found = precision(path, *options, *EIGHT, "--set", f"partitions.mix_every={span}")
            row.append(f"{found:.4f} ({found - one:+.4f})")
        console.print(name, *row)
        table.add_row(name, *row)
    console.print(table)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", nargs="*", type=int, default=[1, 2, 4])
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recording", type=Path, default=RECORDING)
    parser.add_argument("--mix-every", nargs="*", default=["10m", "1h"])
    parser.add_argument(
        "--only", nargs="*", choices=["throughput", "kills", "accuracy"],
        default=["throughput", "kills", "accuracy"],
    )  # fmt: skip
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamgauge-scaling-") as name:
        folder = Path(name)
        if {"throughput", "kills"} & set(given.only):
            with Broker(extra={"log.retention.ms": "-1"}) as broker:
                if "throughput" in given.only:
                    throughput(broker, folder, given.events, given.rounds, given.workers)
                if "kills" in given.only:
                    kills(broker, folder, 12_000, given.kills, given.seed)
        if "accuracy" in given.only:
            accuracy(given.recording, given.mix_every, folder)


if __name__ == "__main__":
    main()
