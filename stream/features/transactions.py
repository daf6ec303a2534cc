"""A transaction's features: its amount and hour, and how it sits with its customer and terminal.

For each key and window, from earlier records only: how many events, their mean amount, how far this
amount lies from the key's habit, and the key's fraud rate as labels have revealed it. The longest
window gives these as they are; each shorter one gives its difference from the next longer one
("today against this week"). Windows overlap, so their raw values are nearly the same numbers, and a
linear model that takes single steps learns much slower from such a set (docs/adr/0003).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.compiled import compiled
from models.vectors import Floats, Hashes, Vectors
from stream.events import Transactions
from stream.features.windows import COUNT, FRAUDS, LABELS, SQUARE, SUM, Windows
from stream.labels import Ops

DAY = 86_400.0
NIGHT_ENDS = 6 * 3_600.0
PRIOR_LABELS = 1.0  # a key's fraud rate starts as if one label of the prior rate were known
PRIOR_RATE = 0.01
CALENDAR = 3  # features that are of the bias and the calendar only
EXISTS = 1e-9  # below this a decayed count means "nothing is known"


@compiled
def _dense(
    ts: Floats, amount: Floats, has_amount: bool, known: Floats, numeric: Floats, out: Floats
) -> None:
    columns, windows = known.shape[1], known.shape[2]
    for i in range(len(ts)):
        # 1970-01-01 was a Thursday.
        out[i, 0] = 1.0
        out[i, 1] = 1.0 if (ts[i] // DAY + 3) % 7 >= 5 else 0.0
        out[i, 2] = 1.0 if ts[i] % DAY < NIGHT_ENDS else 0.0
        at = 3
        if has_amount:
            out[i, at] = amount[i]
            out[i, at + 1] = math.copysign(math.log1p(abs(amount[i])), amount[i])
            at += 2
        for c in range(columns):
            # From the longest window to the shortest: `last_…` is the next longer one's value.
            last_count = last_mean = last_distance = last_rate = 0.0
            for w in range(windows - 1, -1, -1):
                cell = known[i, c, w]
                count = math.log1p(max(0.0, cell[COUNT]))
                out[i, at] = count - last_count
                last_count = count
                rate = (cell[FRAUDS] + PRIOR_LABELS * PRIOR_RATE) / (cell[LABELS] + PRIOR_LABELS)
                out[i, at + 1] = rate - last_rate
                last_rate = rate
                at += 2
                if has_amount:
                    mean = distance = 0.0
                    if cell[COUNT] > EXISTS:
                        mean = cell[SUM] / cell[COUNT]
                        spread = max(0.0, cell[SQUARE] - cell[SUM] * mean)
                        # Two imagined events of half the mean keep a short history from looking
                        # like a narrow habit.
                        variance = (spread + 0.5 * mean * mean + 1.0) / (cell[COUNT] + 2.0)
                        distance = (amount[i] - mean) / math.sqrt(variance)
                    size = math.copysign(math.log1p(abs(mean)), mean)
                    out[i, at] = size - last_mean
                    out[i, at + 1] = distance - last_distance
                    last_mean = size
                    last_distance = distance
                    at += 2
        for m in range(numeric.shape[1]):
            out[i, at + m] = numeric[i, m]


def names(
    keys: Sequence[str], windows: Sequence[str], has_amount: bool, numeric: Sequence[str]
) -> list[str]:
    """Names of the dense features, in order; `windows` from the shortest to the longest."""
    found = ["bias", "weekend", "night"]
    if has_amount:
        found += ["amount", "log_amount"]
    for key in keys:
        longer = ""
        for window in reversed(windows):
            against = f"{window}_vs_{longer}" if longer else window
            kinds = ["count", "fraud_rate"] + ["mean_amount", "amount_distance"] * has_amount
            found += [f"{key}_{kind}_{against}" for kind in kinds]
            longer = window
    return found + list(numeric)


@dataclass(frozen=True)
class TransactionFeatures:
    """Vectors of transactions.

    Attributes
    ----------
    names
        Of the dense features, in order (see `names`).
    categories
        Names of the categorical fields: each becomes one hashed feature of value 1.
    windows
        What is known of the keys, kept one way or the other.
    has_amount
        Whether the stream's events have an amount.
    hash_bits
        ``2 ** hash_bits`` slots for the categories; 0 where there are none.
    """

    names: Sequence[str]
    categories: Sequence[str]
    windows: Windows
    has_amount: bool
    hash_bits: int

    @property
    def hashed(self) -> int:
        """Hashed pairs of a vector."""
        return len(self.categories)

    @property
    def watched(self) -> Sequence[str]:
        """All but the bias and the calendar: that a weekend has come is no drift."""
        return self.names[CALENDAR:]

    @property
    def mixes(self) -> Sequence[str]:
        """The categorical fields."""
        return self.categories

    def observe(self, events: Transactions, vectors: Vectors) -> tuple[Floats, Hashes]:
        """The dense features and the categories of each event."""
        return vectors.dense[:, CALENDAR:].copy(), events.categories  # they are scaled in place

    def run(self, ops: Ops, events: Transactions) -> Vectors:
        """Carry out `ops`; gives a vector for each event, not yet standardised."""
        known = self.windows.run(ops, events.keys, events.amount)
        dense = np.empty((len(events), len(self.names)))
        _dense(events.ts, events.amount, self.has_amount, known, events.numeric, dense)
        width = len(self.categories)
        mask = np.uint64((1 << self.hash_bits) - 1)
        return Vectors.in_order(
            dense,
            np.arange(len(events) + 1, dtype=np.int64) * width,
            (events.categories.reshape(-1) & mask).astype(np.int32),
            np.ones(len(events) * width),
        )

    def reasons(
        self, events: Transactions, event: int, dense: Sequence[float], hashed: Sequence[float]
    ) -> list[tuple[str, float]]:
        """Each feature of an event, by name, and what it added to the logit."""
        names = [*self.names[1:], *(texts[event] for texts in events.category_texts)]
        return list(zip(names, [*dense[1:], *hashed], strict=True))

    def snapshot(self) -> dict[str, Any]:
        return {"windows": self.windows.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.windows.restore(state["windows"])
