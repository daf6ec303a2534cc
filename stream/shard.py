"""The unit of state: what one monitor reads, and where its outcomes go. One contract.

`KafkaShard` reads and writes topics; `RecordingShard` reads a recording, to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from stream.events import Record
from stream.monitor import Outcome
from stream.sinks import Sink
from stream.sources import Source


class Shard(Protocol):
    """Any method may raise `BrokerError`; what it was given is kept, and it may be called again.

    After a `LostError` nothing is kept since the last commit: `close`, `open` and `begin` again.
    """

    @property
    def exhausted(self) -> bool:
        """Whether no record will ever come again; always False for a topic."""
        ...

    def open(self) -> None:
        """Connect."""
        ...

    def begin(self) -> Iterator[str]:
        """Get to where the last commit was, and the monitor with it.

        Gives a line on what it is doing, for a person, as often as it can be left off.
        """
        ...

    def poll(self, timeout: float) -> Sequence[Record]:
        """The next records, of which each goes through the monitor now; see `Source.poll`."""
        ...

    def write(self, outcome: Outcome) -> None:
        """Take what they led to."""
        ...

    def flush(self) -> None:
        """Return once all that was written has arrived."""
        ...

    def commit(self) -> None:
        """Make everything since the last commit valid: outputs, and how far was read."""
        ...

    def finish(self, seconds: float) -> None:
        """After the last commit: what makes the next start quicker, in so many seconds."""
        ...

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Records that wait behind the last one given, by topic and partition."""
        ...

    def close(self) -> None:
        """Let go. What was not committed will come again."""
        ...


class RecordingShard:
    """A source and a sink, with no way back.

    Parameters
    ----------
    connect
        Opens the two.
    """

    def __init__(self, connect: Callable[[], tuple[Source, Sink]]) -> None:
        self._connect = connect

    def open(self) -> None:
        self._source, self._sink = self._connect()

    def begin(self) -> Iterator[str]:
        yield from ()

    @property
    def exhausted(self) -> bool:
        return self._source.exhausted

    def poll(self, timeout: float) -> Sequence[Record]:
        return self._source.poll(timeout)

    def write(self, outcome: Outcome) -> None:
        self._sink.write(outcome)

    def flush(self) -> None:
        self._sink.flush()

    def commit(self) -> None:
        self._sink.flush()
        self._source.commit()

    def finish(self, seconds: float) -> None:
        """There is nothing more to do."""

    def lag(self) -> Mapping[tuple[str, int], int]:
        return self._source.lag()

    def close(self) -> None:
        self._source.close()
        self._sink.close()
