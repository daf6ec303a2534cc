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
from stream.section import Section
from stream.security import Security
from stream.timestamps import duration
from stream.web.settings import Http

ALLOWED = r"[1-9][0-9]{0,5}/(hour|day|week)"  # alerts in a span of time
ARM_NAME = r"[a-z0-9][a-z0-9_.-]{0,62}"
LOGISTIC = "logistic"  # our own learner
SECRET = re.compile("password|token|secret")  # in a key whose value no message shows
WITH_PASSWORD = re.compile("(?<=://)[^/]*:[^/]*(?=@)")  # in an URL
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
    """`[kafka.topics]`: where records come from and go to.

    Attributes
    ----------
    events
        Where events are read. As many partitions as you like.
    labels
        Where labels are read.
    scores
        Where each event's score is written.
    alerts
        Where alerts are written, with their reasons.
    dead_letters
        Where records that cannot be read are written, and why.
    drifts
        Where drifts are written, and what the rates did.
    journal
        Where the order in which records were taken is written, for recovery.
    models
        Where monitors of one partition each publish their weights, for the others.
    """

    events: Name = "transactions"
    labels: Name = "labels"
    scores: Name = "scores"
    alerts: Name = "alerts"
    dead_letters: Name = "dead-letters"
    drifts: Name = "drifts"
    journal: Name = "{group}-journal"
    models: Name = "{group}-models"

    def __post_init__(self) -> None:
        every = [getattr(self, use) for use in self.__struct_fields__]
        twice = sorted({name for name in every if every.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} named twice: expected different topics")

    @property
    def names(self) -> list[str]:
        """Those that every group needs: all but the models."""
        return [getattr(self, use) for use in self.__struct_fields__ if use != "models"]


class Kafka(Section, frozen=True):
    """`[kafka]`: the broker, and what is asked of it.

    Attributes
    ----------
    bootstrap
        Addresses of brokers, `host:port`, with commas between.
    group
        The consumer group, whose workers share one state. It names journal and snapshots too.
    client
        Which client reads and writes; `librdkafka` needs `pip install -e '.[librdkafka]'`.
    delivery
        `exactly-once` writes in transactions; `at-least-once` is for brokers without them.
    max_poll_records
        Records taken at a time, at most. It changes no score.
    max_wait
        How long a partition with nothing at hand is waited for, so that order is by timestamp.
    linger
        How long the producer gathers records before it sends them.
    commit_interval
        Time from one commit to the next: what a reader of committed scores waits for.
    session_timeout
        How long the broker waits for a silent worker before another takes over.
    partition
        The partition that a look at the past is about, where each has a monitor of its own.
    """

    bootstrap: Name = "127.0.0.1:9092"
    group: Name = "streamgauge"
    client: Literal["kafka-python", "librdkafka"] = "kafka-python"
    delivery: Literal["exactly-once", "at-least-once"] = "exactly-once"
    topics: Topics = Topics()
    max_poll_records: Count = 10_000
    max_wait: Duration = "1s"
    linger: Duration = "1ms"
    commit_interval: Duration = "1s"
    session_timeout: Duration = "45s"
    security: Security = Security()
    partition: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None

    def __post_init__(self) -> None:
        _check_durations(self, "max_wait", "linger", "commit_interval", "session_timeout")
        if self.delivery == "exactly-once" and duration(self.commit_interval) > LONGEST_COMMIT:
            raise ValueError("commit_interval: expected at most 10m, where a transaction is open")
        journal = self.topics.journal.replace("{group}", self.group)
        models = self.topics.models.replace("{group}", self.group)
        topics = msgspec.structs.replace(self.topics, journal=journal, models=models)
        msgspec.structs.force_setattr(self, "topics", topics)

    @property
    def journal_partition(self) -> int:
        """Where in the journal topic this monitor's entries are."""
        return self.partition or 0

    @property
    def transactional_id(self) -> str:
        """Whoever starts transactions under it shuts out whoever did so before."""
        return self.group if self.partition is None else f"{self.group}-{self.partition}"


class FieldNames(Section, frozen=True):
    """`[fields]`: what the stream calls things; "" where it has no such field.

    Attributes
    ----------
    id
        Identifies an event. Metrics need none: they are `series@ts`.
    ts
        Event time: ISO 8601, or seconds since 1970. Mails may lack it: then the record's counts.
    label
        1 for the class to be caught, 0 for the other; in a label, or in an event of a recording.
    source
        In a label: who says so.
    customer
        The customer, card or account of a transaction.
    terminal
        The terminal or merchant of a transaction.
    amount
        The amount of a transaction, a number.
    series
        The series that a value belongs to.
    value
        The value of a series, a number.
    numeric
        Further numbers that become features.
    categorical
        Further texts that become features.
    """

    id: Name = "id"
    ts: str = "ts"
    label: Name = "label"
    source: str = "source"
    customer: str = "customer"
    terminal: str = "terminal"
    amount: str = "amount"
    series: Name = "series"
    value: Name = "value"
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
    """`[features]`: what is kept of customers and terminals, or of series.

    Attributes
    ----------
    windows
        Lengths of the windows over each key's past, rising.
    aggregates
        `decayed` forgets smoothly in constant room; `sliding` is exact and keeps each event.
    max_keys
        Customers, terminals or series that are remembered; the longest unseen leaves first.
    max_window_events
        With `sliding`: events that are kept of all keys together.
    hash_bits
        Categories share `2 ** hash_bits` weights.
    scale_limit
        Bound on a standardised feature, in standard deviations.
    """

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

    Attributes
    ----------
    max_bytes
        Bytes of a message that make 4-grams, masked headers aside.
    hash_bits
        All that is found in a message shares `2 ** hash_bits` weights.
    masked_headers
        Headers that are not looked at; `*` ends a beginning, `!` takes one back.
    windows
        Lengths of the windows over each sender's past, rising.
    max_keys
        Senders and domains that are remembered; the longest unseen leaves first.
    """

    max_bytes: Annotated[int, Meta(ge=16, le=4_096)] = 1_500
    hash_bits: Annotated[int, Meta(ge=8, le=26)] = 22
    masked_headers: tuple[HeaderPattern, ...] = MASKED_HEADERS
    windows: Windows = ("1d", "30d")
    max_keys: Count = 100_000

    def __post_init__(self) -> None:
        _check_windows(self.windows)


class Reasons(Section, frozen=True):
    """`[reasons]`: what an alert says; `text` lets it quote the message.

    Attributes
    ----------
    text
        Whether reasons name parts of the mail. Else they name only what kind of part it was.
    count
        Contributions that an alert lists; the others are summed up.
    """

    text: bool = False
    count: Annotated[int, Meta(ge=0, le=1_000)] = 5


class LabelSettings(Section, frozen=True):
    """`[labels]`: how events wait for their labels, and how much a source may say.

    Attributes
    ----------
    max_waiting
        Events that wait for their labels; the oldest leaves first.
    max_early
        Labels that wait for their events.
    ttl
        How long an event waits for its label, in event time.
    expire_as
        What an event without a label is by then; `negative` is learned as class 0.
    per_source
        Labels that one source may give in `per`; further ones are dropped. Those that name no
        source count as one source's. Unset: no limit.
    per
        The span of event time that `per_source` is for.
    max_sources
        Sources that are counted; the longest unseen leaves first.
    max_class_share
        Labels of a class beyond this share are measured, not learned. Unset: no limit.
    """

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

    Attributes
    ----------
    cut
        AdaGrad's and FTRL's accumulators are multiplied by it.
    boost
        Constant rates without such an accumulator are multiplied by it.
    fade
        Labels after which a boost has fallen by a factor of e.
    trial
        Labels that the copy has to prove itself.
    level
        Chance that a copy which is no better is promoted.
    delta
        Of the arm's own ADWIN: the smaller, the fewer alarms.
    """

    cut: Share = 0.1
    boost: Annotated[float, Meta(ge=1, le=1e6)] = 10.0
    fade: Annotated[float, Meta(gt=0, le=1e12)] = 200.0
    trial: Count = 500
    level: Share = 0.2
    delta: Share = 0.005


class ModelSettings(Section, frozen=True):
    """`[model]`: the learner and its engine, and what drives its learning.

    A `learner` is "logistic", or a classifier of River's or of the user's own with its parameters.
    With `on_drift`, and be it empty, the arm answers drifts of its own error.

    Attributes
    ----------
    learner
        What learns: `name` is `logistic`, `river:package.Class` or `module:function`.
    engine
        `river` takes River's own logistic regression: as good, and slower.
    optimizer
        How a gradient and a rate change the weights: a name, and its parameters beside it.
    schedule
        The rate at each label: a name, and its parameters beside it.
    l2
        Pull of the weights towards 0.
    clip
        Bound on the norm of the gradient.
    max_weight
        Bound on each weight.
    on_drift
        A table, be it empty: the arm answers drifts of its own error. Unset: it does not.
    """

    learner: dict[str, Any] = field(default_factory=lambda: {"name": LOGISTIC})
    engine: Literal["streamgauge", "river"] = "streamgauge"
    optimizer: dict[str, Any] = field(default_factory=lambda: {"name": "adagrad"})
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "constant", "rate": 0.3})
    l2: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    clip: Annotated[float, Meta(gt=0)] = math.inf
    max_weight: Annotated[float, Meta(gt=0)] = math.inf
    on_drift: OnDriftSettings | None = None


