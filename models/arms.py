"""Champion and challengers: who decides, when several models score the same events.

Every arm scores and learns at every step; a `Decision` makes one score of theirs. Three ways:

`Fixed`
    The first arm decides. The others shadow it.
`models.switch.Switch`
    The champion decides until a test says that a challenger is better, and then hands over.
`models.mixture.Mixture`
    The arms' probabilities are averaged by how well each has predicted.

All go by the arms' scores as they were given, once the labels have come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from models.vectors import Codes, Floats, Ints


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


def one_arm(arms: int, which: int) -> Floats:
    """Weights of a decision by one arm alone."""
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
        return one_arm(self._arms, 0)

    def decide(self, code: Codes, y: Codes, given: Floats) -> tuple[Floats, Ints]:  # noqa: ARG002
        return given[:, 0].copy(), np.zeros(len(given), np.int64)

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass
