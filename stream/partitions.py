"""A monitor for each partition that the group has given this worker.

One thread takes part in the group and reads what other monitors have learned; each partition has a
`Service` of its own in another, on the very parts that a single monitor has. A monitor moves whole:
it is stopped here after a last commit and a snapshot, and whoever gets the partition brings it back
from there, or from an older snapshot and the journal.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from itertools import chain, repeat
from threading import Event, Thread
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from stream import __version__, build, keys
from stream.assignor import ByPartition
from stream.config import Config
from stream.errors import BrokerError, StreamgaugeError
from stream.exchange import Exchange, Newest
from stream.health import Health
from stream.kafka import demand, partitions
from stream.kafka_shard import KafkaShard
from stream.membership import Membership
from stream.metrics.together import Together
from stream.service import Service
from stream.share import Share
from stream.telemetry import Telemetry
from stream.timestamps import duration

log = logging.getLogger("streamgauge")

T = TypeVar("T")

TICK = 0.1  # seconds of a turn
WAIT = 2.0  # seconds between tries while the broker is away
BEATS = 2.0  # heartbeats after which a worker that was shut out knows why


class Part:
    """One partition's service, in a thread.

    Parameters
    ----------
    config
        Of the worker.
    partition
        Which one.
    newest, fresh
        As for `KafkaShard`.
    """

    def __init__(self, config: Config, partition: int, newest: Newest, *, fresh: bool) -> None:
        own = config.of_partition(partition)
        topics, settings = own.kafka.topics, own.service
        monitor = build.monitor(own)
        registry = CollectorRegistry()
        reads = [topics.events, topics.labels]
        self.telemetry = Telemetry(monitor, registry, __version__, reads)
        monitor.lap = self.telemetry.stages.lap
        self.health = Health(duration(settings.stalled), settings.ready_lag)
        self.stop = Event()
        self.error: BaseException | None = None
        beat = duration(own.kafka.session_timeout) / 5
        rests = chain([0.0], repeat(BEATS * beat))
        shard = KafkaShard(
            own, monitor, self.telemetry.saves, fresh=fresh, newest=newest,
            mixes=self.telemetry.mixes,
            join=lambda kafka, topics: Share(kafka, topics, next(rests)),
        )  # fmt: skip
        self._service = Service(
            shard, monitor, self.telemetry, self.health, self.stop,
            duration(own.kafka.commit_interval), duration(settings.drain),
        )  # fmt: skip
        self._thread = Thread(target=self._run, name=f"partition-{partition}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._service.run()
        except BaseException as error:  # noqa: BLE001 - it is for the worker's own thread
            self.error = error

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()


class Partitions:
    """Runs what the group gives this worker, until it is told to stop.

    Parameters
    ----------
    config
        With `partitions.scope = "partition"`.
    registry
        Where the metrics of all monitors are to be found.
    stop
        Set by a signal: every monitor commits and saves, and the partitions are given back.
    fresh
        As for `KafkaShard`, the first time that a partition comes here.
    """

    def __init__(
        self, config: Config, registry: CollectorRegistry, stop: Event, *, fresh: bool = False
    ) -> None:
        self._config = config
        self._stop = stop
        self._fresh = fresh
        self._seen: set[int] = set()
        self._parts: Mapping[int, Part] = {}  # replaced, never changed: the web server looks
        self._own = Health()
        self._spare = Telemetry(build.monitor(config), CollectorRegistry(), __version__)
        registry.register(Together(lambda: {n: p.telemetry for n, p in self._parts.items()}))

    def run(self) -> None:
        """Run until the stop.

        Raises
        ------
        ConfigError
            If the topics are not partitioned alike.
        StreamgaugeError
            If one of the monitors cannot go on.
        """
        with ExitStack() as opened:
            connected = self._patiently(lambda: self._connect(opened))
            if connected is None:
                return
            member, assignor, exchange = connected
            newest = exchange.newest if exchange else Newest()
            try:
                while not self._stop.is_set():
                    self._own.turn()
                    self._patiently(lambda: self._turn(member, exchange))
                    self._follow(set(assignor.parts), newest)
                    if assignor.parts:
                        self._own.took(0, 0)
                    else:
                        self._own.wait(self._why_idle(assignor))
            finally:
                self._end()

    def _connect(self, opened: ExitStack) -> tuple[Membership, ByPartition, Exchange | None]:
        kafka = self._config.kafka
        topics = [kafka.topics.events, kafka.topics.labels]
        sizes = partitions(kafka, self._config.topics)
        demand(kafka, sizes)
        count = keys.co_partitioned(self._config, sizes)
        exchange = None
        if self._config.partitions.every:
            exchange = opened.enter_context(closing(Exchange(kafka)))
        assignor = ByPartition()
        member = opened.enter_context(closing(Membership(kafka, topics, assignor)))
        where = kafka.bootstrap, kafka.group, count
        log.info("connected to %s, group %s shares out %d partitions", *where)
        return member, assignor, exchange

    def _turn(self, member: Membership, exchange: Exchange | None) -> bool:
        member.turn(TICK)
        if exchange:
            exchange.poll()
        return True

    def _why_idle(self, assignor: ByPartition) -> str:
        group = self._config.kafka.group
        if assignor.since < 0:
            return f"joining group {group}"
        return f"standing by: other workers of group {group} have all partitions"

    def _follow(self, wanted: set[int], newest: Newest) -> None:
        """Stop what is no longer wanted here, see who has ended, and start what is new."""
        for number, part in self._parts.items():
            if number not in wanted and not part.stop.is_set():
                log.info("partition %d goes to another worker", number)
                part.stop.set()
        self._reap()
        for number in sorted(wanted - self._parts.keys()):
            log.info("partition %d comes here", number)
            fresh = self._fresh and number not in self._seen
            self._seen.add(number)
            part = Part(self._config, number, newest, fresh=fresh)
            self._parts = {**self._parts, number: part}

    def _reap(self) -> None:
        for number, part in list(self._parts.items()):
            if part.running:
                continue
            self._parts = {n: other for n, other in self._parts.items() if n != number}
            if part.error is None:
                log.info("partition %d is let go of", number)
            elif part.stop.is_set() and isinstance(part.error, StreamgaugeError):
                log.warning("partition %d: %s", number, part.error)
            elif isinstance(part.error, StreamgaugeError):
                raise type(part.error)(f"partition {number}: {part.error}")
            else:
                raise part.error

    def _end(self) -> None:
        for part in self._parts.values():
            part.stop.set()
        deadline = time.monotonic() + 2.0 * duration(self._config.service.drain)
        while any(part.running for part in self._parts.values()) and time.monotonic() < deadline:
            self._own.turn()
            time.sleep(TICK)
        for number, part in self._parts.items():
            if part.error is not None or part.running:
                log.warning("partition %d: %s", number, part.error or "it has not ended in time")

    def _patiently(self, act: Callable[[], T]) -> T | None:
        while not self._stop.is_set():
            self._own.turn()
            try:
                return act()
            except BrokerError as error:
                log.warning("%s; trying again in %g s", error, WAIT)
                self._own.wait(str(error))
                self._stop.wait(WAIT)
        return None

    @property
    def trouble(self) -> str:
        """Why a restart might help, as `Health` has it; empty when all is well."""
        return self._first(lambda health: health.trouble)

    @property
    def alive(self) -> bool:
        """Whether there is no trouble."""
        return not self.trouble

    @property
    def waiting_for(self) -> str:
        """Why the worker is not ready; empty when all of its partitions are."""
        return self._first(lambda health: health.waiting_for)

    def _first(self, word: Callable[[Health], str]) -> str:
        said = ((n, word(part.health)) for n, part in sorted(self._parts.items()))
        return word(self._own) or next((f"partition {n}: {text}" for n, text in said if text), "")

    def state(self) -> dict[str, Any]:
        """Figures of the page: sums over the partitions here, and else those of the first."""
        states = {n: part.telemetry.state() for n, part in sorted(self._parts.items())}
        if not states:
            return {**self._spare.state(), "partitions": {}}
        figures = dict(next(iter(states.values())))
        for name in ("events", "labels", "positives", "remembered", "alerts", "refused_updates"):
            figures[name] = sum(state[name] for state in states.values())
        dead: Counter[str] = Counter()
        for state in states.values():
            dead.update(state["dead_letters"])
        figures["dead_letters"] = dead
        figures["lag"] = {at: n for state in states.values() for at, n in state["lag"].items()}
        return {**figures, "partitions": states}

    def annotations(self) -> list[dict[str, Any]]:
        """The last drifts of all partitions here."""
        return self._all(lambda telemetry: telemetry.annotations())

    def recent_alerts(self) -> list[dict[str, Any]]:
        """The last alerts of all partitions here."""
        return self._all(lambda telemetry: telemetry.recent_alerts())

    def _all(self, some: Callable[[Telemetry], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [each for _, part in sorted(self._parts.items()) for each in some(part.telemetry)]
