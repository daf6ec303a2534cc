"""The order in which records were given to the monitor, as runs; an entry for each commit.

Which partition's record came first is decided by timestamps and by what had arrived, and the model
learns in that order. So the order is written down beside the outputs, and recovery repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from stream.events import Record

MOST_RUNS = 200_000  # in an entry: about 400 kB, where a topic takes 1 MB unless told otherwise

Partition = tuple[str, int]


class Run(NamedTuple):
    """Records of one partition that came one after another: ``first <= offset < next``."""

    topic: str
    partition: int
    first: int
    next: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal says of one commit, or of a part of a long one.

    Attributes
    ----------
    sequence
        Rises by one with each entry. Number 0 begins anew, with a monitor that has seen nothing.
    partitions
        Topic, partition and the first offset of each partition that has runs.
    lengths
        For each run two numbers, its partition's place in `partitions` and the offsets that it
        goes on by. Mostly small, so that they take a byte each.
    scores
        Fingerprint over all scores after these records (see `models.fingerprint`).
    events, labels
        How many there have been.
    without
        Sources whose labels were taken back (`stream.undo`). Such an entry has no runs: it says
        that the state and the fingerprint are, from here on, those of a monitor that was given all
        earlier entries without these labels.
    """

    sequence: int
    partitions: tuple[tuple[str, int, int], ...]
    lengths: tuple[int, ...]
    scores: str
    events: int = 0
    labels: int = 0
    without: tuple[str, ...] = ()

    @property
    def runs(self) -> Iterator[Run]:
        """The runs, in order."""
        at = [first for _, _, first in self.partitions]
        for place, length in zip(self.lengths[::2], self.lengths[1::2], strict=True):
            topic, partition, _ = self.partitions[place]
            yield Run(topic, partition, at[place], at[place] + length)
            at[place] += length

    @property
    def next_offsets(self) -> dict[Partition, int]:
        """The offset after the last run of each partition."""
        return {(run.topic, run.partition): run.next for run in self.runs}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode


class Order:
    """Takes note of records as they are given to the monitor."""

    def __init__(self) -> None:
        self._partitions: dict[Partition, tuple[int, int]] = {}  # place and first offset
        self._next: dict[Partition, int] = {}
        self._lengths: list[int] = []
        self._last: Partition | None = None

    def __bool__(self) -> bool:
        return bool(self._lengths)

    @property
    def full(self) -> bool:
        """Whether an entry should be made of it now."""
        return len(self._lengths) >= 2 * MOST_RUNS

    def add(self, records: Sequence[Record]) -> None:
        """Note the next records. A gap in the offsets belongs to the run that goes over it."""
        for record in records:
            partition = (record.topic, record.partition)
            if partition not in self._partitions:
                self._partitions[partition] = len(self._partitions), record.offset
                self._next[partition] = record.offset
            length = record.offset + 1 - self._next[partition]
            self._next[partition] = record.offset + 1
            if partition == self._last:
                self._lengths[-1] += length
            else:
                self._lengths += self._partitions[partition][0], length
                self._last = partition

    def entry(self, sequence: int, scores: str, events: int, labels: int) -> Entry:
        """What was noted, as an entry."""
        return Entry(
            sequence=sequence,
            partitions=tuple((*at, first) for at, (_, first) in self._partitions.items()),
            lengths=tuple(self._lengths),
            scores=scores,
            events=events,
            labels=labels,
        )
