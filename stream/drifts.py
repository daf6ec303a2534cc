"""What drifts: the error as labels come; scores, inputs and the labels themselves at once.

A stage of the monitor like the others: it goes through a batch's operations in order, on its own
state, so that how records are cut into polls changes nothing of what is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np

from models.drift.contrast import Contrast
from models.drift.episodes import Episodes
from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.kernels import logits
from models.protocols import Drift, DriftDetector, Stateful
from models.state import come_back, leave
from models.vectors import LEARN, SCORE, Floats, Hashes, Ints
from stream.labels import Ops

ERROR, SCORES, INPUTS, CATEGORIES = "error", "score", "inputs", "categories"
ADWIN = "adwin"  # what watches an arm's own error
POSITIVES, RATE, DELAY = "share of positives", "label rate", "label delay"
SIGNALS = (ERROR, SCORES, INPUTS, CATEGORIES, POSITIVES, RATE, DELAY)
WINDOWS = "two-windows"  # what the detector of all but the error is called
MOST_MOVED, LEAST_MOVED = 5, 0.01  # features that a report names; and their least index
FORGET = 0.9  # by which a feature's index counts less with each comparison
# Places of what is kept of an input: its index as it counts now, and what was found then.
RANK, PLACES = 0, 5
LARGEST_LOGIT = 40.0


@dataclass(frozen=True, slots=True)
class Moved:
    """How a feature's distribution has moved: its mean before and after, and by how much.

    For a category: the share of the value that moved most, and no `ks`.
    """

    feature: str
    psi: float
    ks: float | None
    before: float
    after: float


def error_of(arm: str) -> str:
    """The signal that is an arm's own error."""
    return f"error of {arm}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an arm made of a drift of its own error: see `models.answering`."""

    arm: str
    what: str
    done: str
    rate_before: float
    rate_after: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """A drift that a person is told of, or what an arm did about one.

    Attributes
    ----------
    number
        Of the operation it was found at, counted from 0 over the whole stream.
    signal, detector
        What was watched, and by what.
    level
        `Drift.NONE` for the end of an arm's trial.
    statistic
        The detector's own measure then.
    ts
        Event time, in seconds since 1970.
    before, after
        How large the signal was and is, as a mean.
    moved
        The features that have moved most.
    answer
        What an arm did.
    """

    number: int
    signal: str
    detector: str
    level: Drift
    statistic: float
    ts: float
    before: float
    after: float
    moved: Sequence[Moved] = ()
    answer: Answer | None = None


