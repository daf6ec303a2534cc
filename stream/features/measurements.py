"""A measurement's features: how it sits with earlier ones of its own series.

Series have scales of their own, so all but the value itself is in units of the series' habit: its
change from the last value in units of the usual change, and its distance from the mean of each
window in units of the spread. Both spreads count the event itself, so with `n` earlier events
neither is ever beyond ``sqrt(n + 1)``, a series that never moved included, and no floor that would
have a scale is needed (the internally studentised residual; Cook & Weisberg 1982, section 2.2).
Either way is strange, and a linear model sees that by sizes only, so these are features as well.

As in `stream.features.transactions`, the longest window's numbers are as they are and each shorter
one's differ from those of the next longer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from models import lru
from models.compiled import compiled
from models.state import come_back, leave
from models.vectors import Floats, Hashes, Vectors
from stream.events import Measurements
from stream.features.transactions import DAY, EXISTS, NIGHT_ENDS, PRIOR_LABELS, PRIOR_RATE
from stream.features.windows import COUNT, FRAUDS, LABELS, SQUARE, SUM, Windows
from stream.labels import Ops

FIRST = ("bias", "value", "weekend", "night")
HABIT = ("log_gap", "log_repeats", "change", "change_size")
ROUNDED = 1e-14  # of a mean of squares: what is smaller may be rounding alone

# Of the last record of a series: its time and value, how many before it had the same value, the
# first value of all, and how many changes there were and the sum of their squares, both faded.
TS, VALUE, REPEATS, ORIGIN, CHANGES, MOVED = range(6)
KEPT = 6
# What is said of an event: seconds since the last one, earlier ones in a row that had its value,
# its change from the last in units of the usual one, and the value that the series began with.
GAP, RUN, CHANGE, BEGAN = range(4)
SAID = 4


@compiled
def _last(
    keys: Hashes, ts: Floats, value: Floats, span: float, table: lru.Lru, state: Floats, out: Floats
) -> None:
    for i in range(len(ts)):
        row, fresh = lru.use(table, keys[i, 0])
        cell = state[row]
        if fresh:
            cell[:] = 0.0
            cell[TS] = ts[i]
            cell[VALUE] = cell[ORIGIN] = value[i]
            out[i] = 0.0
            out[i, BEGAN] = value[i]
            continue
        out[i, BEGAN] = cell[ORIGIN]
        out[i, GAP] = max(0.0, ts[i] - cell[TS])
        move = value[i] - cell[VALUE]
        cell[REPEATS] = 0.0 if move else cell[REPEATS] + 1.0
        out[i, RUN] = cell[REPEATS]
        kept = math.exp(-out[i, GAP] / span)
        cell[CHANGES] = kept * cell[CHANGES] + 1.0
        cell[MOVED] = kept * cell[MOVED] + move * move
        usual = math.sqrt(cell[MOVED] / cell[CHANGES])  # 0 where squares are too small for a float
        out[i, CHANGE] = move / usual if usual > 0.0 else 0.0
        cell[TS] = max(cell[TS], ts[i])
        cell[VALUE] = value[i]


class LastValues:
    """The last value of each series, and how much it usually changes.

    Parameters
    ----------
    max_keys
        Series that are kept; the least recently seen leaves first.
    span
        Seconds in which a change fades to 1/e of its weight.
    """

    def __init__(self, max_keys: int, span: float) -> None:
        self.span = span
        self.table = lru.new(max_keys)
        self.state = np.zeros((max_keys, KEPT))

    def run(self, events: Measurements) -> Floats:
        """Take the next events; gives `SAID` numbers of each, from what was before it."""
        out = np.empty((len(events), SAID))
        _last(events.keys, events.ts, events.value, self.span, self.table, self.state, out)
        return out

    def _state(self) -> dict[str, Any]:
        return {"table": self.table, "state": self.state}

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state()))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state(), state)


@compiled
def _dense(ts: Floats, value: Floats, said: Floats, known: Floats, out: Floats) -> None:
    windows = known.shape[2]
    for i in range(len(ts)):
        out[i, 0] = 1.0
        out[i, 1] = value[i]
        # 1970-01-01 was a Thursday.
        out[i, 2] = 1.0 if (ts[i] // DAY + 3) % 7 >= 5 else 0.0
        out[i, 3] = 1.0 if ts[i] % DAY < NIGHT_ENDS else 0.0
        out[i, 4] = math.log1p(said[i, GAP])
        out[i, 5] = math.log1p(said[i, RUN])
        out[i, 6] = said[i, CHANGE]
        out[i, 7] = abs(said[i, CHANGE])
        at = 8
        own = value[i] - said[i, BEGAN]  # as the windows have it
        last_distance = last_size = last_rate = last_spread = 0.0
        for w in range(windows - 1, -1, -1):
            cell = known[i, 0, w]
            rate = (cell[FRAUDS] + PRIOR_LABELS * PRIOR_RATE) / (cell[LABELS] + PRIOR_LABELS)
            distance = spread = 0.0
            if cell[COUNT] > EXISTS:
                mean = cell[SUM] / cell[COUNT]
                away = own - mean
                squares = max(0.0, cell[SQUARE] - cell[SUM] * mean) + away * away
                squares += ROUNDED * (cell[SQUARE] + own * own)
                spread = math.sqrt(squares / (cell[COUNT] + 1.0))
                distance = away / spread if spread > 0.0 else 0.0
            out[i, at] = rate - last_rate
            out[i, at + 1] = distance - last_distance
            out[i, at + 2] = abs(distance) - last_size
            at += 3
            if w < windows - 1:
                # The hyperbolic tangent of half the logarithm of their ratio, and so from -1 to 1.
                both = spread + last_spread
                out[i, at] = (spread - last_spread) / both if both > 0.0 else 0.0
                at += 1
            last_rate = rate
            last_distance = distance
            last_size = abs(distance)
            last_spread = spread


def names(windows: Sequence[str]) -> list[str]:
    """Names of the dense features, in order; `windows` from the shortest to the longest."""
    found, longer = [*FIRST, *HABIT], ""
    for window in reversed(windows):
        against = f"{window}_vs_{longer}" if longer else window
        kinds = ["label_rate", "distance", "distance_size"] + ["spread"] * bool(longer)
        found += [f"{kind}_{against}" for kind in kinds]
        longer = window
    return found


@dataclass(frozen=True)
class MeasurementFeatures:
    """Vectors of measurements.

    Attributes
    ----------
    spans
        Names of the windows, from the shortest to the longest.
    windows
        What is known of the series, with their first value taken off all others: what is far from
        0 and hardly moves keeps its digits. It has room for as many series as `last`.
    last
        The last values. Both see the same series in the same order, and so forget the same ones.
    """

    spans: Sequence[str]
    windows: Windows
    last: LastValues

    hashed = 0
    hash_bits = 0

    @property
    def names(self) -> Sequence[str]:
        """See `names`."""
        return names(self.spans)

    @property
    def watched(self) -> Sequence[str]:
        """What is in units of a series' habit: values of many series are no one distribution."""
        return self.names[len(FIRST) :]

    @property
    def mixes(self) -> Sequence[str]:
        """None."""
        return ()

    def observe(self, events: Measurements, vectors: Vectors) -> tuple[Floats, Hashes]:
        """The watched features of each event."""
        watched = vectors.dense[:, len(FIRST) :].copy()  # they are scaled in place
        return watched, np.zeros((len(events), 0), np.uint64)

    def run(self, ops: Ops, events: Measurements) -> Vectors:
        """Carry out `ops`; gives a vector for each event, not yet standardised."""
        said = self.last.run(events)
        known = self.windows.run(ops, events.keys, events.value - said[:, BEGAN])
        dense = np.empty((len(events), len(self.names)))
        _dense(events.ts, events.value, said, known, dense)
        return Vectors.of_dense(dense)

    def reasons(
        self,
        events: Measurements,  # noqa: ARG002 - as the other kinds
        event: int,  # noqa: ARG002
        dense: Sequence[float],
        hashed: Sequence[float],  # noqa: ARG002 - there are none
    ) -> list[tuple[str, float]]:
        """Each feature of an event, by name, and what it added to the logit."""
        return list(zip(self.names[1:], dense[1:], strict=True))

    def snapshot(self) -> dict[str, Any]:
        return {"windows": self.windows.snapshot(), "last": self.last.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.windows.restore(state["windows"])
        self.last.restore(state["last"])
