"""The whole core in one place: records in, an `Outcome` out. No I/O, no clock.

`Monitor.step` may be given any number of records at a time: each stage goes through them in order,
one after another, on its own state, so how records are cut into polls never changes a score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.alerting import Alerting, Early
from models.answering import Answering, What
from models.arms import Decision, one_arm
from models.balance import ClassBalance
from models.detection import Detected, Detection, inputs
from models.examples import Examples
from models.fingerprint import ScoreChain
from models.gate import LabelGate
from models.given import GivenScores
from models.kernels import logits, sigmoids
from models.mixing import Mixing
from models.prequential import Prequential
from models.protocols import Drift, Model, Stateful
from models.scaler import StandardScaler
from models.strangeness import Sight
from models.vectors import (
    CORRECT,
    LEARN,
    SCORE,
    Codes,
    Floats,
    Ints,
    Steps,
    to_learn,
)
from stream.codec import Codec
from stream.drifts import ADWIN, Answer, DriftReport, DriftWatch, error_of
from stream.events import DeadLetter, Events, Record
from stream.features import Features
from stream.label_limits import LabelLimits
from stream.labels import EVENT_ITEM, Labels, Ops
from stream.late_labels import LateLabels
from stream.workings import Named, Workings

REST, INTERCEPT = "everything else", "intercept"  # what ends an alert's reasons


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll's records led to.

    Attributes
    ----------
    events
        The events, in order.
    scores, thresholds, alerts
        Shape (events,): each event's score, the alert threshold it was held against, and 0 or 1.
    reasons
        For each alert, in order: the contributions to the logit that count most, name and value;
        then the sum of all others, if there are any, and the intercept. They add up to the logit.
    dead
        Records that could not be read.
    labelled, labels
        Shape (labels,): for each label that met its example, in order, the number (from 0, over
        all events) of the event that it is of, and 0 or 1. A correction is one more.
    drifts
        What has drifted, and what arms did about it, in order.
    by_arm
        Shape (events, arms): each arm's own score of each event.
    workings
        What the scores came from.
    """

    events: Events
    scores: Floats
    thresholds: Floats
    alerts: Codes
    reasons: Sequence[Sequence[tuple[str, float]]]
    dead: Sequence[DeadLetter]
    labelled: Ints
    labels: Codes
    drifts: Sequence[DriftReport]
    by_arm: Floats
    workings: Workings


@dataclass(frozen=True, slots=True)
class LabelFree:
    """What needs no labels: its verdict, the last arm's, decides while the gate is closed."""

    detection: Detection
    gate: LabelGate


@dataclass(frozen=True, slots=True)
class Arm:
    """A model under its name, with the measures of what it said."""

    name: str
    model: Model
    prequential: Prequential


def _nobody(_: str) -> None:
    """Who is told of stages, where nobody wants to know."""


