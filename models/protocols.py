"""The contracts that plug-ins obey. No base classes: having the methods is enough."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from models.drift.detector import Verdicts
    from models.scores import Scores
    from models.vectors import Floats, Steps


class Schedule(Protocol):
    """A learning rate schedule: a pure function of the number of labels learned so far."""

    def get(self, t: int) -> float:
        """Learning rate of step `t`, counted from 0."""
        ...


class Optimizer(Protocol):
    """How a gradient and a rate become a weight change.

    A value: the state it needs is `slots` numbers for each weight, which the model keeps.
    """

    @property
    def code(self) -> int:
        """Which branch of the compiled step is this optimizer's."""
        ...

    @property
    def slots(self) -> int:
        """How many numbers of state it keeps for each weight."""
        ...

    @property
    def scalars(self) -> int:
        """How many numbers of state it keeps for all weights together."""
        ...

    @property
    def parameters(self) -> Floats:
        """Its own settings, in the order that the compiled step reads them."""
        ...


class Stateful(Protocol):
    """Whatever shapes a score must be able to leave and to come back, without pickle."""

    def snapshot(self) -> dict[str, Any]:
        """All state as plain values and arrays, which may be the live ones: copy what stays."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `snapshot` saw."""
        ...


class Model(Stateful, Protocol):
    """Scores vectors and learns from labels, strictly one step after another."""

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps in order; a score never sees a later label."""
        ...

    @property
    def rate(self) -> float:
        """Learning rate of the next label."""
        ...

    @property
    def learned(self) -> int:
        """Labels learned so far."""
        ...

    @property
    def refused(self) -> int:
        """Steps refused because a number was not finite; they leave the model as it was."""
        ...


@runtime_checkable
class Moving(Protocol):
    """A model that tells how far its steps really go."""

    @property
    def gradient_norm(self) -> float:
        """Norm of the gradient over the last labels."""
        ...

    @property
    def effective_rate(self) -> float:
        """Norm of the weights' change over the norm of the gradient, over the last labels."""
        ...

    @property
    def weight_norm(self) -> float:
        """Norm of all weights."""
        ...


class Drift(IntEnum):
    """A detector's verdict."""

    NONE = 0
    WARNING = 1
    DRIFT = 2


class DriftDetector(Stateful, Protocol):
    """Watches one signal, higher is worse (1 = error), and starts over after a drift."""

    @property
    def statistic(self) -> float:
        """The detector's own measure, for dashboards."""
        ...

    @property
    def threshold(self) -> float:
        """What the statistic is held against; NaN where that is no fixed number."""
        ...

    def run(self, values: Floats) -> Verdicts:
        """Take the next values of the signal; gives a verdict on each."""
        ...
