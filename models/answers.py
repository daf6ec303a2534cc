"""What an arm does when the stream has changed, so that it learns fast again.

How depends on why it has become slow; weights are left as they are, always:

a schedule that decays
    Its clock is set back to 0. A warm-up is not repeated: the weights are no beginner's.
`AdaGrad`, `FTRLProximal`
    The sum of squared gradients is cut to a share of itself, so that each weight's own rate rises.
    FTRL's `z` needs no change: its step moves by how far ``(beta + sqrt(n)) / alpha`` is from what
    it was at the step before, whichever way, and that leaves the weight where it is.
all others that follow the schedule's rate, where that is constant
    The rate is multiplied by ``1 + (boost - 1) * exp(-labels since / fade)``. (To wipe Adam's
    moments makes its steps no longer: they follow the gradient's size, not the number of labels.)
`DoG`, `COCOB`, `HypergradientSGD`
    Nothing. They find a rate of their own, also after a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from models import rules
from models.protocols import Optimizer, Schedule
from models.schedules import Constant, WarmUp
from models.settings import not_negative, positive, share

UNAIDED = rules.DOG, rules.COCOB, rules.HYPERGRADIENT


class Act(Enum):
    """One thing that an arm does."""

    REWIND = "clock rewound"
    CUT = "accumulator cut to {cut:g}"
    BOOST = "rate times {boost:g}"


@dataclass(frozen=True)
class OnDrift:
    """How much is done.

    Attributes
    ----------
    cut
        The share that is left of a sum of squared gradients, between 0 and 1.
    boost
        By what a constant rate is multiplied at first; at least 1.
    fade
        Labels in which what the boost adds falls to 1 / e of itself.

    Examples
    --------
    >>> from models.optimizers import AdaGrad
    >>> from models.schedules import TimeBasedDecay
    >>> OnDrift(cut=0.1).says(acts(AdaGrad(), TimeBasedDecay(0.3)))
    'clock rewound, accumulator cut to 0.1'
    """

    cut: float = 0.1
    boost: float = 10.0
    fade: float = 200.0

    def __post_init__(self) -> None:
        share(cut=self.cut)
        positive(fade=self.fade)
        not_negative(boost=self.boost)
        if self.boost < 1:
            raise ValueError(f"boost = {self.boost}: expected a number of at least 1")

    def says(self, done: tuple[Act, ...]) -> str:
        """What was done, in words."""
        return ", ".join(act.value.format(cut=self.cut, boost=self.boost) for act in done)


def acts(optimizer: Optimizer, schedule: Schedule) -> tuple[Act, ...]:
    """What an arm has to do; nothing where it recovers unaided.

    >>> from models.optimizers import SGD, DoG
    >>> acts(SGD(), WarmUp(Constant(0.1))), acts(DoG(), Constant(1.0))
    ((<Act.BOOST: 'rate times {boost:g}'>,), ())
    """
    if optimizer.code in UNAIDED:
        return ()
    while isinstance(schedule, WarmUp):
        schedule = schedule.then
    decays = not isinstance(schedule, Constant)
    cuts = optimizer.code in rules.ACCUMULATORS
    return (
        *([Act.REWIND] if decays else []),
        *([Act.CUT] if cuts else []),
        *([Act.BOOST] if not (decays or cuts) else []),
    )


def rates(schedule: Schedule, start: int, height: float, fade: float) -> Callable[[int], float]:
    """The rate at each label since the last answer, which came after `start` labels.

    `height` is what the boost adds at first, 0 where there is none.

    >>> from models.schedules import TimeBasedDecay
    >>> rate = rates(WarmUp(TimeBasedDecay(0.4, k=0.1), steps=20), start=10, height=0.0, fade=1.0)
    >>> rate(10), rate(20)  # label 11 of 20 to warm up, and past it; the clock at 0, and at 10
    (0.22000000000000003, 0.2)
    """
    if isinstance(schedule, WarmUp):
        then, steps = rates(schedule.then, start, height, fade), schedule.steps
        return lambda t: then(t) * min(1.0, (t + 1) / steps)
    get = schedule.get
    if height:
        return lambda t: get(t - start) * (1.0 + height * math.exp((start - t) / fade))
    return (lambda t: get(t - start)) if start else get
