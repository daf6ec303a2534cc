"""What a batch's scores came from, so that each of them can be explained by names and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.detection import Detected
from models.scores import Scores
from models.vectors import Floats, Ints, Vectors
from stream.events import Events
from stream.features import Features

Named = list[tuple[str, float]]

UNUSUAL = "unusual as a whole"  # what no single feature accounts for


@dataclass(frozen=True, slots=True)
class Workings:
    """The vectors, and what each arm made of them.

    Attributes
    ----------
    raw
        Shape (events, dense): the dense features as they were before they were standardised.
    vectors
        As the arms took them, one for each operation.
    rows
        Shape (events,): which of the operations is the event's.
    said
        Of each arm.
    leaders
        Shape (operations,): the arm that led then.
    detected
        What scorers without labels said of each event, where there are any: the last dense
        features.
    """

    raw: Floats
    vectors: Vectors
    rows: Ints
    said: Sequence[Scores]
    leaders: Ints
    detected: Detected | None = None

    def leader(self, event: int) -> int:
        """The arm that led at an event."""
        return int(self.leaders[self.rows[event]])

    def logit(self, event: int) -> float:
        """What the leading arm made of an event."""
        return float(self.said[self.leader(event)].logits[self.rows[event]])

    def intercept(self, event: int) -> float:
        """What the leading arm's logit would have been without any feature."""
        return float(self.said[self.leader(event)].dense_parts[self.rows[event], 0])

    def contributions(self, features: Features, events: Events, event: int) -> Named:
        """What each feature added to the leading arm's logit; with the intercept it is the sum."""
        said = self.said[self.leader(event)]
        return self._named(features, events, event, *said.parts(self.rows[event]))

    def values(self, features: Features, events: Events, event: int) -> Named:
        """The value of each feature, under the same names in the same order."""
        row = self.rows[event]
        hashed = self.vectors.values[self.vectors.start[row] : self.vectors.end[row]]
        return self._named(features, events, event, self.raw[event], hashed)

    def _named(
        self, features: Features, events: Events, event: int, dense: Floats, hashed: Floats
    ) -> Named:
        width = len(features.names)
        named = features.reasons(events, event, dense[:width].tolist(), hashed.tolist())
        return named + self._unusual(features.names, event, dense[width:])

    def _unusual(self, names: Sequence[str], event: int, each: Floats) -> Named:
        """What is each scorer's, by the dense features that made the event strange to it."""
        if self.detected is None:
            return []
        parts = self.detected.parts[event]
        found = [
            (f"unusual {names[column]}", float(each @ parts[:, column]))
            for column in np.flatnonzero(parts.any(axis=0)).tolist()
        ]
        return [*found, (UNUSUAL, float(each @ (1.0 - parts.sum(axis=1))))]
