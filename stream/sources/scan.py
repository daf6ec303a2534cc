"""A topic from its beginning to where it ends now, without joining a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.config import Kafka
from stream.events import Record
from stream.sources.kafka import KafkaSource


class Scan:
    """Gives all records of a topic, of several partitions in the order of their timestamps.

    Parameters
    ----------
    kafka
        Where the broker is.
    topic
        What to read.

    Raises
    ------
    BrokerError
        If the broker cannot be reached, or the topic is missing.
    """

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._source = KafkaSource(kafka, [topic])
        self._source.start(dict.fromkeys(self._source.partitions, 0))
        self.read = 0
        self.behind = 0  # as far as is known

    def __iter__(self) -> Iterator[Sequence[Record]]:
        while True:
            records = self._source.poll(0.5)
            lag = self._source.lag()
            self.read += len(records)
            self.behind = sum(lag.values())
            yield records
            if not records and not self.behind and len(lag) == len(self._source.partitions):
                return

    def close(self) -> None:
        """Let go of the connection."""
        self._source.close()
