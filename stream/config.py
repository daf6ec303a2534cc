"""A TOML file into validated values, or one line that says what is wrong and what is allowed."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, field

from stream.emails import FORMS
from stream.errors import ConfigError
from stream.timestamps import duration

ALLOWED = r"[1-9][0-9]{0,5}/(hour|day|week)"  # alerts in a span of time
LONGEST_COMMIT = 600.0  # seconds; a broker lets a transaction be open for 15 minutes, if not told

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Name = Annotated[str, Meta(min_length=1)]
Duration = str | int | float  # checked by `stream.timestamps.duration`
Detector = Literal["adwin", "page-hinkley", "ddm", "eddm", "hddm-a", "hddm-w", "kswin"]
Signal = Literal["error", "score", "inputs", "labels"]
Windows = Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
HeaderPattern = Annotated[str, Meta(pattern=r"^[!-)+-9;-~]*\*?$", min_length=1, max_length=64)]

# Headers that tell whose mailbox a mail is in and which way it came there. What a collection of
# spam and one of ham differ in there says nothing of the next mail.
MASKED_HEADERS = (
    "to", "cc", "bcc", "apparently-to", "delivered-to", "envelope-to", "resent-*", "errors-to",
    "received*", "return-path", "sender", "precedence", "list-*", "mailing-list", "status", "lines",
    "x-*", "!x-mailer", "!x-mimeole", "!x-priority", "!x-msmail-priority", "xref", "approved",
    "arc-*", "dkim-*", "domainkey-*",
)  # fmt: skip


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. Keys are the attributes."""


def _check_durations(section: Section, *names: str) -> None:
    for name in names:
        try:
            duration(getattr(section, name))
        except ValueError as error:
            raise ValueError(f"{name}: {_allowed(error)}") from None


def _check_windows(windows: Sequence[str]) -> None:
    spans = []
    for window in windows:
        try:
            spans.append(duration(window))
        except ValueError as error:
            raise ValueError(f"windows: {_allowed(error)}") from None
    if not all(a < b for a, b in zip([0.0, *spans], spans, strict=False)):
        raise ValueError("windows: expected rising lengths above 0, such as 1d, 7d, 30d")


def _allowed(error: ValueError) -> str:
    """What `duration` says is allowed, without the value, which `_explain` shows."""
    return str(error).rpartition(": ")[2]


class Topics(Section, frozen=True):
    """`[kafka.topics]`: where records come from and go to."""

    events: Name = "transactions"
    labels: Name = "labels"
    scores: Name = "scores"
    alerts: Name = "alerts"
    dead_letters: Name = "dead-letters"
    drifts: Name = "drifts"
    journal: Name = "{group}-journal"

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named twice: expected seven different topics")

    @property
    def names(self) -> list[str]:
        """All seven."""
        return [getattr(self, use) for use in self.__struct_fields__]


class Kafka(Section, frozen=True):
    """`[kafka]`: the broker, and how to be let in."""

    bootstrap: Name = "127.0.0.1:9092"
    group: Name = "streamgauge"
    delivery: Literal["exactly-once", "at-least-once"] = "exactly-once"
    topics: Topics = Topics()
    max_poll_records: Count = 2_000
    max_wait: Duration = "1s"
    commit_interval: Duration = "1s"
    session_timeout: Duration = "45s"
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        _check_durations(self, "max_wait", "commit_interval", "session_timeout")
        if self.delivery == "exactly-once" and duration(self.commit_interval) > LONGEST_COMMIT:
            raise ValueError("commit_interval: expected at most 10m, where a transaction is open")
        journal = self.topics.journal.replace("{group}", self.group)
        topics = msgspec.structs.replace(self.topics, journal=journal)
        msgspec.structs.force_setattr(self, "topics", topics)
        if self.security.startswith("sasl") and not (
            self.username and (self.password_file or self.password_env)
        ):
            raise ValueError("security: needs username, and password_file or password_env")


