"""An arm that answers drift: a copy of it that learns fast again takes its place, if it is better.

A detector watches the arm's own errors. At an alarm the arm's state is copied, and the copy does
what `models.answers` says: a trial starts. Both learn from the same labels, the arm goes on
deciding, and the copy becomes the arm as soon as it has predicted better by more than chance. If it
has not after some labels, it is dropped. So a false alarm changes no score. What it has replaced
stays on trial in its turn: to learn fast may be good for the first labels only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from models import kernels
from models.answers import OnDrift, acts
from models.compiled import compiled, inlined
from models.drift.adwin import Adwin
from models.drift.adwin import _run as adwin
from models.drift.detector import DRIFT, STATISTIC
from models.logistic import LogisticRegression
from models.scores import Scores
from models.settings import share, whole
from models.state import come_back, leave
from models.vectors import LEARN, Codes, Floats, Ints, Slots, Steps

# Labels from one look at the alarm and at the trial to the next: all that is decided is decided
# there, so that it cannot matter how the stream comes in pieces.
EVERY = 8

# Places of `ends`: labels since the last look, whether there was an alarm since; which trial is on,
# its labels, and the errors of who leads and who is on trial.
SINCE, ALARM, TRIAL, LABELS, ERRORS, COPYS_ERRORS, ENDS = range(7)
NONE, FIRST, RETURN = range(3)  # trials: none, of the copy, of what it has replaced
# Places of `figures`: the detector's statistic before the alarm and at it, and the evidence.
BEFORE, AFTER, EVIDENCE, FIGURES = range(4)

MOST = 4.6  # nats that one label can count for: a probability of 0.01


class What(StrEnum):
    """What happened."""

    TRIAL = "trial"
    PROMOTED = "promoted"
    DROPPED = "dropped"


class Answer(NamedTuple):
    """One thing that happened to an arm that answers drift.

    Attributes
    ----------
    step
        The operation of the batch after which it did.
    before, after
        Of a trial's start the detector's statistic, before the alarm and at it. Of its end, the
        error rates in the trial, of the arm and of the copy.
    rate_before, rate_after
        The schedule's, of the arm and of the copy.
    done
        What the copy did, in words.
    """

    step: int
    what: What
    before: float
    after: float
    rate_before: float
    rate_after: float
    done: str


@inlined
def _wrong(logit: float, y: int) -> bool:
    return (logit > 0.0) != (y == 1)


@inlined
def _loss(logit: float, y: int) -> float:
    """Log-loss, up to `MOST`."""
    z = logit if y == 1 else -logit
    return min(max(-z, 0.0) + math.log1p(math.exp(-abs(z))), MOST)


@compiled
def _watch(
    code: Codes, y: Codes, dense: Floats, start: Ints, end: Ints, slots: Slots, values: Floats,
    optimizer: int, parameters: Floats, rates: Floats, l2: float, clip: float, max_weight: float,
    cells: Floats, scalars: Floats, counts: Ints, space: Floats, logits: Floats,
    dense_parts: Floats, parts_start: Ints, hashed_parts: Floats,
    every: int, ends: Ints, figures: Floats, errors: Floats, levels: Codes, statistics: Floats,
    delta: float, clock: int, max_buckets: int, least: float, grace_period: float,
    state: Floats, filled: Ints, totals: Floats, squares: Floats,
) -> int:  # fmt: skip
    """Run the model up to the first look that finds an alarm; gives how many steps that took."""
    first = counts[kernels.LEARNED]
    i = 0
    while i < len(code):
        j = i
        while j < len(code) and ends[SINCE] < every:
            ends[SINCE] += code[j] == LEARN
            j += 1
        kernels.run(
            code[i:j], y[i:j], dense[i:j], start[i:j], end[i:j], slots, values, optimizer,
            parameters, rates[counts[kernels.LEARNED] - first :], l2, clip, max_weight, cells,
            scalars, counts, space, logits[i:j], dense_parts[i:j],
            parts_start[i : j + 1], hashed_parts,
        )  # fmt: skip
        labels = 0
        for k in range(i, j):
            if code[k] == LEARN:
                errors[labels] = 1.0 if _wrong(logits[k], y[k]) else 0.0
                labels += 1
        before = state[STATISTIC]
        adwin(
            errors[:labels], levels, statistics, delta, clock, max_buckets, least, grace_period,
            state, filled, totals, squares,
        )  # fmt: skip
        for k in range(labels):
            if levels[k] == DRIFT:
                ends[ALARM] = 1
                figures[BEFORE] = before
                figures[AFTER] = statistics[k]
            before = statistics[k]
        i = j
        if ends[SINCE] == every:
            ends[SINCE] = 0
            if ends[ALARM] == 1:
                break
    return i


@compiled
def _weigh(code: Codes, y: Codes, arms: Floats, copys: Floats, ends: Ints, figures: Floats) -> None:
    for i in range(len(code)):
        if code[i] == LEARN:
            ends[LABELS] += 1
            t = ends[LABELS]
            gain = _loss(arms[i], y[i]) - _loss(copys[i], y[i])
            figures[EVIDENCE] = (figures[EVIDENCE] + 1.0 / (t * (t + 1.0))) * math.exp(gain)
            ends[ERRORS] += _wrong(arms[i], y[i])
            ends[COPYS_ERRORS] += _wrong(copys[i], y[i])


class Watch(Adwin):
    """ADWIN that watches a model while it learns, in one compiled loop."""

    def learn(
        self, model: LogisticRegression, steps: Steps, scores: Scores, ends: Ints, figures: Floats
    ) -> int:
        """Run `model` up to the first look that finds an alarm; gives how many steps that took."""
        room = np.empty(EVERY), np.empty(EVERY, np.int8), np.empty(EVERY)
        model_and_watch = (
            *model.arguments(steps, scores), EVERY, ends, figures, *room,
            *self._settings, *self._state.values(),
        )  # fmt: skip
        return _watch(*model_and_watch)


class Answering:
    """Logistic regression that answers drift by a copy that learns fast again, on trial.

    The trial's evidence is the ratio of the probabilities that copy and arm gave the labels,
    ``E = (E + 1 / (t * (t + 1))) * p_copy / p_arm`` at label `t`: a part of the stake waits for
    each later start, as in `models.switch`. If the arm's probabilities are right, ``E`` plus what
    waits still is a martingale that starts at 1, and ever reaches ``1 / level`` with a chance of at
    most `level` (Ville 1939). An arm that is wrong may be replaced by a copy as wrong, which has
    predicted better all the same. A probability counts as at least 0.01.

    Parameters
    ----------
    make
        Makes the arm, and its copy: the same each time.
    on_drift
        What the copy does.
    watch
        The detector.
    trial
        Labels after which a copy that has not won is dropped.
    level
        Chance of a promotion in a trial, where the arm's probabilities are right.

    Raises
    ------
    ValueError
        If the arm has nothing to do on drift.
    """

    def __init__(
        self,
        make: Callable[[], LogisticRegression],
        on_drift: OnDrift | None = None,
        watch: Watch | None = None,
        trial: int = 500,
        level: float = 0.2,
    ) -> None:
        whole(1, trial=trial)
        share(level=level)
        self._arm, self._copy = make(), make()
        if not acts(self._arm.optimizer, self._arm.schedule):
            name = type(self._arm.optimizer).__name__
            raise ValueError(f"{name} recovers unaided: it has no answer to drift")
        self._on_drift = OnDrift() if on_drift is None else on_drift
        self._watch = Watch() if watch is None else watch
        self._trial = trial
        self._level = level
        self._ends = np.zeros(ENDS, np.int64)
        self._figures = np.zeros(FIGURES)
        self.answers: list[Answer] = []  # of the last batch

    @property
    def rate(self) -> float:
        return self._arm.rate

    @property
    def learned(self) -> int:
        return self._arm.learned

    @property
    def refused(self) -> int:
        return self._arm.refused

    @property
    def gradient_norm(self) -> float:
        return self._arm.gradient_norm

    @property
    def effective_rate(self) -> float:
        return self._arm.effective_rate

    @property
    def weight_norm(self) -> float:
        return self._arm.weight_norm

    @property
    def weights(self) -> Floats:
        return self._arm.weights

    @property
    def on_trial(self) -> bool:
        """Whether a copy is."""
        return bool(self._ends[TRIAL] != NONE)

    def run(self, steps: Steps) -> Scores:
        """Carry out score and learn steps, strictly in order."""
        scores, n = Scores.of(steps), len(steps.code)
        self.answers = []
        i = 0
        while i < n:
            j = self._next_look(steps.code, i) if self.on_trial else n
            piece, said = steps.rows(i, j), scores.rows(i, j)
            i += self._watch.learn(self._arm, piece, said, self._ends, self._figures)
            if self.on_trial:
                copys = self._copy.run(piece).logits
                _weigh(piece.code, piece.y, said.logits, copys, self._ends, self._figures)
            if self._ends[SINCE] == 0:
                self._look(i - 1)
        return scores

    def _next_look(self, code: Codes, i: int) -> int:
        """The step after the label that ends this piece of a trial."""
        missing = EVERY - int(self._ends[SINCE])
        labels = np.flatnonzero(code[i:] == LEARN)
        return i + int(labels[missing - 1]) + 1 if len(labels) >= missing else len(code)

    def _look(self, step: int) -> None:
        alarm, self._ends[ALARM] = self._ends[ALARM] == 1, 0
        if self.on_trial:
            first = self._ends[TRIAL] == FIRST
            labels = self._ends[LABELS]
            if self._figures[EVIDENCE] + 1.0 / (labels + 1.0) >= 1.0 / self._level:
                self._note(step, What.PROMOTED if first else What.DROPPED, *self._error_rates())
                self._arm, self._copy = self._copy, self._arm
                self._try(RETURN if first else NONE)
                return
            if alarm or labels >= self._trial:
                if first:
                    self._note(step, What.DROPPED, *self._error_rates())
                self._try(NONE)
        if alarm:
            self._copy.restore(self._arm.snapshot())
            done = self._copy.answer(self._on_drift)
            self._try(FIRST)
            before, after, _ = self._figures.tolist()
            self._note(step, What.TRIAL, before, after, done)

    def _try(self, which: int) -> None:
        self._ends[TRIAL] = which
        self._ends[[LABELS, ERRORS, COPYS_ERRORS]] = 0
        self._figures[EVIDENCE] = 0.0

    def _error_rates(self) -> tuple[float, float]:
        labels = int(self._ends[LABELS])
        return int(self._ends[ERRORS]) / labels, int(self._ends[COPYS_ERRORS]) / labels

    def _note(self, step: int, what: What, before: float, after: float, done: str = "") -> None:
        rates = self._arm.rate, self._copy.rate
        self.answers.append(Answer(step, what, before, after, *rates, done))

    def _own(self) -> dict[str, Any]:
        return {"ends": self._ends, "figures": self._figures}

    def snapshot(self) -> dict[str, Any]:
        copy = {"copy": self._copy.snapshot()} if self.on_trial else {}
        return {
            "arm": self._arm.snapshot(),
            "watch": self._watch.snapshot(),
            **leave(self._own()),
            **copy,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        come_back(self._own(), {name: state[name] for name in self._own()})
        self._arm.restore(state["arm"])
        self._watch.restore(state["watch"])
        if self.on_trial:
            self._copy.restore(state["copy"])
