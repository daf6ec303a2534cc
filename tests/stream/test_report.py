"""A replay's page and its curves, against scikit-learn's."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from models.curves import cost_curve, curves, reliability
from stream.cli import app

sklearn = importlib.import_module("sklearn.metrics")  # it ships no types
CONFIG = str(Path(__file__).parents[2] / "deploy" / "examples" / "transactions.toml")
RUN = CliRunner()


def scores(
    n: int = 2_000,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.int8]]]:
    rng = np.random.default_rng(4)
    y = (rng.random(n) < 0.1).astype(np.int8)
    return np.clip(0.3 * y + rng.random(n).round(2) * 0.7, 0.0, 1.0), y


def test_curves_are_scikit_learns() -> None:
    p, y = scores()
    of = curves(p, y)
    precision, recall, thresholds = sklearn.precision_recall_curve(y, p)
    np.testing.assert_allclose(of.thresholds, thresholds[::-1])
    np.testing.assert_allclose(of.precision, precision[:-1][::-1])
    np.testing.assert_allclose(of.recall, recall[:-1][::-1])
    fpr, tpr, _ = sklearn.roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(of.false_positive_rate, fpr[1:])
    np.testing.assert_allclose(of.recall, tpr[1:])


def test_the_cost_is_that_of_the_best_threshold() -> None:
    p, y = scores()
    x, cost = cost_curve(curves(p, y))
    assert (cost <= np.minimum(x, 1.0 - x) + 1e-12).all()
    k = 30
    by_hand = [
        x[k] * np.mean(p[y == 1] < t) + (1.0 - x[k]) * np.mean(p[y == 0] >= t)
        for t in [*np.unique(p), 2.0]
    ]
    assert cost[k] == pytest.approx(min(by_hand))
    assert cost_curve(curves(y.astype(float), y))[1].max() == 0.0


def test_reliability_is_of_tenths_of_the_scale() -> None:
    p = np.array([0.0, 0.05, 0.55, 0.55, 1.0])
    said, was = reliability(p, np.array([0, 1, 1, 0, 1], np.int8))
    assert said.tolist() == pytest.approx([0.025, 0.55, 1.0])
    assert was.tolist() == [0.5, 0.5, 1.0]


def test_replay_writes_a_page_of_its_own_and_the_figures(tmp_path: Path) -> None:
    stream, page, figures = (tmp_path / name for name in ("s.jsonl", "r.html", "f.json"))
    assert RUN.invoke(app, ["generate", str(stream), "--events", "3000"]).exit_code == 0
    done = RUN.invoke(
        app,
        [
            "replay",
            "--config",
            CONFIG,
            str(stream),
            "--label-delay",
            "2h",
            "--report",
            str(page),
            "--figures",
            str(figures),
        ],
    )
    assert done.exit_code == 0, done.output
    text = page.read_text()
    for heading in (
        "Prequential error",
        "Reliability",
        "Precision and recall",
        "Cost",
        "By day",
        "highest scores",
    ):
        assert f"<h2>{heading}" in text or heading in text
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(?!data:)', outside)
    found = json.loads(figures.read_text())
    assert found["events"] == 3_000
    assert f"{found['roc_auc']:.5f}" in done.output
    assert re.search(rf"<td>{found['roc_auc']:.5f}</td>", text)


def test_a_replay_without_labels_has_a_page_too(tmp_path: Path) -> None:
    stream, page, figures = (tmp_path / name for name in ("s.jsonl", "r.html", "f.json"))
    RUN.invoke(app, ["generate", str(stream), "--events", "200"])
    lines = [json.loads(line) for line in stream.read_text().splitlines()]
    for line in lines:
        del line["label"]
    stream.write_text("\n".join(map(json.dumps, lines)))
    done = RUN.invoke(
        app,
        [
            "replay",
            "--config",
            CONFIG,
            str(stream),
            "--report",
            str(page),
            "--figures",
            str(figures),
        ],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(figures.read_text())["roc_auc"] is None
    assert "Alerts of the highest scores" in page.read_text()
