"""An arm that says what scorers without labels have said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from models.detection import logits_of_inputs
from models.scores import Scores
from models.vectors import Steps


class Verdict:
    """Turns the input in one dense column back into the logit. It learns nothing from labels.

    Parameters
    ----------
    column
        Of the dense features.

    Examples
    --------
    >>> import numpy as np
    >>> from models.detection import inputs, surprisals
    >>> from models.vectors import SCORE, Vectors
    >>> x = Vectors.of_dense(np.array([[1.0, *inputs(surprisals(np.array([2.5])))]]))
    >>> Verdict(1).run(Steps(np.array([SCORE], np.int8), np.zeros(1, np.int8), x)).logits.round(9)
    array([2.5])
    """

    rate = math.nan  # there is no step
    learned = 0
    refused = 0

    def __init__(self, column: int) -> None:
        self.column = column

    def run(self, steps: Steps) -> Scores:
        """Say it for each step."""
        scores = Scores.of(steps)
        scores.logits[:] = logits_of_inputs(steps.vectors.dense[:, self.column])
        scores.dense_parts[:, self.column] = scores.logits
        return scores

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass
