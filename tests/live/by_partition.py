"""A stage on which each partition has a monitor, and what its journal leads to."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from stream import build, config, messages
from stream.generate import Stream, transactions
from stream.history import History
from stream.partitioned import partition_of
from tests.live.service import Service, Stage

DELAY = 1_800.0  # seconds of event time that labels come late
SECTIONS = """
kind = "transactions"
[features]
max_keys = 10000
[partitions]
scope = "partition"
local = ["terminal"]
mix_every = "30m"
"""


def stage_of(kafka: str, folder: Path, partitions: int, settings: str = "") -> Stage:
    """Topics with as many partitions each as they have to have."""
    spread = "events", "labels", "journal"
    return Stage(kafka, folder, partitions, sections=SECTIONS, settings=settings, spread=spread)


def fill(stage: Stage, count: int) -> dict[str, int]:
    """Put a stream with late labels into a stage, by customer; gives each event's partition."""
    events: list[tuple[bytes, int, int]] = []
    labels: list[tuple[bytes, int, int]] = []
    places = {}
    for event in transactions(Stream(events=count, seed=5, fraud=0.05)):
        key = str(event["customer"]).encode()
        places[str(event["id"])] = at = partition_of(key, stage.partitions["events"])
        label: dict[str, Any] = {"id": event["id"], "label": event.pop("label")}
        label["ts"] = event["ts"] + DELAY
        events.append((json.dumps(event).encode(), at, round(event["ts"] * 1000)))
        labels.append((json.dumps(label).encode(), at, round(label["ts"] * 1000)))
    stage.produce("events", events)
    stage.produce("labels", labels)
    return places


def parts(service: Service) -> set[int]:
    """Which partitions a worker has at work."""
    return {int(n) for n, state in service.state()["partitions"].items() if state["events"]}


def events_of(*services: Service) -> int:
    """Events of the partitions that workers have."""
    return sum(service.state()["events"] for service in services)


def repeated(stage: Stage, partition: int) -> tuple[list[bytes], int]:
    """The scores that the journal of a partition leads to, and how often others were mixed in."""
    own = config.load(stage.config).of_partition(partition)
    monitor, lines, mixed = build.monitor(own), list[bytes](), 0
    with closing(History(own)) as past:
        for commit in past:
            if commit is None:
                continue
            for records in commit.records:
                lines += messages.scores(monitor.step(records))
            commit.mix(monitor)
            commit.demand(monitor)
            mixed += bool(commit.taken)
    return lines, mixed
