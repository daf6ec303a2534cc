"""The arms' models that a config names, and what drives their learning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from models.answering import Answering, Watch
from models.answers import OnDrift
from models.logistic import LogisticRegression
from models.optimizers import (
    COCOB,
    SGD,
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    DoG,
    FTRLProximal,
    HypergradientSGD,
    Momentum,
    Nadam,
    NesterovMomentum,
    RMSProp,
)
from models.plugged import PluggedLogisticRegression, StepOptimizer
from models.protocols import Model, Optimizer, Schedule
from models.schedules import (
    Constant,
    CosineRestarts,
    ExponentialDecay,
    InverseScaling,
    Optimal,
    StepDecay,
    TimeBasedDecay,
    WarmUp,
)
from stream.config import LOGISTIC, ModelSettings, OnDriftSettings, shown
from stream.errors import ConfigError
from stream.named import named

SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "exponential": ExponentialDecay,
    "time": TimeBasedDecay,
    "inverse": InverseScaling,
    "cosine": CosineRestarts,
    "optimal": Optimal,
}
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": NesterovMomentum,
    "adagrad": AdaGrad,
    "adadelta": AdaDelta,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "nadam": Nadam,
    "ftrl": FTRLProximal,
    "dog": DoG,
    "cocob": COCOB,
    "hypergradient": HypergradientSGD,
}


def learning(key: str, settings: ModelSettings) -> tuple[Optimizer | StepOptimizer, Schedule]:
    schedule = dict(settings.schedule)
    steps = schedule.pop("warm_up", None)
    made: Schedule = named(f"{key}.schedule", SCHEDULES, schedule)
    if steps is not None:
        made = named(
            f"{key}.schedule",
            {"warm_up": partial(WarmUp, made)},
            {"name": "warm_up", "steps": steps},
        )
    if not hasattr(made, "get"):
        raise ConfigError(f"{key}.schedule.name: a schedule has a method get(t), this one does not")
    optimizer = named(f"{key}.optimizer", OPTIMIZERS, settings.optimizer)
    if not (hasattr(optimizer, "code") or isinstance(optimizer, StepOptimizer)):
        needed = "slots and a method step(weights, state, g, rate)"
        raise ConfigError(f"{key}.optimizer.name: an optimizer has {needed}, this one does not")
    unlike = isinstance(optimizer, StepOptimizer) or settings.engine == "river"
    if settings.on_drift and unlike:
        raise ConfigError(
            f"{key}.on_drift: only arms of our own engine and optimizers answer drift"
        )
    return optimizer, made


def alone(settings: ModelSettings) -> str:
    """Why an arm's weights cannot be mixed with other monitors' (`models.mixing`); "" if they can.

    A model that makes its weights of its state at every step would undo it at the next one.
    """
    if settings.learner.get("name") != LOGISTIC or settings.engine == "river":
        return "it is River's or your own"
    name = settings.optimizer.get("name")
    if name in ("ftrl", "cocob"):
        return f"{name} makes weights of all gradients there were"
    return "" if name in OPTIMIZERS else "its optimizer is your own"


def _answering(key: str, make: Callable[[], LogisticRegression], of: OnDriftSettings) -> Answering:
    try:
        return Answering(
            make, OnDrift(of.cut, of.boost, of.fade), Watch(of.delta), of.trial, of.level
        )
    except ValueError as error:
        raise ConfigError(f"{key}.on_drift: {error}") from None


def learner(key: str, settings: ModelSettings, names: Sequence[str], hash_bits: int) -> Model:
    """The model of an arm, for vectors whose dense features have these names."""
    if settings.learner.get("name") != LOGISTIC:
        return _river(key, settings, names)
    if len(settings.learner) > 1:
        known = ", ".join(sorted(settings.learner.keys() - {"name"}))
        raise ConfigError(f"{key}.learner.{known}: no such key; logistic has none")
    optimizer, schedule = learning(key, settings)
    dense = len(names)
    if isinstance(optimizer, StepOptimizer):
        return PluggedLogisticRegression(dense, optimizer, schedule, hash_bits, settings.l2)
    if settings.engine == "streamgauge":
        make = partial(
            LogisticRegression, dense, optimizer, schedule, hash_bits,
            settings.l2, settings.clip, settings.max_weight,
        )  # fmt: skip
        return _answering(key, make, settings.on_drift) if settings.on_drift else make()
    from models.river_model import RiverLogisticRegression  # noqa: PLC0415 - slow to import

    return RiverLogisticRegression(optimizer, schedule, settings.l2)


# What drives or bounds our own learner and no other, and what drives those that take an optimizer.
OURS = ("engine", "l2", "clip", "max_weight", "on_drift")
DRIVES = ("optimizer", "schedule")


def _river(key: str, settings: ModelSettings, names: Sequence[str]) -> Model:
    """A classifier of River's, or of the user's own."""
    table = settings.learner
    where = f"{key}.learner"
    if ":" not in str(table.get("name")):
        raise ConfigError(
            f"{where}.name = {shown(table.get('name'))}: expected {LOGISTIC}, "
            "river:package.Class or module:function"
        )
    from models.river_arm import RiverClassifier  # noqa: PLC0415 - River is slow to import
    from models.river_model import river_optimizer  # noqa: PLC0415
    from stream import river_names  # noqa: PLC0415

    takes = river_names.takes_optimizer(where, table)
    for name in OURS if takes else OURS + DRIVES:
        value = getattr(settings, name)
        if value != getattr(ModelSettings(), name):
            raise ConfigError(f"{key}.{name}: has no effect on the learner {table['name']}")
    kind = river_names.kind_of(where, river_names.make(where, table))
    if kind != "classifier":
        raise ConfigError(
            f"{where}.name = {shown(table['name'])}: a {kind} does not learn from labels; "
            "expected it among detection.scorers"
        )
    schedule, optimizer = None, None
    if takes:
        ours, schedule = learning(key, settings)
        if isinstance(ours, StepOptimizer):
            raise ConfigError(f"{key}.optimizer.name: River takes optimizers of its own only")
        try:
            river_optimizer(ours, schedule)
        except ValueError as error:
            raise ConfigError(f"{key}.optimizer.name: {error}") from None
        optimizer = partial(river_optimizer, ours, schedule)
    try:
        return RiverClassifier(
            names, partial(river_names.make, where, table, optimizer), schedule,
            river_names.modules(table),
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
