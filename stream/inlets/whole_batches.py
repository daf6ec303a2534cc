"""kafka-python's consumer made to take its batches apart by `stream.wire.reading`.

Eight of the ten microseconds that a record costs in `poll` go into taking batches apart, and there
is no public way to a batch as such. So in one consumer a batch is made to look as if it held one
record, whose value is the list of all that it holds. Checksums, compression, aborted transactions
and positions stay where they are, in the library's own code. Where the library is no longer as it
was when this was written, a trial batch shows it, and nothing is put in its place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from stream.events import Record
from stream.wire.reading import Batch, records

log = logging.getLogger("streamgauge")


class _All(NamedTuple):
    """All records of a batch as if they were one, in the eyes of kafka-python."""

    value: Sequence[Record]
    offset: int  # the last one's
    size_in_bytes: int
    timestamp: int
    timestamp_type: int
    key: None = None
    headers: Sequence[tuple[str, bytes]] = ()
    checksum: None = None

    def validate_crc(self) -> bool:
        """It has no checksum of its own."""
        return True


class _WholeBatch(DefaultRecordBatch):
    """A batch that is not taken apart, unless it is not as it must be: then an error will tell."""

    __slots__ = ("_at", "_first")

    def __init__(self, buffer: Any, at: TopicPartition, first: int) -> None:
        super().__init__(buffer)
        self._at, self._first = at, first

    def __iter__(self) -> Iterator[Any]:
        self._maybe_uncompress()
        appended = self.max_timestamp if self.timestamp_type else None
        batch = Batch(
            bytes(self._buffer), self._pos, self.records_count, self._at.topic, self._at.partition,
            self.base_offset, self.first_timestamp, appended,
        )  # fmt: skip
        found = records(batch, self._first)
        if found is None:
            return super().__iter__()
        return iter(
            [
                _All(
                    found, self.last_offset, self.size_in_bytes, self.max_timestamp,
                    self.timestamp_type,
                )
            ]
        )  # fmt: skip


class _WholeBatches(MemoryRecords):
    """A fetch's batches."""

    __slots__ = ("_at", "_first")

    def __init__(self, data: Any, at: TopicPartition, first: int) -> None:
        super().__init__(data)
        self._at, self._first = at, first

    def next_batch(self) -> Any:
        batch = super().next_batch()
        if isinstance(batch, DefaultRecordBatch) and not batch.is_control_batch:
            return _WholeBatch(batch._buffer, self._at, self._first)  # noqa: SLF001 - see above
        return batch


class WholePart(Fetcher.PartitionRecords):
    """A partition's share of a fetch."""

    def __init__(self, offset: int, at: TopicPartition, data: Any, **more: Any) -> None:
        whole = _WholeBatches(data._buffer, at, offset)  # noqa: SLF001 - see above
        super().__init__(offset, at, whole, **more)


def read_whole_batches(consumer: KafkaConsumer) -> bool:
    """Have a consumer's polls give whole batches (see `taken_apart`); False if it cannot be had."""
    try:
        if not as_expected():
            raise TypeError("a trial batch came out otherwise")  # noqa: TRY301 - one way out
        fetcher = consumer._fetcher  # noqa: SLF001 - see above
        if fetcher.PartitionRecords is not Fetcher.PartitionRecords:
            raise TypeError("somebody else was here")  # noqa: TRY301
        fetcher.PartitionRecords = WholePart
    except (AttributeError, TypeError, ValueError) as error:
        log.warning("this kafka-python is not as we know it (%s): it reads one by one", error)
        return False
    return True


def taken_apart(at: TopicPartition, polled: Sequence[Any]) -> list[Record]:
    """What a poll gave of a partition, whether whole or one by one."""
    found: list[Record] = []
    for r in polled:
        if isinstance(r.value, list):
            found += r.value
            continue
        headers = tuple((k, v or b"") for k, v in r.headers) if r.headers else ()
        record = Record(
            r.value or b"", at.topic, at.partition, r.offset, r.timestamp, r.key, headers
        )
        found.append(record)
    return found


def as_expected() -> bool:
    """Whether a trial batch is taken apart as the library does it."""
    builder = MemoryRecordsBuilder(2, 0, 1_000)
    builder.append(7, b"key", b"value", [("name", b"header")])
    builder.append(8, None, b"", [])
    builder.append(9, b"", None, [])
    builder.close()
    at = TopicPartition("trial", 3)
    whole, single = (
        part(1, at, MemoryRecords(builder.buffer())).take()
        for part in (WholePart, Fetcher.PartitionRecords)
    )
    alike = taken_apart(at, whole) == taken_apart(at, single)
    return alike and (len(whole), len(single)) == (1, 2)
