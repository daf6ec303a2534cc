"""`python -m benchmarks.no_labels`: fraud without labels, and with late ones on top.

90 days of the Fraud Detection Handbook's simulated transactions, measured from day 30 on, through
the shipped monitor:

- no labels: no label is ever given, so that fraud rates, which are features, stay what they are at
  first;
- rates: labels come a week late and are seen by the fraud rates alone: no scorer learns from any.
  An autoencoder and an isolation forest that were published on the same simulator had such
  features: 0.836 and 0.808;
- blend: labels come a week late, and the supervised arm has what scorers say among its inputs.

How far anything could come without labels is said by boosted trees that are *given* the labels of
days 7 to 29, at once, and have the features that no label changes. Of three kinds of fraud one
leaves no trace in those: every transaction at a compromised terminal, for 28 days, whatever it is.
The recording says which kind a fraud is; that is used to measure alone. Takes a minute.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]

from models.ranking import average_precision, roc_auc
from models.vectors import Codes, Floats, Ints
from stream import build
from stream.commands.progress import bar
from stream.config import parse
from stream.sources.recording import RecordingSource
from stream.timestamps import epochs

RECORDING = Path("../shared/data/fraud_handbook_days000-089.jsonl.gz")
DAY = 86_400.0
SCORERS = ["half-space-trees", "distance", "surprise"]
NEVER = 1e4 * DAY
KINDS = {1: "amount > 220", 2: "terminal", 3: "card"}


class Truth(NamedTuple):
    """What the recording knows of each event: its day, label and kind of fraud."""

    day: Floats
    label: Codes
    kind: Ints


def truth() -> Truth:
    ts, labels, kinds = [], [], []
    with gzip.open(RECORDING, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            ts.append(row["ts"])
            labels.append(row["label"])
            kinds.append(row["scenario"])
    at = epochs(ts)
    return Truth((at - at[0]) / DAY, np.array(labels, np.int8), np.array(kinds))


class Played(NamedTuple):
    """Scores by arm, and the features."""

    names: list[str]
    scores: Floats
    features: Floats


def play(what: str, delay: float, detection: dict[str, Any], rows: int, *, keep: bool) -> Played:
    """The recording through a monitor."""
    config = parse({"detection": detection}, what)
    topics = config.kafka.topics
    source = RecordingSource([RECORDING], build.fields(config), topics.events, topics.labels, delay)
    monitor, scores, features = build.monitor(config), [], []
    width = len(monitor.features.names)
    with bar(what, rows) as (progress, task):
        while not source.exhausted:
            outcome = monitor.step(source.poll(0.0))
            scores.append(outcome.by_arm)
            if keep:
                features.append(outcome.workings.raw[:, :width])
            progress.advance(task, len(outcome.events))
    kept = np.concatenate(features) if keep else np.zeros((0, width))
    return Played([arm.name for arm in monitor.arms], np.concatenate(scores), kept)


def bound(played: Played, of: Truth) -> Floats:
    """Scores of boosted trees that know the labels of three weeks."""
    learn = (of.day >= 7.0) & (of.day < 30.0)
    trees = HistGradientBoostingClassifier(max_iter=200, random_state=1)
    trees.fit(played.features[learn], of.label[learn])
    scores: Floats = trees.predict_proba(played.features)[:, 1]
    return scores


def main() -> None:
    """Print the table."""
    if not RECORDING.exists():
        print(f"skipped: no {RECORDING}")
        return
    of = truth()
    late = of.day >= 30.0
    genuine = late & (of.label == 0)
    table = Table(
        "labels", "who decides", "ROC AUC", "average precision", *KINDS.values(),
        title=f"days 30 to 89: {late.sum():,} events, {of.label[late].sum():,} of them fraud; "
        "then ROC AUC of each kind of fraud",
    )  # fmt: skip

    def add(labels: str, who: str, scores: Floats) -> None:
        by_kind = []
        for kind in KINDS:
            chosen = genuine | (late & (of.kind == kind))
            by_kind.append(f"{roc_auc(scores[chosen], of.label[chosen]):.3f}")
        p, y = scores[late], of.label[late]
        table.add_row(
            labels, who, f"{roc_auc(p, y):.4f}", f"{average_precision(p, y):.4f}", *by_kind
        )  # fmt: skip

    alone = {"scorers": SCORERS, "min_labels": 2**31 - 1}
    for labels, delay in (("none", NEVER), ("in the rates", 7 * DAY)):
        played = play(f"labels: {labels}", delay, alone, len(of.day), keep=delay == NEVER)
        for k, name in enumerate(played.names[1:], start=1):
            add(labels, name, played.scores[:, k])
        if delay == NEVER:
            add("days 7 to 29", "boosted trees: the bound", bound(played, of))
        table.add_section()
    for scorers in ([], SCORERS):
        settings = {"scorers": scorers, "min_labels": 100}
        played = play("labels: a week late", 7 * DAY, settings, len(of.day), keep=False)
        who = "supervised" + (", scorers among its inputs" if scorers else "")
        add("a week late", who, played.scores[:, 0])
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
