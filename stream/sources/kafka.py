"""Records from topics, in an order that does not depend on how they happened to arrive.

Records of all partitions are merged by their Kafka timestamp (then topic, partition, offset), as
Kafka Streams does: the head of every partition is compared, so within a partition the offsets rule.
A partition that has nothing buffered although it is not at its end holds the others back, for at
most `max_wait`. So a backlog is read in one order only, and a replay of it gives the same scores.

After a crash the journal says what the order was, and `follow` gives it again.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError

from stream.config import Kafka
from stream.errors import RecoveryError
from stream.events import Record
from stream.journal import Partition, Run
from stream.kafka import demand, in_our_words, partitions, settings
from stream.timestamps import duration

QUIET = 5.0  # seconds without a record after which the broker is asked whether it is there
ASK_MS = 3_000
FETCH = 0.01  # seconds to wait for a fetch while other records are at hand
TICK = 0.2  # seconds after which `follow` lets its caller look around

# kafka-python 3.0.12 never gives back the rest of a fetch that was read in part before its
# partition was paused, so fetches (a megabyte at most) are read whole.
WHOLE_FETCH = 2**31 - 1


class KafkaSource:
    """Gives the records of topics, from where `start` says. Whose turn it is is not its business.

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
        self._followed: set[TopicPartition] = set()
        self._held_since: float | None = None
        self._heard = clock()
        sizes = partitions(kafka, topics)
        demand(kafka, sizes)
        self.partitions = [(topic, n) for topic, size in sizes.items() for n in range(size)]
        with in_our_words(kafka, "starting the consumer"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )

    def start(self, offsets: Mapping[Partition, int]) -> None:
        """Read further partitions, from these offsets on; one that is gone means the first left."""
        new = {TopicPartition(*at): offset for at, offset in offsets.items()}
        self._buffers |= {tp: deque() for tp in new}
        self._next |= new
        with in_our_words(self._kafka, "fetching records"):
            self._consumer.assign(list(self._next))
            for tp, offset in new.items():
                self._consumer.seek(tp, offset)

    @property
    def offsets(self) -> dict[Partition, int]:
        """By partition: the offset after the last record given."""
        return {(tp.topic, tp.partition): offset for tp, offset in self._next.items()}

    def ends(self) -> dict[Partition, int]:
        """Where the partitions that are read end now."""
        with in_our_words(self._kafka, "asking where topics end"):
            found = self._consumer.end_offsets(list(self._next), timeout_ms=ASK_MS)
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    def poll(self, timeout: float) -> Sequence[Record]:
        """The next records in order, at most `max_poll_records`."""
        with in_our_words(self._kafka, "fetching records"):
            self._fetch(FETCH if any(self._buffers.values()) else timeout)
            return self._merge()

    def follow(self, runs: Iterable[Run]) -> Iterator[Sequence[Record]]:
        """Give runs of records in the order that a journal has noted, whatever their timestamps.

        Now and then what is given is empty, so that the caller may see to other things.

        Raises
        ------
        RecoveryError
            If a record is no longer there.
        BrokerError
            If the broker cannot be reached.
        """
        given: list[Record] = []
        for run in runs:
            tp = TopicPartition(run.topic, run.partition)
            if tp not in self._next:
                self.start({(run.topic, run.partition): run.first})
            if tp not in self._followed:
                self._demand(tp)
                self._followed.add(tp)
            buffer = self._buffers[tp]
            while self._next[tp] < run.next:
                while not buffer:
                    yield given
                    given = []
                    with in_our_words(self._kafka, "fetching records"):
                        self._fetch(TICK)
                if buffer[0].offset >= run.next:
                    raise _gone(tp, self._next[tp], buffer[0].offset)
                given.append(self._take(tp))
                if len(given) >= self._size:
                    yield given
                    given = []
        yield given

    def _demand(self, tp: TopicPartition) -> None:
        with in_our_words(self._kafka, "asking where a topic begins"):
            first = self._consumer.beginning_offsets([tp], timeout_ms=ASK_MS)[tp]
        if first > self._next[tp]:
            raise _gone(tp, self._next[tp], first)

    def _fetch(self, timeout: float) -> None:
        # A partition with enough in its buffer rests: that bounds the memory.
        full = [tp for tp, buffer in self._buffers.items() if len(buffer) >= self._size]
        paused = self._consumer.paused()
        self._consumer.pause(*[tp for tp in full if tp not in paused])
        self._consumer.resume(*[tp for tp in paused if tp not in full])
        fetched = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=WHOLE_FETCH)
        for partition, records in fetched.items():
            self._buffers[partition].extend(records)
        now = self._clock()
        if fetched:
            self._heard = now
        elif now - self._heard > QUIET:
            # A consumer whose broker is gone polls on in silence.
            self._consumer.end_offsets(list(self._next), timeout_ms=ASK_MS)
            self._heard = now

    def _merge(self) -> list[Record]:
        buffers = {tp: buffer for tp, buffer in self._buffers.items() if buffer}
        behind = [tp for tp in self._next if tp not in buffers and not self._at_end(tp)]
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
            _, topic, partition, _ = heads[0]
            tp = TopicPartition(topic, partition)
            merged.append(self._take(tp))
            if buffers[tp]:
                heapq.heapreplace(heads, _place(tp, buffers[tp][0]))
            elif self._at_end(tp):
                heapq.heappop(heads)
            else:  # more of it may be earlier than what the others have
                break
        return merged

    def _take(self, tp: TopicPartition) -> Record:
        r = self._buffers[tp].popleft()
        self._next[tp] = r.offset + 1
        headers = tuple((k, v or b"") for k, v in r.headers) if r.headers else ()
        return Record(r.value or b"", tp.topic, tp.partition, r.offset, r.timestamp, r.key, headers)

    def _ends(self, tp: TopicPartition) -> tuple[int, int] | None:
        """Offset up to which the partition was fetched, and where it ends, if both are known."""
        try:
            end = self._consumer.highwater(tp)
            # Once a fetch was answered the position is at hand, and asking for it does not block.
            position = self._consumer.position(tp, timeout_ms=ASK_MS) if end is not None else None
        except IllegalStateError:  # not ours yet
            return None
        return None if end is None or position is None else (position, end)

    def _at_end(self, tp: TopicPartition) -> bool:
        """Whether everything in the partition, as far as is known, has been fetched."""
        known = self._ends(tp)
        return known is not None and known[0] >= known[1]

    def commit(self) -> None:
        """Where to go on is for others to note; see `offsets`."""

    def lag(self) -> Mapping[Partition, int]:
        """Records behind the last one given, as far as is known."""
        behind = {}
        for tp in self._next:
            known = self._ends(tp)
            if known:
                position, end = known
                behind[tp.topic, tp.partition] = max(0, end - position) + len(self._buffers[tp])
        return behind

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)


def _gone(tp: TopicPartition, offset: int, first: int) -> RecoveryError:
    return RecoveryError(
        f"records of {tp.topic}-{tp.partition} from offset {offset:,} on are gone: the first that "
        f"is left there is {first:,}"
    )


def _place(tp: TopicPartition, record: Any) -> tuple[int, str, int, int]:
    return (record.timestamp, tp.topic, tp.partition, record.offset)
