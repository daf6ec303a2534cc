"""What late labels tell, and what can be said before they come: a stage of the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.calibration import Calibration
from models.card_precision import CardPrecision
from models.cohorts import Cohorts
from models.delays import LabelDelays
from models.kernels import logits
from models.protocols import Stateful
from models.vectors import Codes, Floats, Hashes
from stream.labels import Ops


@dataclass(frozen=True, slots=True)
class LateLabels:
    """Measures by the day of the event, with what was expected of that day.

    Attributes
    ----------
    calibration, cohorts, delays
        See there.
    cards
        None where events have no customer.
    """

    calibration: Calibration
    cohorts: Cohorts
    delays: LabelDelays
    cards: CardPrecision | None

    def run(self, ops: Ops, given: Floats, alerts: Codes, keys: Hashes | None) -> None:
        """Go through operations in order.

        Parameters
        ----------
        ops
            With `given` and `alerts`, each one's score as given, and whether it was an alert.
        keys
            Shape (events, keys): of each event; the first is the customer.
        """
        steps = ops.code, ops.slot, ops.y, ops.was
        calibrated = self.calibration.run(*steps, logits(given))
        self.cohorts.run(*steps, ops.since, given, calibrated, alerts)
        self.delays.run(ops.code, ops.was, ops.ts, ops.since)
        if self.cards and keys is not None:
            self.cards.run(*steps, ops.since, given, np.ascontiguousarray(keys[:, 0]))

    def _parts(self) -> dict[str, Stateful]:
        parts: dict[str, Stateful] = {
            "calibration": self.calibration,
            "cohorts": self.cohorts,
            "delays": self.delays,
        }
        return {**parts, "cards": self.cards} if self.cards else parts

    def snapshot(self) -> dict[str, Any]:
        return {name: part.snapshot() for name, part in self._parts().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, part in self._parts().items():
            part.restore(state[name])
