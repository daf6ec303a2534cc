"""Events into vectors: from the event itself and from earlier records. A file for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from models.vectors import Floats, Hashes, Vectors
from stream.labels import Ops


class Features(Protocol):
    """Makes vectors of one kind of events, which are those that its codec reads."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the dense features; the first is "bias"."""
        ...

    @property
    def hashed(self) -> int:
        """Most hashed pairs of a vector."""
        ...

    @property
    def hash_bits(self) -> int:
        """There are ``2 ** hash_bits`` slots for them; 0 where a vector has none."""
        ...

    @property
    def watched(self) -> Sequence[str]:
        """Names of the numbers whose distribution is watched for drift."""
        ...

    @property
    def mixes(self) -> Sequence[str]:
        """Names of the categories whose mix is watched."""
        ...

    def run(self, ops: Ops, events: Any) -> Vectors:
        """Carry out operations; gives a vector for each event, not yet standardised."""
        ...

    def observe(self, events: Any, vectors: Vectors) -> tuple[Floats, Hashes]:
        """Of each event what is watched: shape (events, watched), and (events, mixes).

        Parameters
        ----------
        events, vectors
            What `run` was given, and gave.
        """
        ...

    def reasons(
        self, events: Any, event: int, dense: Sequence[float], hashed: Sequence[float]
    ) -> list[tuple[str, float]]:
        """What added to an event's logit, by name, and how much: all but the intercept.

        Parameters
        ----------
        events, event
            The batch, and which of its events.
        dense, hashed
            What each dense feature and each hashed pair of its vector added.
        """
        ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...
