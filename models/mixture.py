"""A mixture of arms, weighted by how well each has predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.compiled import compiled
from models.prequential import log_loss
from models.settings import fading
from models.state import come_back, leave
from models.vectors import LEARN, Codes, Floats, Ints


@compiled
def _mix(
    code: Codes, y: Codes, given: Floats, share: float, weights: Floats, out: Floats, led: Ints
) -> None:
    arms = len(weights)
    for i in range(len(code)):
        leader = 0
        p = 0.0
        for k in range(arms):
            p += weights[k] * given[i, k]
            if weights[k] > weights[leader]:
                leader = k
        out[i] = min(1.0, p)  # rounding can take it past
        led[i] = leader
        if code[i] != LEARN:
            continue
        total = 0.0
        for k in range(arms):
            weights[k] *= math.exp(-log_loss(given[i, k], y[i]))
            total += weights[k]
        for k in range(arms):
            weights[k] = (1.0 - share) * weights[k] / total + share / arms


class Mixture:
    """The Bayes mixture with fixed share: ``p = sum(v_k * p_k)``.

    After each label ``v_k`` is multiplied by the probability that arm `k` gave it, brought to a
    sum of 1, and a share of it is spread evenly (Herbster & Warmuth 1998, "Tracking the best
    expert"). Log-loss is mixable, so with labels at once the mixture's total log-loss exceeds that
    of the best arm by at most ``ln K + T * ln(1 / (1 - share))`` nats after `T` labels, on any
    stream (Vovk 1998; Cesa-Bianchi & Lugosi 2006, section 3.3). Late labels make the weights late.

    Parameters
    ----------
    arms
        How many there are.
    share
        Of the weight, spread evenly at each label, so that another arm can take over soon. From 0
        to below 1.

    Examples
    --------
    >>> from models.vectors import SCORE
    >>> mixture = Mixture(2)
    >>> given = np.array([[0.9, 0.5], [0.9, 0.5]])
    >>> scores, _ = mixture.decide(np.array([LEARN, SCORE]), np.ones(2, np.int8), given)
    >>> round(scores[1], 4)  # the first arm has earned 9/14 of the weight
    np.float64(0.7571)
    """

    switches = 0

    def __init__(self, arms: int, share: float = 0.0) -> None:
        fading(share=share)
        self._share = share
        self._weights = np.full(arms, 1.0 / arms)

    @property
    def weights(self) -> Floats:
        return self._weights.copy()

    def decide(self, code: Codes, y: Codes, given: Floats) -> tuple[Floats, Ints]:
        out, led = np.empty(len(code)), np.empty(len(code), np.int64)
        _mix(code, y, given, self._share, self._weights, out, led)
        return out, led

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave({"weights": self._weights}))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back({"weights": self._weights}, state)
