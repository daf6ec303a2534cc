"""The way back to the last commit: the newest snapshot, then what the journal says came after it.

The records are read again in the order that the journal has noted, and go through the monitor
without output. After each entry the fingerprint over all scores must be the one that was noted:
that killing a worker changes no score is not only tested, it is checked at every start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from stream import history
from stream.checkpoint import Checkpoints, Snapshot
from stream.config import Config
from stream.errors import RecoveryError
from stream.history import History
from stream.membership import Turn
from stream.monitor import Monitor
from stream.sources.journal import JournalReader
from stream.sources.kafka import KafkaSource

log = logging.getLogger("streamgauge")


@dataclass(slots=True)
class Place:
    """Where a worker is in its topics, right after a commit.

    Attributes
    ----------
    source
        Where the next records come from.
    sequence, journal
        Of the journal's next entry: its number, and its offset or an earlier one.
    saved
        What `sequence` was at the newest snapshot; -1 for none.
    """

    source: KafkaSource
    sequence: int
    journal: int
    saved: int


class Recovery:
    """Takes a monitor to the last commit, or to the beginning.

    Parameters
    ----------
    config
        What the monitor was built from.
    monitor
        May have seen anything.
    snapshots
        Where snapshots are, if anywhere.
    member
        Has the work.
    """

    def __init__(
        self, config: Config, monitor: Monitor, snapshots: Checkpoints | None, member: Turn
    ) -> None:
        self._config = config
        self._monitor = monitor
        self._snapshots = snapshots
        self._member = member

    def run(self) -> Generator[str, None, Place]:
        """Go back. Gives a line on how far it is, for a person, as often as it can be left off.

        Raises
        ------
        SnapshotError
            If a snapshot cannot be read, or is of another config.
        RecoveryError
            If journal entries or records are gone, or lead to other scores than then.
        BrokerError
            If the broker does not answer.
        """
        began = time.monotonic()
        yield "restoring"
        snapshot = self._restore()
        past = History(self._config, snapshot.header if snapshot else None)
        first = past.sequence
        try:
            yield from self._repeat(past)
            self._start_the_rest(past.source)
        except BaseException as error:
            past.close()
            if isinstance(error, RecoveryError):
                raise RecoveryError(
                    f"{error}; name the folder of newer snapshots in snapshot.url, or begin anew "
                    "with --fresh"
                ) from None
            raise
        if past.sequence:
            log.info(
                "back at the last commit in %.1f s: %s, then %d entries of the journal",
                time.monotonic() - began,
                f"snapshot {snapshot.name}" if snapshot else "no snapshot",
                past.sequence - first,
            )
        return Place(past.go_on(), past.sequence, past.journal, first if snapshot else -1)

    def anew(self) -> Place:
        """Leave snapshots and journal aside, and begin at the group's offsets."""
        history.forget(self._config, self._monitor)
        reader = JournalReader(self._config.kafka, 0)
        reader.close()
        topics = self._config.kafka.topics
        source = KafkaSource(self._config.kafka, [topics.events, topics.labels])
        self._start_the_rest(source)
        return Place(source, 0, reader.end, -1)

    def _restore(self) -> Snapshot | None:
        """Take the monitor to the newest snapshot, or to the beginning."""
        snapshot = next(self._snapshots.newest(), None) if self._snapshots else None
        if snapshot is None:
            history.forget(self._config, self._monitor)
        else:
            history.restore(self._config, self._monitor, snapshot)
        return snapshot

    def _repeat(self, past: History) -> Iterator[str]:
        """Take the monitor through the records of all later commits."""
        for commit in past:
            self._member.turn()
            yield f"restoring: {past.progress:.0%} of the journal"
            if commit is None:
                continue
            if commit.anew:
                history.forget(self._config, self._monitor)
            for records in commit.records:
                if records:
                    self._monitor.step(records)
                self._member.turn()
                yield f"restoring: {past.progress:.0%} of the journal"
            commit.mix(self._monitor)
            commit.demand(self._monitor)

    def _start_the_rest(self, source: KafkaSource) -> None:
        """Read what was never read yet from the group's offset on, which is nowhere further."""
        committed = self._member.committed(source.partitions)
        reached, ends = source.offsets, source.ends()
        for (topic, partition), offset in sorted(reached.items()):
            group = committed.get((topic, partition), 0)
            if group > offset:
                raise RecoveryError(
                    f"group {self._config.kafka.group} is at offset {group:,} of "
                    f"{topic}-{partition}, and snapshot and journal lead to {offset:,} only"
                )
            if offset > ends[topic, partition]:
                raise RecoveryError(
                    f"snapshot and journal lead to offset {offset:,} of {topic}-{partition}, which "
                    f"ends at {ends[topic, partition]:,}: they are of another topic of that name"
                )
        source.start({at: committed.get(at, 0) for at in source.partitions if at not in reached})
