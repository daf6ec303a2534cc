"""Metrics of several monitors in one registry: every series says of which partition it is.

So they add up where the partition is summed away, a partition that has moved to another worker goes
on there, and what does not add up (an error rate, a threshold) can still be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

LABEL = "partition"


class Together:
    """A collector of collectors.

    Parameters
    ----------
    parts
        Gives them, by partition, as they are now.
    """

    def __init__(self, parts: Callable[[], Mapping[int, Collector]]) -> None:
        self._parts = parts

    def collect(self) -> Iterable[Metric]:
        """The metric families, each once."""
        families: dict[str, Metric] = {}
        for partition, part in sorted(self._parts().items()):
            for family in part.collect():
                one = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                for sample in family.samples:
                    labels = {**sample.labels, LABEL: str(partition)}
                    one.samples.append(sample._replace(labels=labels))
        return families.values()