class FieldNames(Section, frozen=True):
    """`[fields]`: what the stream calls things; "" where it has no such field."""

    id: Name = "id"
    ts: str = "ts"
    label: Name = "label"
    source: str = "source"
    customer: str = "customer"
    terminal: str = "terminal"
    amount: str = "amount"
    numeric: tuple[Name, ...] = ()
    categorical: tuple[Name, ...] = ()

    def check(self, event: Sequence[str]) -> None:
        """Raise ValueError if a name has two uses, in an event with these fields or in a label."""
        mine = [self.id, self.ts, self.label]
        for other in (event, [self.source]):
            named = [name for name in [*mine, *other] if name]
            twice = sorted({name for name in named if named.count(name) > 1})
            if twice:
                raise ValueError(
                    f"fields: {', '.join(twice)} named twice: expected a field for one use only"
                )


class Features(Section, frozen=True):
    """`[features]`: what is kept of customers and terminals."""

    windows: Windows = ("1d", "7d", "30d")
    aggregates: Literal["decayed", "sliding"] = "decayed"
    max_keys: Count = 1_000_000
    max_window_events: Count = 2_000_000
    hash_bits: Annotated[int, Meta(ge=1, le=26)] = 18
    scale_limit: Annotated[float, Meta(gt=0)] = 30.0

    def __post_init__(self) -> None:
        _check_windows(self.windows)


class EmailSettings(Section, frozen=True):
    """`[email]`: what is looked at in a message, and what is kept of senders.

    An event that waits for its label takes up to 8 bytes for each of `max_bytes`.
    """

    max_bytes: Annotated[int, Meta(ge=16, le=4_096)] = 1_500
    hash_bits: Annotated[int, Meta(ge=8, le=26)] = 22
    masked_headers: tuple[HeaderPattern, ...] = MASKED_HEADERS
    windows: Windows = ("1d", "30d")
    max_keys: Count = 100_000

    def __post_init__(self) -> None:
        _check_windows(self.windows)


class Reasons(Section, frozen=True):
    """`[reasons]`: what an alert says; `text` lets it quote the message."""

    text: bool = False
    count: Annotated[int, Meta(ge=0, le=1_000)] = 5


class LabelSettings(Section, frozen=True):
    """`[labels]`: how events wait for their labels, and how much a source may say."""

    max_waiting: Count = 1_000_000
    max_early: Count = 100_000
    ttl: Duration = "30d"
    expire_as: Literal["unlabelled", "negative"] = "unlabelled"
    per_source: Count | None = None
    per: Duration = "1d"
    max_sources: Count = 100_000
    max_class_share: Annotated[float, Meta(ge=0.5, lt=1)] | None = None

    def __post_init__(self) -> None:
        _check_durations(self, "ttl", "per")
        if not duration(self.per) > 0.0:
            raise ValueError("per: expected a duration above 0, such as 1h or 1d")


class OnDriftSettings(Section, frozen=True):
    """`on_drift`: how fast a copy of the arm learns again, and when it takes the arm's place.

    `fade` and `trial` are in labels, `delta` is ADWIN's, `level` the chance of a wrong promotion.
    """

    cut: Share = 0.1
    boost: Annotated[float, Meta(ge=1, le=1e6)] = 10.0
    fade: Annotated[float, Meta(gt=0, le=1e12)] = 200.0
    trial: Count = 500
    level: Share = 0.2
    delta: Share = 0.005


class ModelSettings(Section, frozen=True):
    """`[model]`: the engine, and what drives its learning.

    With `on_drift`, and be it empty, the arm answers drifts of its own error.
    """

    engine: Literal["streamgauge", "river"] = "streamgauge"
    optimizer: dict[str, Any] = field(default_factory=lambda: {"name": "adagrad"})
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "constant", "rate": 0.3})
    l2: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    clip: Annotated[float, Meta(gt=0)] = math.inf
    max_weight: Annotated[float, Meta(gt=0)] = math.inf
    on_drift: OnDriftSettings | None = None


