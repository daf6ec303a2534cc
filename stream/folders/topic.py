"""A folder in a Kafka topic, which should be compacted: ``kafka://TOPIC``, ``kafka://TOPIC/path``.

A file is cut into records below Kafka's limit, each under a key of its own, and is there once a
last record says under its name where the parts begin and how many they are. So one that was cut
short has no name, and the last whole one counts. Removing is writing tombstones; compaction does
the rest. That the parts are those that were written is checked by the snapshot's own checksum.

What lies under ``partition-N`` is in the N-th partition of the topic, or round again from its first
where it has fewer.
"""

from __future__ import annotations

import io
import re
import secrets
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from typing import IO, Any, cast

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from stream.config import Kafka
from stream.errors import BrokerError, SnapshotDamagedError, SnapshotError
from stream.kafka import in_our_words, partitions, settings

SCHEME = "kafka://"
OWN = re.compile(r"(?:^|/)partition-(\d+)$")  # how the folder of a partition's monitor ends
FILE = "snapshot-"  # how the name of a file begins, and that of no folder
PART = 700_000  # bytes, where a topic takes 1 MB unless told otherwise
PATIENCE = 60.0  # seconds for the broker to take a file, or to give the next part of one
ASK_MS = 3_000


class Named(msgspec.Struct, frozen=True):
    """The record that gives a file its name: which parts, from which offset on, and their bytes."""

    upload: str
    count: int
    first: int
    size: int


