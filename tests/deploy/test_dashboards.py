"""Grafana's dashboards: in step with what they are made from, and with what is exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from deploy.grafana.dashboards import FOLDER, boards, text
from tests.deploy.test_prometheus_rules import known, names, yaml

NAMES = ["learning.json", "overview.json"]
PANELS = {"row", "stat", "timeseries"}
UNITS = {"bytes", "cpm", "cps", "none", "percentunit", "s", "short"}
PROVISIONING = Path(FOLDER).parent / "provisioning"


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def drawn(name: str) -> list[dict[str, Any]]:
    return [
        panel for panel in panels(json.loads((FOLDER / name).read_text())) if panel["type"] != "row"
    ]


def filled_in(expr: str, job: str = "streamgauge", instance: str = ".*") -> str:
    """A query as Grafana would send it."""
    for name, value in (
        ("$job", job), ("$instance", instance), ("$__rate_interval", "1m"), ("$__interval", "30s"),
    ):  # fmt: skip
        expr = expr.replace(name, value)
    assert "$" not in expr
    return expr


def test_what_is_committed_is_what_is_made() -> None:
    assert sorted(boards()) == NAMES == sorted(file.name for file in FOLDER.iterdir())
    for name, board in boards().items():
        assert (FOLDER / name).read_text() == text(board), f"{name} is stale: make dashboards"


@pytest.mark.parametrize("name", NAMES)
def test_each_panel_says_what_it_shows(name: str) -> None:
    """The rules of Grafana's own linter that are about a dashboard and not a server."""
    board = json.loads((FOLDER / name).read_text())
    assert [v["name"] for v in board["templating"]["list"]] == ["datasource", "job", "instance"]
    assert board["uid"].startswith("streamgauge-")
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids) > 10
    for panel in panels(board):
        assert panel["type"] in PANELS
        assert panel["title"]
    for panel in drawn(name):
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            assert target["legendFormat"]
            assert 'job="$job"' in target["expr"]
            assert 'instance=~"$instance"' in target["expr"]
    (annotation,) = board["annotations"]["list"]
    assert annotation["name"] == "Drift"


@pytest.mark.parametrize("name", NAMES)
def test_queries_are_of_metrics_that_there_are(name: str) -> None:
    exported = known() | {"process_resident_memory_bytes"}
    board = json.loads((FOLDER / name).read_text())
    queries = [target["expr"] for panel in drawn(name) for target in panel["targets"]]
    for expr in [*queries, board["annotations"]["list"][0]["expr"]]:
        used = names(promql_parser.parse(filled_in(expr)))
        assert used
        assert used <= exported, (expr, used - exported)


def test_provisioning_names_the_folder_and_the_source() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    assert source["type"] == "prometheus"
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "streamgauge.yml").read_text())[
        "providers"
    ]
    assert provider["options"]["path"]
