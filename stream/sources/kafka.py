"""Records from topics, in an order that does not depend on how they happened to arrive.

Records of all partitions are merged by their Kafka timestamp (then topic, partition, offset), as
Kafka Streams does: the head of every partition is compared, so within a partition the offsets rule.
A partition that has nothing buffered although it is not at its end holds the others back, for at
most `max_wait`. So a backlog is read in one order only, and a replay of it gives the same scores.

After a crash the journal says what the order was, and `follow` gives it again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from stream.config import Kafka
from stream.errors import RecoveryError
from stream.events import Record
from stream.inlets import inlet
from stream.journal import Partition, Run
from stream.kafka import demand, partitions
from stream.sources.merging import merge
from stream.timestamps import duration

QUIET = 5.0  # seconds without a record after which the broker is asked whether it is there
FETCH = 0.01  # seconds to wait for a fetch while other records are at hand
TICK = 0.2  # seconds after which `follow` lets its caller look around


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
        self._buffers: dict[Partition, deque[Record]] = {}
        self._next: dict[Partition, int] = {}  # by partition: offset after the last given
        self._followed: set[Partition] = set()
        self._held_since: float | None = None
        self._heard = clock()
        sizes = partitions(kafka, topics)
        demand(kafka, sizes)
        own = kafka.partition
        self.partitions = [
            (topic, n) for topic, size in sizes.items() for n in range(size) if own in (None, n)
        ]
        self._inlet = inlet(kafka)

    def start(self, offsets: Mapping[Partition, int]) -> None:
        """Read further partitions, from these offsets on; one that is gone means the first left."""
        self._buffers |= {at: deque() for at in offsets}
        self._next |= offsets
        self._inlet.read(offsets)

    @property
    def offsets(self) -> dict[Partition, int]:
        """By partition: the offset after the last record given."""
        return dict(self._next)

    def ends(self) -> dict[Partition, int]:
        """Where the partitions that are read end now."""
        return self._inlet.ends(self._next)

    def poll(self, timeout: float) -> Sequence[Record]:
        """The next records in order, at most `max_poll_records`."""
        at_hand = sum(map(len, self._buffers.values()))
        if at_hand < self._size or self._behind():
            self._fetch(FETCH if at_hand else timeout)
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
            at = (run.topic, run.partition)
            if at not in self._next:
                self.start({at: run.first})
            if at not in self._followed:
                self._demand(at)
                self._followed.add(at)
            buffer = self._buffers[at]
            while self._next[at] < run.next:
                while not buffer:
                    yield given
                    given = []
                    self._fetch(TICK)
                if buffer[0].offset >= run.next:
                    raise _gone(at, self._next[at], buffer[0].offset)
                while buffer and buffer[0].offset < run.next and len(given) < self._size:
                    given.append(buffer.popleft())
                self._next[at] = given[-1].offset + 1
                if len(given) >= self._size:
                    yield given
                    given = []
        yield given

    def _demand(self, at: Partition) -> None:
        first = self._inlet.firsts([at])[at]
        if first > self._next[at]:
            raise _gone(at, self._next[at], first)

    def _fetch(self, timeout: float) -> None:
        held = {at: len(buffer) for at, buffer in self._buffers.items()}
        fetched = self._inlet.fetch(timeout, held)
        for at, records in fetched.items():
            self._buffers[at].extend(records)
        now = self._clock()
        if fetched:
            self._heard = now
        elif now - self._heard > QUIET:
            # A consumer whose broker is gone polls on in silence.
            self._inlet.ends(self._next)
            self._heard = now

    def _merge(self) -> list[Record]:
        behind = self._behind()
        if not behind:
            self._held_since = None
        elif self._held_since is None and any(self._buffers.values()):
            self._held_since = self._clock()
        if behind and self._clock() - (self._held_since or self._clock()) < self._max_wait:
            return []
        merged, offsets = merge(self._buffers, self._open, self._size)
        self._next |= offsets
        return merged

    def _behind(self) -> bool:
        """Whether there is a partition of which the next record is still to be fetched."""
        return any(not buffer and self._open(at) for at, buffer in self._buffers.items())

    def _open(self, at: Partition) -> bool:
        """Whether a partition may have records, as far as is known, that are not fetched yet."""
        return self._inlet.behind(at) != 0

    def commit(self) -> None:
        """Where to go on is for others to note; see `offsets`."""

    def lag(self) -> Mapping[Partition, int]:
        """Records behind the last one given, as far as is known."""
        found = {at: self._inlet.behind(at) for at in self._next}
        return {
            at: behind + len(self._buffers[at])
            for at, behind in found.items()
            if behind is not None
        }

    def close(self) -> None:
        self._inlet.close()


def _gone(at: Partition, offset: int, first: int) -> RecoveryError:
    topic, partition = at
    return RecoveryError(
        f"records of {topic}-{partition} from offset {offset:,} on are gone: the first that "
        f"is left there is {first:,}"
    )
