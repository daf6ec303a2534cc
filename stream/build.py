"""A config into working parts: the one place that knows all names."""

from __future__ import annotations

from typing import cast

from models.alerting import Alerting, AlertRule
from models.allowance import Allowance
from models.arms import Decision, Fixed
from models.balance import ClassBalance
from models.budget import AlertBudget
from models.calibration import Calibration
from models.card_precision import CardPrecision
from models.ceiling import FalsePositiveCeiling
from models.cohorts import Cohorts
from models.delays import LabelDelays
from models.detection import Detection
from models.drift import Detector
from models.drift.calibrated import calibrated
from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.examples import Examples
from models.gate import LabelGate
from models.given import GivenScores
from models.minimum_labels import MinimumLabels
from models.mixing import Mixable, Mixing
from models.mixture import Mixture
from models.prequential import Prequential
from models.rarity import Rarity
from models.scaler import StandardScaler
from models.switch import Switch
from models.verdict import Verdict
from stream import keys
from stream.codec import Codec, Fields, Reader
from stream.config import Challenger, Config, ModelSettings
from stream.config import Features as FeatureSettings
from stream.drifts import CATEGORIES, DELAY, INPUTS, POSITIVES, RATE, SCORES, DriftWatch
from stream.emails import EmailFields, EmailReader, MessageReader
from stream.errors import ConfigError
from stream.events import Record
from stream.features import Features
from stream.features.emails import SENDERS, EmailFeatures
from stream.features.measurements import LastValues, MeasurementFeatures
from stream.features.sliding import SlidingWindows
from stream.features.transactions import TransactionFeatures, names
from stream.features.windows import DecayedWindows, Windows
from stream.label_limits import LabelLimits
from stream.labels import Labels
from stream.late_labels import LateLabels
from stream.learners import alone, learner
from stream.measurements import MeasurementFields, MeasurementReader
from stream.monitor import Arm, LabelFree, Monitor
from stream.scorers import scorers
from stream.timestamps import duration
from stream.transactions import TransactionFields, TransactionReader

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


def _reader(config: Config) -> Reader:
    f = config.fields
    if config.kind == "emails":
        read = EmailReader if config.input.format == "json" else MessageReader
        return read(EmailFields(f.id, f.ts, f.label, f.source))
    if config.kind == "metrics":
        return MeasurementReader(
            MeasurementFields(f.id, f.ts, f.label, f.source, f.series, f.value)
        )
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
    if config.kind == "metrics":
        windows = _windows(use, 1, waiting)
        return MeasurementFeatures(
            use.windows, windows, LastValues(use.max_keys, duration(use.windows[-1]))
        )
    keys = [name for name in ("customer", "terminal") if getattr(f, name)]
    windows = _windows(use, len(keys), waiting)
    dense = names(keys, use.windows, bool(f.amount), f.numeric)
    hash_bits = use.hash_bits if f.categorical else 0
    return TransactionFeatures(dense, f.categorical, windows, bool(f.amount), hash_bits)


def _windows(use: FeatureSettings, keys: int, waiting: int) -> Windows:
    spans = [duration(window) for window in use.windows]
    if use.aggregates == "decayed":
        return DecayedWindows(spans, keys, use.max_keys, waiting)
    return SlidingWindows(spans, keys, use.max_keys, waiting, use.max_window_events)


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
    found = scorers(config, features)
    detection = Detection(found) if found else None
    said = detection.names if detection else []
    names = [*features.names, *said]
    dense = len(names)
    models = {
        name: learner(key, settings, names, features.hash_bits)
        for name, key, settings in _arms(config)
    }
    for column, name in enumerate(said, start=len(features.names)):
        if name in models:
            raise ConfigError(f"detection.scorers: {name} is an arm's name; expected another")
        models[name] = Verdict(column)
    arms = [
        Arm(name, model, Prequential(config.metrics.window, config.metrics.fading))
        for name, model in models.items()
    ]
    scaler = StandardScaler(len(features.names), config.features.scale_limit)
    mixed = {name: cast(Mixable, models[name]) for name in mixes(config)}
    return Monitor(
        codec(config),
        labels,
        features,
        scaler,
        Examples(labels.capacity, dense, features.hashed),
        arms,
        decision(config, len(arms)),
        GivenScores(labels.capacity, len(arms)),
        GivenScores(labels.capacity, 2),
        alerting(config),
        Prequential(config.metrics.window, config.metrics.fading),
        _watch(config, features),
        _late(config, labels.capacity),
        _limits(config),
        _balance(config),
        LabelFree(detection, LabelGate(config.detection.min_labels)) if detection else None,
        Mixing(scaler, mixed) if mixed else None,
        config.reasons.count,
    )


def mixes(config: Config) -> list[str]:
    """Names of the arms whose weights are mixed with those of other partitions."""
    if not config.partitions.every:
        return []
    return [name for name, _, settings in _arms(config) if not alone(settings)]


def unmixed(config: Config) -> dict[str, str]:
    """Arms that are left alone where others are mixed, and why."""
    if not config.partitions.every:
        return {}
    reasons = {name: alone(settings) for name, _, settings in _arms(config)}
    return {name: reason for name, reason in reasons.items() if reason}


def alerting(config: Config) -> Alerting:
    """The rules that must agree on an alert.

    Raises
    ------
    ConfigError
        If there can never be enough labels for the ceiling.
    """
    settings = config.alerts
    rules: dict[str, AlertRule] = {}
    early: dict[str, AlertRule] = {}
    allowance = None
    if settings.min_labels:
        rules["min_labels"] = MinimumLabels(settings.min_labels)
        early["min_labels"] = MinimumLabels(settings.min_labels)
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
    shares = [
        share
        for share in (settings.budget, settings.false_positive_rate)
        if isinstance(share, float)
    ]
    if shares:
        early["rarity"] = Rarity(min(shares), settings.warm_up)
    return Alerting(rules, allowance, early)


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
    spare = monitor(config)
    spare.step(nothing)
    spare.snapshot()  # in a copy of the process, where compiling would be done each time


def check(config: Config) -> None:
    """Raise `ConfigError` if an arm, a scorer, the alerts or the partitions' keys are wrong."""
    alerting(config)
    keys.check(config)
    features = _features(config, 1)
    scorers(config, features)
    for _, key, settings in _arms(config):
        learner(key, settings, features.names, features.hash_bits)
