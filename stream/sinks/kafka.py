"""Outcomes into topics: scores, alerts and dead letters."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from kafka import KafkaProducer

from stream import messages
from stream.config import Kafka
from stream.kafka import in_our_words, need_topics, settings
from stream.monitor import Outcome

PATIENCE_MS = 2_000  # how long a call may block before we say that the broker does not answer
FOREVER_MS = 2**31 - 1


class _Message(NamedTuple):
    topic: str
    value: bytes
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]


class KafkaSink:
    """Produces to topics, idempotently. Nothing is dropped while the broker is away.

    A call that fails with `BrokerError` has kept what it was given: call `flush` until it works.

    Parameters
    ----------
    kafka
        Where the broker is, and the topics.

    Raises
    ------
    BrokerError
        If the broker cannot be reached, or a topic is missing.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._topics = kafka.topics
        self._pending: deque[_Message] = deque()
        self._sent: list[Any] = []
        need_topics(kafka, [kafka.topics.scores, kafka.topics.alerts, kafka.topics.dead_letters])
        with in_our_words(kafka, "starting the producer"):
            self._producer = KafkaProducer(
                **settings(kafka),
                acks="all",
                linger_ms=5,
                batch_size=131_072,
                max_request_size=2 * messages.MOST_BYTES,
                max_block_ms=PATIENCE_MS,
                delivery_timeout_ms=FOREVER_MS,  # an outage is waited out, not counted as a loss
            )

    def write(self, outcome: Outcome) -> None:
        """Send what an outcome holds; see `flush` for when it is safe."""
        topics = self._topics
        for event, value in zip(outcome.events.ids, messages.scores(outcome), strict=True):
            self._pending.append(_Message(topics.scores, value, str(event).encode(), ()))
        for record, value in messages.alerts(outcome):
            self._pending.append(_Message(topics.alerts, value, record.key, ()))
        for letter in outcome.dead:
            record = letter.record
            headers = messages.dead_letter_headers(letter)
            value = record.value[: messages.MOST_BYTES]
            self._pending.append(_Message(topics.dead_letters, value, record.key, headers))
        self._send()

    def _send(self) -> None:
        with in_our_words(self._kafka, "producing"):
            while self._pending:
                m = self._pending[0]
                sent = self._producer.send(m.topic, m.value, m.key, headers=list(m.headers))
                self._sent.append(sent)
                self._pending.popleft()

    def flush(self) -> None:
        """Return once the broker has acknowledged everything.

        Raises
        ------
        BrokerError
            If it does not answer yet.
        """
        self._send()
        with in_our_words(self._kafka, "producing"):
            self._producer.flush(timeout=PATIENCE_MS / 1000)
            failed = next((sent.exception for sent in self._sent if sent.failed()), None)
            if failed is not None:
                raise failed
        self._sent.clear()

    def close(self) -> None:
        self._producer.close(timeout=PATIENCE_MS / 1000)
