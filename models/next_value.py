"""The next-value error of a series with its day and week: how far it is from what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from models import lru, tail
from models.compiled import compiled, inlined
from models.lru import Lru
from models.settings import whole
from models.state import come_back, leave
from models.strangeness import Sight, Strangeness
from models.tail import Tail
from models.vectors import Floats, Hashes

HOUR, HOURS = 3_600.0, 168  # a week of them
SEASON = 0.1  # share by which an hour of the week's usual value moves to the next one in it
FIRST = 50.0  # errors of a kind, before the next of them is judged
LIMIT = 1e100  # of a value, either way
ROUNDED = 1e-9  # of the usual value: what is smaller may be rounding alone
TAIL = math.log(9.0)  # logit from which on an event is said to be strange by its value

# What is kept of a series: its last and its usual value, how many were learned; the strangest of
# late, and for how many values it counts.
LAST, USUAL, SEEN, PEAK, LEFT = range(5)
KEPT = 5
# What was expected: the last value, the usual one, the usual one of this hour of the week. Of the
# errors of each kind: how many, their mean and their variance.
BY_LAST, BY_USUAL, BY_SEASON = range(3)
KINDS = 3
COUNT, MEAN, VARIANCE = range(3)

Floats32: TypeAlias = NDArray[np.float32]


class Learned(NamedTuple):
    """All that changes.

    Attributes
    ----------
    keys
        The series, each with a row of what follows.
    series
        Shape (keys, 5), of places above.
    errors
        Shape (keys, 3, 3).
    season
        Shape (keys, 168): the usual value of each hour of the week; NaN before the first.
    any, told
        Tails of what is strange, and of what is strange and new.
    """

    keys: Lru
    series: Floats
    errors: Floats
    season: Floats32
    any: Tail
    told: Tail


@inlined
def _begin(of: Learned, row: int, value: float) -> None:
    for k in range(KEPT):
        of.series[row, k] = 0.0
    of.series[row, LAST] = of.series[row, USUAL] = value
    for kind in range(KINDS):
        for k in range(3):
            of.errors[row, kind, k] = 0.0
    for hour in range(HOURS):
        of.season[row, hour] = np.nan


@inlined
def _strangeness(of: Learned, row: int, hour: int, value: float, errors: Floats) -> float:
    """The most that an error exceeds the mean of its kind, in standard deviations; at least 0."""
    usual = of.series[row, USUAL]
    errors[BY_LAST] = abs(value - of.series[row, LAST])
    errors[BY_USUAL] = abs(value - usual)
    errors[BY_SEASON] = abs(value - of.season[row, hour])  # NaN before the first
    most = 0.0
    for kind in range(KINDS):
        seen = of.errors[row, kind]
        if seen[COUNT] > FIRST and errors[kind] > seen[MEAN]:
            spread = math.sqrt(seen[VARIANCE]) + ROUNDED * abs(usual)
            # A series that never moved has no spread: then one error is as strange as another.
            most = max(most, (errors[kind] - seen[MEAN]) / spread if spread > 0.0 else LIMIT)
    return float(min(most, LIMIT))


@inlined
def _learn(of: Learned, row: int, hour: int, value: float, fade: float, errors: Floats) -> None:
    for kind in range(KINDS):
        error = errors[kind]
        if error >= 0.0:
            seen = of.errors[row, kind]
            seen[COUNT] += 1.0
            pace = max(1.0 / seen[COUNT], fade)
            off = error - seen[MEAN]
            seen[MEAN] += pace * off
            seen[VARIANCE] = (1.0 - pace) * (seen[VARIANCE] + pace * off * off)
    of.series[row, SEEN] += 1.0
    pace = max(1.0 / of.series[row, SEEN], fade)
    of.series[row, USUAL] += pace * (value - of.series[row, USUAL])
    season = of.season[row, hour]
    of.season[row, hour] = value if math.isnan(season) else season + SEASON * (value - season)


@inlined
def _news(series: Floats, strange: float, quiet: float) -> float:
    """What is left of a strangeness that is not the greatest of late: its share of that one."""
    series[LEFT] -= 1.0
    new = strange > series[PEAK]
    told = strange if new else strange / (1.0 + series[PEAK])
    if new or series[LEFT] <= 0.0:
        series[PEAK], series[LEFT] = strange, quiet
    return float(told)


@compiled
def _run(
    keys: Hashes, ts: Floats, values: Floats, column: int, learn_below: float, fade: float,
    quiet: float, of: Learned, errors: Floats, logits: Floats, parts: Floats,
) -> None:  # fmt: skip
    for i in range(len(values)):
        value = values[i]
        if not abs(value) <= LIMIT:
            continue
        row, fresh = lru.use(of.keys, keys[i])
        if fresh:
            _begin(of, row, value)
        hour = int((ts[i] // HOUR) % HOURS)
        strange = _strangeness(of, row, hour, value, errors)
        ripe = of.errors[row, BY_LAST, COUNT] > FIRST
        z = 0.0
        if ripe:
            z = tail.logit(of.any, strange)
            tail.add(of.any, strange)
            told = _news(of.series[row], strange, quiet)
            logits[i] = tail.logit(of.told, told)
            tail.add(of.told, told)
            if logits[i] >= TAIL:
                parts[i, column] = 1.0
        if z < learn_below or not ripe:
            _learn(of, row, hour, value, fade, errors)
        of.series[row, LAST] = value


class NextValue:
    """A value is strange where it is far from all that was expected after the ones before it.

    What is expected is the last value, the series' usual value (a faded mean), and the usual value
    of this hour of the week, where it was seen before. Each of the three has errors of its own
    kind. An error counts by how far it exceeds the faded mean of its kind's, in standard deviations
    of theirs; the greatest of the three counts. So a jump, a shift and a value at the wrong time
    are each strange, and a series that jumps, shifts or has no season is not strange for that.

    What goes wrong is told once: a strangeness that is not the greatest of the last `quiet` values
    of its series counts as its share of the greatest, less than 1.

    Parameters
    ----------
    width
        Number of dense features.
    learn_below
        An event whose own strangeness, new or not, has no logit below this is not learned.
    value
        Column of the value, as it is (of `Sight.raw`).
    habit
        After so many values of a series, the weight of one has halved.
    quiet
        Values of a series for which the strangest counts.
    max_keys
        Series that are remembered, at 860 bytes each; the least recently seen is forgotten.
    memory
        After so many events of all series, the weight of one in the tail has halved.

    References
    ----------
    Lavin & Ahmad 2015, "Evaluating real-time anomaly detection algorithms", ICMLA, section III.B,
    for an error in units of its own distribution.

    Examples
    --------
    >>> values = np.sin(np.arange(3_000) / 20.0)
    >>> values[2_900] = 3.0
    >>> raw = np.stack([np.ones(3_000), values], axis=1)
    >>> sight = Sight(raw, raw, np.ones((3_000, 1), np.uint64), 300.0 * np.arange(3_000))
    >>> said = NextValue(2, math.inf).run(sight).logits
    >>> int(said.argmax()), bool(said[2_900] > math.log(999.0))
    (2900, True)
    """

    def __init__(
        self,
        width: int,
        learn_below: float,
        value: int = 1,
        habit: int = 300,
        quiet: int = 300,
        max_keys: int = 100_000,
        memory: int = 20_000,
    ) -> None:
        whole(2, width=width)
        whole(1, value=value, habit=habit, quiet=quiet, max_keys=max_keys, memory=memory)
        if value >= width:
            raise ValueError(f"value = {value}: expected a whole number below {width}")
        self._column = value
        self._settings = learn_below, 1.0 - 0.5 ** (1.0 / habit), float(quiet)
        self._state = Learned(
            lru.new(max_keys), np.zeros((max_keys, KEPT)), np.zeros((max_keys, KINDS, 3)),
            np.zeros((max_keys, HOURS), np.float32), tail.new(memory), tail.new(memory),
        )  # fmt: skip
        self._errors = np.zeros(KINDS)

    def run(self, sight: Sight) -> Strangeness:
        said = Strangeness(np.zeros(len(sight)), np.zeros(sight.scaled.shape))
        values = sight.raw[:, self._column].copy()
        _run(
            sight.key(), sight.ts, values, self._column, *self._settings, self._state, self._errors,
            said.logits, said.parts,
        )  # fmt: skip
        return said

    def snapshot(self) -> dict[str, Any]:
        return cast(dict[str, Any], leave(self._state))

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._state, state)
