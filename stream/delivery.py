"""How messages and offsets become valid: in one transaction, or one after the other.

A call that fails with `BrokerError` has kept what it was given: call it again until it works. After
a `LostError` nothing of it will become valid any more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import contextmanager, suppress
from itertools import repeat
from threading import Thread
from typing import Any, NamedTuple, Protocol

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from stream import messages
from stream.config import Kafka
from stream.errors import BrokerError, LostError
from stream.inlets import need_librdkafka
from stream.journal import Partition
from stream.kafka import in_our_words, settings
from stream.membership import Turn
from stream.outlets.blocks import blocks
from stream.timestamps import duration

PATIENCE_MS = 2_000  # how long a call may block before we say that the broker does not answer
FOREVER_MS = 2**31 - 1
BATCH = 131_072  # bytes that go to a partition at a time
OPEN = 30.0  # seconds beyond the commit interval after which the broker undoes a transaction
SILENCE = 5.0  # seconds without an answer after which we do


class Message(NamedTuple):
    """What goes to a topic."""

    topic: str
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Block(NamedTuple):
    """Many messages to one topic, each in the partition that its key says."""

    topic: str
    keys: Sequence[bytes]
    values: Sequence[bytes]

    @property
    def messages(self) -> Iterator[Message]:
        """The same one by one."""
        return map(Message, repeat(self.topic), self.values, self.keys)


class Delivery(Protocol):
    """Takes messages in order, and makes them valid together with offsets."""

    def start(self) -> None:
        """Shut out whoever did this before, and undo what they left half done."""
        ...

    def send(self, sent: Iterable[Message | Block]) -> None:
        """Send messages; see `flush` for when the broker has them."""
        ...

    def flush(self) -> int:
        """Return once the broker has all messages, with the offset that the last one got."""
        ...

    def commit(self, offsets: Mapping[Partition, int], member: Turn) -> None:
        """Make all that was flushed valid, and the offsets the group's."""
        ...

    def close(self) -> None:
        """Let go. What was not committed may be lost."""
        ...


class AtLeastOnce:
    """Messages first, then offsets. A crash between the two makes outputs come twice.

    Parameters
    ----------
    kafka
        Where the broker is.

    Raises
    ------
    BrokerError
        If it cannot be reached.
    """

    def __init__(self, kafka: Kafka, **more: Any) -> None:
        self._kafka = kafka
        self._pending: deque[Message | Block] = deque()
        self._sent: list[Any] = []
        self._last = -1
        with in_our_words(kafka, "starting the producer"):
            self._producer = KafkaProducer(
                **settings(kafka),
                acks="all",
                linger_ms=round(1_000 * duration(kafka.linger)),
                batch_size=BATCH,
                max_request_size=2 * messages.MOST_BYTES,
                max_block_ms=PATIENCE_MS,
                delivery_timeout_ms=FOREVER_MS,  # an outage is waited out, not counted as a loss
                **more,
            )
        self.blocks = blocks(self._producer, BATCH)

    def start(self) -> None:
        """Nobody can be shut out: that is what transactions are for."""

    def send(self, sent: Iterable[Message | Block]) -> None:
        self._pending.extend(sent)
        with self._words("producing"):
            while self._pending:
                m = self._pending[0]
                if isinstance(m, Message):
                    self._sent.append(self._send(m))
                elif self.blocks:
                    self._sent += self.blocks.send(*m)
                else:
                    self._sent += map(self._send, m.messages)
                self._pending.popleft()

    def _send(self, m: Message) -> Any:
        return self._producer.send(m.topic, m.value, m.key, list(m.headers), m.partition)

    def flush(self) -> int:
        self.send(())
        with self._words("producing"):
            self._producer.flush(timeout=PATIENCE_MS / 1000)
            failed = next((sent.exception for sent in self._sent if sent.failed()), None)
            if failed is not None:
                raise failed
            if self._sent:
                self._last = self._sent[-1].get(PATIENCE_MS / 1000).offset
        self._sent.clear()
        return self._last

    def commit(self, offsets: Mapping[Partition, int], member: Turn) -> None:
        member.commit(offsets)

    def close(self) -> None:
        # It would send what is pending first, and give up half closed where that cannot be done.
        self._producer._sender.force_close()  # noqa: SLF001
        with suppress(KafkaError):
            self._producer.close(timeout=PATIENCE_MS / 1000)

    @contextmanager
    def _words(self, doing: str) -> Generator[None]:
        with in_our_words(self._kafka, doing):
            yield


