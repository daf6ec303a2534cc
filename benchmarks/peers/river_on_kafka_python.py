"""River's loop on kafka-python, as one would write it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers.arguments import arguments
from benchmarks.peers.kafka_python_loop import loop
from benchmarks.peers.river_job import RiverJob


def main() -> None:
    """Score until ended."""
    told, job = arguments(), RiverJob()

    def take(topic: str, records: Sequence[Any], send: Callable[[str, bytes, bytes], Any]) -> None:
        if topic == told.labels:
            for record in records:
                job.label(json.loads(record.value or b""))
            return
        for record in records:
            said = job.event(json.loads(record.value or b""))
            send(told.scores, json.dumps(said).encode(), str(said["id"]).encode())

    loop(told, take)


if __name__ == "__main__":
    main()
