"""Partitions each with a monitor of its own, in one process and in a set order: for replays.

The same as `streamgauge run` with `partitions.scope = "partition"`, where all partitions go at the
same pace: at every multiple of `mix_every` in event time each monitor takes in what the others have
published at the one before, and publishes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from models.mixing import Learned, together
from stream import build
from stream.config import Config
from stream.events import Record
from stream.keys import Keys
from stream.monitor import Monitor, Outcome
from stream.replay import Ledger
from stream.sinks import Sink
from stream.sources import Source


def partition_of(key: bytes, count: int) -> int:
    """Where Kafka's own producers put a key."""
    from kafka.partitioner.default import murmur2  # noqa: PLC0415 - most replays need no Kafka

    return int(murmur2(key) & 0x7FFFFFFF) % count


class Partitioned:
    """The monitors.

    Parameters
    ----------
    config
        With `partitions.scope = "partition"`.
    count
        How many partitions.
    """

    def __init__(self, config: Config, count: int) -> None:
        self.monitors: Sequence[Monitor] = [build.monitor(config) for _ in range(count)]
        self._keys = Keys(config)
        self._events = config.kafka.topics.events
        self._every = config.partitions.every
        self._round: int | None = None
        self._published: list[Learned] = []

    def step(self, records: Sequence[Record]) -> list[tuple[int, Outcome]]:
        """Take the next records, in order; gives what came of them, by partition."""
        outcomes: list[tuple[int, Outcome]] = []
        for number, span in groupby(records, self._round_of):
            if self._round is not None and number > self._round:
                self._mix()
            self._round = number
            parts: list[list[Record]] = [[] for _ in self.monitors]
            for record in span:
                parts[partition_of(self._keys.of(record), len(parts))].append(record)
            outcomes += [(n, self.monitors[n].step(part)) for n, part in enumerate(parts) if part]
        return outcomes

    def _round_of(self, record: Record) -> int:
        """Which round a record belongs to: events count them, and none goes back."""
        last = self._round or 0
        if not self._every or record.topic != self._events:
            return last
        return max(last, int(record.timestamp / 1_000 // self._every))

    def _mix(self) -> None:
        before = self._published
        self._published = []
        for number, monitor in enumerate(self.monitors):
            others = [learned for n, learned in enumerate(before) if n != number]
            if monitor.mixing:
                self._published.append(monitor.mixing.mix(together(others) if others else None))


def replay(
    source: Source,
    partitioned: Partitioned,
    sink: Sink,
    on_poll: Callable[[int], None] = lambda _: None,
) -> Ledger:
    """Take a source to its end; gives the ledger of all partitions together."""
    ledgers = [Ledger(monitor.chain.count) for monitor in partitioned.monitors]
    while not source.exhausted:
        events = 0
        for number, outcome in partitioned.step(source.poll(0.0)):
            sink.write(outcome)
            ledgers[number].add(outcome)
            events += len(outcome.events)
        on_poll(events)
    sink.flush()
    every = Ledger()
    for ledger in ledgers:
        every.extend(ledger)
    return every
