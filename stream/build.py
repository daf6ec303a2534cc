"""A config into working parts: the one place that knows all names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from models.alerting import Alerting, AlertRule
from models.allowance import Allowance
from models.answering import Answering, Watch
from models.answers import OnDrift
from models.arms import Decision, Fixed
from models.balance import ClassBalance
from models.budget import AlertBudget
from models.calibration import Calibration
from models.card_precision import CardPrecision
from models.ceiling import FalsePositiveCeiling
from models.cohorts import Cohorts
from models.delays import LabelDelays
from models.drift import Detector
from models.drift.calibrated import calibrated
from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.examples import Examples
from models.given import GivenScores
from models.logistic import LogisticRegression
from models.minimum_labels import MinimumLabels
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
from models.protocols import Model, Optimizer, Schedule
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
from stream.codec import Codec, Fields, Reader
from stream.config import Challenger, Config, ModelSettings, OnDriftSettings, shown
from stream.drifts import CATEGORIES, DELAY, INPUTS, POSITIVES, RATE, SCORES, DriftWatch
from stream.emails import EmailFields, EmailReader, MessageReader
from stream.errors import ConfigError
from stream.events import Record
from stream.features import Features
from stream.features.emails import SENDERS, EmailFeatures
from stream.features.sliding import SlidingWindows
from stream.features.transactions import TransactionFeatures, names
from stream.features.windows import DecayedWindows, Windows
from stream.label_limits import LabelLimits
from stream.labels import Labels
from stream.late_labels import LateLabels
from stream.monitor import Arm, Monitor
from stream.plugins import load
from stream.timestamps import duration
from stream.transactions import TransactionFields, TransactionReader

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

SPANS = {"hour": 3_600.0, "day": 86_400.0, "week": 604_800.0}
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


def _reader(config: Config) -> Reader:
    f = config.fields
    if config.kind == "emails":
        read = EmailReader if config.input.format == "json" else MessageReader
        return read(EmailFields(f.id, f.ts, f.label, f.source))
    return TransactionReader(
        TransactionFields(
            f.id, f.ts, f.label, f.source,
            f.customer, f.terminal, f.amount, f.numeric, f.categorical,
        )
    )  # fmt: skip


def fields(config: Config) -> Fields:
    """What the stream calls things."""
    return _reader(config).fields


def codec(config: Config) -> Codec:
    """The decoder for the config's kind of events, its fields and topics."""
    limits = config.input
    return Codec(
        _reader(config),
        config.kafka.topics.labels,
        limits.max_record_bytes,
        duration(limits.max_future),
    )


def _features(config: Config, waiting: int) -> Features:
    """What makes vectors of the config's kind of events, of which so many wait for their labels."""
    if config.kind == "emails":
        email = config.email
        senders = DecayedWindows(
            [duration(window) for window in email.windows], len(SENDERS), email.max_keys, waiting
        )
        return EmailFeatures(
            email.windows, senders, email.max_bytes, email.hash_bits,
            email.masked_headers, config.reasons.text,
        )  # fmt: skip
    f, use = config.fields, config.features
    keys = [name for name in ("customer", "terminal") if getattr(f, name)]
    spans = [duration(window) for window in use.windows]
    windows: Windows = (
        DecayedWindows(spans, len(keys), use.max_keys, waiting)
        if use.aggregates == "decayed"
        else SlidingWindows(spans, len(keys), use.max_keys, waiting, use.max_window_events)
    )
    dense = names(keys, use.windows, bool(f.amount), f.numeric)
    hash_bits = use.hash_bits if f.categorical else 0
    return TransactionFeatures(dense, f.categorical, windows, bool(f.amount), hash_bits)


def monitor(config: Config) -> Monitor:
    """A new monitor, that has seen nothing.

    Raises
    ------
    ConfigError
        If a name or a parameter in `[model]` is wrong.
    """
    labels = Labels(
        config.labels.max_waiting,
        config.labels.max_early,
        duration(config.labels.ttl),
        config.labels.expire_as == "negative",
    )
    features = _features(config, labels.capacity)
    dense = len(features.names)
    arms = [
        Arm(
            name,
            _model(key, settings, dense, features.hash_bits),
            Prequential(config.metrics.window, config.metrics.fading),
        )
        for name, key, settings in _arms(config)
    ]
    return Monitor(
        codec(config),
        labels,
        features,
        StandardScaler(dense, config.features.scale_limit),
        Examples(labels.capacity, dense, features.hashed),
        arms,
        decision(config, len(arms)),
        GivenScores(labels.capacity, len(arms)),
        GivenScores(labels.capacity),
        alerting(config),
        Prequential(config.metrics.window, config.metrics.fading),
        _watch(config, features),
        _late(config, labels.capacity),
        _limits(config),
        _balance(config),
        config.reasons.count,
    )


