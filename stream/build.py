"""A config into working parts: the one place that knows all names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from models.arms import Decision, Fixed
from models.budget import AlertBudget
from models.drift import Adwin, PageHinkleyTest
from models.examples import Examples
from models.given import GivenScores
from models.logistic import LogisticRegression
from models.mixture import Mixture
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
from models.prequential import Prequential
from models.protocols import DriftDetector, Model, Optimizer, Schedule
from models.scaler import StandardScaler
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
from models.switch import Switch
from stream.codec import Codec, Fields
from stream.config import Challenger, Config, ModelSettings, shown
from stream.errors import ConfigError
from stream.events import Record
from stream.features.sliding import SlidingWindows
from stream.features.transactions import TransactionFeatures, names
from stream.features.windows import DecayedWindows, Windows
from stream.labels import Labels
from stream.monitor import Arm, Monitor
from stream.plugins import load
from stream.timestamps import duration

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
# `challengers = "default"`: eight arms with the champion, slow and fast, plain and adaptive. On
# most streams one of them does well, and their mixture about as well, with no choice by anyone.
DEFAULT_CHALLENGERS = [
    Challenger(
        name=name,
        optimizer={"name": optimizer},
        schedule={"name": "constant", "rate": rate},
    )
    for name, optimizer, rate in (
        ("sgd-slow", "sgd", 0.01),
        ("sgd", "sgd", 0.1),
        ("sgd-fast", "sgd", 0.5),
        ("adagrad-fast", "adagrad", 5.0),
        ("adam", "adam", 0.003),
        ("ftrl", "ftrl", 0.3),
        ("hypergradient", "hypergradient", 0.05),
    )
]

DETECTORS: dict[str, Callable[[], DriftDetector]] = {
    "adwin": Adwin,
    "page-hinkley": PageHinkleyTest,
}
LARGEST = 1e300  # of a parameter, either way


def named(key: str, choices: Mapping[str, Callable[..., Any]], settings: Mapping[str, Any]) -> Any:
    """Make the value that `settings` names: its `name`, and its parameters beside it.

    Raises
    ------
    ConfigError
        Naming the key, the value and what is allowed.
    """
    name = settings.get("name")
    if isinstance(name, str) and ":" in name:
        make = load(key, name)
    elif isinstance(name, str) and name in choices:
        make = choices[name]
    else:
        given = f" = {shown(name)}" if name is not None else ""
        known = ", ".join(sorted(choices))
        raise ConfigError(f"{key}.name{given}: expected one of {known}, or module:Class")
    parameters = {k: v for k, v in settings.items() if k != "name"}
    allowed = inspect.signature(make).parameters
    for parameter, value in parameters.items():
        if parameter not in allowed:
            known = ", ".join(allowed) or "none"
            raise ConfigError(
                f"{key}.{parameter} = {shown(value)}: no such key; {name} has {known}"
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and abs(value) <= LARGEST):
            raise ConfigError(f"{key}.{parameter} = {shown(value)}: expected a finite number")
    for parameter, about in allowed.items():
        if about.default is about.empty and parameter not in parameters:
            raise ConfigError(f"{key}.{parameter}: missing, and {name} needs it")
    try:
        return make(**parameters)
    except ValueError as error:
        raise ConfigError(f"{key}.{error}") from None


def fields(config: Config) -> Fields:
    """What the stream calls things."""
    f = config.fields
    return Fields(f.id, f.ts, f.label, f.customer, f.terminal, f.amount, f.numeric, f.categorical)


def codec(config: Config) -> Codec:
    """The decoder for the config's fields and topics."""
    limits = config.input
    return Codec(
        fields(config),
        config.kafka.topics.labels,
        limits.max_record_bytes,
        duration(limits.max_future),
    )


def monitor(config: Config) -> Monitor:
    """A new monitor, that has seen nothing.

    Raises
    ------
    ConfigError
        If a name or a parameter in `[model]` is wrong.
    """
    use = config.features
    keys = fields(config).keys
    labels = Labels(
        config.labels.max_waiting,
        config.labels.max_early,
        duration(config.labels.ttl),
        config.labels.expire_as == "negative",
    )
    spans = [duration(window) for window in use.windows]
    windows: Windows = (
        DecayedWindows(spans, len(keys), use.max_keys, labels.capacity)
        if use.aggregates == "decayed"
        else SlidingWindows(spans, len(keys), use.max_keys, labels.capacity, use.max_window_events)
    )
    has_amount = bool(config.fields.amount)
    dense = names(keys, use.windows, has_amount, config.fields.numeric)
    categories = config.fields.categorical
    hash_bits = use.hash_bits if categories else 0
    arms = [
        Arm(
            name,
            _model(key, settings, len(dense), hash_bits),
            Prequential(config.metrics.window, config.metrics.fading),
        )
        for name, key, settings in _arms(config)
    ]
    return Monitor(
        codec(config),
        labels,
        TransactionFeatures(dense, categories, windows, has_amount, use.hash_bits),
        StandardScaler(len(dense), use.scale_limit),
        Examples(labels.capacity, len(dense), len(categories)),
        arms,
        decision(config, len(arms)),
        GivenScores(labels.capacity, len(arms)),
        GivenScores(labels.capacity),
        AlertBudget(config.alerts.budget, config.alerts.memory, config.alerts.warm_up),
        Prequential(config.metrics.window, config.metrics.fading),
        {name: DETECTORS[name]() for name in config.drift.detectors},
    )


def _arms(config: Config) -> list[tuple[str, str, ModelSettings]]:
    """Name, key in the config and settings of every arm; the champion comes first."""
    found = [("champion", "model", config.model)]
    chosen = config.challengers
    challengers = DEFAULT_CHALLENGERS if isinstance(chosen, str) else chosen
    for number, challenger in enumerate(challengers):
        found.append((challenger.name, f"challengers[{number}]", challenger))
    return found


def decision(config: Config, arms: int) -> Decision:
    """Who decides among `arms` of them."""
    settings = config.decision
    if settings.mode == "fixed":
        return Fixed(arms)
    if settings.mode == "mixture":
        return Mixture(arms, settings.share)
    return Switch(arms, settings.level, settings.reign, settings.clip)


def warm_up(config: Config) -> None:
    """Compile all that a monitor of this config runs, or load it from disk: on a spare one."""
    topics = config.kafka.topics
    nothing = [Record(b"", topic, 0, 0, 0) for topic in (topics.events, topics.labels)]
    monitor(config).step(nothing)


def check(config: Config) -> None:
    """Raise `ConfigError` if what drives an arm's learning is wrong."""
    for _, key, settings in _arms(config):
        _learning(key, settings)


def _learning(key: str, settings: ModelSettings) -> tuple[Optimizer | StepOptimizer, Schedule]:
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
    return optimizer, made


def _model(key: str, settings: ModelSettings, dense: int, hash_bits: int) -> Model:
    optimizer, schedule = _learning(key, settings)
    if isinstance(optimizer, StepOptimizer):
        return PluggedLogisticRegression(dense, optimizer, schedule, hash_bits, settings.l2)
    if settings.engine == "streamgauge":
        return LogisticRegression(
            dense, optimizer, schedule, hash_bits,
            settings.l2, settings.clip, settings.max_weight,
        )  # fmt: skip
    from models.river_model import RiverLogisticRegression  # noqa: PLC0415 - slow to import

    return RiverLogisticRegression(optimizer, schedule, settings.l2)