@dataclass(slots=True)
class Monitor:
    """Scores events, learns from labels, decides on alerts, and measures itself.

    For every record: features come from earlier records only; an event is scored before anything
    else is done with it; a label is measured against the score as it was given, shown to the
    drift detectors, and only then learned (test, then train), unless a limit holds it back. An
    alert names `reasons` of them. Where there is a `label_free` part, arms see what it says too.
    With `mixing`, weights may be mixed with those of other monitors between two steps.
    `lap` is told the name of each stage of `stream.metrics.stages` that a step is through with.
    """

    codec: Codec
    labels: Labels
    features: Features
    scaler: StandardScaler
    examples: Examples
    arms: Sequence[Arm]
    decision: Decision
    given_by_arm: GivenScores
    given: GivenScores
    alerting: Alerting
    prequential: Prequential
    watch: DriftWatch
    late: LateLabels
    limits: LabelLimits | None = None
    balance: ClassBalance | None = None
    label_free: LabelFree | None = None
    mixing: Mixing | None = None
    reasons: int = 5
    chain: ScoreChain = field(default_factory=ScoreChain)
    lap: Callable[[str], None] = _nobody

    def step(self, records: Sequence[Record]) -> Outcome:
        """Take the next records, in order, whatever their number."""
        batch = self.codec.decode(records)
        self.lap("decode")
        on: Any = slice(None)  # which records go on: all, where there is no limit
        if self.limits:
            on = self.limits.admit(batch.kind, batch.source, batch.ts)
        ops = self.labels.join(batch.kind[on], batch.ids[on], batch.ts[on], batch.label[on])
        code = self.balance.hold(ops.code, ops.y) if self.balance else ops.code
        vectors = self.features.run(ops, batch.events)
        raw = vectors.dense.copy()
        observed = self.features.observe(batch.events, vectors)
        self.scaler.scale(vectors.dense)
        self.lap("features")
        detected = self._detect(batch.events, raw, vectors.dense)
        self.lap("label-free")
        if detected:
            raw = np.concatenate([raw, detected.surprisals], axis=1)
            vectors = vectors.widened(inputs(detected.surprisals))
        steps = Steps(to_learn(code), ops.y, self.examples.recall(ops.code, ops.slot, vectors))
        said = [arm.model.run(steps) for arm in self.arms]
        by_arm = np.stack([sigmoids(scores.logits) for scores in said], axis=1)
        by_arm, _ = self.given_by_arm.recall(ops.code, ops.slot, by_arm)
        decided, leaders = self.decision.decide(code, ops.y, by_arm)
        final, early = decided, None
        if self.label_free:
            alone = self.label_free.gate.closed(code, ops.y)
            final = np.where(alone, by_arm[:, -1], decided)
            leaders = np.where(alone, len(self.arms) - 1, leaders)
            early = Early(logits(by_arm[:, -1]), alone)
        kept, numbers = self.given.recall(ops.code, ops.slot, np.stack([decided, final], axis=1))
        given = kept[:, 1]
        is_event = ops.code == SCORE
        thresholds, alerts = self.alerting.decide(
            code, ops.y, ops.was, logits(kept[:, 0]), ops.ts, early
        )
        self.lap("arms")
        keys = getattr(batch.events, "keys", None)  # a mail has none
        self.late.run(ops, given, alerts, keys)
        thresholds, alerts = thresholds[is_event], alerts[is_event]
        self.chain.update(batch.ids[batch.kind == EVENT_ITEM], given[is_event])

        measured = (ops.code == LEARN) | (ops.code == CORRECT)
        labels, was = ops.y[measured], ops.was[measured]
        self.prequential.update(given[measured], labels, was)
        for k, arm in enumerate(self.arms):
            arm.prequential.update(by_arm[measured, k], labels, was)
        first_op = self.watch.operations
        drifts = [*self.watch.run(ops, given, *observed), *self._answers(ops, first_op)]
        drifts.sort(key=lambda report: report.number)
        workings = Workings(raw, steps.vectors, np.flatnonzero(is_event), said, leaders, detected)
        reasons = [
            self.reasons_of(workings, batch.events, event)
            for event in np.flatnonzero(alerts).tolist()
        ]
        self.lap("measures")
        return Outcome(
            batch.events, given[is_event], thresholds, alerts, reasons, batch.dead,
            numbers[measured], labels, drifts, by_arm[is_event], workings,
        )  # fmt: skip

    def _detect(self, events: Events, raw: Floats, scaled: Floats) -> Detected | None:
        if not self.label_free:
            return None
        keys = getattr(events, "keys", np.zeros((len(events), 0), np.uint64))
        return self.label_free.detection.run(Sight(scaled, raw, keys, events.ts))

    @property
    def leader(self) -> str:
        """Name of the arm whose score counts most now."""
        return self.arms[int(np.argmax(self.weights))].name

    @property
    def handovers(self) -> int:
        """How often another one has taken over the decision."""
        opened = self.label_free is not None and not self.label_free.gate.is_closed
        return self.decision.switches + opened

    @property
    def weights(self) -> Floats:
        """Shape (arms,): what each arm's score counts for at the next event; they add up to 1."""
        if self.label_free and self.label_free.gate.is_closed:
            return one_arm(len(self.arms), -1)
        return self.decision.weights

    @property
    def threshold(self) -> float:
        """Alert threshold for the next event; 1 while nothing can be an alert."""
        if self.label_free and self.label_free.gate.is_closed:
            return self.alerting.early_threshold
        return self.alerting.threshold

    def _answers(self, ops: Ops, first: int) -> Iterator[DriftReport]:
        """What arms did about drifts of their own error; `first` is the batch's first operation."""
        for arm in self.arms:
            if not isinstance(arm.model, Answering):
                continue
            for each in arm.model.answers:
                trial = each.what == What.TRIAL
                answer = Answer(
                    arm.name, each.what.value, each.done, each.rate_before, each.rate_after
                )
                yield DriftReport(
                    first + each.step, error_of(arm.name), ADWIN,
                    Drift.DRIFT if trial else Drift.NONE, each.after, float(ops.ts[each.step]),
                    each.before, each.after, answer=answer,
                )  # fmt: skip

    def reasons_of(self, workings: Workings, events: Events, event: int) -> Named:
        """What counts most in one event's logit, then all else and the intercept: its sum."""
        parts = workings.contributions(self.features, events, event)
        parts.sort(key=lambda part: (-abs(part[1]), part[0]))
        named, others = parts[: self.reasons], parts[self.reasons :]
        if others:
            named.append((REST, math.fsum(part for _, part in others)))
        return [*named, (INTERCEPT, workings.intercept(event))]

    def _parts(self) -> dict[str, Stateful]:
        optional: dict[str, Stateful | None] = {"limits": self.limits, "balance": self.balance}
        if self.label_free:
            optional |= {"detection": self.label_free.detection, "gate": self.label_free.gate}
        optional["mixing"] = self.mixing
        return {
            **{name: part for name, part in optional.items() if part},
            "labels": self.labels,
            "features": self.features,
            "scaler": self.scaler,
            "examples": self.examples,
            **{f"arm {arm.name}": arm.model for arm in self.arms},
            **{f"measures of {arm.name}": arm.prequential for arm in self.arms},
            "decision": self.decision,
            "given by arm": self.given_by_arm,
            "given": self.given,
            "alerting": self.alerting,
            "prequential": self.prequential,
            "chain": self.chain,
            "watch": self.watch,
            "late": self.late,
        }

    def snapshot(self) -> dict[str, Any]:
        """All that shapes a score, as nested plain values and arrays (see `models.state`)."""
        return {name: part.snapshot() for name, part in self._parts().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `snapshot` saw."""
        for name, part in self._parts().items():
            if name == "mixing" and name not in state:
                continue  # a snapshot from before there was any: what one has then is its start
            part.restore(state[name])
