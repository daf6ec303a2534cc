"""Records by kafka-python."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError

from stream.config import Kafka
from stream.events import Record
from stream.inlets.whole_batches import read_whole_batches, taken_apart
from stream.journal import Partition
from stream.kafka import in_our_words, settings

ASK_MS = 3_000

# While a partition rests, a fetch asks for the others only, and where none of them has anything,
# the broker keeps it so long; whoever rested then waits for it, as there is one fetch at a time. So
# a partition rests late: from so many polls' worth of records on, until there is less than one.
REST = 2
FETCH_MS = 100

# kafka-python 3.0.12 never gives back the rest of a fetch that was read in part before its
# partition was paused, so fetches (a megabyte at most) are read whole.
WHOLE_FETCH = 2**31 - 1


class KafkaPython:
    """An `Inlet` by kafka-python."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._partitions: list[TopicPartition] = []
        with in_our_words(kafka, "starting the consumer"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=FETCH_MS,
                isolation_level="read_committed",
            )
        self.whole_batches = read_whole_batches(self._consumer)

    def read(self, offsets: Mapping[Partition, int]) -> None:
        self._partitions += [TopicPartition(*at) for at in offsets]
        with in_our_words(self._kafka, "fetching records"):
            self._consumer.assign(self._partitions)
            for at, offset in offsets.items():
                self._consumer.seek(TopicPartition(*at), offset)

    def fetch(
        self, timeout: float, held: Mapping[Partition, int]
    ) -> Mapping[Partition, Sequence[Record]]:
        size, paused = self._kafka.max_poll_records, self._consumer.paused()
        full = [tp for tp in self._partitions if held[tp] >= REST * size and tp not in paused]
        hungry = [tp for tp in paused if held[tp] < size]
        with in_our_words(self._kafka, "fetching records"):
            self._consumer.pause(*full)
            self._consumer.resume(*hungry)
            fetched = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=WHOLE_FETCH)
        return {tp: taken_apart(tp, polled) for tp, polled in fetched.items()}

    def behind(self, partition: Partition) -> int | None:
        tp = TopicPartition(*partition)
        try:
            end = self._consumer.highwater(tp)
            # Once a fetch was answered the position is at hand, and asking for it does not block.
            position = self._consumer.position(tp, timeout_ms=ASK_MS) if end is not None else None
        except IllegalStateError:  # not ours yet
            return None
        return None if end is None or position is None else max(0, end - position)

    def firsts(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        with in_our_words(self._kafka, "asking where topics begin"):
            return _plain(self._consumer.beginning_offsets(_named(partitions), timeout_ms=ASK_MS))

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        with in_our_words(self._kafka, "asking where topics end"):
            return _plain(self._consumer.end_offsets(_named(partitions), timeout_ms=ASK_MS))

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)


def _named(partitions: Collection[Partition]) -> list[TopicPartition]:
    return [TopicPartition(*at) for at in partitions]


def _plain(found: Mapping[TopicPartition, int]) -> dict[Partition, int]:
    return {(tp.topic, tp.partition): offset for tp, offset in found.items()}
