"""How unlike the others events are: what a scorer without labels sees of them, and says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.protocols import Stateful
from models.vectors import Floats, Hashes


@dataclass(frozen=True, slots=True)
class Sight:
    """What a scorer sees of `n` events, in order.

    Attributes
    ----------
    scaled, raw
        Shape (n, d): the dense features, standardised and as they were. Column 0 is the intercept.
        A row with a number that is not finite is unusable.
    keys
        Shape (n, columns): 64-bit keys (a customer, a series); 0 for none.
    ts
        Shape (n,): event times in seconds, which may step back.
    """

    scaled: Floats
    raw: Floats
    keys: Hashes
    ts: Floats

    def __len__(self) -> int:
        return len(self.ts)

    def key(self, column: int = 0) -> Hashes:
        """Shape (n,): one column of the keys; 0 for all where there is no such column."""
        if column >= self.keys.shape[1]:
            return np.zeros(len(self), np.uint64)
        return self.keys[:, column].copy()


@dataclass(frozen=True, slots=True)
class Strangeness:
    """What a scorer says of `n` events.

    Attributes
    ----------
    logits
        Shape (n,): of the probability that an earlier event was less strange (see `models.tail`).
    parts
        Shape (n, d): how much of the strangeness is each dense feature's. They add up to 1, or are
        all 0 where the scorer does not say, which is for events that are not strange.
    """

    logits: Floats
    parts: Floats


class Scorer(Stateful, Protocol):
    """Learns what is usual from events alone, one after another, and never from a label.

    Each event is scored before it is learned. An event whose logit reaches the scorer's bound is
    not learned (the bound is infinite where all are). Its tail counts it all the same, so that a
    stream that has changed for good comes back below the bound: no scorer is locked out for ever.
    """

    def run(self, sight: Sight) -> Strangeness:
        """Score and learn events, in order."""
        ...
