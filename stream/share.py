"""One partition's part in a group, whose membership is somebody else's business: `Partitions`.

What shuts out a worker that has lost the partition is the transaction, which goes by the
partition's own name (`Kafka.transactional_id`), and not the group's generation. So a commit may go
through while the group is being rearranged, as long as nobody else has begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from kafka import KafkaConsumer
from kafka.structs import ConsumerGroupMetadata

from stream.config import Kafka
from stream.journal import Partition
from stream.kafka import in_our_words, settings
from stream.membership import ASK_MS, committed


class Share:
    """A `Turn` that is this shard's for as long as nobody stops it.

    Parameters
    ----------
    kafka
        Where the broker is, the group, and the partition.
    topics
        What the work is about.
    rest
        Seconds to wait before it begins. A shard that was shut out waits, or it would shut out its
        successor before the group has told it that there is one.
    clock
        Seconds that only ever grow.
    """

    stands_by = False

    def __init__(
        self,
        kafka: Kafka,
        topics: Sequence[str],
        rest: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kafka = kafka
        self._clock = clock
        self._begins = clock() + rest
        self.partitions: set[Partition] = {(topic, kafka.journal_partition) for topic in topics}

    @property
    def has_the_work(self) -> bool:
        """Whether the rest is over."""
        return self._clock() >= self._begins

    def turn(self, timeout: float = 0.0) -> None:
        """Let time pass: another thread takes part in the group."""
        if timeout:
            time.sleep(timeout)

    def demand_the_work(self) -> None:
        """The transaction does."""

    def demand_no_loss(self) -> None:
        """The transaction does."""

    def metadata(self) -> ConsumerGroupMetadata:
        """The group alone: no member and no generation."""
        return ConsumerGroupMetadata(self._kafka.group, -1, "", None, "")

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The group's offset of each partition that has one."""
        with in_our_words(self._kafka, "asking for the group's offsets"):
            consumer = KafkaConsumer(**settings(self._kafka), group_id=self._kafka.group)
            try:
                return committed(consumer, partitions)
            finally:
                consumer.close(autocommit=False, timeout_ms=ASK_MS)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Never called: a monitor for each partition needs transactions (`stream.keys.check`)."""
        raise NotImplementedError

    def close(self) -> None:
        """There is nothing to let go of."""
