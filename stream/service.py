"""The loop: the only place that orders effects.

At each checkpoint, in this order: the outputs are flushed and acknowledged, then the offsets are
committed. A crash between the two makes outputs come twice, never not at all: at-least-once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from stream.errors import BrokerError, StreamgaugeError
from stream.health import Health
from stream.monitor import Monitor, Outcome
from stream.sinks import Sink
from stream.sources import Source
from stream.telemetry import Telemetry

log = logging.getLogger("streamgauge")

T = TypeVar("T")

TICK = 0.2  # seconds that a poll may wait, so that a stop is heard soon
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0  # seconds between tries, doubling
DRAIN = 20.0  # seconds to get the last outputs acknowledged after a stop


class Service:
    """Polls, steps, writes and commits until it is told to stop.

    Parameters
    ----------
    connect
        Opens source and sink; may raise `BrokerError`, and is then tried again.
    monitor, telemetry, health
        What happens to records, and who is told.
    stop
        Set by a signal: the poll at hand is finished, flushed and committed.
    commit_interval
        Seconds between checkpoints.
    clock
        Seconds that only ever grow.
    """

    def __init__(
        self,
        connect: Callable[[], tuple[Source, Sink]],
        monitor: Monitor,
        telemetry: Telemetry,
        health: Health,
        stop: Event,
        commit_interval: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._monitor = monitor
        self._telemetry = telemetry
        self._health = health
        self._stop = stop
        self._commit_interval = commit_interval
        self._clock = clock

    def run(self) -> None:
        """Run until the stop or the end of the source.

        Raises
        ------
        StreamgaugeError
            If the last outputs could not be made safe; their records will come again.
        """
        opened = self._patiently(self._connect)
        if opened is None:
            return
        source, sink = opened
        try:
            self._loop(source, sink)
        finally:
            source.close()
            sink.close()

    def _loop(self, source: Source, sink: Sink) -> None:
        due = self._clock() + self._commit_interval
        while not (self._stop.is_set() or source.exhausted):
            records = self._patiently(lambda: source.poll(TICK))
            if records:
                switches = self._monitor.decision.switches
                outcome = self._monitor.step(records)
                if self._monitor.decision.switches > switches:
                    log.info("a challenger has won: %s decides from now on", self._monitor.leader)
                self._put_out(outcome, sink)
                self._telemetry.observe(outcome, source.lag())
            if self._clock() >= due:
                self._patiently(lambda: self._checkpoint(source, sink))
                due = self._clock() + self._commit_interval
        self._last_checkpoint(source, sink)

    def _put_out(self, outcome: Outcome, sink: Sink) -> None:
        try:
            sink.write(outcome)
        except BrokerError:  # the sink has kept it
            self._patiently(sink.flush)

    def _checkpoint(self, source: Source, sink: Sink) -> None:
        sink.flush()
        # A snapshot belongs here: what it holds has been put out, and what follows it comes again.
        source.commit()

    def _last_checkpoint(self, source: Source, sink: Sink) -> None:
        """A stop was asked for already, so this one has its own end of patience."""
        deadline = self._clock() + DRAIN
        while True:
            try:
                self._checkpoint(source, sink)
            except BrokerError as error:
                if self._clock() > deadline:
                    raise StreamgaugeError(
                        f"stopped with outputs not acknowledged ({error}): "
                        "their records will be read again"
                    ) from None
                time.sleep(FIRST_WAIT)
            else:
                return

    def _patiently(self, act: Callable[[], T]) -> T | None:
        """Try until it works; None if the stop came first. The loop counts as alive meanwhile."""
        wait = FIRST_WAIT
        while True:
            self._health.beat()
            try:
                result = act()
            except BrokerError as error:
                log.warning("%s; trying again in %g s", error, wait)
                self._health.wait(str(error))
                if self._stop.wait(wait):
                    return None
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                self._health.ready()
                return result
