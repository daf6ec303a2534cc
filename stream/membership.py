"""Whose turn it is: this process as a member of its consumer group, one of which has the work.

A consumer of its own does this and nothing else: its partitions are always paused. What is read,
from where and in which order is the business of `stream.sources.kafka`, and no rebalance gets in
its way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import CommitFailedError, KafkaError, RebalanceInProgressError
from kafka.structs import ConsumerGroupMetadata, MemberState, OffsetAndMetadata

from stream.assignor import ByPartition, OneWorker
from stream.config import Kafka
from stream.errors import BrokerError, LostError
from stream.journal import Partition
from stream.kafka import in_our_words, settings
from stream.timestamps import duration

ASK_MS = 3_000
LOOK = 0.1  # seconds between two looks at a group where all is settled
JOIN_MS, JOINS = 100, 10  # a turn that has a rebalance to get on with, and how many of them


class Turn(Protocol):
    """What a shard must know of its group; see `Membership` and `stream.share`."""

    @property
    def has_the_work(self) -> bool: ...

    @property
    def stands_by(self) -> bool: ...

    @property
    def partitions(self) -> set[Partition]: ...

    def turn(self, timeout: float = 0.0) -> None: ...

    def demand_the_work(self) -> None: ...

    def demand_no_loss(self) -> None: ...

    def metadata(self) -> ConsumerGroupMetadata: ...

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]: ...

    def commit(self, offsets: Mapping[Partition, int]) -> None: ...

    def close(self) -> None: ...


def committed(consumer: KafkaConsumer, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """The offset that a consumer's group has of each partition, where it has one."""
    found = {at: consumer.committed(TopicPartition(*at), timeout_ms=ASK_MS) for at in partitions}
    return {at: offset for at, offset in found.items() if offset is not None}


class Membership:
    """A member of the group. Its heartbeats go on by themselves, as long as `turn` is called.

    Parameters
    ----------
    kafka
        Where the broker is, and the group.
    topics
        What the work is about.
    assignor
        Shares it out; one worker has it all if not given.
    clock
        Seconds that only ever grow.

    Raises
    ------
    BrokerError
        If the broker cannot be reached.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: Sequence[str],
        assignor: OneWorker | ByPartition | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kafka = kafka
        self._clock = clock
        self._due = clock()
        self._assignor = assignor or OneWorker()
        self._notes = _Notes(self._assignor)
        session = round(1_000 * duration(kafka.session_timeout))
        with in_our_words(kafka, "joining the group"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                group_id=kafka.group,
                session_timeout_ms=session,
                heartbeat_interval_ms=max(1, session // 5),
                partition_assignment_strategy=[self._assignor],
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            self._notes.consumer = self._consumer
            self._consumer.subscribe(list(topics), listener=self._notes)

    def turn(self, timeout: float = 0.0) -> None:
        """Take part in what the group does. To be called more often than every five minutes.

        Where nobody waits and all is settled, ten times a second are enough: a look costs as much
        as many events, and an event may be waiting.
        """
        now = self._clock()
        if not timeout and now < self._due and self._stable:
            return
        self._due = now + LOOK
        with in_our_words(self._kafka, "taking part in the group"):
            self._consumer.poll(timeout_ms=int(1_000 * timeout))
            for _ in range(JOINS):
                if self._stable:
                    break
                self._take_up_the_join()
                self._consumer.poll(timeout_ms=JOIN_MS)

    def _take_up_the_join(self) -> None:
        """Have the next poll go on with a join that has begun.

        Where the topics' partitions have changed, kafka-python 3.0.12 joins anew, but sees no need
        to as soon as it has shared them out. If a poll's time is up in that moment, no later one
        takes the broker's answer: the group would be rearranged for ever, without a heartbeat.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 - there is no public way
        if not coordinator.need_rejoin():
            coordinator.request_rejoin()

    @property
    def has_the_work(self) -> bool:
        """Whether it is this member's turn."""
        return self._assignor.since >= 0 and not self._notes.lost

    @property
    def stands_by(self) -> bool:
        """Whether it is another one's turn."""
        return self._stable and not self.has_the_work

    def demand_the_work(self) -> None:
        """Raise `LostError` if this member, which had the work, has it no longer.

        That it has it *again* is no comfort: somebody else may have had it meanwhile.
        """
        if not self.has_the_work:
            raise LostError(f"group {self._kafka.group} has given the work to somebody else")

    def demand_no_loss(self) -> None:
        """Raise `LostError` if this member has had the work at any time, and lost it."""
        if self._notes.lost:
            self.demand_the_work()

    @property
    def partitions(self) -> set[Partition]:
        """What the work is about, as far as is known."""
        return {(tp.topic, tp.partition) for tp in self._consumer.assignment()}

    def metadata(self) -> ConsumerGroupMetadata:
        """Who this is, for a transaction.

        Raises
        ------
        BrokerError
            If the group is being rearranged: the broker would refuse what goes by the old order.
        """
        self.turn()
        if not self._stable:
            raise BrokerError(f"group {self._kafka.group} is being rearranged")
        return self._consumer.group_metadata()

    @property
    def _stable(self) -> bool:
        return self._consumer.group_metadata().state == MemberState.STABLE

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The group's offset of each partition that has one."""
        with in_our_words(self._kafka, "asking for the group's offsets"):
            return committed(self._consumer, partitions)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit offsets, outside of any transaction."""
        with in_our_words(self._kafka, "committing offsets"):
            try:
                self._consumer.commit(
                    {TopicPartition(*at): OffsetAndMetadata(n, "", -1) for at, n in offsets.items()}
                )
            except (CommitFailedError, RebalanceInProgressError):
                raise LostError(f"group {self._kafka.group} is changing hands") from None

    def close(self) -> None:
        """Leave the group, or at least try: a broker that is away will miss the heartbeats."""
        with suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=ASK_MS)


class _Notes(ConsumerRebalanceListener):
    """Runs on the client's own thread, where nothing may block."""

    def __init__(self, assignor: OneWorker | ByPartition) -> None:
        self._assignor = assignor
        self.consumer: KafkaConsumer | None = None
        self.lost = False

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        if self.consumer:
            self.consumer.pause(*assigned)  # before the first of them is fetched

    def on_partitions_revoked(self, _: Sequence[TopicPartition]) -> None:
        """That the assignor has taken the work away is known from the assignor."""

    def on_partitions_lost(self, _: Sequence[TopicPartition]) -> None:
        self._assignor.lose()
        self.lost = True
