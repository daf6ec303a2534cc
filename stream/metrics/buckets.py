"""A histogram of plain counts, with an event's id in each bucket as an example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from prometheus_client.core import Exemplar, HistogramMetricFamily

from models.vectors import Floats

LONGEST_ID = 100  # characters: OpenMetrics allows 128 for an exemplar's labels, names included


def exemplar(event: object, value: float, at: float) -> Exemplar | None:
    """The id of an event beside a sample, if it is not too long for one."""
    name = str(event)
    return Exemplar({"event_id": name}, value, at) if len(name) <= LONGEST_ID else None


class Buckets:
    """Counts of values by upper bound.

    Parameters
    ----------
    edges
        Upper bounds that a value may be equal to, rising; beyond the last there is one more bucket.

    Examples
    --------
    >>> seen = Buckets([1.0, 10.0])
    >>> seen.add(np.array([0.5, 1.0, 7.0, 99.0]))
    >>> seen.counts.tolist(), seen.sum
    ([2, 1, 1], 107.5)
    """

    def __init__(self, edges: Sequence[float]) -> None:
        self._edges = np.array(edges)
        self._names = [*(str(edge) for edge in edges), "+Inf"]
        self._examples: list[Exemplar | None] = [None] * len(self._names)
        self.counts = np.zeros(len(self._names), np.int64)
        self.sum = 0.0

    def add(self, values: Floats, events: Sequence[object] = (), at: float = 0.0) -> None:
        """Count values; `events` are the ids of those they are of, at this time, if any."""
        places = np.searchsorted(self._edges, values)
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.sum += float(values.sum())
        if len(events):
            last = np.full(len(self.counts), -1)
            last[places] = np.arange(len(values))
            for place, event in enumerate(last.tolist()):
                if event >= 0:
                    found = exemplar(events[event], float(values[event]), at)
                    self._examples[place] = found or self._examples[place]

    def add_one(self, value: float) -> None:
        """Count one value."""
        self.counts[np.searchsorted(self._edges, value)] += 1
        self.sum += value

    def put(self, family: HistogramMetricFamily, labels: Sequence[str] = ()) -> None:
        """Hand it to a metric family, as the series with these labels."""
        rising = np.cumsum(self.counts).tolist()
        family.add_metric(
            labels,
            [
                (name, n) if example is None else (name, n, example)
                for name, n, example in zip(self._names, rising, self._examples, strict=True)
            ],
            self.sum,
        )
