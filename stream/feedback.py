"""What a person at the live page says of an alert, as a record in the labels topic."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
from kafka import KafkaProducer

from stream.codec import MAX_TEXT, Fields
from stream.config import Kafka
from stream.kafka import in_our_words, settings

SOURCE = "page"  # whose word it is
WAIT = 5.0  # seconds for the broker to take it


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event, and its class."""

    id: str | int
    label: int


class Feedback:
    """Writes labels.

    Parameters
    ----------
    kafka
        Where the labels topic is.
    fields
        What its records call things.
    """

    def __init__(self, kafka: Kafka, fields: Fields) -> None:
        self._kafka = kafka
        self._fields = fields
        self._lock = threading.Lock()
        self._producer: Any = None

    def take(self, body: bytes) -> bytes:
        """A label from a request's body as JSON, once the topic has it.

        Raises
        ------
        ValueError
            If the body is no such thing.
        BrokerError
            If the broker does not take it in time.
        """
        try:
            word = msgspec.json.decode(body, type=Word)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from None
        if word.label not in (0, 1):
            raise ValueError(f"label = {word.label}: expected 0 or 1")
        if isinstance(word.id, str) and not 0 < len(word.id.encode()) <= MAX_TEXT:
            raise ValueError(f"id: expected a text of 1 to {MAX_TEXT} bytes")
        record = {self._fields.id: word.id, self._fields.label: word.label}
        if self._fields.source:
            record[self._fields.source] = SOURCE
        self._send(msgspec.json.encode(record))
        return msgspec.json.encode(word)

    def _send(self, value: bytes) -> None:
        with self._lock, in_our_words(self._kafka, "writing a label"):
            if self._producer is None:
                self._producer = KafkaProducer(
                    **settings(self._kafka), acks="all", max_block_ms=int(1e3 * WAIT)
                )
            self._producer.send(self._kafka.topics.labels, value).get(WAIT)

    def close(self) -> None:
        """Let go of the broker."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=WAIT)
