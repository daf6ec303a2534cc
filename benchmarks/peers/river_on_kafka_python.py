"""River's loop on kafka-python, as one would write it."""

from __future__ import annotations

import json
import time

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, arguments
from benchmarks.peers.river_job import RiverJob


def main() -> None:
    """Score until ended."""
    broker, events, labels, scores, group = arguments()
    job = RiverJob()
    consumer = KafkaConsumer(
        events, labels, bootstrap_servers=broker, group_id=group, auto_offset_reset="earliest",
        enable_auto_commit=False, max_poll_records=2_000,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=LINGER_MS, batch_size=BATCH)
    due = time.monotonic() + COMMIT
    while True:
        for tp, records in consumer.poll(200).items():
            if tp.topic == labels:
                for record in records:
                    job.label(json.loads(record.value or b""))
                continue
            for record in records:
                said = job.event(json.loads(record.value or b""))
                producer.send(scores, json.dumps(said).encode(), str(said["id"]).encode())
        if time.monotonic() >= due:
            producer.flush()
            consumer.commit()
            due = time.monotonic() + COMMIT


if __name__ == "__main__":
    main()
