"""Where records come from. One contract, a file for each kind.

`KafkaSource` reads topics, `RecordingSource` a file, `MemorySource` a list. The order in which a
source gives records is part of the meaning: the monitor takes them as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from stream.events import Record


class Source(Protocol):
    """Yields records in batches, and remembers how far it was read."""

    def poll(self, timeout: float) -> Sequence[Record]:
        """The next records. An empty answer is a tick: none came within `timeout` seconds."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether no record will ever come again; always False for a topic."""
        ...

    def commit(self) -> None:
        """Note that all records given so far are done with, outputs included."""
        ...

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Records that wait behind the last one given, by topic and partition."""
        ...

    def close(self) -> None:
        """Let go of what the source holds; records that were not committed will come again."""
        ...
