"""The journal's entries from their topic, and their deletion once snapshots have passed them."""

from __future__ import annotations

from collections.abc import Iterator

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from stream import journal
from stream.config import Kafka
from stream.errors import RecoveryError
from stream.journal import Entry
from stream.kafka import in_our_words, settings

TICK_MS = 200
ASK_MS = 3_000


class JournalReader:
    """Reads entries that are committed, up to where the journal ends now.

    Parameters
    ----------
    kafka
        Where the broker is, and the topic.
    start
        The first offset of interest.

    Attributes
    ----------
    first, end
        The first offset that is left, and the one after the last.

    Raises
    ------
    BrokerError
        If the broker cannot be reached.
    """

    def __init__(self, kafka: Kafka, start: int) -> None:
        self._kafka = kafka
        self._at = TopicPartition(kafka.topics.journal, kafka.journal_partition)
        with in_our_words(kafka, "reading the journal"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            self._consumer.assign([self._at])
            self.first = self._consumer.beginning_offsets([self._at], timeout_ms=ASK_MS)[self._at]
            self.end = self._consumer.end_offsets([self._at], timeout_ms=ASK_MS)[self._at]
            self._start = max(start, self.first)
            self._consumer.seek(self._at, self._start)
        self.progress = 0.0

    def entries(self) -> Iterator[Entry | None]:
        """The entries, in order; None where there is none yet."""
        position: int | None = self._start
        while position is not None and position < self.end:
            with in_our_words(self._kafka, "reading the journal"):
                fetched = self._consumer.poll(TICK_MS)
                # After the last record come those that end its transaction.
                position = self._consumer.position(self._at, timeout_ms=ASK_MS)
            for record in fetched.get(self._at, ()):
                if record.offset < self.end:
                    self.progress = (record.offset - self._start) / (self.end - self._start)
                    yield self._decoded(record.offset, record.value or b"")
            if not fetched:
                yield None

    def _decoded(self, offset: int, value: bytes) -> Entry:
        try:
            return journal.decode(value)
        except ValueError as error:
            where = f"{self._at.topic} at offset {offset:,}"
            raise RecoveryError(f"{where}: no entry of a journal: {error}") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)


def trim(kafka: Kafka, offset: int) -> None:
    """Delete the entries before an offset.

    Raises
    ------
    BrokerError
        If that cannot be done.
    """
    with in_our_words(kafka, "trimming the journal"):
        client = KafkaAdminClient(**settings(kafka))
        try:
            at = TopicPartition(kafka.topics.journal, kafka.journal_partition)
            client.delete_records({at: offset}, ASK_MS)
        finally:
            client.close()
