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
    taken
        What was taken in of other monitors, or a part of it (`stream.exchange`): after all earlier
        entries, the state is one that was mixed with it. Such an entry has no runs.
    more
        How many entries come that have the other parts.
    """

    sequence: int
    partitions: tuple[tuple[str, int, int], ...]
    lengths: tuple[int, ...]
    scores: str
    events: int = 0
    labels: int = 0
    without: tuple[str, ...] = ()
    taken: bytes | None = None
    more: int = 0

    def __post_init__(self) -> None:
        # Whoever may write to the journal's topic could have written this.
        places = self.lengths[::2]
        if len(self.lengths) % 2 or min(self.lengths, default=0) < 0:
            raise ValueError("lengths: expected pairs of a place and a length")
        if max(places, default=-1) >= len(self.partitions):
            raise ValueError("lengths: expected places in partitions")

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
_decode = msgspec.msgpack.Decoder(Entry).decode


def decode(value: bytes) -> Entry:
    """An entry from its bytes.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return _decode(value)
    except RecursionError as error:  # an unknown field may be as deep as it likes
        raise ValueError(str(error)) from None


class _Taken:
    """What was taken of a partition: from `first` on, before `next`."""

    __slots__ = ("first", "next", "partition", "place", "topic")

    def __init__(self, topic: str, partition: int, place: int, first: int) -> None:
        self.topic, self.partition, self.place = topic, partition, place
        self.first = self.next = first


class Order:
    """Takes note of records as they are given to the monitor."""

    def __init__(self) -> None:
        self._partitions: dict[Partition, _Taken] = {}
        self._lengths: list[int] = []
        self._last: _Taken | None = None

    def __bool__(self) -> bool:
        return bool(self._lengths)

    @property
    def full(self) -> bool:
        """Whether an entry should be made of it now."""
        return len(self._lengths) >= 2 * MOST_RUNS

    def add(self, records: Sequence[Record]) -> None:
        """Note the next records. A gap in the offsets belongs to the run that goes over it."""
        last = self._last
        for record in records:
            topic, partition, after = record.topic, record.partition, record.offset + 1
            if last is None or partition != last.partition or topic != last.topic:
                last = self._partitions.get((topic, partition))
                if last is None:
                    last = _Taken(topic, partition, len(self._partitions), after - 1)
                    self._partitions[topic, partition] = last
                self._lengths += last.place, 0
            self._lengths[-1] += after - last.next
            last.next = after
        self._last = last

    def entry(self, sequence: int, scores: str, events: int, labels: int) -> Entry:
        """What was noted, as an entry."""
        return Entry(
            sequence=sequence,
            partitions=tuple(
                (each.topic, each.partition, each.first) for each in self._partitions.values()
            ),
            lengths=tuple(self._lengths),
            scores=scores,
            events=events,
            labels=labels,
        )
