"""A loop on confluent-kafka that does nothing between reading and writing."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, Producer

from benchmarks.peers.arguments import BATCH, COMMIT, LINGER_MS, SCORE, arguments


def main() -> None:
    """Write a line for each event until ended."""
    broker, events, labels, scores, group = arguments()
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([events, labels])
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "linger.ms": LINGER_MS,
            "batch.size": BATCH,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    due = time.monotonic() + COMMIT
    while True:
        for message in consumer.consume(2_000, 0.05):
            if message.topic() == events:
                producer.produce(scores, SCORE, b"1234567")
        if time.monotonic() >= due:
            producer.flush()
            if consumer.assignment():
                consumer.commit(asynchronous=False)
            due = time.monotonic() + COMMIT


if __name__ == "__main__":
    main()