class Challenger(ModelSettings, frozen=True, kw_only=True):
    """One of `[[challengers]]`: a model that shadows the champion, under a name of its own."""

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_.-]{0,62}$")]


class DecisionSettings(Section, frozen=True):
    """`[decision]`: whose score counts, where there are challengers."""

    mode: Literal["fixed", "switch", "mixture"] = "fixed"
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.01
    level: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    reign: Annotated[int, Meta(ge=0)] = 1_000
    clip: Annotated[float, Meta(gt=0, lt=0.5)] = 0.001


class Alerts(Section, frozen=True):
    """`[alerts]`: how many alerts are wanted, and how few may be false.

    `budget` is a share of events, or so many a span of event time: "100/day".

    A file that sets `budget` or `false_positive_rate` has what it sets and not the other one's
    default. `memory` is in events for the budget, and in labels of class 0 for the ceiling.
    """

    budget: Share | str | None = 0.005
    false_positive_rate: Share | None = None
    confidence: Share = 0.95
    min_labels: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    memory: Count = 20_000
    warm_up: Annotated[int, Meta(ge=0)] = 1_000

    def __post_init__(self) -> None:
        if isinstance(self.budget, str) and not re.fullmatch(ALLOWED, self.budget):
            raise ValueError(
                'budget: expected a share of events, or so many a span of time, as in "100/day", '
                '"5/hour" or "400/week"'
            )


class DriftSettings(Section, frozen=True):
    """`[drift]`: what is watched, and how many false alarms a person may be called for.

    `false_alarms` is what to expect in a million events, over all signals together; `window` is in
    events (labels, for signals that come with them), `cooldown` in event time.
    """

    signals: tuple[Signal, ...] = ("error", "score", "inputs", "labels")
    detectors: tuple[Detector, ...] = ("adwin", "page-hinkley")
    false_alarms: Annotated[float, Meta(ge=1e-3, le=1e4)] = 1.0
    window: Annotated[int, Meta(ge=100, le=1_000_000)] = 5_000
    cooldown: Duration = "1h"

    def __post_init__(self) -> None:
        for name in ("signals", "detectors"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name}: expected each one once")
        _check_durations(self, "cooldown")


class Input(Section, frozen=True):
    """`[input]`: how a record holds an event, and what is too much for one."""

    format: Literal["json", "message"] = "json"
    max_record_bytes: Annotated[int, Meta(ge=64, le=2**26)] = 65_536
    max_future: Duration = "1d"

    def __post_init__(self) -> None:
        _check_durations(self, "max_future")


class Metrics(Section, frozen=True):
    """`[metrics]`: how far back the measures of the model look.

    A `cohort` is the events of so much event time; it is matured when it is over and a share
    `matured` of it is labelled. Card precision looks at the `cards` highest customers of each.
    """

    window: Count = 10_000
    fading: Annotated[float, Meta(gt=0, lt=1)] = 0.999
    cohort: Duration = "1d"
    matured: Annotated[float, Meta(gt=0, le=1)] = 0.9
    cards: Annotated[int, Meta(ge=1, le=10_000)] = 100

    def __post_init__(self) -> None:
        _check_durations(self, "cohort")
        if not duration(self.cohort) > 0.0:
            raise ValueError("cohort: expected a duration above 0, such as 1h or 1d")


class SnapshotSettings(Section, frozen=True):
    """`[snapshot]`: where all state is saved, so that a start need not begin at the beginning.

    Several workers of one group need one place that all of them reach. "" is nowhere.
    """

    url: str = "snapshots/{group}"
    every: Duration = "60s"
    keep: Count = 3
    trim_journal: bool = True

    def __post_init__(self) -> None:
        _check_durations(self, "every")


class ServiceSettings(Section, frozen=True):
    """`[service]`: how long a stop may take, and when it counts as stalled or not ready."""

    drain: Duration = "20s"
    stalled: Duration = "60s"
    ready_lag: Count = 100_000

    def __post_init__(self) -> None:
        _check_durations(self, "drain", "stalled")


