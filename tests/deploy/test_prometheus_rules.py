"""Alert and recording rules, by Prometheus's own tool."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from deploy.prometheus.metrics_page import PAGE, families, page

yaml = importlib.import_module("yaml")  # it ships no types
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
OTHERS = {"up", "process_start_time_seconds"}


def promtool(*arguments: str) -> str:
    if not shutil.which("promtool"):
        why = "promtool is not installed: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = rules("alert.rules.yml")
TESTS = yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]


def test_promtool_takes_them() -> None:
    assert "SUCCESS" in promtool("check", "rules", "recording.rules.yml", "alert.rules.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_each_alert_fires_and_is_silent_in_its_tests() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules.test.yml")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_an_alert_is_tested_both_ways_and_has_its_section(alert: str) -> None:
    cases = [
        bool(case.get("exp_alerts"))
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    ]
    assert set(cases) == {True, False}
    (rule,) = [each for each in ALERTS if each["alert"] == alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{alert.lower()}"
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    (section,) = re.findall(rf"^## {alert}\n(.*?)(?=^## |\Z)", runbook, re.MULTILINE | re.DOTALL)
    for part in ("**Means.**", "**Look at.**", "**Do.**"):
        assert part in section


def names(query: Any) -> set[str]:
    """Metrics in a parsed query."""
    found: set[str] = set()
    if isinstance(query, promql_parser.VectorSelector) and query.name:
        found.add(query.name)
    for part in ("expr", "lhs", "rhs", "vs", "vector_selector", "args"):
        inner = getattr(query, part, None)
        for each in inner if isinstance(inner, list) else [inner] if inner is not None else []:
            found |= names(each)
    return found


def known() -> set[str]:
    """Names of samples that a service can export."""
    every = families().values()
    found = {sample.name for family in every for sample in family.samples}
    found |= {family.name for family in every}
    return found | {rule["record"] for rule in rules("recording.rules.yml")} | OTHERS


def test_rules_go_by_metrics_that_there_are() -> None:
    """A query of a metric that was renamed is silent for ever."""
    exported = known()
    for rule in [*ALERTS, *rules("recording.rules.yml")]:
        used = names(promql_parser.parse(rule["expr"]))
        assert used, rule
        assert used <= exported, (rule, used - exported)


def test_the_page_of_metrics_is_what_is_exported() -> None:
    why = "docs/metrics.md is stale: python -m deploy.prometheus.metrics_page"
    assert PAGE.read_text() == page(), why
