"""Seeded steps for models, how to cut them, and how to compare to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.schedules import Constant, ExponentialDecay, StepDecay, TimeBasedDecay
from models.vectors import SCORE, Steps, Vectors

DENSE, HASH_BITS, PAIRS = 4, 6, 3
SIZE = DENSE + (1 << HASH_BITS)

# One of each, that decays within a thousand steps.
SCHEDULES = [
    Constant(0.1),
    StepDecay(0.4, factor=0.5, every=300, floor=0.01),
    ExponentialDecay(0.4, k=0.005, floor=0.01),
    TimeBasedDecay(0.4, k=0.01, floor=0.01),
]


@dataclass(frozen=True)
class Failing:
    """A schedule of one's own that goes wrong after 50 labels."""

    rate: float

    def get(self, t: int) -> float:
        return 0.1 if t < 50 else self.rate


def random_steps(n: int, *, seed: int = 0, bad: float = 0.0) -> Steps:
    """Steps of every code over vectors of `DENSE` features and up to `PAIRS` distinct slots.

    Labels follow a logistic model, so that weights stay moderate. A share `bad` of the rows has a
    value that no model may learn from.
    """
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n, DENSE))
    dense[:, 0] = 1.0
    count = rng.integers(0, PAIRS + 1, n)
    start = np.concatenate([[0], np.cumsum(count)])
    slots = np.concatenate([rng.choice(1 << HASH_BITS, k, replace=False) for k in count])
    values = rng.normal(size=len(slots)).astype(np.float32).astype(np.float64)
    logits = dense @ rng.normal(size=DENSE)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-logits))).astype(np.int8)
    code = rng.integers(SCORE, SCORE + 4, n).astype(np.int8)
    y[code == SCORE] = 0
    poison = [np.nan, np.inf, -np.inf, 1e10]
    for row in np.flatnonzero(rng.random(n) < bad):
        if count[row] and rng.random() < 0.5:
            values[start[row]] = rng.choice(poison)
        else:
            dense[row, 1] = rng.choice(poison)
    return Steps(code, y, Vectors.in_order(dense, start, slots.astype(np.int32), values))


def pairs(vectors: Vectors) -> tuple[list[list[int]], list[list[float]]]:
    """The slots of each row, and the values."""
    bounds = list(zip(vectors.start.tolist(), vectors.end.tolist(), strict=True))
    slots, values = vectors.slots.tolist(), vectors.values.tolist()
    return [slots[a:b] for a, b in bounds], [values[a:b] for a, b in bounds]


def cuts(n: int, size: int) -> Iterator[tuple[int, int]]:
    """The ends of pieces of `size` that make up `n`."""
    return ((i, min(i + size, n)) for i in range(0, n, size))


def bits(state: Any) -> Any:
    """Nested state with its arrays as bytes: equal only if the same to the bit."""
    if isinstance(state, np.ndarray):
        return state.dtype.str, state.shape, state.tobytes()
    if isinstance(state, Mapping):
        return {name: bits(part) for name, part in state.items()}
    if isinstance(state, list | tuple):
        return [bits(part) for part in state]
    return state.hex() if isinstance(state, float) else state
