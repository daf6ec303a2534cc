"""One row of `make bench`: ours beside a peer, on the same events in the same run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

NOT_MEASURED = math.nan


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured, and what was wanted of it.

    Attributes
    ----------
    name
        What was done.
    peer
        What ours is held against.
    versions
        Of the packages that both stand on, as `versions` gives them.
    ours, theirs
        Medians; `NOT_MEASURED` where one could not run, and then `note` says why.
    unit
        Of both. More is better for rates ("events/s"), less for all others ("us/event", "s").
    wanted
        The least ratio that will do, or the greatest where `at_most`.
    at_most
        The ratio is a cost: ours over theirs, and less is better.
    note
        What a reader must know, such as what bounds a ratio that was not reached.
    """

    name: str
    peer: str
    versions: str
    ours: float
    theirs: float
    unit: str
    wanted: float
    at_most: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times better ours is, or how many times as much it costs where `at_most`."""
        if self.at_most or self.unit.endswith("/s"):
            return self.ours / self.theirs
        return self.theirs / self.ours

    @property
    def reached(self) -> bool:
        """Whether the ratio is what was wanted; not where one of both was not measured."""
        return self.ratio <= self.wanted if self.at_most else self.ratio >= self.wanted

    def as_json(self) -> dict[str, object]:
        """Plain values, null for what was not measured."""
        found = asdict(self) | {"ratio": self.ratio, "reached": self.reached}
        return {
            key: None if isinstance(value, float) and math.isnan(value) else value
            for key, value in found.items()
        }


def versions(*packages: str) -> str:
    """Names and versions of installed packages, for `Row.versions`."""
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def unreached(rows: Sequence[Row]) -> list[Row]:
    """Those whose ratio is not what was wanted."""
    return [row for row in rows if not row.reached]
