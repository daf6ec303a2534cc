"""A source's labels taken back: the stream again as if it had never said a word.

The journal stays as it is, and what was scored stays scored. At its end a new snapshot is written,
of the state that the same records lead to without these labels, and behind it an entry that says
so. Whoever begins at that snapshot meets the entry's fingerprint and goes on. Whoever comes by an
older one, whether the labels are in it or still before it, does not meet it and is refused: nothing
leads back to the old state. Snapshots that have some of the labels in them are removed; older ones
stay, since a later undo may want them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import closing, contextmanager
from dataclasses import dataclass

from stream import build, history, journal
from stream.checkpoint import Checkpoints, Snapshot, names, whole
from stream.config import Config
from stream.delivery import Delivery, Message, new_delivery
from stream.errors import BrokerError, ConfigError, RecoveryError, StreamgaugeError
from stream.folders import folder
from stream.history import History
from stream.journal import Entry, Partition
from stream.kafka import workers
from stream.membership import Membership
from stream.snapshot_header import Header
from stream.sources.journal import JournalReader
from stream.sources.scan import Scan
from stream.without import Turn, Way, Without, sources_of

TICK = 0.2  # seconds between two looks at the group
PATIENCE = 5.0  # seconds that a worker may have the work that was not there before
OUTAGE = 60.0  # seconds for which a broker may say no at the end
ALL = 2**31 - 1  # snapshots that stay: which of them go is said here


@dataclass(frozen=True, slots=True)
class Undone:
    """What was done.

    Attributes
    ----------
    labels
        How many were left out.
    start
        Where the snapshot lies from which the stream was taken again; "" for its beginning.
    events
        How many were taken again.
    saved, removed
        Where the new snapshot lies, and the names of those that are gone.
    """

    labels: int
    start: str
    events: int
    saved: str
    removed: Sequence[str]


def undo(config: Config, sources: Sequence[str], turn: Turn = lambda *_: None) -> Undone:
    """Take back all labels of some sources.

    Parameters
    ----------
    config
        Of the group, of which no worker may be at work.
    sources
        As in their labels.
    turn
        Called now and then with what is going on, and how much of it is done.

    Raises
    ------
    ConfigError
        If there is nowhere to save to, or labels do not say whose they are.
    RecoveryError
        If neither a snapshot nor the journal leads back to before these labels.
    StreamgaugeError
        If a worker is at work, or there are no such labels.
    """
    url = config.snapshot.url
    if not url:
        raise ConfigError('snapshot.url = "": labels undo needs a folder for what comes of it')
    if not config.fields.source:
        raise ConfigError('fields.source = "": labels of this stream do not say whose they are')
    with _the_work(config) as (delivery, member):

        def each_turn(what: str, share: float) -> None:
            member.turn()
            member.demand_the_work()
            turn(what, share)

        store = Checkpoints(url, ALL, kafka=config.kafka)
        way = _way(config, store, each_turn)
        start = _start(config, sources, way, each_turn)
        monitor = build.monitor(config)
        if start:
            history.restore(config, monitor, start)
        again = Without(config, monitor, frozenset(sources), way)
        with closing(History(config, start.header if start else None)) as past:
            again.follow(past, each_turn)
            header = history.header(config, monitor, past.offsets, past.journal, past.sequence)
            saved = _wait(store.save(monitor.snapshot, header), lambda: each_turn("saving", 1.0))
            removed = _remove(config, start, saved)
            message = _entry(config, header, sources)
            _deliver(delivery, message, past.offsets, member, lambda: each_turn("saving", 1.0))
    place = start.place if start and not again.anew else ""
    return Undone(again.labels, place, again.events, f"{url}/{saved}", removed)


@contextmanager
def _the_work(config: Config) -> Generator[tuple[Delivery, Membership]]:
    """The group's work, as a worker has it: one that starts meanwhile stands by."""
    kafka = config.kafka
    hosts = ", ".join(sorted(set(workers(kafka))))
    if hosts:
        raise StreamgaugeError(
            f"group {kafka.group} has a worker at {hosts}: stop it first (one that was killed "
            f"counts for up to kafka.session_timeout, which is {kafka.session_timeout})"
        )
    topics = [kafka.topics.events, kafka.topics.labels]
    with (
        closing(new_delivery(kafka)) as delivery,
        closing(Membership(kafka, topics)) as member,
    ):
        waited = 0.0
        while not member.has_the_work:
            member.turn(TICK)
            waited = waited + TICK if member.stands_by else 0.0
            if waited > PATIENCE:
                raise StreamgaugeError(f"group {kafka.group} has a new worker: stop it first")
        delivery.start()
        yield delivery, member


