"""Records from a list, for tests and for users' own programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream.events import Record


class MemorySource:
    """Gives the records of a list, `size` at a time."""

    def __init__(self, records: Sequence[Record], size: int = 1_000) -> None:
        self._records = records
        self._size = size
        self._next = 0
        self.committed = 0

    def poll(self, timeout: float) -> Sequence[Record]:
        start = self._next
        self._next = min(start + self._size, len(self._records))
        return self._records[start : self._next]

    @property
    def exhausted(self) -> bool:
        return self._next == len(self._records)

    def commit(self) -> None:
        self.committed = self._next

    def back(self) -> None:
        """Give again what was not committed."""
        self._next = self.committed

    def lag(self) -> Mapping[tuple[str, int], int]:
        return {}

    def close(self) -> None:
        pass
