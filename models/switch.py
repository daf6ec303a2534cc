"""A champion that is replaced when a sequential test says that a challenger is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from models.arms import one_arm
from models.compiled import compiled, inlined
from models.prequential import log_loss
from models.settings import share
from models.state import come_back, leave
from models.vectors import LEARN, Codes, Floats, Ints

# Places of a row of evidence, one for each arm.
WEALTH, MEAN, SQUARE = range(3)
# Places of `ends`.
CHAMPION, REIGN, SWITCHES = range(3)

FADING = 0.999  # of the mean and square from which the next stake is chosen
MOST = 0.9  # of the wealth that is staked at the most


@inlined
def _clipped_loss(p: float, y: int, clip: float) -> float:
    return log_loss(min(max(p, clip), 1.0 - clip), y)


@compiled
def _switch(
    code: Codes,
    y: Codes,
    given: Floats,
    level: float,
    reign: int,
    clip: float,
    evidence: Floats,
    ends: Ints,
    out: Floats,
    led: Ints,
) -> None:
    arms = given.shape[1]
    bound = math.log((1.0 - clip) / clip)  # the most that two clipped losses can differ
    for i in range(len(code)):
        champion = ends[CHAMPION]
        out[i] = given[i, champion]
        led[i] = champion
        if code[i] != LEARN:
            continue
        ends[REIGN] += 1
        t = ends[REIGN]
        best = champion
        for k in range(arms):
            if k == champion:
                continue
            row = evidence[k]
            gain = _clipped_loss(given[i, champion], y[i], clip)
            gain = (gain - _clipped_loss(given[i, k], y[i], clip)) / bound
            # The stake is fixed before the label: that makes the wealth a fair game's.
            stake = 0.0
            if row[MEAN] > 0.0:
                stake = min(MOST, row[MEAN] / (row[SQUARE] + 1e-12))
            row[WEALTH] = (row[WEALTH] + 1.0 / (t * (t + 1.0))) * (1.0 + stake * gain)
            row[MEAN] = FADING * row[MEAN] + (1.0 - FADING) * gain
            row[SQUARE] = FADING * row[SQUARE] + (1.0 - FADING) * gain * gain
            if row[WEALTH] > evidence[best, WEALTH] or best == champion:
                best = k
        if best == champion or t < reign:
            continue
        if evidence[best, WEALTH] + 1.0 / (t + 1.0) >= (arms - 1) / level:
            ends[CHAMPION] = best
            ends[REIGN] = 0
            ends[SWITCHES] += 1
            for k in range(arms):
                for place in range(3):
                    evidence[k, place] = 0.0


class Switch:
    """The champion decides until a sequential test says that a challenger is better.

    For each challenger a gambler bets that the champion's log-loss will exceed the challenger's.
    Losses are of probabilities clipped to ``[clip, 1 - clip]``, so that their difference is bounded
    and staking a part of the wealth cannot ruin. If the challenger is no better in expectation,
    wealth is a supermartingale that starts at 1, and by Ville's inequality it ever reaches
    ``1 / level`` with a chance of at most `level`, however often one looks (betting e-processes:
    Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting"). A part
    ``1 / (t (t + 1))`` of the stake, which adds up to 1, starts at label `t` only: the mixture is
    as valid, and sees a challenger that becomes better late (Shin, Ramdas & Rinaldo 2024,
    "E-detectors"). With `K - 1` challengers each is held to ``level / (K - 1)``.

    So `level` bounds the chance that a champion is ever replaced by an arm that is not better.
    After a switch all starts anew.

    Parameters
    ----------
    arms
        How many there are. The first is champion at the start.
    level
        Chance of a wrong switch in a reign, between 0 and 1.
    reign
        Labels for which a new champion stays, whatever the evidence: the hysteresis.
    clip
        Probabilities are held from here to 1 minus this in the test; between 0 and 1/2.
    """

    def __init__(
        self, arms: int, level: float = 0.05, reign: int = 1_000, clip: float = 0.001
    ) -> None:
        share(level=level)
        if not 0 < clip < 0.5:
            raise ValueError(f"clip = {clip}: expected a number between 0 and 0.5")
        self._level = level
        self._reign = reign
        self._clip = clip
        self._evidence = np.zeros((arms, 3))
        self._ends = np.zeros(3, np.int64)

    @property
    def weights(self) -> Floats:
        return one_arm(len(self._evidence), int(self._ends[CHAMPION]))

    @property
    def switches(self) -> int:
        """How often the champion was replaced."""
        return int(self._ends[SWITCHES])

    def decide(self, code: Codes, y: Codes, given: Floats) -> tuple[Floats, Ints]:
        out, led = np.empty(len(code)), np.empty(len(code), np.int64)
        _switch(
            code, y, given, self._level, self._reign, self._clip, self._evidence, self._ends,
            out, led,
        )  # fmt: skip
        return out, led

    def _state(self) -> dict[str, Any]:
        return {"evidence": self._evidence, "ends": self._ends}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)
