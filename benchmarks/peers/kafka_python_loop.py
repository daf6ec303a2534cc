"""The loop of those that stand on kafka-python: what is between reading and writing is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, Arguments


def loop(
    told: Arguments, take: Callable[[str, Sequence[Any], Callable[[str, bytes, bytes], Any]], None]
) -> None:
    """Give each topic's records to `take`, with what sends a score; commit now and then."""
    consumer = KafkaConsumer(
        told.events, told.labels, bootstrap_servers=told.broker, group_id=told.group,
        auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=2_000,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=told.broker, linger_ms=LINGER_MS, batch_size=BATCH)
    due = time.monotonic() + COMMIT
    while True:
        for tp, records in consumer.poll(200).items():
            take(tp.topic, records, producer.send)
        if time.monotonic() >= due:
            producer.flush()
            consumer.commit()
            due = time.monotonic() + COMMIT
