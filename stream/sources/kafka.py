"""Records from topics, in an order that does not depend on how they happened to arrive.

Records of all partitions are merged by their Kafka timestamp (then topic, partition, offset), as
Kafka Streams does: the head of every partition is compared, so within a partition the offsets rule.
A partition that has nothing buffered although it is not at its end holds the others back, for at
most `max_wait`. So a backlog is read in one order only, and a replay of it gives the same scores.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import CommitFailedError, IllegalStateError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from stream.config import Kafka
from stream.events import Record
from stream.kafka import in_our_words, need_topics, settings
from stream.timestamps import duration

QUIET = 5.0  # seconds without a record after which the broker is asked whether it is there
ASK_MS = 3_000
FETCH = 0.01  # seconds to wait for a fetch while other records are at hand

# kafka-python 3.0.12 never gives back the rest of a fetch that was read in part before its
# partition was paused, so fetches (a megabyte at most) are read whole.
WHOLE_FETCH = 2**31 - 1


class KafkaSource:
    """Gives the records of topics as one member of a consumer group.

    Offsets are committed only by `commit`, so what was not committed comes again: at-least-once.

    Parameters
    ----------
    kafka
        Where the broker is, and the limits.
    topics
        Topics to read. All must exist.
    clock
        Seconds that only ever grow.

    Raises
    ------
    BrokerError
        If the broker cannot be reached, or a topic is missing.
    """

    exhausted = False

    def __init__(
        self, kafka: Kafka, topics: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kafka = kafka
        self._size = kafka.max_poll_records
        self._max_wait = duration(kafka.max_wait)
        self._clock = clock
        self._buffers: dict[TopicPartition, deque[Any]] = {}
        self._next: dict[TopicPartition, int] = {}  # by partition: offset after the last given
        self._committed: dict[TopicPartition, int] = {}
        self._held_since: float | None = None
        self._heard = clock()
        need_topics(kafka, topics)
        self._lost = _Lost()
        session = round(1_000 * duration(kafka.session_timeout))
        with in_our_words(kafka, "joining the group"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                group_id=kafka.group,
                session_timeout_ms=session,
                heartbeat_interval_ms=session // 5,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            self._consumer.subscribe(list(topics), listener=self._lost)

    def poll(self, timeout: float) -> Sequence[Record]:
        """The next records in order, at most `max_poll_records`."""
        with in_our_words(self._kafka, "fetching records"):
            self._fetch(FETCH if any(self._buffers.values()) else timeout)
            return self._merge()

    def _fetch(self, timeout: float) -> None:
        # A partition with enough in its buffer rests: that bounds the memory.
        full = [tp for tp, buffer in self._buffers.items() if len(buffer) >= self._size]
        paused = self._consumer.paused()
        self._consumer.pause(*[tp for tp in full if tp not in paused])
        self._consumer.resume(*[tp for tp in paused if tp not in full])
        fetched = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=WHOLE_FETCH)
        for partition in self._lost.take():
            for kept in (self._buffers, self._next, self._committed):
                kept.pop(partition, None)
        for partition, records in fetched.items():
            self._buffers.setdefault(partition, deque()).extend(records)
        now = self._clock()
        if fetched:
            self._heard = now
        elif now - self._heard > QUIET:
            # A consumer whose broker is gone polls on in silence.
            self._consumer.end_offsets(list(self._consumer.assignment()), timeout_ms=ASK_MS)
            self._heard = now

    def _merge(self) -> list[Record]:
        assigned = sorted(self._consumer.assignment())
        buffers = {tp: self._buffers[tp] for tp in assigned if self._buffers.get(tp)}
        behind = [tp for tp in assigned if tp not in buffers and not self._at_end(tp)]
        if not behind:
            self._held_since = None
        elif buffers and self._held_since is None:
            self._held_since = self._clock()
        if behind and self._clock() - (self._held_since or self._clock()) < self._max_wait:
            return []
        heads = [_place(tp, buffer[0]) for tp, buffer in buffers.items()]
        heapq.heapify(heads)
        merged: list[Record] = []
        while heads and len(merged) < self._size:
            _, topic, partition, offset = heads[0]
            tp = TopicPartition(topic, partition)
            buffer = buffers[tp]
            r = buffer.popleft()
            headers = tuple((k, v or b"") for k, v in r.headers) if r.headers else ()
            merged.append(
                Record(r.value or b"", topic, partition, offset, r.timestamp, r.key, headers)
            )
            self._next[tp] = offset + 1
            if buffer:
                heapq.heapreplace(heads, _place(tp, buffer[0]))
            elif self._at_end(tp):
                heapq.heappop(heads)
            else:  # more of it may be earlier than what the others have
                break
        return merged

    def _ends(self, tp: TopicPartition) -> tuple[int, int] | None:
        """Offset up to which the partition was fetched, and where it ends, if both are known."""
        try:
            end = self._consumer.highwater(tp)
            # Once a fetch was answered the position is at hand, and asking for it does not block.
            position = self._consumer.position(tp, timeout_ms=ASK_MS) if end is not None else None
        except IllegalStateError:  # taken away in this very moment
            return None
        return None if end is None or position is None else (position, end)

    def _at_end(self, tp: TopicPartition) -> bool:
        """Whether everything in the partition, as far as is known, has been fetched."""
        known = self._ends(tp)
        return known is not None and known[0] >= known[1]

    def commit(self) -> None:
        """Commit the offsets of all records given so far."""
        changed = {tp: n for tp, n in self._next.items() if self._committed.get(tp) != n}
        if not changed:
            return
        with in_our_words(self._kafka, "committing offsets"):
            try:
                self._consumer.commit(
                    {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in changed.items()}
                )
            except (CommitFailedError, RebalanceInProgressError):
                return  # the group is changing hands: whoever gets the partitions reads again
        self._committed.update(changed)

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Records behind the last one given, as far as is known."""
        behind = {}
        for tp in self._consumer.assignment():
            known = self._ends(tp)
            if known:
                position, end = known
                buffered = len(self._buffers.get(tp, ()))
                behind[tp.topic, tp.partition] = max(0, end - position) + buffered
        return behind

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)


def _place(tp: TopicPartition, record: Any) -> tuple[int, str, int, int]:
    return (record.timestamp, tp.topic, tp.partition, record.offset)


class _Lost(ConsumerRebalanceListener):
    """Partitions that were taken away since last asked.

    The listener runs on the client's own thread, where nothing may block: it only takes notes.
    """

    def __init__(self) -> None:
        self._partitions: deque[TopicPartition] = deque()

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._partitions.extend(revoked)

    def on_partitions_lost(self, lost: Sequence[TopicPartition]) -> None:
        self._partitions.extend(lost)

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        pass

    def take(self) -> list[TopicPartition]:
        taken = []
        while self._partitions:
            taken.append(self._partitions.popleft())
        return taken
