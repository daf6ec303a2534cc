"""What monitors have learned, as bytes, on its way to the others.

Weights that are 0 do not travel, so a model is as large as what it knows. What is larger than a
record may be goes in pieces: to the models topic under a key for each place, so that a compacted
topic keeps the newest of each monitor, and to the journal as entries one after another.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from kafka import KafkaConsumer, TopicPartition

from models.mixing import Learned, Mixing, Weights, together
from models.vectors import Floats
from stream.config import Kafka
from stream.delivery import Message
from stream.kafka import in_our_words, settings
from stream.metrics.mixes import Mixes

log = logging.getLogger("streamgauge")

PIECE = 700_000  # bytes, where a topic takes 1 MB unless told otherwise
MOST_PIECES = 4_096
MOST_WEIGHTS = 2**26 + 2**16  # `features.hash_bits` is at most 26
ASK_MS = 3_000


class _Sparse(msgspec.Struct, array_like=True, frozen=True):
    size: int
    places: bytes
    values: bytes


class _Sent(msgspec.Struct, array_like=True, frozen=True):
    labels: int
    moments: bytes
    arms: dict[str, tuple[_Sparse, _Sparse, _Sparse]]


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """A part of what a monitor has published for the `round`-th time."""

    partition: int
    round: int
    number: int
    count: int
    content: bytes


def encode(learned: Learned | None) -> bytes:
    """As bytes; none for nothing."""
    if learned is None:
        return b""
    arms = {}
    for arm, (base, pull, size) in learned.weights.items():
        arms[arm] = _sparse(base), _sparse(pull), _sparse(size)
    moments = learned.moments.astype("<f8").tobytes()
    return msgspec.msgpack.encode(_Sent(learned.labels, moments, arms))


def decode(content: bytes) -> Learned | None:
    """The way back.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not content:
        return None
    try:
        sent = msgspec.msgpack.decode(content, type=_Sent)
        moments = np.frombuffer(sent.moments, "<f8").reshape(3, -1).astype(np.float64)
        weights = {arm: Weights(*map(_dense, parts)) for arm, parts in sent.arms.items()}
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise ValueError(f"no weights of ours: {error}") from None
    if sent.labels < 0 or not weights or (moments[0] < 0).any() or (moments[2] < 0).any():
        raise ValueError("no weights of ours: a count below 0, or no arms")
    return Learned(sent.labels, moments, weights)


def _sparse(dense: Floats) -> _Sparse:
    places = np.flatnonzero(dense).astype("<i4")
    return _Sparse(len(dense), places.tobytes(), dense[places].astype("<f8").tobytes())


def _dense(sparse: _Sparse) -> Floats:
    if not 0 < sparse.size <= MOST_WEIGHTS:
        raise ValueError(f"{sparse.size} weights")
    places = np.frombuffer(sparse.places, "<i4")
    if len(places) and places.min() < 0:
        raise ValueError("a place below 0")
    weights = np.zeros(sparse.size)
    weights[places] = np.frombuffer(sparse.values, "<f8")
    return weights


def pieces(content: bytes) -> list[bytes]:
    """The content in parts that fit into a record each; one at least."""
    return [content[at : at + PIECE] for at in range(0, max(1, len(content)), PIECE)]


def published(topic: str, partition: int, number: int, content: bytes) -> Iterator[Message]:
    """Messages that tell the others."""
    parts = pieces(content)
    for place, part in enumerate(parts):
        piece = Piece(partition, number, place, len(parts), part)
        key = f"{partition}-{place}".encode()
        yield Message(topic, msgspec.msgpack.encode(piece), key, partition=0)


class Published(NamedTuple):
    """What a monitor has published, and in which round."""

    round: int
    learned: Learned


class Newest:
    """Puts pieces together, and keeps the last whole model of each partition.

    Attributes
    ----------
    unreadable
        Records that were no piece of ours, or made no model.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one thread reads the topic, those of shards look
        self._whole: dict[int, Published] = {}
        self.unreadable = 0
        self._pieces: dict[int, list[Piece]] = {}

    def add(self, value: bytes) -> None:
        """Take the next record of the topic.

        Raises
        ------
        ValueError
            If it is no piece of ours, or makes no model.
        """
        try:
            self._add(value)
        except ValueError:
            self.unreadable += 1
            raise

    def _add(self, value: bytes) -> None:
        try:
            piece = msgspec.msgpack.decode(value, type=Piece)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no piece of ours: {error}") from None
        if not 0 <= piece.number < piece.count <= MOST_PIECES:
            raise ValueError(f"piece {piece.number} of {piece.count}")
        parts = self._pieces.setdefault(piece.partition, [])
        if piece.number != len(parts) or (parts and parts[0].round != piece.round):
            parts.clear()
        if piece.number == len(parts):
            parts.append(piece)
        if len(parts) == piece.count:
            content = b"".join(part.content for part in parts)
            del self._pieces[piece.partition]
            learned = decode(content)
            if learned:
                with self._lock:
                    self._whole[piece.partition] = Published(piece.round, learned)

    def of_others(self, partition: int) -> Mapping[int, Published]:
        """By partition, in order: what all but one have published last."""
        with self._lock:
            return {n: self._whole[n] for n in sorted(self._whole) if n != partition}


def taken_in(
    published: Mapping[int, Published], mixing: Mixing, now: int, every: float, mixes: Mixes
) -> Learned | None:
    """What a monitor takes in of what others have published; None where there is nothing.

    Parameters
    ----------
    published
        By partition.
    mixing
        The monitor's.
    now, every
        Its round, and the seconds of event time from one to the next.
    mixes
        Told what is taken in, and what is not.
    """
    refused = {n: why for n, of in published.items() if (why := mixing.misfit(of.learned))}
    for new in sorted(refused.items() - mixes.refusing.items()):
        log.warning("what partition %d has learned does not fit here: %s", *new)
    mixes.refuse(refused)
    fitting = [of for n, of in published.items() if n not in refused]
    mixes.take([(now - of.round) * every for of in fitting])
    return together([of.learned for of in fitting]) if fitting else None


class Exchange:
    """Reads the models topic.

    Parameters
    ----------
    kafka
        Where the broker is, and the topic.

    Attributes
    ----------
    newest
        What was read.

    Raises
    ------
    BrokerError
        If the broker cannot be reached.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._at = TopicPartition(kafka.topics.models, 0)
        self.newest = Newest()
        with in_our_words(kafka, "reading what was learned elsewhere"):
            self._consumer = KafkaConsumer(
                **settings(kafka),
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
            )
            self._consumer.assign([self._at])
            self._consumer.seek_to_beginning(self._at)

    def poll(self) -> None:
        """Take what has come."""
        with in_our_words(self._kafka, "reading what was learned elsewhere"):
            fetched = self._consumer.poll(0)
        for record in fetched.get(self._at, ()):
            try:
                self.newest.add(record.value or b"")
            except ValueError as error:
                log.warning("%s at offset %d: %s", self._at.topic, record.offset, error)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close(autocommit=False, timeout_ms=ASK_MS)
