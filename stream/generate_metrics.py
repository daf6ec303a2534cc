"""A seeded stream of measurements of many series, with anomalies and with drift at a chosen time.

As `stream.generate`: the same seed gives the same bytes on every machine and Python.

Series are of several kinds, each with a scale of its own, its day and its week, a slow trend, and
noise that remembers. Every series has a value every so often. Now and then something goes wrong
with one of them, and all its values are labelled until that is over:

- a spike: one to three values far off,
- a shift: some hours at another level,
- a flat line: some hours at the last value,
- a shake: some hours of noise many times as wide.

From the drift on half of the series are at another level, and their day begins six hours later, for
good: a new usual, and no anomaly.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stream.generate import DAY, normal

WEEK = 7.0 * DAY
STAYS = 0.8  # share of its noise that the next value of a series has too


class _Kind(NamedTuple):
    """A kind of series; day, week, trend and noise are shares of the level."""

    name: str
    level: float
    day: float
    week: float
    trend: float  # a week
    noise: float


KINDS = (
    _Kind("cpu", 0.4, 0.4, 0.15, 0.0, 0.05),
    _Kind("requests", 1_200.0, 0.6, 0.3, 0.02, 0.04),
    _Kind("latency", 35.0, 0.2, 0.1, 0.0, 0.1),
    _Kind("memory", 6e9, 0.05, 0.0, 0.03, 0.01),
    _Kind("queue", 18.0, 0.3, 0.2, 0.0, 0.2),
)


class _Trouble(NamedTuple):
    """What can go wrong: the fewest and the most values that it lasts, and how far off they are.

    How far is in standard deviations of the noise.
    """

    name: str
    shortest: int
    longest: int
    far: float


TROUBLES = (
    _Trouble("spike", 1, 3, 12.0),
    _Trouble("shift", 12, 48, 6.0),
    _Trouble("flat", 12, 48, 0.0),
    _Trouble("shake", 12, 48, 6.0),
)


@dataclass(frozen=True)
class MetricStream:
    """What to generate.

    Attributes
    ----------
    events, per_day
        How many values in all, and in a day of event time: those of all series.
    seed
        Of the chances.
    series
        How many there are.
    anomalies
        Share of values that are anomalies, about.
    drift_at
        Seconds of event time after the start at which half of the series change for good; infinite
        for never.
    start
        Event time of the start, seconds since 1970.
    """

    events: int = 100_000
    per_day: float = 14_400.0
    seed: int = 1
    series: int = 50
    anomalies: float = 0.01
    drift_at: float = math.inf
    start: float = 1_735_689_600.0

    def __post_init__(self) -> None:
        for name in ("events", "per_day", "series"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: expected a number above 0")
        if self.per_day > DAY * self.series:  # two values of a series at one time have one id
            raise ValueError(
                f"per_day = {self.per_day}: expected at most 86,400 for each of the {self.series} "
                "series"
            )
        if not 0 <= self.anomalies <= 0.5:
            raise ValueError(f"anomalies = {self.anomalies}: expected a share from 0 to 0.5")


class _Series:
    """One series, and what goes wrong with it."""

    def __init__(self, number: int, draw: Callable[[], float], anomalies: float) -> None:
        self.kind = KINDS[number % len(KINDS)]
        self.name = f"{self.kind.name}-{number}"
        self.changes = number % 2 == 0  # at the drift
        self._draw = draw
        self._scale = self.kind.level * math.exp(draw() - 0.5)
        self._begins = 0.25 * DAY * draw()
        self._noise = 0.0
        lengths = [(each.shortest + each.longest) / 2.0 for each in TROUBLES]
        usual = sum(lengths) / len(lengths)
        self._chance = anomalies / (usual * (1.0 - anomalies))
        self._trouble = TROUBLES[0]
        self._left = 0
        self._sign = 1.0
        self._last = self._scale

    def value(self, passed: float, ts: float, drifted: bool) -> tuple[float, int]:
        """The next value, and whether it is an anomaly."""
        draw, kind = self._draw, self.kind
        if not self._left and draw() < self._chance:
            self._trouble = TROUBLES[int(draw() * len(TROUBLES))]
            reach = self._trouble.longest - self._trouble.shortest + 1
            self._left = self._trouble.shortest + int(draw() * reach)
            self._sign = 1.0 if draw() < 0.5 else -1.0
        moved = drifted and self.changes
        begins = self._begins + (0.25 * DAY if moved else 0.0)
        share = 1.0 + kind.trend * passed / WEEK
        share += kind.day * math.sin(2.0 * math.pi * (ts - begins) / DAY)
        share -= kind.week if (ts // DAY + 3) % 7 >= 5 else 0.0
        fresh = normal(draw)
        self._noise = STAYS * self._noise + math.sqrt(1.0 - STAYS * STAYS) * fresh
        noise, anomaly = self._noise, self._left > 0
        if anomaly:
            self._left -= 1
            if self._trouble.name == "flat":
                return self._last, 1
            noise += self._trouble.far * (fresh if self._trouble.name == "shake" else self._sign)
        scale = self._scale * (1.5 if moved else 1.0)
        # What is measured has no sign, and four digits tell all there is.
        value = max(0.0, scale * (share + kind.noise * noise))
        self._last = float(f"{value:.4g}")
        return self._last, int(anomaly)


def metrics(stream: MetricStream) -> Iterator[dict[str, Any]]:
    """The values in order of time, each with its truth as `label`; they have no `id`.

    >>> next(metrics(MetricStream(seed=7)))
    {'series': 'cpu-0', 'ts': '2025-01-01T00:00:00', 'value': 0.3047, 'label': 0}
    """
    draw = random.Random(stream.seed).random  # noqa: S311 - chance for a simulation, not a secret
    every = [_Series(number, draw, stream.anomalies) for number in range(stream.series)]
    apart = DAY / stream.per_day
    for number in range(stream.events):
        # Whole seconds, as the series of a round come one after another.
        passed = math.floor(number * apart)
        ts = stream.start + passed
        one = every[number % stream.series]
        value, label = one.value(passed, ts, passed >= stream.drift_at)
        written = datetime.fromtimestamp(ts, UTC).isoformat().removesuffix("+00:00")
        yield {"series": one.name, "ts": written, "value": value, "label": label}
