"""Records by librdkafka, which fetches ahead in threads of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream.config import Kafka
from stream.events import Record
from stream.journal import Partition
from stream.librdkafka import in_our_words, settings

ASK = 3.0  # seconds
MOST = 4  # polls' worth of records that are taken over at a time

# A partition that rests has what was fetched ahead thrown away, and fetched again. So it rests
# late, and for long: from so many polls' worth of records on, until there is less than one.
REST = 10
AHEAD_KB = 8_192  # that are fetched ahead of each partition


class Librdkafka:
    """An `Inlet` by librdkafka."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._next: dict[Partition, int] = {}  # offset after the last one fetched
        self._ended: set[Partition] = set()
        self._error: KafkaException | None = None
        self._resting: set[Partition] = set()
        with in_our_words(kafka, "starting the consumer"):
            self._consumer = Consumer(
                {
                    **settings(kafka),
                    "group.id": kafka.group,  # which it must have, and never joins
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "isolation.level": "read_committed",
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": 100,
                    "fetch.queue.backoff.ms": 5,
                    "queued.max.messages.kbytes": AHEAD_KB,
                }
            )

    def read(self, offsets: Mapping[Partition, int]) -> None:
        self._next |= offsets
        with in_our_words(self._kafka, "fetching records"):
            self._consumer.incremental_assign(
                [TopicPartition(*at, offset) for at, offset in offsets.items()]
            )

    def fetch(
        self, timeout: float, held: Mapping[Partition, int]
    ) -> Mapping[Partition, Sequence[Record]]:
        self._rest(held)
        with in_our_words(self._kafka, "fetching records"):
            if self._error:
                error, self._error = self._error, None
                raise error
            # `consume` waits until it has all that it may have, so only the first is waited for.
            messages = self._consumer.consume(1, timeout)
            if messages:
                messages += self._consumer.consume(MOST * self._kafka.max_poll_records, 0)
        found: dict[Partition, list[Record]] = {}
        last: Partition | None = None
        records: list[Record] = []
        for m in messages:
            at = topic, partition = m.topic() or "", m.partition() or 0
            if error_of := m.error():
                self._note(at, error_of)
                continue
            if at != last:
                last, records = at, found.setdefault(at, [])
                self._ended.discard(at)
            headers: Any = m.headers()
            record = Record(
                m.value() or b"", topic, partition, m.offset() or 0, m.timestamp()[1], m.key(),
                tuple((k, v or b"") for k, v in headers) if headers else (),
            )  # fmt: skip
            records.append(record)
        for at, records in found.items():
            self._next[at] = records[-1].offset + 1
        return found

    def _note(self, at: Partition, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - it is called so
            self._ended.add(at)
        else:  # for the next time: what came along with it is not to be lost
            self._error = KafkaException(error)

    def _rest(self, held: Mapping[Partition, int]) -> None:
        size = self._kafka.max_poll_records
        full = {at for at, count in held.items() if count >= REST * size} - self._resting
        hungry = {at for at in self._resting if held[at] < size}
        with in_our_words(self._kafka, "fetching records"):
            if full:
                self._consumer.pause([TopicPartition(*at) for at in full])
            if hungry:
                self._consumer.resume([TopicPartition(*at) for at in hungry])
        self._resting = (self._resting | full) - hungry

    def behind(self, partition: Partition) -> int | None:
        if partition in self._ended:  # its last offsets may be a transaction's marks
            return 0
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        return max(0, end - self._next[partition]) if end >= 0 else None

    def firsts(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return self._ask(partitions, 0, "asking where topics begin")

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        return self._ask(partitions, 1, "asking where topics end")

    def _ask(
        self, partitions: Collection[Partition], which: int, doing: str
    ) -> dict[Partition, int]:
        ask = self._consumer.get_watermark_offsets
        with in_our_words(self._kafka, doing):
            return {at: ask(TopicPartition(*at), ASK)[which] for at in partitions}

    def close(self) -> None:
        self._consumer.close()