class DriftWatch:
    """Watches signals, and reports the first drift of each episode.

    Parameters
    ----------
    detectors
        Of the error, by name.
    inputs, categories
        Names of the numbers and of the categories whose distributions are watched.
    windows
        Of each signal that is watched by two windows; those that are not there are not watched.
    mixes
        Likewise of the categories.
    cooldown
        See `models.drift.episodes`.
    """

    def __init__(
        self,
        detectors: Mapping[str, DriftDetector],
        inputs: Sequence[str],
        categories: Sequence[str],
        windows: Mapping[str, TwoWindows],
        mixes: TwoMixes | None,
        cooldown: float,
    ) -> None:
        self.detectors = dict(detectors)
        self.inputs = list(inputs)
        self.categories = list(categories)
        self.windows = dict(windows)
        self.mixes = mixes
        self._episodes = Episodes(len(self.detectors), len(SIGNALS), cooldown)
        self._contrast = Contrast()
        self._seen = np.zeros(2, np.int64)  # operations, and whether a label has come
        self._far = np.zeros((PLACES, len(self.inputs)))  # how far each input has moved lately

    @property
    def operations(self) -> int:
        """How many there were."""
        return int(self._seen[0])

    @property
    def held(self) -> dict[str, int]:
        """By signal: verdicts that were no news."""
        return dict(zip(SIGNALS, self._episodes.held.tolist(), strict=True))

    @property
    def watched(self) -> list[str]:
        """Signals that two windows watch."""
        return [*self.windows, *[CATEGORIES] * (self.mixes is not None)]

    def stability(self) -> Iterator[tuple[str, str, float]]:
        """Signal, feature and population stability index at the last comparison."""
        for signal, windows in self.windows.items():
            names = self.inputs if signal == INPUTS else [""]
            yield from zip(repeat(signal), names, windows.psi.tolist())
        if self.mixes:
            yield from zip(repeat(CATEGORIES), self.categories, self.mixes.psi.tolist())

    def run(self, ops: Ops, given: Floats, inputs: Floats, categories: Hashes) -> list[DriftReport]:
        """Go through operations in order.

        Parameters
        ----------
        ops
            With `given`, each one's score as it was given.
        inputs, categories
            Shape (events, names): of each event.
        """
        labels, events = np.flatnonzero(ops.code == LEARN), np.flatnonzero(ops.code == SCORE)
        found = list(self._errors(ops, labels, given))
        scores = np.clip(logits(given[events]), -LARGEST_LOGIT, LARGEST_LOGIT)
        delays = np.log1p(np.maximum(ops.ts[labels] - ops.since[labels], 0.0))
        for signal, at, values in (
            (SCORES, events, scores),
            (POSITIVES, labels, ops.y[labels].astype(np.float64)),
            (RATE, *self._arrivals(ops)),
            (DELAY, labels, delays),
        ):
            found += self._windowed(ops, signal, at, values)
        of_inputs, moves = self._inputs(ops, events, inputs)
        found += [*of_inputs, *self._mixed(ops, events, categories)]
        self._seen[0] += len(ops)
        found.sort(key=lambda report: (report.number, SIGNALS.index(report.signal)))
        return [_with_moves(report, moves) for report in found if self._is_news(report)]

    def _is_news(self, report: DriftReport) -> bool:
        return self._episodes.admit(SIGNALS.index(report.signal), report.level, report.ts)

    def _errors(self, ops: Ops, labels: Ints, given: Floats) -> Iterator[DriftReport]:
        """What the detectors say of the error of each first label."""
        if not self.detectors:
            return
        errors = ((given[labels] > 0.5) != ops.y[labels]).astype(np.float64)
        before, after = self._contrast.run(errors)
        for which, (name, detector) in enumerate(self.detectors.items()):
            verdicts = detector.run(errors)
            for k in self._episodes.rises(which, verdicts.levels).tolist():
                yield DriftReport(
                    self._number(labels[k]), ERROR, name, Drift(int(verdicts.levels[k])),
                    float(verdicts.statistics[k]), float(ops.ts[labels[k]]),
                    float(before[k]), float(after[k]),
                )  # fmt: skip

    def _number(self, op: int) -> int:
        return int(self._seen[0] + op)

    def _arrivals(self, ops: Ops) -> tuple[Ints, Floats]:
        """An event is 0 and a first label 1: their mean is the rate. From the first label on."""
        came = ops.code == LEARN
        begun = np.maximum.accumulate(came | bool(self._seen[1]))
        if len(begun):
            self._seen[1] = begun[-1]
        at = np.flatnonzero(begun & (came | (ops.code == SCORE)))
        return at, came[at].astype(np.float64)

    def _windowed(self, ops: Ops, signal: str, at: Ints, values: Floats) -> Iterator[DriftReport]:
        """What two windows say of a signal of one number."""
        if signal not in self.windows:
            return
        found = self.windows[signal].run(values[:, np.newaxis])
        for row, psi, before, after in zip(
            found.rows.tolist(), found.psi.tolist(), found.before.tolist(), found.after.tolist(),
            strict=True,
        ):  # fmt: skip
            yield self._report(ops, int(at[row]), signal, psi, before, after)

    def _report(
        self, ops: Ops, op: int, signal: str, psi: float, before: float, after: float,
        moved: Sequence[Moved] = (),
    ) -> DriftReport:  # fmt: skip
        return DriftReport(
            self._number(op), signal, WINDOWS, Drift.DRIFT, psi, float(ops.ts[op]),
            before, after, moved,
        )  # fmt: skip

    def _inputs(
        self, ops: Ops, events: Ints, inputs: Floats
    ) -> tuple[list[DriftReport], list[tuple[int, list[Moved]]]]:
        """Drifts of inputs, one report for all that are found at once.

        Also what has moved most, with the number of the operation from which on that is known.
        """
        watching = self.windows.get(INPUTS)
        if watching is None:
            return [], []
        reports = []
        moves = [(-1, self._most_moved())]
        start = 0
        while start < len(inputs):
            end = start + watching.room
            found = watching.run(inputs[start:end])
            if end <= len(inputs):
                self._remember(watching)
                moves.append((self._number(int(events[end - 1])), self._most_moved()))
            if len(found.rows):
                about = zip(*(each.tolist() for each in found[1:]), strict=True)
                moved = [Moved(self.inputs[column], *rest) for column, *rest in about]
                moved = sorted(moved, key=lambda each: -each.psi)[:MOST_MOVED]
                of = moved[0]
                reports.append(
                    self._report(
                        ops, int(events[end - 1]), INPUTS, of.psi, of.before, of.after, moved
                    )
                )
            start = end
        return reports, moves

    def _remember(self, watching: TwoWindows) -> None:
        """Keep the comparison of each input at which it had moved most, of the last ones.

        An error shows when labels come, which may be long after the input that is behind it.
        """
        now = np.stack([watching.psi, watching.psi, watching.ks, watching.before, watching.after])
        self._far[RANK] *= FORGET
        further = now[RANK] > self._far[RANK]
        self._far[:, further] = now[:, further]

    def _most_moved(self) -> list[Moved]:
        order = np.argsort(-self._far[RANK], kind="stable")[:MOST_MOVED]
        return [
            Moved(self.inputs[k], *self._far[RANK + 1 :, k].tolist())
            for k in order.tolist()
            if self._far[RANK, k] >= LEAST_MOVED
        ]

    def _mixed(self, ops: Ops, events: Ints, categories: Hashes) -> Iterator[DriftReport]:
        """What two windows say of the mix of each categorical field."""
        if self.mixes is None:
            return
        found = self.mixes.run(categories)
        for row, column, psi, before, after in zip(
            *(
                each.tolist()
                for each in (found.rows, found.columns, found.psi, found.before, found.after)
            ),
            strict=True,
        ):
            moved = [Moved(self.categories[column], psi, None, before, after)]
            yield self._report(ops, int(events[row]), CATEGORIES, psi, before, after, moved)

    def _parts(self) -> dict[str, Stateful]:
        return {
            **{f"detector {name}": detector for name, detector in self.detectors.items()},
            **{f"windows of {signal}": windows for signal, windows in self.windows.items()},
            **({"mixes": self.mixes} if self.mixes else {}),
            "episodes": self._episodes,
            "contrast": self._contrast,
        }

    def snapshot(self) -> dict[str, Any]:
        parts = {name: part.snapshot() for name, part in self._parts().items()}
        return {**parts, "seen": leave(self._seen), "far": leave(self._far)}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, part in self._parts().items():
            part.restore(state[name])
        come_back(self._seen, state["seen"])
        come_back(self._far, state["far"])


def _with_moves(report: DriftReport, moves: Sequence[tuple[int, Sequence[Moved]]]) -> DriftReport:
    """The report, with what had moved most by then if it does not say."""
    if report.moved:
        return report
    known = [moved for number, moved in moves if number <= report.number]
    return replace(report, moved=known[-1]) if known else report
