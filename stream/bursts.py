"""Dead letters in the log: a line for a burst of them, however many there are."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from stream.events import DeadLetter

log = logging.getLogger("streamgauge")

EVERY = 30.0  # seconds between lines


class Bursts:
    """Says how many records could not be read, and why: at once, and then every half minute.

    Parameters
    ----------
    clock
        Seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock()
        self._waiting: Counter[tuple[str, str]] = Counter()

    def add(self, dead: Sequence[DeadLetter]) -> None:
        """Take the dead letters of a poll, if any."""
        self._waiting.update((letter.record.topic, letter.reason) for letter in dead)
        if self._waiting and self._clock() >= self._due:
            self._due = self._clock() + EVERY
            self._tell()

    def _tell(self) -> None:
        total = self._waiting.total()
        said = ", ".join(
            f"{count:,} {reason} in {topic}"
            for (topic, reason), count in self._waiting.most_common()
        )
        log.warning(
            "%s could not be read: %s",
            "a record" if total == 1 else f"{total:,} records", said,
            extra={"dead_letters": total},
        )  # fmt: skip
        self._waiting.clear()