class Http(Section, frozen=True):
    """`[http]`: the live page and /metrics. Port 0 takes a free one."""

    host: Name = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000


class Config(Section, frozen=True):
    """A whole config file."""

    kind: Literal["transactions", "emails"] = "transactions"
    kafka: Kafka = Kafka()
    fields: FieldNames = FieldNames()
    features: Features = Features()
    email: EmailSettings = EmailSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = field(default_factory=ModelSettings)
    challengers: Annotated[tuple[Challenger, ...], Meta(max_length=63)] | Literal["default"] = ()
    decision: DecisionSettings = DecisionSettings()
    alerts: Alerts = Alerts()
    reasons: Reasons = Reasons()
    drift: DriftSettings = DriftSettings()
    input: Input = Input()
    metrics: Metrics = Metrics()
    snapshot: SnapshotSettings = SnapshotSettings()
    service: ServiceSettings = ServiceSettings()
    http: Http = Http()

    def __post_init__(self) -> None:
        url = self.snapshot.url.replace("{group}", self.kafka.group)
        snapshot = msgspec.structs.replace(self.snapshot, url=url)
        msgspec.structs.force_setattr(self, "snapshot", snapshot)
        named = [c for c in self.challengers if isinstance(c, Challenger)]
        names = ["champion", *(challenger.name for challenger in named)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"challengers: {', '.join(twice)} named twice: expected other names")
        f = self.fields
        if self.kind == "emails":
            f.check(tuple(FORMS))
            return
        if not f.ts:
            raise ValueError("fields.ts: expected a text of length >= 1")
        f.check([f.customer, f.terminal, f.amount, *f.numeric, *f.categorical])


# What a config of each kind has where its file says nothing, if not what the sections say.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "transactions": {},
    "emails": {
        "kafka": {"topics": {"events": "emails"}, "max_poll_records": 200},
        "labels": {"max_waiting": 20_000, "per_source": 1_000, "max_class_share": 0.99},
        "alerts": {"budget": None, "false_positive_rate": 0.005, "min_labels": 200},
        "input": {"max_record_bytes": 4 * 2**20},
        "model": {"schedule": {"name": "constant", "rate": 0.3}},
    },
}
RULES = ("budget", "false_positive_rate")  # of `[alerts]`: one that is set replaces the defaults
# Keys that mean something to one kind only.
ONLY: Mapping[str, Sequence[str]] = {
    "transactions": (
        "fields.customer", "fields.terminal", "fields.amount", "fields.numeric",
        "fields.categorical", "features.windows", "features.aggregates", "features.max_keys",
        "features.max_window_events", "features.hash_bits",
    ),
    "emails": ("email", "input.format", "reasons.text"),
}  # fmt: skip


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read and validate a config file.

    Parameters
    ----------
    path
        A TOML file.
    overrides
        Values that outrank the file's, by dotted key: ``{"kafka.bootstrap": "host:9092"}``.

    Raises
    ------
    ConfigError
        With one line that names file, key and value, and says what is allowed.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    return parse(data, str(path), overrides)


