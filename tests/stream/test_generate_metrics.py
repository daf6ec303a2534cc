"""Generated measurements are the same ones everywhere, and go wrong in all the ways they say."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import replace
from itertools import groupby, pairwise
from statistics import fmean, pstdev
from typing import Any

import pytest

from stream.generate_metrics import TROUBLES, MetricStream, metrics
from stream.timestamps import epoch

HOUR, DAY = 3_600.0, 86_400.0


def by_series(stream: MetricStream) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for each in metrics(stream):
        found[each["series"]].append(each)
    return found


def test_the_same_seed_gives_the_same_bytes() -> None:
    stream = MetricStream(3_000, 18_000.0, 5, 20, 0.05, 2 * HOUR)
    whole = json.dumps(list(metrics(stream)))
    assert hashlib.sha256(whole.encode()).hexdigest()[:16] == "4093b58467dbc8f9"
    assert json.dumps(list(metrics(replace(stream, seed=6)))) != whole


def test_the_flow_is_as_asked_for() -> None:
    made = list(metrics(MetricStream(events=30_000, anomalies=0.03, seed=2)))
    times = [epoch(each["ts"]) for each in made]
    assert all(a <= b for a, b in pairwise(times))
    assert times[0] == 1_735_689_600.0
    assert (times[-1] - times[0]) / DAY == pytest.approx(30_000 / 14_400, rel=0.01)
    assert len({each["series"] for each in made}) == 50
    assert len({(each["series"], each["ts"]) for each in made}) == 30_000
    assert sum(each["label"] for each in made) / 30_000 == pytest.approx(0.03, abs=0.01)
    assert all(0.0 <= each["value"] < 1e15 for each in made)
    assert not any(each["label"] for each in metrics(MetricStream(events=5_000, anomalies=0.0)))


def test_each_sort_of_trouble_comes_and_goes() -> None:
    """Runs of labelled values are as long as they may be, and some of them are flat."""
    lengths: list[int] = []
    flat = 0
    for values in by_series(MetricStream(events=60_000, series=20, anomalies=0.05)).values():
        before = None
        for label, run in groupby(values, key=lambda each: each["label"]):
            told = [each["value"] for each in run]
            if label:
                lengths.append(len(told))
                flat += len(told) > 3 and set(told) == {before}
            before = told[-1]
    longest = max(each.longest for each in TROUBLES)
    short = [length for length in lengths if length <= 3]
    # Now and then one follows another.
    assert sum(length > longest for length in lengths) < 0.2 * len(lengths)
    assert 0.1 < len(short) / len(lengths) < 0.4
    assert 0.1 < flat / len(lengths) < 0.4


def test_anomalies_are_far_from_what_is_usual_at_that_hour() -> None:
    made = by_series(MetricStream(events=30_000, series=5, per_day=1_440.0, anomalies=0.02))
    away: dict[int, list[float]] = {0: [], 1: []}
    for told in made.values():
        usual = defaultdict(list)
        for each in told:
            if not each["label"]:
                usual[each["ts"][11:13]].append(each["value"])
        known = {hour: (fmean(values), pstdev(values)) for hour, values in usual.items()}
        for each in told:
            mean, spread = known[each["ts"][11:13]]
            away[each["label"]].append(abs(each["value"] - mean) / spread)
    assert fmean(away[1]) > 1.5 * fmean(away[0])


def test_half_of_the_series_change_for_good() -> None:
    stream = MetricStream(events=40_000, series=10, per_day=10_000.0, anomalies=0.0)
    before, after = by_series(stream), by_series(replace(stream, drift_at=2 * DAY))
    changed = 0
    for name, values in before.items():
        other = after[name]
        assert values[:2_000] == other[:2_000]
        moved = [b["value"] / a["value"] for a, b in zip(values, other, strict=True) if a["value"]]
        changed += fmean(moved[2_000:]) > 1.3
        assert fmean(moved[2_000:]) == 1.0 or fmean(moved[2_000:]) > 1.3
        assert not any(each["label"] for each in other)
    assert changed == 5


@pytest.mark.parametrize(
    "wrong",
    [{"events": 0}, {"per_day": -1.0}, {"series": 0}, {"anomalies": 0.6}, {"per_day": 5e6}],
    ids=str,
)
def test_what_cannot_be(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"^{name} = .*: expected a"):
        MetricStream(**wrong)  # type: ignore[arg-type]
