"""Optimizers as frozen values: what each keeps for a weight, and its settings.

The steps themselves are compiled, in `models.kernels`; `code` picks the branch there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.kernels import ADAGRAD, SGD_STEP
from models.vectors import Floats


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: ``w -= rate * g`` (Robbins & Monro 1951)."""

    code: ClassVar[int] = SGD_STEP
    slots: ClassVar[int] = 0

    @property
    def parameters(self) -> Floats:
        return np.zeros(1)


@dataclass(frozen=True)
class AdaGrad:
    """A rate for each weight: ``G += g * g; w -= rate * g / (sqrt(G) + eps)``.

    Duchi, Hazan & Singer 2011 (JMLR 12, Figure 1; their delta is `eps`). River adds `eps` inside
    the root instead.
    """

    eps: float = 1e-8
    code: ClassVar[int] = ADAGRAD
    slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.eps > 0:
            raise ValueError(f"eps = {self.eps}: expected a number above 0")

    @property
    def parameters(self) -> Floats:
        return np.array([self.eps])
