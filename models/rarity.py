"""The alert threshold for scores that say how rare an event is: no more to find out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.state import come_back, leave
from models.vectors import SCORE, Codes, Floats


class Rarity:
    """A threshold of ``1 - share`` after `warm_up` events, and of 1 until then.

    Where 0.99 means that one event in a hundred is as strange, the threshold for a share of events
    is known.

    Parameters
    ----------
    share
        Alerts wanted for each event, above 0 and below 1.
    warm_up
        Events without any alert, while too little is known of what is usual.

    Examples
    --------
    >>> rule = Rarity(0.005, warm_up=1)
    >>> nothing = np.zeros(2, np.int8)
    >>> rule.thresholds(np.full(2, SCORE, np.int8), nothing, nothing, np.zeros(2)).tolist()
    [1.0, 0.995]
    """

    def __init__(self, share: float, warm_up: int = 1_000) -> None:
        self.share = share
        self.warm_up = warm_up
        self._seen = np.zeros(1, np.int64)

    @property
    def threshold(self) -> float:
        return 1.0 - self.share if self._seen[0] >= self.warm_up else 1.0

    def thresholds(self, code: Codes, y: Codes, was: Codes, logits: Floats) -> Floats:  # noqa: ARG002
        events = code == SCORE
        before = self._seen[0] + np.cumsum(events) - events
        self._seen += np.count_nonzero(events)
        return cast(Floats, np.where(before >= self.warm_up, 1.0 - self.share, 1.0))

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave({"seen": self._seen}))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back({"seen": self._seen}, state)
