"""When a monitor is to mix its weights: at every so many seconds of event time.

When it did is in the journal, so what is decided here may depend on how records were polled.
"""

from __future__ import annotations

import numpy as np

from models.vectors import Floats


class Rounds:
    """Watches event time.

    Parameters
    ----------
    every
        Seconds of event time; 0 for never.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._begun: int | None = None
        self._now: int | None = None

    def see(self, ts: Floats) -> None:
        """Take note of the event times of a poll. It is at the middle one: one may be wrong."""
        if self._every and len(ts):
            self._now = int(np.median(ts) // self._every)
            self._begun = self._now if self._begun is None else self._begun

    @property
    def due(self) -> bool:
        """Whether a round has come that was not begun."""
        return self._now is not None and self._begun is not None and self._now > self._begun

    def begin(self) -> int:
        """Begin it; gives its number."""
        self._begun = self._now
        return self._now or 0
