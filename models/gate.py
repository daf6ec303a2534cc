"""Until enough labels of both classes were learned, those decide that need none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import CORRECT, LEARN, Codes, Ints


@compiled
def _closed(code: Codes, y: Codes, count: int, learned: Ints, closed: NDArray[np.bool_]) -> None:
    for i in range(len(code)):
        closed[i] = min(learned[0], learned[1]) < count
        if not closed[i]:  # and so it stays: who decides must not go to and fro
            continue
        if code[i] == LEARN or code[i] == CORRECT:
            learned[y[i]] += 1
        if code[i] == CORRECT:
            learned[1 - y[i]] = max(0, learned[1 - y[i]] - 1)


class LabelGate:
    """Opens for good when `count` labels of each class were learned.

    A corrected label counts for its new class only; examples learned as 0 for want of a label do
    not count.

    Parameters
    ----------
    count
        Labels of either class, from 0.

    Examples
    --------
    >>> gate = LabelGate(1)
    >>> code, y = np.full(3, LEARN, np.int8), np.array([0, 1, 1], np.int8)
    >>> gate.closed(code, y).tolist(), gate.is_closed
    ([True, True, False], False)
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._learned = np.zeros(2, np.int64)

    @property
    def is_closed(self) -> bool:
        """At the next operation."""
        return int(self._learned.min()) < self.count

    def closed(self, code: Codes, y: Codes) -> NDArray[np.bool_]:
        """Go through operations in order; whether it was closed before each."""
        closed = np.empty(len(code), np.bool_)
        _closed(code, y, self.count, self._learned, closed)
        return closed

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave({"learned": self._learned}))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back({"learned": self._learned}, state)
