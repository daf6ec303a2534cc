"""What all detectors share: running over values, state, and what is refused.

A detector is a compiled loop, its settings, and arrays. The first array, `state`, starts with the
two places below; each detector names the places after them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np

from models.compiled import inlined
from models.kernels import LARGEST
from models.protocols import Drift
from models.state import come_back, leave
from models.vectors import Codes, Floats

# Places of every `state`: the measure for dashboards, and whether the next value is a new start.
STATISTIC, OVER, OWN = range(3)

# For compiled code, which is slow to look up an enum's members; so is Python, for each label.
NONE, WARNING, DRIFT = map(int, Drift)
_LEVELS = tuple(Drift)


class Verdicts(NamedTuple):
    """What a detector says at each value: its level, a `Drift`, and its statistic."""

    levels: Codes
    statistics: Floats


@inlined
def usable(value: float) -> bool:
    """Whether a value can do no harm to sums and squares (a NaN fails every comparison)."""
    return abs(value) <= LARGEST


@inlined
def bounded(value: float) -> bool:
    """Whether a value lies between right, 0, and wrong, 1, as the bounds on errors suppose."""
    return 0.0 <= value <= 1.0


@inlined
def start_over(state: Floats) -> None:
    """Forget everything, if the value before was a drift."""
    if state[OVER] != 0.0:
        for place in range(len(state)):
            state[place] = 0.0


class Detector:
    """A compiled detector. Not the contract, which is a protocol: only what would be said 7 times.

    Parameters
    ----------
    loop
        Gets the values, the arrays of `Verdicts` to be filled, the settings, and the state.
        A value that it refuses leaves the state as it was, and its level is NONE.
    settings
        Numbers, and arrays to work in.
    state
        All that changes, by name.
    """

    threshold = math.nan  # what the statistic is held against, where that is a fixed number

    def __init__(
        self, loop: Callable[..., None], settings: tuple[Any, ...], state: dict[str, Any]
    ) -> None:
        self._loop = loop
        self._settings = settings
        self._state = state

    @property
    def statistic(self) -> float:
        """The detector's own measure, for dashboards."""
        return float(self._state["state"][STATISTIC])

    def run(self, values: Floats) -> Verdicts:
        """Take many values, in order: the same as one after another."""
        verdicts = Verdicts(np.empty(len(values), np.int8), np.empty(len(values)))
        self._loop(values, *verdicts, *self._settings, *self._state.values())
        return verdicts

    def update(self, value: float) -> Drift:
        """Take the next value."""
        return _LEVELS[int(self.run(np.array([value], np.float64)).levels[0])]

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state)
