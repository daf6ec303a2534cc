"""What a model says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.vectors import SCORE, Floats, Ints, Steps


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model said at each step, learning steps included (the score before it learned).

    Attributes
    ----------
    logits
        Shape (n,); the score is ``1 / (1 + exp(-logit))``.
    dense_parts
        Shape (n, d): at a scoring step, what each dense feature contributed, ``w * x``.
    start, hashed_parts
        Likewise each hashed pair: step `i` has the parts from ``start[i]`` to ``start[i + 1]``, a
        learning step none. With the dense ones, the intercept's among them, they add up to the
        logit.
    """

    logits: Floats
    dense_parts: Floats
    start: Ints
    hashed_parts: Floats

    @classmethod
    def of(cls, steps: Steps) -> Scores:
        """Zeros, to be filled in."""
        v = steps.vectors
        start = np.zeros(len(v) + 1, np.int64)
        np.cumsum(np.where(steps.code == SCORE, v.counts, 0), out=start[1:])
        return cls(np.zeros(len(v)), np.zeros(v.dense.shape), start, np.zeros(start[-1]))

    def parts(self, i: int) -> tuple[Floats, Floats]:
        """Those of scoring step `i`: of its dense features, and of its pairs."""
        return self.dense_parts[i], self.hashed_parts[self.start[i] : self.start[i + 1]]

    def rows(self, i: int, j: int) -> Scores:
        """Those from step `i` on, up to `j`."""
        start = self.start[i : j + 1]
        return Scores(self.logits[i:j], self.dense_parts[i:j], start, self.hashed_parts)
