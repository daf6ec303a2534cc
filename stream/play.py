"""A recording into topics, at a set pace, as if it happened now."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import msgspec
from kafka import KafkaProducer

from stream.config import Kafka
from stream.events import Record
from stream.kafka import in_our_words, need_topics, settings
from stream.sources import Source

MOST = 2**27  # bytes of a request: what is too much for a record is the broker's to say


def play(
    source: Source,
    kafka: Kafka,
    label: str,
    stop: Event,
    on_poll: Callable[[int], None] = lambda _: None,
    key: Callable[[Record], bytes | None] = lambda _: None,
) -> int:
    """Produce a source's records to the topics that they name, with the timestamps that they have.

    The truth inside of an event is left out: it comes as a label record, when it is due. A record
    with headers was recorded as it was, and goes as it was.

    Parameters
    ----------
    source
        A recording, perhaps a paced one.
    kafka
        Where the broker is. Its events and labels topics must exist.
    label
        Name of the field with the truth.
    stop
        Ends the play early.
    on_poll
        Called after each poll with the number of records in it.
    key
        Gives the key of each record, and so its partition; see `stream.keys`.

    Returns
    -------
    Records produced; all of them are acknowledged.
    """
    need_topics(kafka, [kafka.topics.events, kafka.topics.labels])
    played = 0
    with in_our_words(kafka, "producing"):
        producer = KafkaProducer(
            **settings(kafka), acks="all", linger_ms=5, batch_size=131_072, max_request_size=MOST
        )
        try:
            while not (stop.is_set() or source.exhausted):
                records = source.poll(0.2)
                for r in records:
                    as_it_is = r.headers or r.topic == kafka.topics.labels
                    value = r.value if as_it_is else _without(label, r.value)
                    headers = list(r.headers)
                    producer.send(r.topic, value, key(r), headers=headers, timestamp_ms=r.timestamp)
                played += len(records)
                on_poll(len(records))
            producer.flush()
        finally:
            producer.close(timeout=5)
    return played


def _without(label: str, value: bytes) -> bytes:
    try:
        event = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return value
    if not isinstance(event, dict) or label not in event:
        return value
    del event[label]
    return msgspec.json.encode(event)
