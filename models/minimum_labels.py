"""No alert before enough labels of both classes were learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled, inlined
from models.state import come_back, leave
from models.vectors import ASSUME, CORRECT, LEARN, Codes, Floats, Ints


@inlined
def _threshold(learned: Ints, count: int) -> float:
    return 0.0 if min(learned[0], learned[1]) >= count else 1.0


@compiled
def _run(code: Codes, y: Codes, was: Codes, count: int, learned: Ints, thresholds: Floats) -> None:
    for i in range(len(code)):
        thresholds[i] = _threshold(learned, count)
        if code[i] == ASSUME:  # nobody said so
            continue
        if was[i] >= 0:  # not below 0: the old label may have been measured only
            learned[was[i]] = max(0, learned[was[i]] - 1)
        if code[i] in (LEARN, CORRECT):
            learned[y[i]] += 1


class MinimumLabels:
    """A threshold of 1 until `count` labels of each class were learned, and then of 0.

    A label that was corrected counts for its new class only, so the threshold can rise again.
    Examples learned as 0 for want of a label do not count.

    Parameters
    ----------
    count
        Labels of either class, from 0.

    Examples
    --------
    >>> rule = MinimumLabels(1)
    >>> code, y = np.array([LEARN, LEARN, CORRECT], np.int8), np.array([0, 1, 0], np.int8)
    >>> was = np.array([-1, -1, 1], np.int8)
    >>> rule.thresholds(code, y, was, np.zeros(3)).tolist(), rule.threshold
    ([1.0, 1.0, 0.0], 1.0)
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._learned = np.zeros(2, np.int64)

    @property
    def learned(self) -> tuple[int, int]:
        """Labels of class 0 and of class 1 that were learned and still stand."""
        return int(self._learned[0]), int(self._learned[1])

    @property
    def threshold(self) -> float:
        return _threshold(self._learned, self.count)

    def thresholds(self, code: Codes, y: Codes, was: Codes, logits: Floats) -> Floats:  # noqa: ARG002
        thresholds = np.empty(len(code))
        _run(code, y, was, self.count, self._learned, thresholds)
        return thresholds

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave({"learned": self._learned}))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back({"learned": self._learned}, state)
