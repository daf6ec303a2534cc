"""Outcomes into a list, for tests and for users' own programs."""

from __future__ import annotations

from stream.monitor import Outcome


class MemorySink:
    """Keeps every outcome."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.flushed = 0

    def write(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def flush(self) -> None:
        self.flushed = len(self.outcomes)

    def close(self) -> None:
        pass
