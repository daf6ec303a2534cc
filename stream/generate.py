"""A seeded stream of card transactions, with fraud and with drift at a chosen time.

For demos and tests: the same seed gives the same bytes on every machine and Python, since only
`random.Random.random` is drawn from, whose sequence Python promises to keep.

Customers have a habit: a mean amount and a few terminals. At any time some cards are stolen, each
for about three days. Thieves pay about five times the habit, at any terminal, mostly at night; from
the drift on they test cards instead: small amounts, at a few terminals, at all hours.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

DAY = 86_400.0
THEFT = 3.0  # days until a stolen card is blocked


@dataclass(frozen=True)
class Stream:
    """What to generate.

    Attributes
    ----------
    events, per_day
        How many transactions in all, and in a day of event time.
    seed
        Of the chances.
    customers, terminals
        How many there are.
    fraud
        Share of transactions that are fraud, about.
    drift_at
        Seconds of event time after the start at which fraud changes its ways; infinite for never.
    start
        Event time of the start, seconds since 1970.
    """

    events: int = 100_000
    per_day: float = 10_000.0
    seed: int = 1
    customers: int = 1_000
    terminals: int = 500
    fraud: float = 0.02
    drift_at: float = math.inf
    start: float = 1_735_689_600.0

    def __post_init__(self) -> None:
        for name in ("events", "per_day", "customers", "terminals"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: expected a number above 0")
        if not 0 <= self.fraud <= 0.5:
            raise ValueError(f"fraud = {self.fraud}: expected a share from 0 to 0.5")


def transactions(stream: Stream) -> Iterator[dict[str, Any]]:
    """The transactions in order of time, each with its truth as `label`.

    >>> next(transactions(Stream(seed=7)))["ts"]
    1735689607.213
    """
    draw = random.Random(stream.seed).random  # noqa: S311 - chance for a simulation, not a secret

    def pick(count: int) -> int:
        return int(draw() * count)

    habits = [
        (math.exp(2.5 + 1.5 * draw()), [pick(stream.terminals) for _ in range(5)])
        for _ in range(stream.customers)
    ]
    stolen = [pick(stream.customers) for _ in range(max(3, stream.customers // 100))]
    hot = [pick(stream.terminals) for _ in range(3)]
    ts = stream.start
    for number in range(stream.events):
        ts += -math.log(1.0 - draw()) * DAY / stream.per_day
        drifted = ts - stream.start >= stream.drift_at
        if draw() < len(stolen) / (THEFT * stream.per_day):
            stolen[pick(len(stolen))] = pick(stream.customers)
        at_night = ts % DAY < DAY / 4.0
        often = 1.0 if drifted else (2.0 if at_night else 2.0 / 3.0)
        fraud = draw() < stream.fraud * often
        customer = stolen[pick(len(stolen))] if fraud else pick(stream.customers)
        mean, terminals = habits[customer]
        terminal = terminals[pick(len(terminals))]
        amount = mean * math.exp(0.5 * normal(draw))
        if fraud and drifted:
            amount, terminal = 0.05 * amount, hot[pick(len(hot))]
        elif fraud:
            amount, terminal = 5.0 * amount, pick(stream.terminals)
        yield {
            "id": f"t{stream.seed}-{number}",
            "ts": round(ts, 3),
            "customer": f"c{customer}",
            "terminal": f"p{terminal}",
            "amount": round(max(0.5, amount), 2),
            "label": int(fraud),
        }


def normal(draw: Callable[[], float]) -> float:
    """A standard normal number (Box & Muller 1958)."""
    return math.sqrt(-2.0 * math.log(1.0 - draw())) * math.cos(2.0 * math.pi * draw())