class Challenger(ModelSettings, frozen=True, kw_only=True):
    """`[[challengers]]`: a model that shadows the champion, under a name of its own.

    Attributes
    ----------
    name
        The arm's name, in metrics and on the page.
    """

    name: Annotated[str, Meta(pattern=f"^{ARM_NAME}$")]


class DetectionSettings(Section, frozen=True):
    """`[detection]`: scorers that need no labels.

    They alone decide until `min_labels` of each class were learned. With "below_threshold" a scorer
    does not learn events that are stranger to it than a share `threshold` of the others.

    Attributes
    ----------
    scorers
        `half-space-trees`, `distance`, `surprise`, of metrics `next-value`, or one of River's or
        your own; or tables of a `name` and parameters. `as` gives one another name.
    min_labels
        Labels of each class that are learned before the arms decide.
    learn_from
        Whether scorers learn every event, or none that is stranger than `threshold`.
    threshold
        Share of events that are less strange.
    """

    scorers: tuple[str | dict[str, Any], ...] = ()
    min_labels: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 100
    learn_from: Literal["all", "below_threshold"] = "all"
    threshold: Share = 0.99


class DecisionSettings(Section, frozen=True):
    """`[decision]`: whose score counts, where there are challengers.

    Attributes
    ----------
    mode
        `fixed`: the champion's score; `switch`: the best arm's by a test; `mixture`: all weighted.
    share
        Of a mixture: share of the weight that is spread evenly at each label, to forget.
    level
        Of a switch: chance of a wrong one, in the time of a champion.
    reign
        Of a switch: labels from one to the next, at least.
    clip
        Of a switch: scores nearer than this to 0 or 1 count as if they were so near.
    """

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

    Attributes
    ----------
    budget
        Share of events that may be alerts, or so many a span: `"100/day"`, `"5/hour"`, `"9/week"`.
    false_positive_rate
        Ceiling on the share of events of class 0 that become alerts.
    confidence
        With which the ceiling is kept.
    min_labels
        Labels of each class before the first alert.
    memory
        Events after which one counts half for the threshold; for the ceiling, labels of class 0.
    warm_up
        Events before the first alert.
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

    Attributes
    ----------
    signals
        What is watched: the error, the scores, the inputs, the flow of labels.
    detectors
        What watches the error.
    false_alarms
        To expect in a million events, of all signals together.
    window
        Events, or labels, in each of the two windows that are compared.
    cooldown
        For so long in event time, further verdicts of a signal are counted and not told.
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
    """`[input]`: how a record holds an event, and what is too much for one.

    Attributes
    ----------
    format
        `message`: a record is the bytes of a mail, with `id` and `ts` as Kafka headers.
    max_record_bytes
        A larger record is a dead letter.
    max_future
        An event that is later than its record by more is a dead letter.
    """

    format: Literal["json", "message"] = "json"
    max_record_bytes: Annotated[int, Meta(ge=64, le=2**26)] = 65_536
    max_future: Duration = "1d"

    def __post_init__(self) -> None:
        _check_durations(self, "max_future")


