"""Whether the service is alive and ready: set by the loop, read by the web server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

TURN = 30.0  # seconds without a turn of the loop
STARTING = 300.0  # seconds until its first turn: a cold start compiles


class Word(Protocol):
    """What the web server asks for."""

    @property
    def trouble(self) -> str: ...

    @property
    def alive(self) -> bool: ...

    @property
    def waiting_for(self) -> str: ...


class Health:
    """The loop's word on itself. Single assignments only, so threads need no lock.

    Parameters
    ----------
    stalled
        Seconds that records may wait while none is taken.
    ready_lag
        Records behind which the service does not count as ready.
    clock
        Seconds that only ever grow.
    """

    def __init__(
        self,
        stalled: float = 60.0,
        ready_lag: int = 100_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stalled = stalled
        self._ready_lag = ready_lag
        self._clock = clock
        self._turn = clock() + STARTING - TURN
        self._waiting = "starting"
        self._moved = clock()
        self._behind = 0

    def turn(self) -> None:
        """The loop has made a turn, or tries to get one done."""
        self._turn = self._clock()

    def wait(self, reason: str) -> None:
        """Records are not being processed, and why: one line for a person."""
        self._waiting = reason

    def took(self, records: int, behind: int) -> None:
        """So many records were taken, and so many more wait."""
        # Where nothing waits, taking nothing is no stall; nor is it one until the wait is over.
        if records or not behind or self._waiting:
            self._moved = self._clock()
        self._behind = behind
        self._waiting = ""

    @property
    def trouble(self) -> str:
        """Why a restart might help; empty when all is well."""
        now = self._clock()
        if now - self._turn >= TURN:
            return f"no turn of the loop for {now - self._turn:.0f} s"
        if not self._waiting and now - self._moved >= self._stalled:
            return (
                f"{self._behind:,} records wait, and none was taken for {now - self._moved:.0f} s"
            )
        return ""

    @property
    def alive(self) -> bool:
        """Whether there is no trouble."""
        return not self.trouble

    @property
    def waiting_for(self) -> str:
        """Why the service is not ready; empty when it is."""
        if not self._waiting and self._behind > self._ready_lag:
            return f"behind by {self._behind:,} records, more than {self._ready_lag:,}"
        return self._waiting