class TopicFolder:
    """A `Folder` in a topic.

    Parameters
    ----------
    url
        The topic, and a path in it.
    kafka
        Where the broker is.
    """

    def __init__(self, url: str, kafka: Kafka) -> None:
        self._url = url
        self._kafka = kafka
        topic, _, self._path = url.removeprefix(SCHEME).rstrip("/").partition("/")
        self._topic = topic
        self._found: dict[str, Named] = {}
        self._parts: set[bytes] = set()
        self._next = 0  # offset up to which the topic was read
        with self._one_line():
            size = partitions(kafka, [topic])[topic]
        if not size:
            raise SnapshotError(f"{url}: {kafka.bootstrap} has no topic {topic}: create it there")
        self._size = size
        own = OWN.search(self._path)
        self._at = TopicPartition(topic, int(own[1]) % size if own else 0)

    def make(self) -> None:
        self._read_on()
        named = {key for found in self._found.items() for key in self._keys(*found)}
        self._write((key, None) for key in sorted(self._parts - named))
        self._parts &= named

    def names(self) -> list[str]:
        self._read_on()
        return list(self._found)

    def folders(self) -> list[str]:
        live: set[tuple[str, str]] = set()
        for number in range(self._size):
            for record in self._records(TopicPartition(self._topic, number), 0):
                name, _, file = self._inside(record.key)
                if file.startswith(FILE) and "/" not in file:
                    (live.add if record.value else live.discard)((name, file))
        return list({name for name, _ in live})

    def new(self, name: str) -> IO[bytes]:
        """A file without a name: should this process die, the system takes it back."""
        try:
            return tempfile.TemporaryFile()
        except OSError as error:
            raise SnapshotError(f"{self._url}/{name}: {error.strerror}") from None

    def publish(self, file: IO[bytes], name: str) -> None:
        upload = secrets.token_hex(8)
        with file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            count = -(-size // PART)
            named = Named(upload, count, 0, size)
            parts = ((key, file.read(PART)) for key in self._keys(name, named))
            first = self._write(parts)
        named = msgspec.structs.replace(named, first=first)
        self._write([(self._key(name), msgspec.json.encode(named))])

    def discard(self, file: IO[bytes], name: str) -> None:  # noqa: ARG002 - it has no name
        file.close()

    @contextmanager
    def open(self, name: str) -> Generator[IO[bytes]]:
        self._read_on()
        if name not in self._found:
            raise SnapshotError(f"{self._url}/{name}: No such file")
        with closing(self._records(self._at, self._found[name].first, name)) as records:
            yield cast(IO[bytes], io.BufferedReader(_Parts(records, self, name), PART))

    def remove(self, name: str) -> None:
        self._read_on()
        named = self._found.pop(name, None)
        if named:  # the name first: what is half removed is not there
            self._write((key, None) for key in [self._key(name), *self._keys(name, named)])

    def about(self, name: str) -> Named:
        """What is known of a file that is there."""
        return self._found[name]

    def key_of(self, name: str, number: int) -> bytes:
        """The key of a part."""
        return self._key(name, f"{self._found[name].upload}/{number}")

    def damaged(self, name: str) -> SnapshotDamagedError:
        """A part is gone."""
        return SnapshotDamagedError(f"{self._url}/{name}: torn: a part of it is gone")

    def _key(self, name: str, part: str = "") -> bytes:
        return "/".join(filter(None, (self._path, name, part))).encode()

    def _keys(self, name: str, named: Named) -> list[bytes]:
        return [self._key(name, f"{named.upload}/{n}") for n in range(named.count)]

    def _inside(self, key: bytes | None) -> tuple[str, str, str]:
        """A key's first name inside of this folder, a slash, and the rest; empty outside of it."""
        under = self._key("") + b"/" if self._path else b""
        if not key or not key.startswith(under):
            return "", "", ""
        return key.removeprefix(under).decode(errors="replace").partition("/")

    def _records(self, at: TopicPartition, first: int, name: str = "") -> Generator[Any]:
        """From an offset to where the topic's partition ends now; `name` is what is looked for."""
        with self._one_line(name):
            consumer = KafkaConsumer(
                **settings(self._kafka), enable_auto_commit=False, auto_offset_reset="earliest"
            )
            with closing(consumer):
                consumer.assign([at])
                end = consumer.end_offsets([at], timeout_ms=ASK_MS)[at]
                consumer.seek(at, first)
                position: int | None = first
                while position is not None and position < end:
                    fetched = consumer.poll(ASK_MS)
                    yield from fetched.get(at, ())
                    position = consumer.position(at, timeout_ms=ASK_MS)

    def _read_on(self) -> None:
        """Take note of the names that have come since the last look."""
        for record in self._records(self._at, self._next):
            self._next = record.offset + 1
            name, _, part = self._inside(record.key)
            if not name.startswith(FILE):
                continue  # in a folder in this one
            if part:
                (self._parts.add if record.value else self._parts.discard)(record.key)
            elif record.value:
                self._name(name, record.value)
            else:
                self._found.pop(name, None)

    def _name(self, name: str, value: bytes) -> None:
        try:
            self._found[name] = msgspec.json.decode(value, type=Named)
        except msgspec.MsgspecError:
            self._found.pop(name, None)

    def _write(self, records: Any) -> int:
        """Write records, in order; gives the offset of the first."""
        first = None
        with self._one_line():
            producer = KafkaProducer(
                **settings(self._kafka), acks="all", max_block_ms=int(1_000 * PATIENCE),
                max_request_size=2 * PART,
            )  # fmt: skip
            try:
                for key, value in records:
                    sent = producer.send(self._topic, value, key, partition=self._at.partition)
                    if first is None:
                        first = sent.get(PATIENCE).offset
                if first is not None:
                    producer.flush(PATIENCE)
                    if sent.failed():
                        raise sent.exception or KafkaError()
            finally:
                producer.close(timeout=ASK_MS / 1_000)
        return first or 0

    @contextmanager
    def _one_line(self, name: str = "") -> Generator[None]:
        where = f"{self._url}/{name}" if name else self._url
        try:
            with in_our_words(self._kafka, "keeping snapshots"):
                yield
        except BrokerError as error:
            raise SnapshotError(f"{where}: {error}") from None


class _Parts(io.RawIOBase):
    """The parts of a file as one, fetched as they are read. It can go back to its beginning."""

    def __init__(self, records: Generator[Any], folder: TopicFolder, name: str) -> None:
        self._records = records
        self._folder = folder
        self._name = name
        self._about = folder.about(name)
        self._buffer = b""  # of all that was fetched; a head is in the first part
        self._at = 0
        self._start = 0  # of the buffer, in the file
        self._number = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (self._about.size if whence == io.SEEK_END else 0)
        return self._at

    def readinto(self, view: Any) -> int:
        while self._at >= self._start + len(self._buffer):
            if self._number == self._about.count:
                return 0
            self._start += len(self._buffer)
            self._buffer = self._next_part()
        if self._at < self._start:
            raise self._folder.damaged(self._name)
        part = self._buffer[self._at - self._start :][: len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _next_part(self) -> bytes:
        wanted = self._folder.key_of(self._name, self._number)
        for record in self._records:
            if record.key == wanted:
                if not record.value:
                    break
                self._number += 1
                return bytes(record.value)
        raise self._folder.damaged(self._name)
