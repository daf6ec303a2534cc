"""Online standardisation of the dense block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.compiled import compiled
from models.kernels import usable
from models.state import come_back, leave
from models.vectors import Floats

LARGEST = 1e100  # far below where the sum of squares might overflow


@compiled
def _scale(x: Floats, limit: float, state: Floats) -> None:
    count = state[0, 0]
    for i in range(len(x)):
        if not usable(x[i], LARGEST):  # left as it is, for the model to refuse
            continue
        count += 1.0
        for j in range(1, x.shape[1]):  # column 0 is the intercept
            value = x[i, j]
            change = value - state[1, j]
            state[1, j] += change / count
            state[2, j] += change * (value - state[1, j])
            variance = state[2, j] / count
            scaled = 0.0
            if variance > 0.0:
                scaled = (value - state[1, j]) / math.sqrt(variance)
            x[i, j] = max(-limit, min(limit, scaled))
    state[0, 0] = count


class StandardScaler:
    """Subtracts the running mean and divides by the running standard deviation.

    An event is counted before it is scaled, so the very first ones are bounded too; no label is
    involved. A row that is not finite is neither counted nor scaled. Welford's update (1962), as in
    Knuth, TAOCP 2, section 4.2.2.

    Parameters
    ----------
    dense
        Number of dense features, the intercept (column 0, never scaled) included.
    limit
        Scaled values are cut at this many standard deviations on either side.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = StandardScaler(2)
    >>> scaler.scale(np.array([[1.0, 10.0], [1.0, 12.0], [1.0, 14.0]]))[:, 1].round(4).tolist()
    [0.0, 1.0, 1.2247]
    """

    def __init__(self, dense: int, limit: float = 30.0) -> None:
        self.limit = limit
        self.state = np.zeros((3, dense))  # count, mean, sum of squared deviations

    def scale(self, dense: Floats) -> Floats:
        """Standardise the rows in place, one after another, and give them back."""
        _scale(dense, self.limit, self.state)
        return dense

    def snapshot(self) -> dict[str, Any]:
        return {"state": leave(self.state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self.state, state["state"])
