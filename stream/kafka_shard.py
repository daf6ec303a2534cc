"""A monitor between topics.

What a commit makes valid together, in this order of writing: the outputs, a journal entry with the
order of their records, and the offsets. A snapshot is taken right after a commit, when the state is
exactly what the offsets say. `stream.recovery` is the way back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress

from stream import exchange, history, journal
from stream.checkpoint import Checkpoints
from stream.config import Config, Kafka
from stream.delivery import Message, new_delivery
from stream.errors import SnapshotError, StreamgaugeError, TakenOverError
from stream.events import Record
from stream.exchange import Newest
from stream.journal import Entry, Order, Partition
from stream.kafka import need_topics
from stream.membership import Membership, Turn
from stream.metrics.mixes import Mixes
from stream.metrics.saves import Saves
from stream.monitor import Monitor, Outcome
from stream.recovery import Place, Recovery
from stream.rounds import Rounds
from stream.sinks.kafka import KafkaSink
from stream.sources.journal import trim
from stream.timestamps import duration

log = logging.getLogger("streamgauge")

TICK = 0.2  # seconds that a standby waits at a time


class KafkaShard:
    """A `Shard` on the topics of a config.

    Parameters
    ----------
    config
        What the monitor was built from.
    monitor
        Is brought to where the last commit was, by `begin`.
    saves
        Told how snapshots fare.
    fresh
        Let snapshots and journal be, and begin anew at the group's offsets.
    join
        Takes part in the group, given where the broker is and the topics.
    newest, mixes
        What other partitions' monitors have learned, where weights are mixed; and who is told what
        is taken in.
    """

    exhausted = False

    def __init__(
        self,
        config: Config,
        monitor: Monitor,
        saves: Saves | None = None,
        *,
        fresh: bool = False,
        join: Callable[[Kafka, Sequence[str]], Turn] = Membership,
        newest: Newest | None = None,
        mixes: Mixes | None = None,
    ) -> None:
        self._config = config
        self._kafka = config.kafka
        self._monitor = monitor
        self._saves = saves or Saves()
        self._fresh = fresh
        self._join = join
        self._newest = newest or Newest()
        self._mixes = mixes or Mixes()
        self._mixing = Rounds(config.partitions.every)
        self._worked = False  # whether this process has had the work before
        self._every = duration(config.snapshot.every)
        self._saving: Future[str] | None = None

    def open(self) -> None:
        kafka = self._kafka
        topics = kafka.topics
        need_topics(kafka, self._config.topics)
        self._place: Place | None = None
        self._delivery = new_delivery(kafka)
        self._sink = KafkaSink(topics, self._delivery)
        try:
            self._member = self._join(kafka, [topics.events, topics.labels])
        except BaseException:
            self._sink.close()
            raise
        self._order = Order()
        self._uncommitted = False  # whether something has been written since the last commit
        log.info(
            "connected to %s, reading %s and %s", kafka.bootstrap, topics.events, topics.labels
        )

    def begin(self) -> Iterator[str]:
        yield from self._wait_for_the_work()
        # From here on nobody else can commit, so what is there is all there is.
        self._delivery.start()
        while self._saving and not self._saving.done():  # one at a time in a folder
            yield "waiting for a snapshot to be written"
            self._member.turn(TICK)
        snapshot = self._config.snapshot
        self._snapshots = (
            Checkpoints(snapshot.url, snapshot.keep, self._saves, kafka=self._kafka)
            if snapshot.url
            else None
        )
        recovery = Recovery(self._config, self._monitor, self._snapshots, self._member)
        self._place = recovery.anew() if self._fresh else (yield from recovery.run())
        self._worked = True
        # A fresh start is saved at once: what lies there now would lead back to before it.
        self._due = 0.0 if self._fresh else time.monotonic() + self._every
        log.info("at work for group %s", self._kafka.group)

    def _wait_for_the_work(self) -> Iterator[str]:
        group = self._kafka.group
        while not self._member.has_the_work:
            yield f"joining group {group}"
            self._member.turn(TICK)
            self._member.demand_no_loss()
            while self._member.stands_by:
                if self._worked:
                    raise TakenOverError(f"another worker of group {group} has taken over")
                yield f"standing by: another worker of group {group} is at work"
                self._member.turn(TICK)

    @property
    def _at(self) -> Place:
        assert self._place  # `begin` is through
        return self._place

    def poll(self, timeout: float) -> Sequence[Record]:
        self._member.turn()
        self._member.demand_the_work()
        if self._mixing.due:
            self._mix()
        source = self._at.source
        added = self._member.partitions - source.offsets.keys()
        if added:
            source.start(dict.fromkeys(sorted(added), 0))
            log.info("%d partitions are new: %s", len(added), sorted(added))
        records = source.poll(timeout)
        self._order.add(records)
        return records

    def write(self, outcome: Outcome) -> None:
        self._uncommitted = True
        self._mixing.see(outcome.events.ts)
        self._sink.write(outcome)
        if self._order.full:
            self._note()

    def flush(self) -> None:
        self._sink.flush()

    def commit(self) -> None:
        if self._order:
            self._note()
        if self._uncommitted:
            self._member.demand_the_work()
            self._at.journal = self._delivery.flush() + 1  # the entry was the last message
            self._delivery.commit(self._at.source.offsets, self._member)
            self._uncommitted = self._fresh = False
        if self._snapshots and time.monotonic() >= self._due and not self._snapshots.busy:
            self._save(self._snapshots)

    def _note(self) -> None:
        monitor = self._monitor
        entry = self._order.entry(
            self._at.sequence, monitor.chain.hex, monitor.chain.count, monitor.prequential.count
        )
        # Before it is sent: a message that could not be sent yet is kept by the delivery.
        self._order = Order()
        self._send([entry])

    def _send(self, entries: Sequence[Entry], more: Iterable[Message] = ()) -> None:
        """Send messages, and then entries: what the journal ends with is the last message."""
        kafka = self._kafka
        self._uncommitted = True
        self._at.sequence += len(entries)
        told = [
            Message(kafka.topics.journal, journal.encode(entry), partition=kafka.journal_partition)
            for entry in entries
        ]
        self._delivery.send([*more, *told])

    def _mix(self) -> None:
        """Take in what the others have learned, and tell them what was learned here."""
        mixing, chain, own = self._monitor.mixing, self._monitor.chain, self._kafka.partition
        round_ = self._mixing.begin()
        if mixing is None or own is None:
            return
        if self._order:
            self._note()
        newest, every = self._newest.of_others(own), self._config.partitions.every
        self._mixes.unreadable = self._newest.unreadable
        taken = exchange.taken_in(newest, mixing, round_, every, self._mixes)
        content = exchange.encode(mixing.mix(taken))
        parts = exchange.pieces(exchange.encode(taken))
        entries = [
            Entry(
                sequence=self._at.sequence + number, partitions=(), lengths=(), scores=chain.hex,
                events=chain.count, labels=self._monitor.prequential.count,
                taken=part, more=len(parts) - 1 - number,
            )
            for number, part in enumerate(parts)
        ]  # fmt: skip
        topic = self._kafka.topics.models
        self._send(entries, exchange.published(topic, own, round_, content))

    def _save(self, snapshots: Checkpoints) -> None:
        self._due = time.monotonic() + self._every
        if self._at.saved == self._at.sequence:
            return
        at = self._at
        header = history.header(
            self._config, self._monitor, at.source.offsets, at.journal, at.sequence
        )
        at.saved = at.sequence
        self._saving = snapshots.save(self._monitor.snapshot, header)
        self._saving.add_done_callback(lambda saving: self._has_saved(snapshots, at, saving))

    def _has_saved(self, snapshots: Checkpoints, at: Place, saving: Future[str]) -> None:
        """Cut the journal, in the thread that has waited for the snapshot."""
        error = saving.exception()
        if error:
            at.saved = -1
            log.warning("no snapshot: %s; the journal has all that is needed meanwhile", error)
            return
        log.info(
            "%s saved: %s bytes in %.2g s",
            saving.result(), f"{self._saves.size:,}", self._saves.seconds,
            extra={"snapshot": saving.result()},
        )  # fmt: skip
        if self._config.snapshot.trim_journal:
            try:
                trim(self._kafka, min(h.extra.get("journal", 0) for h in snapshots.headers()))
            except StreamgaugeError as trouble:
                log.warning("the journal stays as long as it is: %s", trouble)

    def finish(self, seconds: float) -> None:
        """Take a last snapshot."""
        end = time.monotonic() + seconds
        self._wait_for_the_snapshot(end)
        if self._snapshots and not self._snapshots.busy:
            self._save(self._snapshots)
            self._wait_for_the_snapshot(end)

    def _wait_for_the_snapshot(self, end: float) -> None:
        with suppress(NotYetError, SnapshotError):  # is told, and there is the journal
            if self._saving:
                self._saving.result(max(0.0, end - time.monotonic()))

    def lag(self) -> Mapping[Partition, int]:
        return self._at.source.lag()

    def close(self) -> None:
        if self._place:
            self._place.source.close()
        self._sink.close()
        self._member.close()  # last: nobody is to take over before this one is through
