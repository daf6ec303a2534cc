"""A recording at the pace of a live stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from stream.events import Record
from stream.sources import Source


class PacedSource:
    """Gives another source's records at a set pace, as if they were coming in now.

    Parameters
    ----------
    source
        Whose records they are.
    pace
        Records a second, labels included.
    clock, sleep
        Time, and how to let it pass.
    """

    def __init__(
        self,
        source: Source,
        pace: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source = source
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._start = clock()
        self._given = 0

    def poll(self, timeout: float) -> Sequence[Record]:
        ahead = self._start + self._given / self._pace - self._clock()
        if ahead > timeout:
            self._sleep(timeout)
            return []
        self._sleep(max(0.0, ahead))
        records = self._source.poll(timeout)
        self._given += len(records)
        return records

    @property
    def exhausted(self) -> bool:
        return self._source.exhausted

    def commit(self) -> None:
        self._source.commit()

    def lag(self) -> Mapping[tuple[str, int], int]:
        return self._source.lag()

    def close(self) -> None:
        self._source.close()