def alerting(config: Config) -> Alerting:
    """The rules that must agree on an alert.

    Raises
    ------
    ConfigError
        If there can never be enough labels for the ceiling.
    """
    settings = config.alerts
    rules: dict[str, AlertRule] = {}
    allowance = None
    if settings.min_labels:
        rules["min_labels"] = MinimumLabels(settings.min_labels)
    if isinstance(settings.budget, str):
        allowed, _, span = settings.budget.partition("/")
        allowance = Allowance(int(allowed), SPANS[span], warm_up=settings.warm_up)
    elif settings.budget is not None:
        rules["budget"] = AlertBudget(settings.budget, settings.memory, settings.warm_up)
    if settings.false_positive_rate is not None:
        try:
            rules["ceiling"] = FalsePositiveCeiling(
                settings.false_positive_rate, settings.confidence, settings.memory
            )
        except ValueError as error:
            raise ConfigError(f"alerts.{error}") from None
    return Alerting(rules, allowance)


def _late(config: Config, capacity: int) -> LateLabels:
    settings = config.metrics
    span, share = duration(settings.cohort), settings.matured
    has_customers = config.kind == "transactions" and bool(config.fields.customer)
    return LateLabels(
        Calibration(capacity),
        Cohorts(capacity, span=span, share=share),
        LabelDelays(),
        CardPrecision(capacity, settings.cards, span, share=share) if has_customers else None,
    )


def detectors(config: Config) -> dict[str, Detector]:
    """Those of the error, which between them give half of the false alarms that are wanted."""
    settings = config.drift
    names = settings.detectors if "error" in settings.signals else ()
    return {name: calibrated(name, settings.false_alarms / 2 / len(names)) for name in names}


def _watch(config: Config, features: Features) -> DriftWatch:
    """What watches all signals; those beside the error give the other half of the false alarms."""
    settings = config.drift
    columns: dict[str, int] = {}
    if "score" in settings.signals:
        columns[SCORES] = 1
    if "labels" in settings.signals:
        columns |= {POSITIVES: 1, RATE: 1, DELAY: 1}
    if "inputs" in settings.signals:
        columns |= {INPUTS: len(features.watched), CATEGORIES: len(features.mixes)}
    every = sum(columns.values())
    shares = {
        signal: settings.false_alarms / 2 * width / every
        for signal, width in columns.items()
        if width
    }
    mixes = None
    if CATEGORIES in shares:
        mixes = TwoMixes(len(features.mixes), shares.pop(CATEGORIES), settings.window)
    return DriftWatch(
        detectors(config),
        features.watched,
        features.mixes,
        {
            signal: TwoWindows(columns[signal], share, settings.window)
            for signal, share in shares.items()
        },
        mixes,
        duration(settings.cooldown),
    )


def _limits(config: Config) -> LabelLimits | None:
    settings = config.labels
    if settings.per_source is None:
        return None
    return LabelLimits(settings.per_source, duration(settings.per), settings.max_sources)


def _balance(config: Config) -> ClassBalance | None:
    share = config.labels.max_class_share
    return None if share is None else ClassBalance(share)


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
    """Raise `ConfigError` if what drives an arm's learning or the alerts is wrong."""
    alerting(config)
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
    unlike = isinstance(optimizer, StepOptimizer) or settings.engine == "river"
    if settings.on_drift and unlike:
        raise ConfigError(
            f"{key}.on_drift: only arms of our own engine and optimizers answer drift"
        )
    return optimizer, made


def _answering(key: str, make: Callable[[], LogisticRegression], of: OnDriftSettings) -> Answering:
    try:
        return Answering(
            make, OnDrift(of.cut, of.boost, of.fade), Watch(of.delta), of.trial, of.level
        )
    except ValueError as error:
        raise ConfigError(f"{key}.on_drift: {error}") from None


def _model(key: str, settings: ModelSettings, dense: int, hash_bits: int) -> Model:
    optimizer, schedule = _learning(key, settings)
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
