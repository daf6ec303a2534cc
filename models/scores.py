"""What a model says."""

from __future__ import annotations

from dataclasses import dataclass

from models.vectors import Floats


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model said at each step, learning steps included (the score before it learned).

    Attributes
    ----------
    logits
        Shape (n,); the score is ``1 / (1 + exp(-logit))``.
    dense_parts, hashed_parts
        Contributions ``w * x`` of each dense feature, shape (n, d), and of each hashed pair. With
        the intercept's they add up to the logit.
    """

    logits: Floats
    dense_parts: Floats
    hashed_parts: Floats
