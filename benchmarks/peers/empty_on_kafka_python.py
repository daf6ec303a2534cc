"""A loop on kafka-python that does nothing between reading and writing."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, KafkaProducer

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, SCORE, arguments


def main() -> None:
    """Write a line for each event until ended."""
    broker, events, labels, scores, group = arguments()
    consumer = KafkaConsumer(
        events, labels, bootstrap_servers=broker, group_id=group, auto_offset_reset="earliest",
        enable_auto_commit=False, max_poll_records=2_000,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=LINGER_MS, batch_size=BATCH)
    due = time.monotonic() + COMMIT
    while True:
        for tp, records in consumer.poll(200).items():
            if tp.topic == events:
                for _ in records:
                    producer.send(scores, SCORE, b"1234567")
        if time.monotonic() >= due:
            producer.flush()
            consumer.commit()
            due = time.monotonic() + COMMIT


if __name__ == "__main__":
    main()
