"""No source may say too much: a limit to the labels that each of them gives in a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models import lru
from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import Codes, Floats, Hashes, Ints
from stream.labels import LABEL_ITEM


@compiled
def _admit(
    kind: Codes,
    source: Hashes,
    ts: Floats,
    most: float,
    per: float,
    sources: lru.Lru,
    level: Floats,
    since: Floats,
    clock: Floats,
    limited: Ints,
    out: NDArray[np.bool_],
) -> None:
    for i in range(len(kind)):
        out[i] = True
        if kind[i] != LABEL_ITEM:
            clock[0] = max(clock[0], ts[i])
            continue
        row, _ = lru.use(sources, source[i])
        if since[row] > -np.inf:  # else the bucket is new, or was last used before any event
            level[row] = min(most, level[row] + (clock[0] - since[row]) * (most / per))
        since[row] = clock[0]
        if level[row] >= 1.0:
            level[row] -= 1.0
        else:
            limited[0] += 1
            out[i] = False


class LabelLimits:
    """Each source may give `per_source` labels at once, and as many again in each time of `per`.

    A token bucket for each source: full at the start, a label takes one token, and it fills up in
    `per` seconds. So in a time `t` a source gives at most ``per_source * (1 + t / per)`` labels.
    What is beyond that is dropped before it meets any event.

    Time is that of events, the latest so far. The time of a label is what its source says, and a
    label from the future would fill all buckets.

    The table is bounded. When it is full, a source that is new to it takes the place of the one
    that was heard longest ago, with its bucket as it is. So a source that is pushed out and comes
    back finds no full bucket made for it, and all named sources together, however many names they
    make up, give at most ``max_sources * per_source * (1 + t / per)`` labels. Who can make up that
    many names can empty the buckets that newcomers will find: then fewer labels are learned, not
    more.

    Labels that name no source count as one source's: leaving the name out gets nobody round it.

    Parameters
    ----------
    per_source
        Labels, from 1.
    per
        Seconds of event time, above 0.
    max_sources
        Sources that are remembered.

    Examples
    --------
    >>> limits = LabelLimits(per_source=2, per=60.0)
    >>> kind = np.array([0, 1, 1, 1, 0, 1, 1], np.int8)  # event, three labels, event, two labels
    >>> source = np.array([0, 7, 7, 7, 0, 7, 7], np.uint64)
    >>> ts = np.array([0.0, 0.0, 0.0, 9e9, 30.0, 30.0, 30.0])
    >>> limits.admit(kind, source, ts).tolist(), limits.limited
    ([True, True, True, False, True, True, False], 2)
    """

    def __init__(self, per_source: int, per: float, max_sources: int = 100_000) -> None:
        self._most = float(per_source)
        self._per = per
        self._sources = lru.new(max_sources)
        self._level = np.full(max_sources, self._most)  # tokens, at the time `since`
        self._since = np.full(max_sources, -np.inf)
        self._clock = np.full(1, -np.inf)
        self._limited = np.zeros(1, np.int64)

    @property
    def limited(self) -> int:
        """Labels dropped."""
        return int(self._limited[0])

    @property
    def sources(self) -> int:
        """Sources remembered now."""
        return int(self._sources.meta[lru.USED])

    def admit(self, kind: Codes, source: Hashes, ts: Floats) -> NDArray[np.bool_]:
        """Which of the decoded records, in order, go on; events always do.

        Parameters
        ----------
        kind, ts
            As for `Labels.join`.
        source
            Hash of who gave a label, `ABSENT` (a source like any other) where nobody is named;
            anything for an event.
        """
        out = np.empty(len(kind), np.bool_)
        _admit(
            kind, source, ts, self._most, self._per, self._sources, self._level, self._since,
            self._clock, self._limited, out,
        )  # fmt: skip
        return out

    def _state(self) -> dict[str, Any]:
        return {
            "sources": self._sources,
            "level": self._level,
            "since": self._since,
            "clock": self._clock,
            "limited": self._limited,
        }

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
