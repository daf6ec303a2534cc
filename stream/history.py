"""The stream again, from a snapshot on: the records of each commit, in the order of the journal.

Nobody notices: no group is joined, nothing is written. What is done with the records is for the
caller, who has a monitor::

    history = History(config, snapshot.header)
    for commit in history:
        if commit is None:  # nothing has come yet
            continue
        if commit.anew:
            forget(config, monitor)
        for records in commit.records:
            monitor.step(records)
        commit.mix(monitor)
        commit.demand(monitor)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stream import build, exchange, snapshot_header
from stream.checkpoint import Snapshot
from stream.config import Config
from stream.errors import ConfigError, RecoveryError
from stream.events import Record
from stream.journal import Entry, Partition
from stream.monitor import Monitor
from stream.snapshot_header import Header
from stream.sources.journal import JournalReader
from stream.sources.kafka import KafkaSource

log = logging.getLogger("streamgauge")


@dataclass(frozen=True, slots=True)
class Commit:
    """An entry of the journal.

    Attributes
    ----------
    entry
        What the journal says.
    anew
        Whether the monitor is to forget all it has seen, before it is given the records.
    records
        Those of the entry, some at a time; now and then none, so that the caller may see to other
        things. To be gone through before the next entry is asked for.
    topic
        The journal's.
    taken
        What was taken in of other monitors after the records, encoded; None where nothing was.
    """

    entry: Entry
    anew: bool
    records: Iterator[Sequence[Record]]
    topic: str
    taken: bytes | None = None

    def mix(self, monitor: Monitor) -> None:
        """Take in what was taken in then.

        Raises
        ------
        RecoveryError
            If this monitor cannot.
        """
        if self.taken is None:
            return
        where = f"{self.topic}: entry {self.entry.sequence:,}"
        if monitor.mixing is None:
            raise RecoveryError(
                f"{where} mixes weights, and partitions.mix_every says that none are"
            )
        try:
            taken = exchange.decode(self.taken)
        except ValueError as error:
            raise RecoveryError(f"{where}: {error}") from None
        if taken and monitor.mixing.misfit(taken):
            raise RecoveryError(f"{where} mixes weights of other arms or features")
        monitor.mixing.mix(taken)

    def agrees(self, monitor: Monitor) -> bool:
        """Whether the monitor, given the records, has given the very scores of then."""
        return self.entry.scores == monitor.chain.hex

    def demand(self, monitor: Monitor) -> None:
        """Raise `RecoveryError` if the records have led to other scores than then."""
        if self.agrees(monitor):
            return
        number, sources = f"{self.entry.sequence:,}", ", ".join(self.entry.without)
        if sources:
            raise RecoveryError(
                f"{self.topic}: entry {number} takes back the labels of {sources}, which were "
                "learned on the way there: go on from a snapshot that is newer"
            )
        raise RecoveryError(
            f"{self.topic}: the records of entry {number} now give other scores than then, by "
            "another config or other versions: go back to those"
        )


class History:
    """The commits of a group, in order, up to where its journal ends now.

    Parameters
    ----------
    config
        Where the broker is, and the topics.
    start
        Of the snapshot after which to begin; None for the journal's beginning.

    Attributes
    ----------
    source
        Where the records come from. At the end it can go on with what comes next.
    sequence, journal
        Of the next entry: its number, and its offset in the journal. Where nothing but the end of
        the last transaction is in between, the offset may be an earlier one.

    Raises
    ------
    BrokerError
        If the broker cannot be reached, or a topic is missing.
    RecoveryError
        While going through it, if entries or records are gone.
    """

    def __init__(self, config: Config, start: Header | None = None) -> None:
        self._kafka = config.kafka
        if config.partitions.scope == "partition" and self._kafka.partition is None:
            raise ConfigError(
                'partitions.scope = "partition": expected one partition, as in '
                "--set kafka.partition=0"
            )
        self._journal = JournalReader(self._kafka, start.extra["journal"] if start else 0)
        self.sequence: int = start.extra["sequence"] if start else 0
        self.journal = self._journal.end
        self._begun = start is not None
        self.source = self._new_source()
        if start:
            self.source.start(start.next_offsets)

    def _new_source(self) -> KafkaSource:
        topics = self._kafka.topics
        return KafkaSource(self._kafka, [topics.events, topics.labels])

    def __iter__(self) -> Iterator[Commit | None]:
        topic = self._kafka.topics.journal
        if not self._begun and self._journal.first:
            raise RecoveryError(
                f"{topic}: its first entries are gone, and there is no snapshot to begin with"
            )
        pieces = b""
        for entry in self._journal.entries():
            if entry is None:
                yield None
                continue
            anew = entry.sequence == 0 and self._begun
            if anew:
                self.source.close()
                self.source = self._new_source()
            elif entry.sequence not in (0, self.sequence):
                raise RecoveryError(
                    f"{topic}: entries {self.sequence:,} to {entry.sequence - 1:,} are gone"
                )
            taken = None
            if entry.taken is not None:
                pieces += entry.taken
                if not entry.more:
                    taken, pieces = pieces, b""
            yield Commit(entry, anew, self.source.follow(entry.runs), topic, taken)
            self.sequence, self._begun = entry.sequence + 1, True

    @property
    def offsets(self) -> dict[Partition, int]:
        """By partition: the offset after the last record given."""
        return self.source.offsets

    @property
    def progress(self) -> float:
        """How much of the journal is done, from 0 to 1."""
        return self._journal.progress

    def go_on(self) -> KafkaSource:
        """The source, for what comes next; the journal is let go of."""
        self._journal.close()
        return self.source

    def close(self) -> None:
        """Let go of the connections."""
        self._journal.close()
        self.source.close()


def forget(config: Config, monitor: Monitor) -> None:
    """Make a monitor of this config one that has seen nothing."""
    monitor.restore(build.monitor(config).snapshot())


def restore(config: Config, monitor: Monitor, snapshot: Snapshot) -> None:
    """Bring a monitor of this config to where a snapshot was taken.

    Raises
    ------
    SnapshotError
        If the snapshot is of another config or other features.
    """
    snapshot_header.demand(
        snapshot.header, monitor.features.names, msgspec.to_builtins(config), snapshot.place
    )
    for changed in snapshot_header.changed_versions(snapshot.header):
        log.warning("%s: %s, so scores may differ in their last bits", snapshot.place, changed)
    monitor.restore(snapshot.state)


def header(
    config: Config, monitor: Monitor, offsets: Mapping[Partition, int], journal: int, sequence: int
) -> Header:
    """What a snapshot of this monitor says of itself.

    Parameters
    ----------
    offsets
        By partition: the next one to be read.
    journal, sequence
        Of the next entry: its offset in the journal, and its number.
    """
    return Header.of(
        monitor.features.names,
        msgspec.to_builtins(config),
        offsets,
        scores=monitor.chain.hex,
        events=monitor.chain.count,
        labels=monitor.prequential.count,
        extra={"journal": journal, "sequence": sequence},
    )
