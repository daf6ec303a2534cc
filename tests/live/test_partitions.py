"""A monitor for each partition: kill workers, every event is scored once, and the scores are those
that the journal of the partition leads to, to the last bit, what was mixed in included.
"""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from tests.live.by_partition import SECTIONS, events_of, fill, parts, repeated, stage_of
from tests.live.crashing import COMMAND
from tests.live.service import Stage, eventually, streamgauge

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

PARTITIONS = 4
NEVER = [*COMMAND, "poll:0"]  # slowed down, and not killed
OTHER = "--set", "kafka.client=librdkafka"


def mixed(metrics: str) -> bool:
    """Whether some monitor has taken in what others know, and refused what is nothing."""
    with_others = r'mixings_total{outcome="with_others",partition="\d"} [1-9]'
    refused = r'mixing_refused_total{partition="\d",reason="unreadable"} 1.0'
    return all(re.search(what, metrics) for what in (with_others, refused))


def test_killed_and_moved(kafka: str, tmp_path: Path) -> None:
    """Between workers by either client: each takes over what the other has left."""
    stage = stage_of(kafka, tmp_path, PARTITIONS, "max_poll_records = 30\n")
    ids = sorted(fill(stage, 2_000))
    stage.produce("models", [(b"no model", 0, 1)])
    stage.topics["snapshots"] = f"{stage.topics['models']}-snapshots"
    stage.partitions["snapshots"] = PARTITIONS
    stage.create(["snapshots"])
    snapshots = f"snapshot.url=kafka://{stage.topics['snapshots']}"
    keep = "--set", "snapshot.trim_journal=false", "--set", snapshots
    with stage.service(*keep, command=NEVER) as one:
        one.wait_until_ready()
        eventually(lambda: parts(one) == {0, 1, 2, 3}, "one worker has all")
        eventually(lambda: mixed(one.get("/metrics").text), "its monitors hear of each other")
        with stage.service(*keep, *OTHER, command=NEVER) as two:
            eventually(lambda: len(parts(one)) == len(parts(two)) == 2, "they share")
            text = one.get("/metrics").text
            for n in sorted(parts(one)):
                assert f'streamgauge_events_processed_total{{partition="{n}"}}' in text
            two.kill()
        eventually(lambda: parts(one) == {0, 1, 2, 3}, "one worker has all again")
        with stage.service(*keep, *OTHER, command=NEVER) as three:
            eventually(lambda: len(parts(three)) == 2, "and shares again")
            eventually(lambda: events_of(one, three) == len(ids), "all scored", 90)
            for worker in (one, three):
                eventually(worker.has_read_all, "all read")
                assert worker.signal(signal.SIGTERM) == 0, worker.log
    assert "snapshot snapshot-00" in one.log, "came back by one, and the journal"

    scored = [record.value for record in stage.read("scores", len(ids))]
    assert sorted(str(json.loads(line)["id"]) for line in scored) == ids
    again = [repeated(stage, partition) for partition in range(PARTITIONS)]
    assert sorted(line for lines, _ in again for line in lines) == sorted(scored)
    assert all(mixed > 1 for _, mixed in again), "there was something to take in"


def test_topics_must_be_alike(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, PARTITIONS, sections=SECTIONS)
    done = streamgauge("run", str(stage.config))
    assert done.returncode == 2
    events, labels = stage.topics["events"], stage.topics["labels"]
    assert f"{events} has 4, {labels} has 1" in done.stderr