def _way(config: Config, store: Checkpoints, turn: Turn) -> Way:
    """Read the whole journal, and no record."""
    way = Way()
    for header in store.headers():
        way.ends |= header.next_offsets
        break
    with closing(JournalReader(config.kafka, 0)) as reader:
        for entry in reader.entries():
            turn("reading the journal", reader.progress)
            if entry:
                way.add(entry)
    return way


def _start(config: Config, sources: Sequence[str], way: Way, turn: Turn) -> Snapshot | None:
    """The last snapshot before the first of the labels; None for the beginning."""
    url, named = config.snapshot.url, ", ".join(sources)
    first = _first_labels(config, frozenset(sources), way, turn)
    if not first:
        raise StreamgaugeError(f"no label of {named} was taken: there is nothing to undo")

    def before(header: Header) -> bool:
        offsets = header.next_offsets
        return all(offsets.get(at, 0) <= offset for at, offset in first.items())

    start = next(whole(url, before, kafka=config.kafka), None)
    if start is None and not way.whole:
        (topic, partition), offset = min(first.items())
        raise RecoveryError(
            f"labels of {named} begin at {topic}-{partition}, offset {offset:,}, which is before "
            f"the oldest snapshot in {url} and before the journal: it is too late to take them "
            "back; snapshot.keep and snapshot.trim_journal say how far back they go"
        )
    return start


def _first_labels(
    config: Config, sources: frozenset[str], way: Way, turn: Turn
) -> dict[Partition, int]:
    """By partition of the labels topic: the first label of the sources that was taken."""
    first: dict[Partition, int] = {}
    source = sources_of(config)
    with closing(Scan(config.kafka, config.kafka.topics.labels)) as scan:
        for records in scan:
            turn("looking for the first label", scan.read / max(1, scan.read + scan.behind))
            for record in records:
                if way.took(record) and source(record) in sources:
                    first.setdefault((record.topic, record.partition), record.offset)
    return first


def _wait(saving: Future[str], turn: Callable[[], None]) -> str:
    """The name of the snapshot, once it is safe."""
    while True:
        try:
            return saving.result(TICK)
        except NotYetError:
            turn()


def _remove(config: Config, start: Snapshot | None, saved: str) -> list[str]:
    """Remove the snapshots between two."""
    of = folder(config.snapshot.url, config.kafka)
    between = [name for name in names(of) if (start.name if start else "") < name < saved]
    for name in between:
        of.remove(name)
    return between


def _entry(config: Config, header: Header, sources: Sequence[str]) -> Message:
    """What the journal is told."""
    entry = Entry(
        sequence=header.extra["sequence"],
        partitions=(),
        lengths=(),
        scores=header.scores,
        events=header.events,
        labels=header.labels,
        without=tuple(sorted(set(sources))),
    )
    kafka = config.kafka
    return Message(kafka.topics.journal, journal.encode(entry), partition=kafka.journal_partition)


def _deliver(
    delivery: Delivery,
    message: Message,
    offsets: dict[Partition, int],
    member: Membership,
    turn: Callable[[], None],
) -> None:
    """Send a message and commit. Offsets are those of before."""
    deadline = time.monotonic() + OUTAGE
    unsent = [message]
    while True:
        try:
            # What could not be sent is kept by the delivery, so it is given once.
            delivery.send([unsent.pop()] if unsent else [])
            delivery.flush()
            delivery.commit(offsets, member)
        except BrokerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(TICK)
            turn()
        else:
            return
