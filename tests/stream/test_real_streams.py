"""What was promised on real streams; they live outside of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream import build
from stream.config import parse
from stream.replay import Ledger, replay, since
from stream.sinks.files import FileSink
from stream.sources.recording import RecordingSource

DATA = Path(__file__).parents[3] / "shared" / "data"
ELEC2 = {
    "customer": "",
    "terminal": "",
    "amount": "",
    "numeric": ["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "period"],
    "categorical": ["day"],
}

pytestmark = pytest.mark.slow


def replayed(name: str, delay: float = 0.0, **sections: Any) -> Ledger:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there: it is no part of the repository")
    config = parse(sections, name)
    topics = config.kafka.topics
    source = RecordingSource([path], build.fields(config), topics.events, topics.labels, delay)
    return replay(source, build.monitor(config), FileSink())


def test_fraud_with_labels_a_week_late() -> None:
    ledger = replayed("fraud_handbook_days000-089.jsonl.gz", 7 * 86_400.0)
    figures = ledger.figures(since("30d", ledger.first_time))
    assert figures.average_precision >= 0.70
    assert figures.roc_auc >= 0.90
    assert figures.dead_letters == 0


def test_elec2_by_one_arm_and_by_the_default_eight() -> None:
    sgd = {"optimizer": {"name": "sgd"}, "schedule": {"name": "constant", "rate": 0.5}}
    alone = replayed("elec2.jsonl.gz", fields=ELEC2, model=sgd).figures()
    assert alone.error <= 0.09  # ALMA's is 0.0936
    mixture = replayed(
        "elec2.jsonl.gz", fields=ELEC2, challengers="default", decision={"mode": "mixture"}
    ).figures()
    assert mixture.error <= alone.error + 0.005
    assert mixture.log_loss <= 0.25


def test_spamassassin_with_labels_at_once_and_headers_masked() -> None:
    ledger = replayed("spamassassin_2001-06_2002-08.jsonl.gz", kind="emails")
    figures = ledger.figures(skip=1_000)
    assert figures.events == 2_545
    assert 100.0 * (1.0 - figures.roc_auc) <= 0.10
    assert figures.error <= 0.010


def test_sms_spam_from_nothing() -> None:
    ledger = replayed(
        "sms_spam.jsonl.gz", kind="emails", fields={"ts": ""}, labels={"per_source": 100_000}
    )
    figures = ledger.figures()
    assert figures.events == 5_574
    assert 100.0 * (1.0 - figures.roc_auc) <= 1.0
