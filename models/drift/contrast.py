"""How large a signal was and is: two faded means, for the words "before" and "after"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import Floats

SLOW, FAST = 1_000, 50  # values after which a value's weight has halved


@compiled
def _run(
    values: Floats, slow: float, fast: float, state: Floats, before: Floats, after: Floats
) -> None:
    for i in range(len(values)):
        state[0] = slow * state[0] + values[i]
        state[1] = slow * state[1] + 1.0
        state[2] = fast * state[2] + values[i]
        state[3] = fast * state[3] + 1.0
        before[i] = state[0] / state[1]
        after[i] = state[2] / state[3]


class Contrast:
    """The mean of a signal over its last thousand values or so, and over its last fifty.

    >>> contrast = Contrast()
    >>> before, after = contrast.run(np.repeat([0.0, 1.0], [10_000, 100]))
    >>> before[-1].round(2), after[-1].round(2)
    (np.float64(0.07), np.float64(0.75))
    """

    def __init__(self) -> None:
        self._state = np.zeros(4)

    def run(self, values: Floats) -> tuple[Floats, Floats]:
        """Take the next values; gives the two means after each."""
        before, after = np.empty(len(values)), np.empty(len(values))
        _run(values, 0.5 ** (1.0 / SLOW), 0.5 ** (1.0 / FAST), self._state, before, after)
        return before, after

    def snapshot(self) -> dict[str, Any]:
        return {"state": leave(self._state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state["state"])
