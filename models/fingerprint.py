"""A fingerprint over all scores given, each chained to the ones before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.compiled import compiled, inlined
from models.state import come_back, leave
from models.vectors import Floats, Hashes, Ints

# Of splitmix64 (Steele, Lea & Flood 2014), whose finalizer is variant 13 of Stafford.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
A, B, C = np.uint64(30), np.uint64(27), np.uint64(31)


@inlined
def _mix(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> A)) * FIRST
    x = (x ^ (x >> B)) * SECOND
    return x ^ (x >> C)


@compiled
def _chain(state: Hashes, ids: Hashes, bits: Hashes, wanted: Hashes, met: Ints) -> None:
    first, second = state[0], state[1]
    for i in range(len(ids)):
        # For a given event this maps the 2^128 states one to one, so nothing wears out.
        first = _mix(first ^ ids[i]) + second
        second = _mix(second ^ bits[i]) * GOLDEN + first
        if first == wanted[0] and second == wanted[1] and met[0] < 0:
            met[0] = np.int64(state[2]) + i + 1
    state[0], state[1] = first, second
    state[2] += np.uint64(len(ids))


class ScoreChain:
    """128 bits that depend on every event's id, on every bit of its score, and on their order.

    Taken event by event, so how events are cut into batches does not matter. It finds accidents;
    it is no signature.

    >>> chain = ScoreChain()
    >>> chain.update(np.array([7, 8], np.uint64), np.array([0.25, 0.5]))
    >>> chain.hex
    'a3e06deb1b4ace80df37eb16ed3f3d3c'
    >>> chain.count
    2
    """

    def __init__(self) -> None:
        self._state = np.array([FIRST, SECOND, 0], np.uint64)  # the last counts
        self._wanted = np.zeros(2, np.uint64)
        self._met = np.full(1, -1, np.int64)

    def update(self, ids: Hashes, scores: Floats) -> None:
        """Add events, in order: the hash of each one's id, and its score."""
        bits = np.ascontiguousarray(scores, np.float64).view(np.uint64)
        _chain(self._state, ids, bits, self._wanted, self._met)

    def watch(self, fingerprint: str) -> None:
        """Look out for a value from now on; see `met`. A snapshot knows nothing of it.

        Parameters
        ----------
        fingerprint
            32 hexadecimal digits, as `hex` gives them.

        Raises
        ------
        ValueError
            If it is something else.

        Examples
        --------
        >>> chain = ScoreChain()
        >>> chain.watch("a3e06deb1b4ace80df37eb16ed3f3d3c")
        >>> chain.update(np.array([7, 8, 9], np.uint64), np.array([0.25, 0.5, 0.125]))
        >>> chain.met
        2
        """
        if not re.fullmatch(r"[0-9a-fA-F]{32}", fingerprint):
            raise ValueError("expected a fingerprint, which is 32 hexadecimal digits")
        self._wanted[:] = int(fingerprint[:16], 16), int(fingerprint[16:], 16)
        self._met[0] = self.count if self.hex == fingerprint.lower() else -1

    @property
    def met(self) -> int | None:
        """How many events there had been when the chain first had the value that is watched for."""
        return int(self._met[0]) if self._met[0] >= 0 else None

    @property
    def hex(self) -> str:
        """The fingerprint so far, 32 digits."""
        return "".join(f"{int(half):016x}" for half in self._state[:2])

    @property
    def count(self) -> int:
        """How many events there have been."""
        return int(self._state[2])

    def snapshot(self) -> dict[str, Any]:
        return {"state": leave(self._state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state["state"])
