"""Logistic regression done by River, with our schedules: `engine = "river"`.

Two engines that know nothing of each other can be held together, and a user who trusts River's
numbers can have them. The intercept is a feature like the others ("d0"), because River's own has a
rate of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from river import linear_model, optim
from river.utils import VectorDict

from models.kernels import LARGEST, usable, usable_rate
from models.optimizers import (
    SGD,
    AdaGrad,
    Adam,
    AMSGrad,
    Momentum,
    NesterovMomentum,
    RMSProp,
)
from models.protocols import Optimizer, Schedule
from models.scores import Scores
from models.vectors import SCORE, Floats, Slots, Steps

_OPTIMIZERS: dict[type, Callable[[Any, Any], Any]] = {
    SGD: lambda schedule, _: optim.SGD(schedule),
    AdaGrad: lambda schedule, ours: optim.AdaGrad(schedule, eps=ours.eps),
    Momentum: lambda schedule, ours: optim.Momentum(schedule, ours.rho),
    NesterovMomentum: lambda schedule, ours: optim.NesterovMomentum(schedule, ours.rho),
    RMSProp: lambda schedule, ours: optim.RMSProp(schedule, ours.rho, ours.eps),
    Adam: lambda schedule, ours: optim.Adam(schedule, ours.beta_1, ours.beta_2, ours.eps),
    AMSGrad: lambda schedule, ours: optim.AMSGrad(
        schedule, ours.beta_1, ours.beta_2, ours.eps, bool(ours.correct_bias)
    ),
}


def river_optimizer(optimizer: Optimizer, schedule: Schedule) -> Any:
    """River's optimizer of the same name, at the rates of `schedule`.

    Raises
    ------
    ValueError
        If River has no such optimizer.
    """
    make = _OPTIMIZERS.get(type(optimizer))
    if make is None:
        known = ", ".join(sorted(kind.__name__ for kind in _OPTIMIZERS))
        raise ValueError(f"River runs {known} here, not {type(optimizer).__name__}")
    return make(schedule, optimizer)


# What River's optimizers keep for each weight, whichever of them keeps it.
_KEPT = ("s", "g2", "m", "v", "v_hat")


class RiverLogisticRegression:
    """River's `LogisticRegression` on the same steps as `models.logistic.LogisticRegression`.

    Parameters
    ----------
    optimizer, schedule
        Ours; the optimizer is turned into River's of the same name, where River has the formula of
        the paper. Its Adam and AMSGrad count the steps of all weights together, its Adam and
        RMSProp fade what they keep of features that are away (and take longer the more features
        there have been), and its `eps` is in other places.
    l2
        River's penalty. It pulls the intercept too, which ours does not.

    Raises
    ------
    ValueError
        If River has no such optimizer.
    """

    def __init__(self, optimizer: Optimizer, schedule: Schedule, l2: float = 0.0) -> None:
        self.schedule = schedule
        self.learned = 0
        self.refused = 0
        self._model = linear_model.LogisticRegression(
            optimizer=river_optimizer(optimizer, schedule), l2=l2, intercept_lr=0.0
        )

    @property
    def rate(self) -> float:
        """Learning rate of the next label."""
        return self.schedule.get(self.learned)

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps, strictly in order."""
        scores = Scores.of(steps)
        for i, (code, y, dense, slots, values) in enumerate(steps):
            weights = self._model._weights  # noqa: SLF001 - the public one is a copy of all
            good = usable(dense, LARGEST) and usable(values, LARGEST)
            if good:
                x = _named(dense, slots, values)
                if code == SCORE:
                    of_dense, of_pairs = scores.parts(i)
                    of_dense[:] = dense * [weights.get(f"d{j}", 0.0) for j in range(len(dense))]
                    of_pairs[:] = values * [weights.get(f"h{s}", 0.0) for s in slots]
            else:  # all that is known of it is that it is an event
                x = {"d0": 1.0}
                scores.dense_parts[i, 0] = weights.get("d0", 0.0)
            # River's probability is exactly 0 or 1 beyond a logit of 30: they would rank as equal.
            scores.logits[i] = self._model._raw_dot_one(x)  # noqa: SLF001
            if code != SCORE and good:
                good = usable_rate(self.rate, self._model.l2)
                if good:
                    self._model.learn_one(x, bool(y))
                    self.learned += 1
            self.refused += not good
        return scores

    def snapshot(self) -> dict[str, Any]:
        optimizer = self._model.optimizer
        return {
            "weights": self._model.weights,
            "kept": {name: _plain(getattr(optimizer, name, None)) for name in _KEPT},
            "counts": np.array([optimizer.n_iterations, self.learned, self.refused]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        optimizer = self._model.optimizer
        self._model._weights = VectorDict(dict(state["weights"]))  # noqa: SLF001 - no public way
        for name in _KEPT:
            if isinstance(getattr(optimizer, name, None), defaultdict):
                getattr(optimizer, name).clear()
                getattr(optimizer, name).update(state["kept"][name])
            elif hasattr(optimizer, name):  # None before the first step
                kept = state["kept"][name]
                setattr(optimizer, name, VectorDict(dict(kept)) if kept else None)
        optimizer.n_iterations, self.learned, self.refused = map(int, state["counts"])


def _plain(kept: Any) -> dict[str, float]:
    return dict(kept.to_dict() if isinstance(kept, VectorDict) else kept or {})


def _named(dense: Floats, slots: Slots, values: Floats) -> dict[str, float]:
    x = {f"d{j}": value for j, value in enumerate(dense.tolist())}
    for slot, value in zip(slots.tolist(), values.tolist(), strict=True):
        x[f"h{slot}"] = x.get(f"h{slot}", 0.0) + value
    return x
