"""The loop: the order of effects, patience with a broker, and how it stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from threading import Event

import pytest
from prometheus_client import CollectorRegistry

from stream import service as module
from stream.errors import (
    BrokerError,
    BrokerRefusedError,
    LostError,
    StreamgaugeError,
    TakenOverError,
)
from stream.events import Record
from stream.health import Health
from stream.monitor import Outcome
from stream.service import Service
from stream.sinks.memory import MemorySink
from stream.sources.memory import MemorySource
from stream.telemetry import Telemetry
from tests.stream.streams import new_monitor, scores, steps, stream


class World:
    """A shard that notes what is done to it, and fails when told to."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.log: list[str] = []
        self.failures: dict[str, int] = {}
        self.failure = BrokerError
        self.source = MemorySource(records, 50)
        self.sink = MemorySink()
        self.stop = Event()
        self.health = Health()
        self.now = 0.0
        self.exhausted = False
        self.drain = 20.0
        self.lost: Exception = LostError("the transaction is lost")
        self.monitor = new_monitor()
        self.before = deepcopy(self.monitor.snapshot())

    def _do(self, what: str) -> None:
        self.log.append(what)
        if self.failures.get(what, 0) > 0:
            self.failures[what] -= 1
            raise self.failure(f"{what} failed")
        if self.failures.pop(f"lose {what}", 0):
            raise self.lost

    def open(self) -> None:
        self._do("open")

    def begin(self) -> Iterator[str]:
        """Back to the last commit."""
        self.monitor.restore(self.before)
        self.source.back()
        del self.sink.outcomes[self.sink.flushed :]
        for percent in (10, 90):
            yield f"restoring: {percent}%"
        self._do("begin")

    def poll(self, timeout: float) -> Sequence[Record]:
        self.now += 0.4
        self._do("poll")
        records = self.source.poll(timeout)
        self.exhausted = self.source.exhausted
        return records

    def commit(self) -> None:
        self.flush()
        self._do("commit")
        self.source.commit()
        self.sink.flush()
        self.before = deepcopy(self.monitor.snapshot())

    def finish(self, seconds: float) -> None:
        self.log.append("finish")

    def lag(self) -> dict[tuple[str, int], int]:
        return {}

    def write(self, outcome: Outcome) -> None:
        self.sink.write(outcome)
        self._do("write")

    def flush(self) -> None:
        self._do("flush")
        self.arrived = len(self.sink.outcomes)

    def close(self) -> None:
        self.log.append("close")

    def run(self) -> None:
        Service(
            self,
            self.monitor,
            Telemetry(self.monitor, CollectorRegistry(), "test"),
            self.health,
            self.stop,
            commit_interval=1.0,
            drain=self.drain,
            clock=lambda: self.now,
        ).run()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "LONGEST_WAIT", 0.002)


def test_a_poll_is_committed_before_the_end() -> None:
    world = World(stream(500))
    world.run()
    assert world.log[:2] == ["open", "begin"]
    assert world.log.count("commit") >= 4
    assert world.log[-4:] == ["flush", "commit", "finish", "close"]
    assert world.source.committed == 500
    assert world.sink.flushed == len(world.sink.outcomes)


@pytest.mark.parametrize("what", ["open", "begin", "poll", "write", "flush", "commit"])
def test_a_broker_that_is_away_is_waited_for_and_nothing_is_lost(what: str) -> None:
    records = stream(500)
    world = World(records)
    world.failures[what] = 3
    world.run()
    assert scores(world.sink.outcomes) == scores(steps(new_monitor(), records, 50))
    assert world.source.committed == 500
    assert world.health.waiting_for == ""


@pytest.mark.parametrize("what", ["open", "begin"])
def test_a_broker_that_lets_nobody_in_is_not_asked_again(what: str) -> None:
    world = World(stream(500))
    world.failures[what] = 3
    world.failure = BrokerRefusedError
    with pytest.raises(BrokerRefusedError):
        world.run()
    assert world.log.count(what) == 1


def test_a_broker_that_has_let_us_in_is_asked_until_it_does_again() -> None:
    world = World(stream(500))
    world.failures["commit"] = 3
    world.failure = BrokerRefusedError
    world.run()
    assert world.source.committed == 500


@pytest.mark.parametrize("what", ["poll", "write", "flush", "commit"])
def test_what_is_lost_is_done_again_from_the_last_commit(what: str) -> None:
    records = stream(500)
    world = World(records)

    def begin() -> Iterator[str]:
        if world.log.count("open") == 1:
            world.failures[f"lose {what}"] = 1
        return World.begin(world)

    world.begin = begin  # type: ignore[method-assign]
    world.run()
    assert world.log.count("open") == world.log.count("begin") == world.log.count("close") == 2
    assert scores(world.sink.outcomes) == scores(steps(new_monitor(), records, 50))
    assert world.source.committed == 500


def test_who_was_replaced_ends() -> None:
    world = World(stream(500))
    world.lost = TakenOverError("another worker of group g has taken over")
    world.failures["lose commit"] = 1
    with pytest.raises(TakenOverError, match="another worker"):
        world.run()
    assert world.source.committed == 0
    assert world.log[-2:] == ["commit", "close"]


def stops(world: World, at: str, count: int) -> None:
    """Let the stop come when something is done for the `count`-th time."""
    original = world._do

    def do(what: str) -> None:
        if what == at and world.log.count(what) == count - 1:
            world.stop.set()
        original(what)

    world._do = do  # type: ignore[method-assign]


def test_nothing_is_committed_that_was_not_flushed() -> None:
    world = World(stream(500))
    world.failures["flush"] = 10**9
    world.drain = -1.0
    stops(world, "flush", 5)
    with pytest.raises(StreamgaugeError, match="will be read again"):
        world.run()
    assert world.source.committed == 0
    assert "commit" not in world.log


def test_a_stop_finishes_the_poll_and_commits_it() -> None:
    world = World(stream(500))
    stops(world, "poll", 3)
    world.run()
    assert world.source.committed == 150
    assert len(world.sink.outcomes) == 3
    assert world.log[-4:] == ["flush", "commit", "finish", "close"]


def test_what_is_lost_at_the_stop_is_said() -> None:
    world = World(stream(500))
    stops(world, "poll", 3)
    world.failures["lose commit"] = 1
    with pytest.raises(StreamgaugeError, match="after the last commit will be done again"):
        world.run()
    assert world.source.committed == 0


def test_a_stop_ends_the_waiting_for_a_broker() -> None:
    world = World(stream(50))
    world.failures["open"] = 10**9
    stops(world, "open", 4)
    world.run()
    assert world.log == ["open"] * 4
    assert world.health.waiting_for == "open failed"


def test_a_stop_ends_a_recovery() -> None:
    world = World(stream(50))
    stops(world, "open", 1)
    world.run()
    assert world.log == ["open", "close"]
    assert world.health.waiting_for == "restoring: 10%"
