"""Whether the service is alive and ready: set by the loop, read by the web server."""

from __future__ import annotations

import time
from collections.abc import Callable

STALLED = 30.0  # seconds without a turn of the loop
STARTING = 300.0  # seconds until its first turn: a cold start compiles


class Health:
    """The loop's word on itself. Single assignments only, so threads need no lock.

    Parameters
    ----------
    clock
        Seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat = clock() + STARTING - STALLED
        self._waiting = "starting"

    def beat(self) -> None:
        """The loop has made a turn, or tries to get one done."""
        self._beat = self._clock()

    def ready(self) -> None:
        """Records are being processed."""
        self._waiting = ""

    def wait(self, reason: str) -> None:
        """Records are not being processed, and why: one line for a person."""
        self._waiting = reason

    @property
    def alive(self) -> bool:
        """Whether the loop has made a turn lately."""
        return self._clock() - self._beat < STALLED

    @property
    def waiting_for(self) -> str:
        """Why the service is not ready; empty when it is."""
        return self._waiting
