"""Which events are alerts, when several rules must agree.

A rule gives a threshold at each operation, from what it saw before; labels come between events, so
it goes through all of them in order. All rules must agree: the threshold is the highest of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from models.allowance import Allowance
from models.kernels import sigmoids
from models.protocols import Stateful
from models.vectors import Codes, Floats


class AlertRule(Stateful, Protocol):
    """Says from which score on an event is an alert; 1 where none is."""

    @property
    def threshold(self) -> float:
        """Threshold for the next event."""
        ...

    def thresholds(self, code: Codes, y: Codes, was: Codes, logits: Floats) -> Floats:
        """Threshold at each operation, in order, as it is before that operation.

        Parameters
        ----------
        code, y, was
            For each operation: what it does, the label, and the label that it replaces or -1.
        logits
            The logit of an event that is scored; at a label the one that was given then.
        """
        ...


def reached(thresholds: Floats, logits: Floats) -> Codes:
    """1 where a score reaches its threshold; a threshold of 1 is out of reach."""
    return ((thresholds < 1.0) & (sigmoids(logits) >= thresholds)).astype(np.int8)


def _highest(
    rules: Mapping[str, AlertRule], code: Codes, y: Codes, was: Codes, logits: Floats
) -> Floats:
    said = [rule.thresholds(code, y, was, logits) for rule in rules.values()]
    return cast(Floats, np.max(said, axis=0)) if said else np.zeros(len(code))


class Early(NamedTuple):
    """Scores that need no labels: at each operation the logit, and whether that one decides."""

    logits: Floats
    alone: NDArray[np.bool_]


class Alerting:
    """Alerts where all rules agree.

    Parameters
    ----------
    rules
        By name.
    allowance
        Decides last, on what all rules let through. There is at least one of either.
    early
        The rules for events that are scored without labels (see `models.gate`), instead of `rules`.

    Examples
    --------
    >>> from models.budget import AlertBudget
    >>> from models.minimum_labels import MinimumLabels
    >>> from models.vectors import LEARN, SCORE
    >>> alerting = Alerting(
    ...     {"budget": AlertBudget(0.6, warm_up=0), "min_labels": MinimumLabels(1)}
    ... )
    >>> code = np.array([SCORE, SCORE, LEARN, LEARN, SCORE], np.int8)
    >>> y, was = np.array([0, 0, 0, 1, 0], np.int8), np.full(5, -1, np.int8)
    >>> logits, ts = np.array([-1.0, 2.0, -1.0, 2.0, 2.0]), np.zeros(5)
    >>> thresholds, alerts = alerting.decide(code, y, was, logits, ts)
    >>> alerts.tolist(), thresholds.round(2).tolist()
    ([0, 0, 0, 0, 1], [1.0, 1.0, 1.0, 1.0, 0.27])
    """

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        allowance: Allowance | None = None,
        early: Mapping[str, AlertRule] | None = None,
    ) -> None:
        if not (rules or allowance):
            raise ValueError("expected at least one rule for alerts")
        self.rules = dict(rules)
        self.allowance = allowance
        self.early = dict(early or {})

    @property
    def threshold(self) -> float:
        """Threshold for the next event; 1 while nothing can be an alert."""
        return self._threshold(self.rules)

    @property
    def early_threshold(self) -> float:
        """The same where the next event is scored without labels."""
        return self._threshold(self.early)

    def _threshold(self, rules: Mapping[str, AlertRule]) -> float:
        thresholds = [rule.threshold for rule in rules.values()]
        return max(thresholds + ([self.allowance.threshold] if self.allowance else []))

    def decide(
        self,
        code: Codes,
        y: Codes,
        was: Codes,
        logits: Floats,
        ts: Floats,
        early: Early | None = None,
    ) -> tuple[Floats, Codes]:
        """Threshold of each operation, and 0 or 1: whether its score is an alert.

        Only those of events mean anything; `ts` is each one's event time, the other parameters are
        those of `AlertRule.thresholds`.
        """
        thresholds = _highest(self.rules, code, y, was, logits)
        if early:
            unlabelled = _highest(self.early, code, y, was, early.logits)
            thresholds = np.where(early.alone, unlabelled, thresholds)
            logits = np.where(early.alone, early.logits, logits)
        if self.allowance:
            return self.allowance.decide(code, logits, ts, thresholds)
        return thresholds, reached(thresholds, logits)

    def _parts(self) -> dict[str, Stateful]:
        early = {f"early {name}": rule for name, rule in self.early.items()}
        allowance = {"allowance": self.allowance} if self.allowance else {}
        return {**self.rules, **early, **allowance}

    def snapshot(self) -> dict[str, Any]:
        return {name: part.snapshot() for name, part in self._parts().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, part in self._parts().items():
            part.restore(state[name])
