"""Mails by hand: json, River and prometheus-client, each label known at once.

It does less than Streamgauge: no headers masked, no MIME, no bound on words, no dead letters, no
alerts, no reasons, one drift detector.
"""

from __future__ import annotations

import json
from math import log
from pathlib import Path
from typing import Any

from river.drift import ADWIN
from river.feature_extraction import BagOfWords
from river.linear_model import LogisticRegression
from river.optim import AdaGrad

from benchmarks.river_loop import Metrics


def words() -> Any:
    """River's own words of a mail."""
    return BagOfWords()


def four_grams() -> Any:
    """What ours takes of a mail's bytes as they came; `raw` has a character for each byte."""

    def cut(raw: str) -> list[str]:
        head = raw[:3_000]
        return [head[i : i + 4] for i in range(len(head) - 3)]

    return BagOfWords(tokenizer=cut, strip_accents=False, lowercase=False)


def replay(
    recording: Path, scores: Path, bag: Any, once: bool = False
) -> tuple[list[float], list[int]]:
    """Score and learn from a recording; gives scores and labels.

    Parameters
    ----------
    recording, scores
        JSON lines, in and out.
    bag
        What makes features of a mail.
    once
        Whether to make them once for the score and the label, where River's pipeline makes them
        for each.
    """
    # River's methods have no types.
    model: Any = LogisticRegression(
        AdaGrad(0.01)
    )  # the best of 0.001, 0.003, 0.01, ... 0.3 on these
    pipeline: Any = model if once else bag | model
    new_adwin: Any = ADWIN
    adwin = new_adwin()
    metrics = Metrics()
    given: list[float] = []
    truths: list[int] = []
    with recording.open() as lines, scores.open("w") as out:
        for line in lines:
            mail = json.loads(line)
            x = bag.transform_one(mail["raw"]) if once else mail["raw"]
            p = pipeline.predict_proba_one(x)[True]
            metrics.events.inc()
            metrics.scores.observe(p)
            out.write(json.dumps({"id": mail["id"], "ts": mail["ts"], "score": p}) + "\n")
            y = mail["label"]
            said = int(p > 0.5)
            metrics.predictions[said][y].inc()
            metrics.loss.observe(-log(max(p if y else 1.0 - p, 1e-15)))
            adwin.update(said != y)
            if adwin.drift_detected:
                metrics.adwin_drifts.inc()
            metrics.error.set(adwin.estimation)
            pipeline.learn_one(x, bool(y))
            given.append(p)
            truths.append(y)
    return given, truths
