"""Many messages of one topic into kafka-python's producer at once.

`KafkaProducer.send` costs 15 to 20 us a message: checks, partition, locks and a future for each.
Here `stream.wire.writing` writes them, and they are put into the batches that the producer gathers,
under its own lock: sequence numbers, retries, transactions and flushes go on as they are. There is
no public way to do that. Where the library is no longer as it was when this was written, a trial
batch shows it, and messages go by `send`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from kafka import KafkaProducer, TopicPartition
from kafka.producer.future import FutureRecordMetadata
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.wire.writing import Texts, Writer, partitions

log = logging.getLogger("streamgauge")

MAGIC, NO_COMPRESSION = 2, 0


class Blocks:
    """Puts blocks into a producer that compresses nothing.

    Parameters
    ----------
    producer
        Whose batches are filled.
    batch_size
        Of the producer, in bytes.

    Raises
    ------
    AttributeError, TypeError
        If the producer is not as it is known here.
    """

    def __init__(self, producer: KafkaProducer, batch_size: int) -> None:
        if not as_expected():
            raise TypeError("a trial batch came out otherwise")
        inside: Any = producer  # SLF001: see above
        self._accumulator = inside._accumulator  # noqa: SLF001
        self._transactions = inside._transaction_manager  # noqa: SLF001
        self._wake_up = inside._sender.wakeup  # noqa: SLF001
        # All that `_append` needs.
        for name in ("_tp_lock", "_batches", "_incomplete", "_appends_in_progress"):
            getattr(self._accumulator, name)
        self._partitions = producer.partitions_for
        self._batch_size = batch_size

    def send(
        self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]
    ) -> list[FutureRecordMetadata]:
        """Send messages, each to its key's partition; a future for each batch they went into."""
        there = sorted(self._partitions(topic) or ())
        key_texts, value_texts = Texts(keys), Texts(values)
        owners = partitions(key_texts, len(there))
        futures = []
        for place in np.unique(owners).tolist():
            tp = TopicPartition(topic, there[place])
            if self._transactions and self._transactions.is_transactional():
                self._transactions.maybe_add_partition_to_transaction(tp)
            rows = np.flatnonzero(owners == place)
            futures += self._append(tp, Writer(key_texts, value_texts, rows))
        self._wake_up()
        return futures

    def _append(self, tp: TopicPartition, writer: Writer) -> list[FutureRecordMetadata]:
        accumulator = self._accumulator
        futures = []
        accumulator._appends_in_progress.increment()  # noqa: SLF001
        try:
            with accumulator._tp_lock(tp):  # noqa: SLF001
                batches = accumulator._batches[tp]  # noqa: SLF001
                if batches and extend(batches[-1].records, writer, self._batch_size):
                    futures.append(_future(batches[-1]))
                while not writer.done:
                    batch = ProducerBatch(
                        tp, MemoryRecordsBuilder(MAGIC, NO_COMPRESSION, self._batch_size)
                    )
                    extend(batch.records, writer, self._batch_size)
                    batches.append(batch)
                    accumulator._incomplete.add(batch)  # noqa: SLF001
                    futures.append(_future(batch))
        finally:
            accumulator._appends_in_progress.decrement()  # noqa: SLF001
        return futures


def extend(records: MemoryRecordsBuilder, writer: Writer, size: int) -> int:
    """Fill a batch up to `size` bytes with further records; gives how many.

    The first record of an empty batch goes in whatever its size.
    """
    if records._closed:  # noqa: SLF001 - as above
        return 0
    builder = records._builder  # noqa: SLF001
    now = int(time.time() * 1_000)
    number = records._next_offset  # noqa: SLF001
    first = now if builder._first_timestamp is None else builder._first_timestamp  # noqa: SLF001
    late = max(0, now - first)
    room = size - len(builder._buffer)  # noqa: SLF001
    data, count = writer.write(room if number else max(room, writer.next_size), number, late)
    if count:
        builder._buffer += data  # noqa: SLF001
        builder._num_records += count  # noqa: SLF001
        builder._last_offset = number + count - 1  # noqa: SLF001
        builder._first_timestamp = first  # noqa: SLF001
        builder._max_timestamp = max(builder._max_timestamp or first, first + late)  # noqa: SLF001
        records._next_offset += count  # noqa: SLF001
    return count


def _future(batch: ProducerBatch) -> FutureRecordMetadata:
    """Tells how a batch fares. A batch that the producer must split takes its futures along."""
    future = FutureRecordMetadata(batch.produce_future, 0, None, None, -1, -1, -1)
    if not batch._record_futures:  # noqa: SLF001 - as above
        batch._record_futures.append(future)  # noqa: SLF001
    return future


def as_expected() -> bool:
    """Whether a trial batch is written as the library does it."""
    messages = [(b"key", b"value"), (b"", b"x" * 200), (b"k" * 100, b"")]
    ours, theirs = (MemoryRecordsBuilder(MAGIC, NO_COMPRESSION, 1_000) for _ in range(2))
    writer = Writer(Texts([k for k, _ in messages]), Texts([v for _, v in messages]), np.arange(3))
    extend(ours, writer, 1_000)
    now = ours._builder._first_timestamp  # noqa: SLF001 - as above
    for key, value in messages:
        theirs.append(now, key, value, [])
    for each in (ours, theirs):
        each.set_producer_state(7, 1, 5, is_transactional=True)
        each.close()
    return bool(ours.buffer() == theirs.buffer() and ours.next_offset() == theirs.next_offset())


def blocks(producer: KafkaProducer, batch_size: int) -> Blocks | None:
    """Takes blocks for a producer; None where that cannot be had."""
    try:
        return Blocks(producer, batch_size)
    except (AttributeError, TypeError, ValueError) as error:
        log.warning("this kafka-python is not as we know it (%s): it sends one by one", error)
        return None
