"""Deliveries by librdkafka.

The group has its one worker by kafka-python (`stream.membership`), whose assignor librdkafka knows
nothing of. What shuts out a worker that has lost the work is the name that transactions go under
(see `stream.delivery`), so offsets may come from nobody in particular; ADR 17 says more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from stream import messages
from stream.config import Kafka
from stream.delivery import BATCH, OPEN, PATIENCE_MS, Block, Message
from stream.errors import BrokerError, LostError
from stream.journal import Partition
from stream.librdkafka import in_our_words, is_silence, settings
from stream.membership import Turn
from stream.timestamps import duration

PATIENCE = PATIENCE_MS / 1_000
MOST_WAITING = 200_000  # messages that the producer has and the broker has not
MOST_KB = 2**21 - 1


class AtLeastOnce:
    """Messages first, then offsets, as `stream.delivery.AtLeastOnce`."""

    def __init__(self, kafka: Kafka, **more: Any) -> None:
        self._kafka = kafka
        self._pending: deque[Message | Block] = deque()
        self._number = 0  # of the last message that went alone
        self._last = -1
        self._failed: KafkaError | None = None
        self._told: Callable[..., None] | None = self._fares
        with in_our_words(kafka, "starting the producer"):
            self._producer = Producer(
                {
                    **settings(kafka),
                    "acks": "all",
                    "enable.idempotence": True,
                    "partitioner": "murmur2_random",  # as all others do it
                    "linger.ms": 1_000 * duration(kafka.linger),
                    "batch.size": BATCH,
                    "message.max.bytes": 2 * messages.MOST_BYTES,
                    "queue.buffering.max.messages": 2 * MOST_WAITING,
                    "queue.buffering.max.kbytes": MOST_KB,
                    **(more or {"message.timeout.ms": 0}),  # an outage is waited out
                }
            )

    def start(self) -> None:
        """Nobody can be shut out: that is what transactions are for."""

    def send(self, sent: Iterable[Message | Block]) -> None:
        self._pending.extend(sent)
        with self._words("producing"):
            while self._pending:
                if len(self._producer) > MOST_WAITING:
                    self._wait()
                m = self._pending[0]
                if isinstance(m, Message):
                    self._send(m)
                else:
                    self._send_block(m)
                self._pending.popleft()

    def _send(self, m: Message) -> None:
        self._number += 1
        self._producer.produce(
            m.topic, m.value, m.key, -1 if m.partition is None else m.partition,
            on_delivery=partial(self._arrives, self._number), headers=list(m.headers),
        )  # fmt: skip

    def _send_block(self, block: Block) -> None:
        pairs = zip(block.keys, block.values, strict=True)
        rows = [{"key": key, "value": value} for key, value in pairs]
        if self._producer.produce_batch(block.topic, rows, on_delivery=self._told) < len(rows):
            # The queue has room, so it is not for want of that.
            raise KafkaException(next(row["_error"] for row in rows if "_error" in row))

    def _arrives(self, number: int, error: KafkaError | None, message: Any) -> None:
        self._fares(error, message)
        if not error and number == self._number:
            self._last = message.offset()

    def _fares(self, error: KafkaError | None, _: Any) -> None:
        self._failed = self._failed or error

    def _wait(self) -> None:
        waiting = self._producer.flush(PATIENCE)
        failed, self._failed = self._failed, None
        if failed:
            raise KafkaException(failed)
        if waiting:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its name

    def flush(self) -> int:
        self.send(())
        with self._words("producing"):
            self._wait()
        return self._last

    def commit(self, offsets: Mapping[Partition, int], member: Turn) -> None:
        member.commit(offsets)

    def close(self) -> None:
        # `Producer.close` would undo the transaction first, and wait for a broker that is gone.
        self._producer.purge()
        del self._producer

    @contextmanager
    def _words(self, doing: str) -> Generator[None]:
        with in_our_words(self._kafka, doing):
            yield


class ExactlyOnce(AtLeastOnce):
    """Messages and offsets in one transaction, as `stream.delivery.ExactlyOnce`."""

    def __init__(self, kafka: Kafka) -> None:
        timeout = round(1_000 * (duration(kafka.commit_interval) + OPEN))
        super().__init__(
            kafka, **{"transactional.id": kafka.transactional_id, "transaction.timeout.ms": timeout}
        )
        self._told = None  # of a message that fails, the commit will tell
        self._open = self._offered = False
        self._group: Any = None

    def start(self) -> None:
        with self._words("starting transactions"):
            if self._group is None:
                nobody = Consumer({**settings(self._kafka), "group.id": self._kafka.group})
                self._group = nobody.consumer_group_metadata()
                nobody.close()
            self._producer.init_transactions(PATIENCE)

    def send(self, sent: Iterable[Message | Block]) -> None:
        self._pending.extend(sent)
        if self._pending and not self._open:
            with self._words("starting a transaction"):
                self._producer.begin_transaction()
            self._open = True
        super().send(())

    def commit(self, offsets: Mapping[Partition, int], member: Turn) -> None:
        if not self._offered:
            member.metadata()  # says so if the group is being rearranged
        with self._words("committing a transaction"):
            if not self._offered:
                places = [TopicPartition(*at, offset) for at, offset in offsets.items()]
                self._producer.send_offsets_to_transaction(places, self._group, PATIENCE)
                self._offered = True
            self._producer.commit_transaction(PATIENCE)
        self._open = self._offered = False

    @contextmanager
    def _words(self, doing: str) -> Generator[None]:
        """After an error that is more than silence the transaction is of no more use."""
        try:
            with in_our_words(self._kafka, doing):
                yield
        except BrokerError as error:
            if is_silence(error.__cause__):
                raise
            raise LostError(str(error)) from None
