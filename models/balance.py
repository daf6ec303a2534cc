"""No class may crowd out the other: a limit to its share of what was learned of late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import CORRECT, LEARN, MEASURE, Codes, Floats, Ints


@compiled
def _hold(
    code: Codes, y: Codes, max_share: float, fading: float, learned: Floats, held: Ints, out: Codes
) -> None:
    for i in range(len(code)):
        out[i] = code[i]
        if code[i] not in (LEARN, CORRECT):
            continue
        of = fading * learned[y[i]] + 1.0
        other = fading * learned[1 - y[i]]
        # Never the smaller one: while little is known a label is a large step, for either class.
        if of > max_share * (of + other) and learned[y[i]] > learned[1 - y[i]]:
            out[i] = MEASURE
            held[y[i]] += 1
        else:
            learned[y[i]] = of
            learned[1 - y[i]] = other


class ClassBalance:
    """Labels of a class are measured, but not learned, where its share would become too large.

    The share is of the labels that were learned, in which old ones fade, so whatever comes it does
    not exceed `max_share`: a flood of one class is learned no faster than the other class allows,
    at 0.95 nineteen labels for one. At the start it is as if one of each had been learned. Only a
    label of the class that has the smaller share is always learned.

    Corrections are held to it like first labels. Examples learned as 0 for want of a label are
    neither held nor counted: who wants those wants them.

    A model that is not shown all labels of the larger class says larger probabilities for the
    smaller: with a share `s` of the stream held down to `m`, odds grow by ``s/(1-s) * (1-m)/m``.

    Parameters
    ----------
    max_share
        Of a class, at least 0.5 and below 1.
    memory
        After how many labels learned a label's weight has halved.

    Examples
    --------
    >>> balance = ClassBalance(0.8)
    >>> y = np.array([1, 1, 1, 1, 1, 0, 1], np.int8)
    >>> balance.hold(np.full(7, LEARN, np.int8), y).tolist()
    [1, 1, 4, 4, 4, 1, 1]
    """

    def __init__(self, max_share: float, memory: float = 1_000) -> None:
        if not 0.5 <= max_share < 1:
            raise ValueError(f"max_share = {max_share}: expected a number from 0.5 to below 1")
        self._max_share = max_share
        self._fading = 0.5 ** (1.0 / memory)
        self._learned = np.ones(2)
        self._held = np.zeros(2, np.int64)

    @property
    def share(self) -> float:
        """Share of class 1 in what was learned of late."""
        return float(self._learned[1] / self._learned.sum())

    @property
    def held(self) -> tuple[int, int]:
        """Labels of class 0 and of class 1 that were not learned."""
        return int(self._held[0]), int(self._held[1])

    def hold(self, code: Codes, y: Codes) -> Codes:
        """The operations' codes, in order, with `MEASURE` where a label is not to be learned."""
        out = np.empty_like(code)
        _hold(code, y, self._max_share, self._fading, self._learned, self._held, out)
        return out

    def _state(self) -> dict[str, Any]:
        return {"learned": self._learned, "held": self._held}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
