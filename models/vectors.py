"""Features of many events in one type: a dense block and hashed (slot, value) pairs.

A model's weights are one array: first one for each dense feature (the first is the intercept,
whose value is always 1), then ``2 ** hash_bits`` for the hashed ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Slots: TypeAlias = NDArray[np.int32]
Codes: TypeAlias = NDArray[np.int8]
Bytes: TypeAlias = NDArray[np.uint8]
Hashes: TypeAlias = NDArray[np.uint64]

SCORE = 0  # score a vector
LEARN = 1  # the first label of an example: measured, then learned
CORRECT = 2  # a later label that says otherwise
ASSUME = 3  # no label came in time: learned as 0, never measured
MEASURE = 4  # a label, first or later, that is measured but not learned


@dataclass(frozen=True, slots=True)
class Vectors:
    """`n` vectors: row `i` has ``dense[i]`` and the pairs from ``start[i]`` to ``end[i]``.

    Rows may share pairs: an event's vector, and the one that its label is learned by, are one.

    Attributes
    ----------
    dense
        Shape (n, d), float64; column 0 is the intercept and is 1.
    start, end
        Shape (n,), int64.
    slots, values
        The hashed features' slots, from 0, and their values. A value is one that a float32 can
        hold, which is how it is kept while it waits for a label.
    """

    dense: Floats
    start: Ints
    end: Ints
    slots: Slots
    values: Floats

    def __len__(self) -> int:
        return len(self.dense)

    @classmethod
    def of_dense(cls, dense: Floats) -> Vectors:
        """Vectors without hashed features."""
        nothing = np.zeros(len(dense) + 1, np.int64)
        return cls.in_order(dense, nothing, np.zeros(0, np.int32), np.zeros(0))

    @classmethod
    def in_order(cls, dense: Floats, bounds: Ints, slots: Slots, values: Floats) -> Vectors:
        """Vectors whose pairs follow one another: of row `i` from ``bounds[i]`` to the next."""
        return cls(dense, bounds[:-1], bounds[1:], slots, values)

    @property
    def counts(self) -> Ints:
        """How many pairs each has."""
        return self.end - self.start

    def rows(self, i: int, j: int) -> Vectors:
        """Those from `i` on, up to `j`."""
        return Vectors(self.dense[i:j], self.start[i:j], self.end[i:j], self.slots, self.values)

    def widened(self, columns: Floats) -> Vectors:
        """The same with further dense features, shape (n, k), after the others."""
        dense = np.concatenate([self.dense, columns], axis=1)
        return Vectors(dense, self.start, self.end, self.slots, self.values)


def to_learn(code: Codes) -> Codes:
    """Codes as models take them: what is only measured is to them one more look at its vector.

    >>> to_learn(np.array([SCORE, LEARN, MEASURE, CORRECT], np.int8))
    array([0, 1, 0, 2], dtype=int8)
    """
    return np.where(code == MEASURE, np.int8(SCORE), code)


@dataclass(frozen=True, slots=True)
class Steps:
    """What a model is to do, in order: `code[i]` says whether row `i` is scored or learned.

    No code is `MEASURE` (see `to_learn`). `y[i]` is the label of a learning step, and means nothing
    for a scoring step.
    """

    code: Codes
    y: Codes
    vectors: Vectors

    def rows(self, i: int, j: int) -> Steps:
        """Those from `i` on, up to `j`."""
        return Steps(self.code[i:j], self.y[i:j], self.vectors.rows(i, j))

    def __iter__(self) -> Iterator[tuple[int, int, Floats, Slots, Floats]]:
        """Row by row, for models that are not compiled."""
        v = self.vectors
        for i, code in enumerate(self.code.tolist()):
            a, b = v.start[i], v.end[i]
            yield code, int(self.y[i]), v.dense[i], v.slots[a:b], v.values[a:b]
