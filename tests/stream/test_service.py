"""The loop: the order of effects, patience with a broker, and how it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from stream import service as module
from stream.errors import BrokerError, StreamgaugeError
from stream.events import Record
from stream.health import STALLED, STARTING, Health
from stream.monitor import Outcome
from stream.service import Service
from stream.sinks.memory import MemorySink
from stream.sources.memory import MemorySource
from stream.telemetry import Telemetry
from tests.stream.streams import new_monitor, scores, steps, stream


class World:
    """A source and a sink that note what is done to them, and fail when told to."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.log: list[str] = []
        self.failures: dict[str, int] = {}
        self.source = MemorySource(records, 50)
        self.sink = MemorySink()
        self.stop = Event()
        self.health = Health()
        self.now = 0.0
        self.exhausted = False

    def _do(self, what: str) -> None:
        self.log.append(what)
        if self.failures.get(what, 0) > 0:
            self.failures[what] -= 1
            raise BrokerError(f"{what} failed")

    def poll(self, timeout: float) -> Sequence[Record]:
        self.now += 0.4
        self._do("poll")
        records = self.source.poll(timeout)
        self.exhausted = self.source.exhausted
        return records

    def commit(self) -> None:
        self._do("commit")
        self.source.commit()

    def lag(self) -> dict[tuple[str, int], int]:
        return {}

    def write(self, outcome: Outcome) -> None:
        self.sink.write(outcome)
        self._do("write")

    def flush(self) -> None:
        self._do("flush")
        self.sink.flush()

    def close(self) -> None:
        self.log.append("close")

    def run(self, connect: Callable[[], None] = lambda: None) -> None:
        monitor = new_monitor()

        def opened() -> tuple[World, World]:
            self._do("connect")
            connect()
            return self, self

        Service(
            opened,
            monitor,
            Telemetry(monitor, CollectorRegistry(), "test"),
            self.health,
            self.stop,
            commit_interval=1.0,
            clock=lambda: self.now,
        ).run()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.002)


def test_outputs_are_flushed_before_offsets_are_committed() -> None:
    world = World(stream(500))
    world.run()
    done = [what for what in world.log if what in ("flush", "commit")]
    assert done == ["flush", "commit"] * (len(done) // 2)
    assert len(done) > 4
    assert world.log[-4:] == ["flush", "commit", "close", "close"]
    assert world.source.committed == 500
    assert world.sink.flushed == len(world.sink.outcomes)


@pytest.mark.parametrize("what", ["connect", "poll", "write", "flush", "commit"])
def test_a_broker_that_is_away_is_waited_for_and_nothing_is_lost(what: str) -> None:
    records = stream(500)
    world = World(records)
    world.failures[what] = 3
    world.run()
    assert scores(world.sink.outcomes) == scores(steps(new_monitor(), records, 50))
    assert world.source.committed == 500
    assert world.health.waiting_for == ""


def test_nothing_is_committed_that_was_not_flushed() -> None:
    world = World(stream(500))
    world.failures["flush"] = 10**9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAIN", -1.0)
        original = world.flush

        def flush() -> None:
            if world.log.count("flush") > 5:
                world.stop.set()
            original()

        world.flush = flush  # type: ignore[method-assign]
        with pytest.raises(StreamgaugeError, match="will be read again"):
            world.run()
    assert world.source.committed == 0
    assert "commit" not in world.log


def test_a_stop_finishes_the_poll_and_commits_it() -> None:
    world = World(stream(500))

    def poll(timeout: float) -> Sequence[Record]:
        records = World.poll(world, timeout)
        if world.log.count("poll") == 3:
            world.stop.set()
        return records

    world.poll = poll  # type: ignore[method-assign]
    world.run()
    assert world.source.committed == 150
    assert len(world.sink.outcomes) == 3
    assert world.log[-4:] == ["flush", "commit", "close", "close"]


def test_a_stop_ends_the_waiting_for_a_broker() -> None:
    world = World(stream(50))

    def away() -> None:
        if world.log.count("connect") == 4:
            world.stop.set()
        raise BrokerError("away")

    world.run(connect=away)
    assert world.log == ["connect"] * 4
    assert world.health.waiting_for == "away"


def test_a_cold_start_counts_as_alive_and_a_stalled_loop_does_not() -> None:
    now = 0.0
    health = Health(lambda: now)
    assert health.alive
    now = STARTING - 1.0
    assert health.alive
    now = STARTING + 1.0
    assert not health.alive
    health.beat()
    assert health.alive
    now += STALLED + 1.0
    assert not health.alive
