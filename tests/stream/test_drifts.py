"""What drifts is found, told once, and told the same however the stream is cut up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from models.drift.calibrated import calibrated
from models.drift.two_mixes import TwoMixes
from models.drift.two_windows import TwoWindows
from models.protocols import Drift
from models.vectors import LEARN, SCORE, Floats, Hashes
from stream import messages
from stream.drift_log import DriftLog, sentence
from stream.drifts import (
    CATEGORIES,
    DELAY,
    ERROR,
    INPUTS,
    POSITIVES,
    RATE,
    SCORES,
    SIGNALS,
    WINDOWS,
    Answer,
    DriftReport,
    DriftWatch,
)  # fmt: skip
from stream.labels import Ops

N = 4_000  # events; a label follows each
CHANGE = 3_000  # the event from which on something is different
WINDOW = 200
DAY = 86_400.0


def watch(cooldown: float = DAY) -> DriftWatch:
    one = {s: TwoWindows(1, 1.0, WINDOW) for s in (SCORES, POSITIVES, RATE, DELAY)}
    return DriftWatch(
        {"adwin": calibrated("adwin", 1.0), "hddm-w": calibrated("hddm-w", 100.0)},
        ["amount", "hour"],
        ["country"],
        {**one, INPUTS: TwoWindows(2, 1.0, WINDOW)},
        TwoMixes(1, 1.0, WINDOW),
        cooldown,
    )


class Stream:
    """Events of which nothing changes, until a test says what does; each has its label at once."""

    def __init__(self, seed: int = 5) -> None:
        draw = np.random.default_rng(seed)
        self.score = draw.beta(1.0, 9.0, N)
        self.y = (draw.random(N) < 0.1).astype(np.int8)
        self.delay = draw.exponential(3_600.0, N)
        self.inputs = draw.normal(size=(N, 2))
        self.countries = draw.integers(0, 5, (N, 1)).astype(np.uint64)
        self.labelled = np.ones(N, np.bool_)

    def told(self, by: DriftWatch, size: int = N) -> list[DriftReport]:
        """Take a watch through all of it, `size` events at a time."""
        found: list[DriftReport] = []
        for start in range(0, N, size):
            found += by.run(*self._batch(np.arange(start, min(start + size, N))))
        return found

    def _batch(self, events: Any) -> tuple[Ops, Floats, Floats, Hashes]:
        rows, code = [], []
        for event in events:
            rows += [event] * (1 + int(self.labelled[event]))
            code += [SCORE, LEARN][: 1 + int(self.labelled[event])]
        of, codes = np.array(rows), np.array(code, np.int8)
        is_label = codes == LEARN
        ts = 60.0 * of
        none = np.full(len(of), -1)
        ops = Ops(
            codes, none, none, np.where(is_label, self.y[of], 0).astype(np.int8),
            none.astype(np.int8), ts, np.where(is_label, ts - self.delay[of], ts),
        )  # fmt: skip
        return ops, self.score[of], self.inputs[events], self.countries[events]


def test_nothing_is_told_of_a_stream_that_stays_as_it_is() -> None:
    assert Stream().told(watch()) == []


def changed(what: str) -> Stream:
    of, after = Stream(), slice(CHANGE, None)
    half = N - CHANGE
    if what == ERROR:  # labels are as many as before, and on the other side
        of.score[after] = np.where(np.arange(half) % 3 == 0, 0.9, 0.05)
    elif what == SCORES:
        of.score[after] = of.score[after] ** 2
    elif what == INPUTS:
        of.inputs[after, 1] += 1.0
    elif what == CATEGORIES:
        of.countries[after][::3] = 77
    elif what == POSITIVES:
        of.y[after][::2] = 1
    elif what == RATE:
        of.labelled[after][::2] = False
    elif what == DELAY:
        of.delay[after] *= 3.0
    return of


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_change_is_found_in_its_signal(signal: str) -> None:
    told = changed(signal).told(watch())
    about = [report for report in told if report.signal == signal]
    drifts = [report for report in about if report.level == Drift.DRIFT]
    assert len(drifts) == 1  # one episode, although it goes on and several detectors see it
    (report,) = drifts
    at = report.ts / 60.0
    assert CHANGE < at <= CHANGE + 2 * WINDOW
    if signal == ERROR:
        assert report.detector in ("adwin", "hddm-w")
        assert report.before < 0.2 < report.after
    else:
        assert report.detector == WINDOWS
        assert report.statistic > 0.02
    if signal == INPUTS:
        assert [each.feature for each in report.moved] == ["hour"]
        assert report.moved[0].before == pytest.approx(0.0, abs=0.1)
        assert report.moved[0].after == pytest.approx(1.0, abs=0.2)
        assert (report.before, report.after) == (report.moved[0].before, report.moved[0].after)
    if signal == CATEGORIES:
        assert [each.feature for each in report.moved] == ["country"]
    if signal == RATE:
        assert report.before == pytest.approx(0.5, abs=0.02)
        assert report.after == pytest.approx(1 / 3, abs=0.08)


def test_an_error_names_the_inputs_that_had_moved() -> None:
    of = changed(INPUTS)
    of.score[CHANGE + 2 * WINDOW :] = 0.9
    told = of.told(watch())
    (drift,) = [each for each in told if each.signal == ERROR and each.level == Drift.DRIFT]
    assert drift.moved[0].feature == "hour"


def two_changes() -> Stream:
    of, other = changed(ERROR), changed(INPUTS)
    of.inputs = other.inputs
    of.countries = changed(CATEGORIES).countries
    of.labelled[: N // 4] = False  # labels begin to come in the middle
    return of


def test_how_the_stream_is_cut_changes_nothing() -> None:
    whole = two_changes().told(watch())
    assert {each.signal for each in whole} >= {ERROR, INPUTS, CATEGORIES}
    assert [each.number for each in whole] == sorted(each.number for each in whole)
    for size in (1, 7, 333):
        assert two_changes().told(watch(), size) == whole


def test_a_watch_comes_back_from_its_state() -> None:
    of = two_changes()
    first, second = watch(), watch()
    batches = [of._batch(np.arange(start, start + 500)) for start in range(0, N, 500)]
    for batch in batches[:5]:
        first.run(*batch)
    second.restore(first.snapshot())
    for batch in batches[5:]:
        assert second.run(*batch) == first.run(*batch)
    assert second.held == first.held


def test_after_the_cooldown_it_is_told_again() -> None:
    of = changed(INPUTS)
    of.inputs[CHANGE + 600 :, 1] -= 3.0
    short, long = watch(cooldown=60.0), watch(cooldown=30 * DAY)
    told = [[r.signal for r in of.told(by) if r.signal == INPUTS] for by in (short, long)]
    assert len(told[0]) > len(told[1]) == 1
    assert long.held[INPUTS] == len(told[0]) - 1


def test_what_an_arm_did_in_words() -> None:
    answer = Answer("champion", "promoted", "", 0.01, 0.3)
    end = DriftReport(9, "error of champion", "adwin", Drift.NONE, 0.1, 0.0, 0.2, 0.1, (), answer)
    assert sentence(end) == (
        "champion: the copy on trial is promoted, at 1970-01-01T00:00:00+00:00"
    )


def of_signal(told: Sequence[DriftReport], signal: str) -> DriftReport:
    return next(each for each in told if each.signal == signal)


def test_a_report_as_others_have_it() -> None:
    told = two_changes().told(by := watch())
    log = DriftLog(by)
    log.add(told)
    report = of_signal(told, INPUTS)
    said = sentence(report)
    assert said.startswith("drift of inputs: ")
    assert "moved most: hour (" in said
    message = msgspec.json.decode(msgspec.json.encode(messages.drift(report)))
    assert message["drift_id"] == f"inputs-{report.number}"
    assert message["level"] == "drift"
    assert message["moved"][0]["feature"] == "hour"
    mix = msgspec.json.decode(msgspec.json.encode(messages.drift(of_signal(told, CATEGORIES))))
    assert mix["moved"][0]["ks"] is None
    notes = log.annotations()
    assert len(notes) == len(told)
    assert notes[0]["time"] == round(1e3 * told[0].ts)
    assert log.drifts == sum(each.level == Drift.DRIFT for each in told)
