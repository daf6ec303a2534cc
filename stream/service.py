"""The loop: the only place that orders effects.

Poll, step, write; and now and then commit, which makes all of it valid at once or in an order that
loses nothing (see `Shard` and `Delivery`). Whatever ends the process in between, the next one goes
on from the last commit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from stream.bursts import Bursts
from stream.drift_log import sentence
from stream.errors import BrokerError, BrokerRefusedError, LostError, StreamgaugeError
from stream.health import Health
from stream.monitor import Monitor, Outcome
from stream.shard import Shard
from stream.telemetry import Telemetry

log = logging.getLogger("streamgauge")

T = TypeVar("T")

TICK = 0.2  # seconds that a poll may wait, so that a stop is heard soon
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0  # seconds between tries, doubling


def _nothing(_: Monitor) -> None:
    """What is done between two steps, where nobody wants anything."""


class Service:
    """Polls, steps, writes and commits until it is told to stop.

    Parameters
    ----------
    shard
        Where records come from and outcomes go.
    monitor, telemetry, health
        What happens to records, and who is told.
    stop
        Set by a signal: the poll at hand is finished and committed.
    commit_interval
        Seconds between commits.
    drain
        Seconds to get the last commit done after a stop.
    clock
        Seconds that only ever grow.
    between
        Called between two steps.
    """

    def __init__(
        self,
        shard: Shard,
        monitor: Monitor,
        telemetry: Telemetry,
        health: Health,
        stop: Event,
        commit_interval: float = 1.0,
        drain: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        between: Callable[[Monitor], None] = _nothing,
    ) -> None:
        self._shard = shard
        self._monitor = monitor
        self._telemetry = telemetry
        self._health = health
        self._stop = stop
        self._commit_interval = commit_interval
        self._drain = drain
        self._clock = clock
        self._between = between
        self._let_in = False  # whether the broker ever has

    def run(self) -> None:
        """Run until the stop or the end of the source.

        Raises
        ------
        TakenOverError
            If another worker of the group goes on with the work.
        BrokerRefusedError
            If the broker does not let us in, and never has.
        StreamgaugeError
            If the way back to the last commit is cut, or the last outputs could not be made safe;
            their records will come again.
        """
        while not self._session():
            pass

    def _session(self) -> bool:
        """From opening the shard to closing it; False if all of it must be done again."""
        opened = self._patiently(self._open)
        if opened is None:
            return True
        try:
            if self._patiently(self._begin):
                self._loop()
        except LostError as error:
            if self._stop.is_set():
                raise StreamgaugeError(
                    f"stopped, and {error}: what came after the last commit will be done again"
                ) from None
            log.warning("%s; going back to the last commit", error)
            self._health.wait(str(error))
            return False
        finally:
            self._shard.close()
        return True

    def _open(self) -> bool:
        self._shard.open()
        return True

    def _begin(self) -> bool | None:
        """Whether there is something to go on with; None if the stop came first."""
        for doing in self._shard.begin():
            self._health.turn()
            self._health.wait(doing)
            if self._stop.is_set():
                return None
        self._let_in = True
        return True

    def _loop(self) -> None:
        shard, telemetry = self._shard, self._telemetry
        lap = telemetry.stages.lap
        bursts = Bursts(self._clock)
        due = self._clock() + self._commit_interval
        while not (self._stop.is_set() or shard.exhausted):
            self._between(self._monitor)
            telemetry.stages.start()
            records = self._patiently(lambda: shard.poll(TICK))
            lag = shard.lag()
            if records:
                lap("poll")
                handovers = self._monitor.handovers
                outcome = self._monitor.step(records)
                if self._monitor.handovers > handovers:
                    leader = self._monitor.leader
                    log.info(
                        "%s has taken over: it decides from now on", leader, extra={"arm": leader}
                    )
                for report in outcome.drifts:
                    about = {"signal": report.signal, "detector": report.detector}
                    log.warning("%s", sentence(report), extra=about)
                bursts.add(outcome.dead)
                self._put_out(outcome)
                lap("write")
                telemetry.observe(records, outcome, lag)
            elif records is not None:
                telemetry.behind(lag)
            if records is not None:
                self._health.took(len(records), sum(lag.values()))
            if self._clock() >= due:
                telemetry.stages.start()
                if self._patiently(self._commit):
                    lap("commit")
                    telemetry.committed()
                due = self._clock() + self._commit_interval
        self._last_commit()

    def _put_out(self, outcome: Outcome) -> None:
        try:
            self._shard.write(outcome)
        except BrokerError:  # the shard has kept it
            self._patiently(self._shard.flush)

    def _commit(self) -> bool:
        self._shard.commit()
        return True

    def _last_commit(self) -> None:
        """A stop was asked for already, so this one has its own end of patience."""
        deadline = self._clock() + self._drain
        while True:
            try:
                self._shard.commit()
                self._telemetry.committed()
                break
            except BrokerError as error:
                if self._clock() > deadline:
                    raise StreamgaugeError(
                        f"stopped with outputs not acknowledged ({error}): "
                        "their records will be read again"
                    ) from None
                time.sleep(FIRST_WAIT)
        self._shard.finish(deadline - self._clock())

    def _patiently(self, act: Callable[[], T]) -> T | None:
        """Try until it works; None if the stop came first. The loop counts as alive meanwhile."""
        wait = FIRST_WAIT
        while True:
            self._health.turn()
            try:
                return act()
            except BrokerError as error:
                # A password that was right once is being changed, and will be again.
                if isinstance(error, BrokerRefusedError) and not self._let_in:
                    raise
                log.warning("%s; trying again in %g s", error, wait)
                self._health.wait(str(error))
                if self._stop.wait(wait):
                    return None
                wait = min(2 * wait, LONGEST_WAIT)