class ExactlyOnce(AtLeastOnce):
    """Messages and offsets in one transaction, under the group's name (and the partition's, where
    each has a monitor): both are valid, or neither.

    Whoever starts under a name shuts out all who had it before. So a worker that has slept through
    its own replacement cannot write a thing.

    Parameters
    ----------
    kafka
        Where the broker is.
    clock
        Seconds that only ever grow.
    """

    def __init__(self, kafka: Kafka, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        super().__init__(
            kafka,
            transactional_id=kafka.transactional_id,
            transaction_timeout_ms=round(1_000 * (duration(kafka.commit_interval) + OPEN)),
        )
        self._open = False
        self._silent_since: float | None = None
        self._committing: Future[None] | None = None

    def start(self) -> None:
        with self._words("starting transactions"):
            self._producer.init_transactions()
        self._silent_since = None

    def send(self, sent: Iterable[Message | Block]) -> None:
        self._pending.extend(sent)
        if self._pending and not self._open:
            with self._words("starting a transaction"):
                self._producer.begin_transaction()
            self._open = True
        super().send(())

    def flush(self) -> int:
        last = super().flush()
        self._silent_since = None
        return last

    def commit(self, offsets: Mapping[Partition, int], member: Turn) -> None:
        if self._committing is None:
            places = {
                TopicPartition(*at): OffsetAndMetadata(n, "", -1) for at, n in offsets.items()
            }
            group = member.metadata()

            def commit() -> None:
                self._producer.send_offsets_to_transaction(places, group)
                self._producer.commit_transaction()

            # kafka-python waits for the broker without end, and nothing can be done meanwhile.
            self._committing = _aside(commit)
        with self._words("committing a transaction"):
            try:
                self._committing.result(PATIENCE_MS / 1000)
            except NotYetError:
                raise KafkaTimeoutError("it goes on") from None
        self._open, self._committing, self._silent_since = False, None, None

    @contextmanager
    def _words(self, doing: str) -> Generator[None]:
        """After an error neither the transaction nor the producer is of any more use.

        A time-out may be waited out, but not for long: kafka-python 3.0.12 forgets about a request
        that has met a refused connection, and then stands still for good.
        """
        try:
            with in_our_words(self._kafka, doing):
                yield
        except BrokerError as error:
            now = self._clock()
            self._silent_since = now if self._silent_since is None else self._silent_since
            silent = now - self._silent_since
            if isinstance(error.__cause__, KafkaTimeoutError) and silent < SILENCE:
                raise
            raise LostError(str(error)) from None


def _aside(act: Callable[[], None]) -> Future[None]:
    """Do something in a thread that does not keep the process from ending."""
    done = Future[None]()

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=run, daemon=True).start()
    return done


def new_delivery(kafka: Kafka) -> Delivery:
    """What the config wants, by the client that it names.

    Raises
    ------
    BrokerError
        If the broker cannot be reached.
    ConfigError
        If the client is not installed.
    """
    exactly = kafka.delivery == "exactly-once"
    if kafka.client == "librdkafka":
        need_librdkafka()
        from stream.outlets import librdkafka  # noqa: PLC0415 - an extra

        return librdkafka.ExactlyOnce(kafka) if exactly else librdkafka.AtLeastOnce(kafka)
    return ExactlyOnce(kafka) if exactly else AtLeastOnce(kafka)
