"""Outcomes into topics: scores, alerts, drifts and dead letters."""

from __future__ import annotations

from collections.abc import Iterator

from stream import messages
from stream.config import Topics
from stream.delivery import Block, Delivery, Message
from stream.monitor import Outcome


class KafkaSink:
    """Produces to topics. Nothing is dropped while the broker is away; see `Delivery`.

    Parameters
    ----------
    topics
        Where each kind of message goes.
    delivery
        What takes them there.
    """

    def __init__(self, topics: Topics, delivery: Delivery) -> None:
        self._topics = topics
        self._delivery = delivery

    def write(self, outcome: Outcome) -> None:
        """Send what an outcome holds."""
        self._delivery.send(self._messages(outcome))

    def _messages(self, outcome: Outcome) -> Iterator[Message | Block]:
        topics = self._topics
        if len(outcome.events):
            keys = [str(event).encode() for event in outcome.events.ids]
            yield Block(topics.scores, keys, messages.scores(outcome))
        for record, value in messages.alerts(outcome):
            yield Message(topics.alerts, value, record.key)
        for signal, value in messages.drifts(outcome):
            yield Message(topics.drifts, value, signal.encode())
        for letter in outcome.dead:
            record = letter.record
            headers = messages.dead_letter_headers(letter)
            value = record.value[: messages.MOST_BYTES]
            yield Message(topics.dead_letters, value, record.key, headers)

    def flush(self) -> None:
        """Return once the broker has everything."""
        self._delivery.flush()

    def close(self) -> None:
        self._delivery.close()
