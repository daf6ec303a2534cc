"""Champion and challengers: who decides, when several models score the same events.

Every arm scores and learns at every step; a `Decision` makes one score of theirs. Three ways:

`Fixed`
    The first arm decides. The others shadow it.
`Switch`
    The champion decides until a test says that a challenger is better, and then hands over.
`Mixture`
    The arms' probabilities are averaged by how well each has predicted.

All go by the arms' scores as they were given, once the labels have come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np

from models.compiled import compiled, inlined
from models.prequential import log_loss
from models.state import come_back, leave
from models.vectors import LEARN, Codes, Floats, Ints


class Decision(Protocol):
    """Makes one score of the arms'."""

    @property
    def weights(self) -> Floats:
        """Shape (arms,): what each arm's score counts for at the next event; they add up to 1."""
        ...

    @property
    def switches(self) -> int:
        """How often the champion was replaced; 0 where there is none to replace."""
        ...

    def decide(self, code: Codes, y: Codes, given: Floats) -> tuple[Floats, Ints]:
        """Go through operations in order.

        Parameters
        ----------
        code, y
            What each operation is, and its label.
        given
            Shape (operations, arms): each arm's score, for a label the one that was given then.

        Returns
        -------
        For each operation the score that counts (only those of events mean anything), and the arm
        that led then: the champion, or the one with the greatest weight.
        """
        ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


def _one(arms: int, which: int) -> Floats:
    weights = np.zeros(arms)
    weights[which] = 1.0
    return weights


class Fixed:
    """The first arm decides.

    >>> scores, leaders = Fixed(2).decide(
    ...     np.zeros(1, np.int8), np.zeros(1, np.int8), np.array([[0.2, 0.9]])
    ... )
    >>> scores.tolist(), leaders.tolist()
    ([0.2], [0])
    """

    switches = 0

    def __init__(self, arms: int) -> None:
        self._arms = arms

    @property
    def weights(self) -> Floats:
        return _one(self._arms, 0)

    def decide(self, code: Codes, y: Codes, given: Floats) -> tuple[Floats, Ints]:  # noqa: ARG002
        return given[:, 0].copy(), np.zeros(len(given), np.int64)

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


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
        if not 0 <= share < 1:
            raise ValueError(f"share = {share}: expected a number from 0 to below 1")
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
        if not 0 < level < 1:
            raise ValueError(f"level = {level}: expected a number between 0 and 1")
        if not 0 < clip < 0.5:
            raise ValueError(f"clip = {clip}: expected a number between 0 and 0.5")
        self._level = level
        self._reign = reign
        self._clip = clip
        self._evidence = np.zeros((arms, 3))
        self._ends = np.zeros(3, np.int64)

    @property
    def weights(self) -> Floats:
        return _one(len(self._evidence), int(self._ends[CHAMPION]))

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
