"""Which way round a ratio goes, and when it will do."""

from __future__ import annotations

import json
import math

from benchmarks.row import NOT_MEASURED, Row, unreached, versions


def row(ours: float, theirs: float, unit: str, wanted: float, *, at_most: bool = False) -> Row:
    return Row(
        name="job", peer="other", versions="", ours=ours, theirs=theirs, unit=unit,
        wanted=wanted, at_most=at_most,
    )  # fmt: skip


def test_more_is_better_whatever_the_unit() -> None:
    assert row(200.0, 100.0, "events/s", 2.0).ratio == 2.0
    assert row(5.0, 10.0, "us/event", 2.0).ratio == 2.0


def test_a_cost_is_held_from_above() -> None:
    cheap, dear = (row(ours, 10.0, "us/event", 3.0, at_most=True) for ours in (29.0, 31.0))
    assert (cheap.ratio, dear.ratio) == (2.9, 3.1)
    assert unreached([cheap, dear]) == [dear]


def test_what_was_not_measured_is_null_and_not_reached() -> None:
    found = row(1.0, NOT_MEASURED, "events/s", 2.0)
    assert math.isnan(found.ratio)
    assert not found.reached
    assert json.loads(json.dumps(found.as_json()))["theirs"] is None


def test_versions_name_what_is_missing() -> None:
    assert versions("kafka-python", "no-such-thing").endswith("no-such-thing (not installed)")
