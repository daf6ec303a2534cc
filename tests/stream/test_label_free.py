"""Scorers without labels in the whole monitor: inputs to arms, arms themselves, and deciding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.detection import TOGETHER, logits_of
from stream.build import monitor
from stream.config import Config, parse
from stream.errors import ConfigError
from stream.events import Record
from stream.generate import Stream, transactions
from stream.monitor import Monitor, Outcome
from tests.stream.streams import record

SCORERS = ["half-space-trees", "distance", "surprise"]


def _config(**detection: Any) -> Config:
    return parse(
        {
            "detection": {"scorers": SCORERS, **detection},
            "features": {"max_keys": 2_000},
            "labels": {"max_waiting": 20_000},
            "alerts": {"budget": 0.01},
        },
        "test",
    )


def _records(events: int, labels: float = math.inf) -> list[Record]:
    """Transactions with one in 50 fraud; those after number `labels` with their label behind it."""
    records = []
    for number, each in enumerate(transactions(Stream(events=events, fraud=0.02, customers=200))):
        truth = {"id": each["id"], "label": each.pop("label"), "ts": each["ts"]}
        records.append(record(each))
        if number >= labels:
            records.append(record(truth, "labels"))
    return records


def _run(made: Monitor, records: Sequence[Record], size: int = 500) -> list[Outcome]:
    return [made.step(records[at : at + size]) for at in range(0, len(records), size)]


def _joined(outcomes: Sequence[Outcome], what: str) -> Any:
    return np.concatenate([getattr(outcome, what) for outcome in outcomes])


def test_without_labels_a_score_says_how_rare_an_event_is() -> None:
    made = monitor(_config())
    assert [arm.name for arm in made.arms] == ["champion", *SCORERS, TOGETHER]
    outcomes = _run(made, _records(12_000))
    scores = _joined(outcomes, "scores")[4_000:]
    for p in (0.5, 0.9, 0.99):
        assert np.mean(scores >= p) == pytest.approx(1.0 - p, rel=0.2)
    assert _joined(outcomes, "alerts")[4_000:].mean() == pytest.approx(0.01, rel=0.5)
    assert made.leader == TOGETHER
    assert made.threshold == 0.99


def test_reasons_name_what_made_it_strange_and_add_up() -> None:
    outcomes = _run(monitor(_config()), _records(6_000))
    alerts = 0
    for outcome in outcomes:
        rows = np.flatnonzero(outcome.alerts)
        for row, reasons in zip(rows.tolist(), outcome.reasons, strict=True):
            score = outcome.scores[row]
            total = math.fsum(part for _, part in reasons)
            assert total == pytest.approx(math.log(score / (1.0 - score)), rel=1e-6)
            assert any(name.startswith("unusual ") for name, _ in reasons)
            alerts += 1
    assert alerts > 20


def test_when_labels_come_arms_take_over_and_know_what_scorers_say() -> None:
    made = monitor(_config(min_labels=30))
    outcomes = _run(made, _records(12_000, labels=4_000))
    before = outcomes[7]
    assert np.array_equal(before.scores, before.by_arm[:, -1])
    assert made.leader == "champion"
    last = outcomes[-1]
    assert np.array_equal(last.scores, last.by_arm[:, 0])
    assert made.handovers == 1
    weights = made.arms[0].model.weights  # type: ignore[attr-defined]
    learned = weights[len(made.features.names) : len(made.features.names) + len(SCORERS) + 1]
    assert np.all(learned != 0.0)


def test_no_scorer_learns_from_a_label() -> None:
    """Keys have fraud rates, which are features that labels change: so a stream without keys."""
    fields = {"customer": "", "terminal": ""}
    detection = {"scorers": ["half-space-trees", "distance"], "min_labels": 10}
    settings = parse({"detection": detection, "fields": fields}, "test")
    bare, labelled = monitor(settings), monitor(settings)
    one = _joined(_run(bare, _records(2_000)), "by_arm")
    two = _joined(_run(labelled, _records(2_000, labels=0)), "by_arm")
    assert one[:, 1:].tobytes() == two[:, 1:].tobytes()
    assert one[:, 0].tobytes() != two[:, 0].tobytes()
    assert [arm.model.learned for arm in labelled.arms] == [2_000, 0, 0, 0]


@pytest.mark.parametrize("size", [1, 7, 900])
def test_poll_sizes_change_nothing(size: int) -> None:
    records = _records(700, labels=300)
    settings = {"min_labels": 3, "learn_from": "below_threshold", "threshold": 0.95}
    whole = monitor(_config(**settings)).step(records)
    pieces = _run(monitor(_config(**settings)), records, size)
    for what in ("scores", "thresholds", "alerts", "by_arm"):
        assert _joined(pieces, what).tobytes() == getattr(whole, what).tobytes(), what


def test_a_snapshot_takes_it_all_along() -> None:
    records = _records(1_500, labels=500)
    made = monitor(_config(min_labels=5))
    _run(made, records[:900])
    other = monitor(_config(min_labels=5))
    other.restore(made.snapshot())
    first, second = _run(made, records[900:]), _run(other, records[900:])
    assert _joined(first, "by_arm").tobytes() == _joined(second, "by_arm").tobytes()


def test_a_burst_of_one_kind_stays_strange_if_only_the_usual_is_learned() -> None:
    """The same strange purchases for long: they become usual if all is learned."""

    def burst(learn_from: str) -> float:
        made = monitor(_config(learn_from=learn_from, scorers=["distance"]))
        usual = _records(6_000)
        _run(made, usual)
        odd = [
            record(
                {
                    "id": f"x{n}",
                    "ts": 1_735_689_600.0 + 60_000 + n,
                    "customer": f"n{n % 7}",
                    "terminal": "p1",
                    "amount": 9_000.0 + n % 10,
                }
            )
            for n in range(3_000)
        ]
        outcomes = _run(made, odd)
        column = outcomes[-1].workings.raw[-500:, len(made.features.names)]
        return float(np.median(logits_of(column)))

    assert burst("below_threshold") > burst("all")


@pytest.mark.parametrize(
    ("detection", "line"),
    [
        ({"scorers": ["forest"]}, 'detection.scorers[0].name = "forest": expected one of distance'),
        ({"scorers": ["distance", "distance"]}, "detection.scorers[1]: distance named twice"),
        ({"scorers": [{"name": "distance", "as": "A b"}]}, 'detection.scorers[0].as = "A b"'),
        ({"scorers": [{"name": "distance", "as": "champion"}]}, "champion is an arm's name"),
        ({"scorers": [{"name": "half-space-trees", "trees": 0}]}, "detection.scorers[0].trees = 0"),
        ({"scorers": [{"name": "half-space-trees", "leaves": 3}]}, "no such key"),
        ({"scorers": ["next-value"]}, 'name = "next-value": expected one of'),
    ],
)
def test_a_mistake_is_one_line(detection: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        monitor(parse({"detection": detection}, "test"))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mails_have_no_numbers_for_scorers() -> None:
    with pytest.raises(ConfigError, match="emails have no numbers for them"):
        monitor(parse({"kind": "emails", "detection": {"scorers": ["distance"]}}, "test"))