class Metrics(Section, frozen=True):
    """`[metrics]`: how far back the measures of the model look.

    A `cohort` is the events of so much event time; it is matured when it is over and a share
    `matured` of it is labelled. Card precision looks at the `cards` highest customers of each.

    Attributes
    ----------
    window
        Labels in the windowed measures.
    fading
        Factor by which the faded measures forget at each label.
    cohort
        Events are measured in cohorts of so much event time.
    matured
        Share of a cohort that has to be labelled before it is judged.
    cards
        How many of a cohort's highest customers card precision looks at.
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


class PartitionSettings(Section, frozen=True):
    """`[partitions]`: whether one monitor has all partitions, or each has one of its own.

    With "partition" the workers of the group share out the partitions: docs/scaling.md has more.

    Attributes
    ----------
    scope
        `all`: one monitor; `partition`: one for each partition.
    key
        The field that records are keyed by, events and labels alike.
    local
        Other keys, whose features see the events of one partition only.
    mix_every
        Monitors mix their weights after so much event time; `"0s"` is never.
    """

    scope: Literal["all", "partition"] = "all"
    key: str = ""
    local: tuple[Name, ...] = ()
    mix_every: Duration = "10m"

    def __post_init__(self) -> None:
        _check_durations(self, "mix_every")

    @property
    def every(self) -> float:
        """Seconds of event time between two mixings; 0 where there are none."""
        return duration(self.mix_every) if self.scope == "partition" else 0.0


class SnapshotSettings(Section, frozen=True):
    """`[snapshot]`: where all state is saved, so that a start need not begin at the beginning.

    Several workers of one group need one place that all of them reach: a folder, a URL, or a topic,
    "kafka://{group}-snapshots". "" is nowhere.

    Attributes
    ----------
    url
        A folder, an fsspec URL such as `s3://bucket/path`, or a topic, `kafka://name`.
    every
        Time from one snapshot to the next.
    keep
        Snapshots that are kept.
    trim_journal
        Whether the journal is cut before the oldest snapshot that is kept.
    """

    url: str = "snapshots/{group}"
    every: Duration = "60s"
    keep: Count = 3
    trim_journal: bool = True

    def __post_init__(self) -> None:
        _check_durations(self, "every")
        if WITH_PASSWORD.search(self.url):
            raise ValueError("url: expected no password; fsspec finds it in the environment")


class ServiceSettings(Section, frozen=True):
    """`[service]`: how long a stop may take, and when it counts as stalled or not ready.

    Attributes
    ----------
    drain
        How long a stop may take.
    stalled
        `/healthz` fails when records wait for so long and none is taken.
    ready_lag
        `/readyz` fails when more records wait.
    """

    drain: Duration = "20s"
    stalled: Duration = "60s"
    ready_lag: Count = 100_000

    def __post_init__(self) -> None:
        _check_durations(self, "drain", "stalled")


class Log(Section, frozen=True):
    """`[log]`: one JSON object a line, or text; auto is text at a terminal only.

    Attributes
    ----------
    format
        How a line of the log is written.
    """

    format: Literal["auto", "text", "json"] = "auto"


class Config(Section, frozen=True):
    """What the stream is, and who else learns from it.

    Attributes
    ----------
    kind
        What an event is. It decides defaults, and which keys there are.
    challengers
        `"default"`: seven that differ. Or `[[challengers]]`, 63 at most.
    """

    kind: Literal["transactions", "emails", "metrics"] = "transactions"
    kafka: Kafka = Kafka()
    fields: FieldNames = FieldNames()
    features: Features = Features()
    email: EmailSettings = EmailSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = field(default_factory=ModelSettings)
    challengers: Annotated[tuple[Challenger, ...], Meta(max_length=63)] | Literal["default"] = ()
    decision: DecisionSettings = DecisionSettings()
    detection: DetectionSettings = DetectionSettings()
    alerts: Alerts = Alerts()
    reasons: Reasons = Reasons()
    drift: DriftSettings = DriftSettings()
    input: Input = Input()
    metrics: Metrics = Metrics()
    partitions: PartitionSettings = PartitionSettings()
    snapshot: SnapshotSettings = SnapshotSettings()
    service: ServiceSettings = ServiceSettings()
    http: Http = Http()
    log: Log = Log()

    def __post_init__(self) -> None:
        url = self.snapshot.url.replace("{group}", self.kafka.group)
        if self.kafka.partition is not None:
            if self.partitions.scope == "all":
                raise ValueError('kafka.partition: expected with partitions.scope = "partition"')
            own = f"/partition-{self.kafka.partition}"
            url = url if url.endswith(own) or not url else url + own
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
        if self.kind == "metrics":
            f.check([f.series, f.value])
            return
        f.check([f.customer, f.terminal, f.amount, *f.numeric, *f.categorical])

    @property
    def topics(self) -> list[str]:
        """Names of the topics that must be there."""
        topics = self.kafka.topics
        return [*topics.names, topics.models] if self.partitions.every else topics.names

    def of_partition(self, partition: int) -> Config:
        """The same for the monitor of one partition."""
        kafka = msgspec.structs.replace(self.kafka, partition=partition)
        return msgspec.structs.replace(self, kafka=kafka)


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
    "metrics": {
        "kafka": {"topics": {"events": "metrics"}},
        "features": {"windows": ("1h", "1d", "7d"), "max_keys": 100_000},
        "labels": {"ttl": "7d"},
        "alerts": {"budget": "10/day"},
        "detection": {"scorers": ("next-value",)},
    },
}
RULES = ("budget", "false_positive_rate")  # of `[alerts]`: one that is set replaces the defaults
# Keys that mean something to some kinds only.
ONLY: Mapping[str, Sequence[str]] = {
    "transactions": (
        "fields.customer", "fields.terminal", "fields.amount", "fields.numeric",
        "fields.categorical", "features.windows", "features.aggregates", "features.max_keys",
        "features.max_window_events", "features.hash_bits",
    ),
    "emails": ("email", "input.format", "reasons.text"),
    "metrics": (
        "fields.series", "fields.value", "features.windows", "features.aggregates",
        "features.max_keys", "features.max_window_events",
    ),
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
    for key in _others(config.kind):
        if _has(given, key.split(".")):
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


def _others(kind: str) -> list[str]:
    """The keys that mean nothing to a kind."""
    return [key for keys in ONLY.values() for key in keys if key not in ONLY[kind]]


def _foreign(key: str, kind: str, data: Any) -> str:
    """That a key means nothing to a kind, and which ones beside it do."""
    *section, name = key.split(".")
    for part in (*section, name):
        data = data[part]
    value = "" if isinstance(data, Mapping) else f" = {shown(data)}"
    others = _others(kind)
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
    if SECRET.search(dotted):
        return f"{dotted}: {message}"
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
    text = WITH_PASSWORD.sub("...", text)
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
