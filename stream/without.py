"""A history without the labels of some sources, and what has to be known of it before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from stream import history
from stream.codec import Source, reader
from stream.config import Config
from stream.events import Record
from stream.history import History
from stream.journal import Entry, Partition
from stream.monitor import Monitor

Turn = Callable[[str, float], None]  # told what is going on and how much of it is done


@dataclass(slots=True)
class Way:
    """How the monitor of a group got to where it is, as its journal tells.

    Attributes
    ----------
    ends
        By partition: the offset after the last record taken.
    whole
        Whether the journal goes back to the beginning.
    """

    ends: dict[Partition, int] = field(default_factory=dict)
    whole: bool = False
    _first: dict[Partition, int] = field(default_factory=dict)
    _undone: list[tuple[int, frozenset[str]]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Take the next entry of the journal."""
        if entry.sequence == 0:
            self.ends, self.whole, self._first, self._undone = {}, True, {}, []
        for topic, partition, first in entry.partitions:
            self._first.setdefault((topic, partition), first)
        self.ends |= entry.next_offsets
        if entry.without:
            self._undone.append((entry.sequence, frozenset(entry.without)))

    def took(self, record: Record) -> bool:
        """Whether a record was taken on the way, as far as the journal can tell."""
        at = record.topic, record.partition
        first = self._first.get(at, 0) if self.whole else 0
        return first <= record.offset < self.ends.get(at, 0)

    def without(self, sequence: int, sources: frozenset[str]) -> frozenset[str]:
        """Whose labels an entry is to be taken without: these, and those undone after it."""
        return sources.union(*(gone for number, gone in self._undone if number > sequence))


def sources_of(config: Config) -> Callable[[Record], str | None]:
    """Tells who gave a label; None where nobody is named, or where it is no label."""
    topic = config.kafka.topics.labels
    decode = reader([("source", config.fields.source, Source)])

    def source(record: Record) -> str | None:
        if record.topic != topic:
            return None
        try:
            named: str | None = decode(record.value).source
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        return named

    return source


@dataclass(slots=True)
class Without:
    """Takes a monitor through a history, and leaves labels out.

    Attributes
    ----------
    labels, events
        How many labels of `sources` were left out, and how many events were taken.
    anew
        Whether the history has begun anew on the way, so that what came before does not matter.
    """

    config: Config
    monitor: Monitor
    sources: frozenset[str]
    way: Way
    labels: int = 0
    events: int = 0
    anew: bool = False

    def follow(self, past: History, turn: Turn) -> None:
        """Go through all of it."""
        source = sources_of(self.config)
        untouched = True
        for commit in past:
            turn("replay", past.progress)
            if commit is None:
                continue
            if commit.anew:
                history.forget(self.config, self.monitor)
                self.labels, self.events, self.anew, untouched = 0, 0, True, True
            out = self.way.without(commit.entry.sequence, self.sources)
            for records in commit.records:
                turn("replay", past.progress)
                kept = [record for record in records if source(record) not in out]
                if len(kept) < len(records):
                    untouched = False
                    self.labels += sum(source(record) in self.sources for record in records)
                self.events += len(self.monitor.step(kept).events)
            commit.mix(self.monitor)
            if untouched:  # after that, the scores are meant to be other ones
                commit.demand(self.monitor)