def overrides(settings: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` settings; a value that is no TOML is a text.

    >>> overrides(["kafka.bootstrap=broker:9092", "http.port=0"])
    {'kafka.bootstrap': 'broker:9092', 'http.port': 0}
    """
    found = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not (key and equals):
            raise ConfigError(f"--set {setting}: expected KEY=VALUE, as in kafka.group=test")
        try:
            found[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = text
    return found


def _set(table: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for name in keys[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            return  # no table: `parse` will say so
    table[keys[-1]] = value


def parse(
    data: Mapping[str, Any], source: str, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Validate what a TOML file holds, with `overrides` as in `load`; errors name `source`."""
    given = deepcopy(dict(data))
    for key, value in (overrides or {}).items():
        _set(given, key.split("."), value)
    kind = given.get("kind", "transactions")
    whole = _over(DEFAULTS.get(kind, {}) if isinstance(kind, str) else {}, given)
    alerts = given.get("alerts")
    if isinstance(alerts, Mapping) and any(rule in alerts for rule in RULES):
        whole["alerts"] = {**whole["alerts"], **{rule: alerts.get(rule) for rule in RULES}}
    try:
        config = msgspec.convert(whole, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_explain(str(error), whole)}") from None
    for other, keys in ONLY.items():
        for key in keys:
            if other != config.kind and _has(given, key.split(".")):
                raise ConfigError(f"{source}: {_foreign(key, config.kind, given)}")
    return config


def _over(defaults: Mapping[str, Any], data: Mapping[str, Any], *at: str) -> dict[str, Any]:
    """`data`, and `defaults` where it says nothing; what is no section is taken whole."""
    merged = {**defaults, **data}
    for name in defaults.keys() & data.keys():
        kind = _type_at([*at, name])
        if isinstance(data[name], Mapping) and isinstance(kind, type) and issubclass(kind, Section):
            merged[name] = _over(defaults[name], data[name], *at, name)
    return merged


def _has(data: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if key not in data:
            return False
        data = data[key]
    return True


def _foreign(key: str, kind: str, data: Any) -> str:
    """That a key means nothing to a kind, and which ones beside it do."""
    *section, name = key.split(".")
    for part in (*section, name):
        data = data[part]
    value = "" if isinstance(data, Mapping) else f" = {shown(data)}"
    others = {other for foreign, keys in ONLY.items() if foreign != kind for other in keys}
    allowed = [n for n in _keys_at(section) if ".".join([*section, n]) not in others]
    return f'{key}{value}: no such key with kind = "{kind}"; allowed are {", ".join(allowed)}'


def _explain(message: str, data: Mapping[str, Any]) -> str:
    """Rewrite msgspec's message as "key = value: what is allowed"."""
    message, _, at = message.partition(" - at `$")
    path = re.findall(r"\.(\w+)|\[(\d+)\]|\[\.\.\.\]", at.rstrip("`"))
    keys = [name or (int(index) if index else 0) for name, index in path]
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", message)
    if unknown:
        keys = [*keys, unknown[1]]
        message = f"no such key; allowed are {', '.join(_keys_at(keys[:-1]))}"
    elif get_origin(_type_at(keys)) is Literal:
        message = f"expected one of {', '.join(get_args(_type_at(keys)))}"
    else:
        inner = re.match(r"([\w.]+): (.*)", message)  # a section's own check names its key
        if inner and inner[1].partition(".")[0] in _keys_at(keys):
            keys, message = [*keys, *inner[1].split(".")], inner[2]
        message = re.sub("`(.*?)`", lambda found: _TYPES.get(found[1], found[1]), message)
        message = re.sub(r"^Expected", "expected", message)
    dotted = ".".join(str(key) for key in keys if not isinstance(key, int)) or "the file"
    value: Any = data
    try:
        for key in keys:
            value = value[key]
    except (KeyError, IndexError, TypeError):
        return f"{dotted}: {message}"
    return f"{dotted}{'' if isinstance(value, Mapping) else f' = {shown(value)}'}: {message}"


_TYPES = {  # msgspec's words in TOML's
    "object": "a table",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "int | null": "a whole number",
    "float | null": "a number",
    "float": "a number",
    "bool": "true or false",
    "int | float | str": "a duration such as 30s, 1.5h or 7d",
}


def shown(value: Any) -> str:
    """A value nearly as TOML writes it, on one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _type_at(keys: Sequence[str | int]) -> Any:
    kind: Any = Config
    for key in keys:
        if isinstance(key, str) and isinstance(kind, type) and issubclass(kind, Section):
            kind = get_type_hints(kind, include_extras=False).get(key)
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
    return kind


def _keys_at(keys: Sequence[str | int]) -> list[str]:
    kind = _type_at(keys)
    is_section = isinstance(kind, type) and issubclass(kind, Section)
    return sorted(kind.__struct_fields__) if is_section else []
