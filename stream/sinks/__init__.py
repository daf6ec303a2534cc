"""Where outcomes go. One contract, a file for each kind."""

from __future__ import annotations

from typing import Protocol

from stream.monitor import Outcome


class Sink(Protocol):
    """Takes outcomes in order. What was written is safe only after `flush`."""

    def write(self, outcome: Outcome) -> None:
        """Take an outcome; may buffer."""
        ...

    def flush(self) -> None:
        """Return once all that was written is safe, or raise."""
        ...

    def close(self) -> None:
        """Let go. What was not flushed may be lost."""
        ...
