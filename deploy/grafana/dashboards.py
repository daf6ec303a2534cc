"""`make dashboards`: Grafana's dashboards as JSON, from what is said here of each panel.

Grafana's own types check the fields when this is run; the JSON is committed, so that a Grafana
needs nothing of ours but the folder. `tests/deploy/test_dashboards.py` holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import ScaleDistribution

from deploy.grafana.panels import LEARNING, OVERVIEW, Panel

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
OF = 'job="$job",instance=~"$instance"'  # in every selector


def made(panel: Panel, number: int) -> Any:
    """The builder of a panel."""
    builder: Any = stat.Panel() if panel.number else timeseries.Panel()
    builder = (
        builder.id(number)
        .title(panel.title)
        .description(panel.description)
        .unit(panel.unit)
        .datasource(SOURCE)
        .span(panel.width)
        .height(4 if panel.number else 8)
    )
    if panel.log:
        builder = builder.scale_distribution(
            common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)
        )
    if panel.limits:
        steps = [models.Threshold(value=value, color=color) for value, color in panel.limits]
        builder = builder.thresholds(
            dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
        )
    for place, (expr, legend) in enumerate(panel.queries):
        query = (
            prometheus.Dataquery()
            .expr(expr.replace("OF", OF).replace("RATE", "$__rate_interval"))
            .legend_format(legend)
            .ref_id(chr(ord("A") + place))
            .datasource(SOURCE)
        )
        builder = builder.with_target(query)
    return builder


def _label(name: str, *, many: bool) -> Any:
    known = f"label_values(streamgauge_events_processed_total{{{_before(name)}}}, {name})"
    variable = (
        dashboard.QueryVariable(name)
        .label(name)
        .datasource(SOURCE)
        .query(known)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    return variable.multi(True).include_all(True) if many else variable


def _before(name: str) -> str:
    return 'job="$job"' if name == "instance" else ""


def board(
    uid: str, title: str, description: str, rows: Sequence[tuple[str, Sequence[Panel]]]
) -> dict[str, Any]:
    """A dashboard as JSON has it."""
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["streamgauge"])
        .editable()
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("utc")
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(_label("job", many=False))
        .with_variable(_label("instance", many=True))
        .link(
            dashboard.DashboardLink("Other dashboards of Streamgauge")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["streamgauge"])
            .keep_time(True)
            .include_vars(True)
        )
    )
    number = 0
    for name, panels in rows:
        number += 1
        builder = builder.with_row(dashboard.Row(name).id(number))
        for panel in panels:
            number += 1
            builder = builder.with_panel(made(panel, number))
    found: dict[str, Any] = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    found["annotations"] = {"list": [ANNOTATION]}
    return found


# A Prometheus query has a field that the SDK's annotations do not know.
ANNOTATION = {
    "name": "Drift",
    "datasource": {"type": "prometheus", "uid": "${datasource}"},
    "enable": True,
    "iconColor": "orange",
    "expr": f'increase(streamgauge_drifts_total{{{OF},level="drift"}}[$__interval]) > 0',
    "step": "30s",
    "titleFormat": "drift of {{signal}}",
    "textFormat": "by {{detector}}",
    "tagKeys": "signal,detector",
}


def boards() -> dict[str, dict[str, Any]]:
    """File names, and what is in them."""
    return {
        "overview.json": board(
            "streamgauge-overview", "Streamgauge: overview",
            "Is it alive, is it behind, is it right, is it drifting.", OVERVIEW,
        ),
        "learning.json": board(
            "streamgauge-learning", "Streamgauge: learning",
            "What each arm learns, how right it is, and what has drifted.", LEARNING,
        ),
    }  # fmt: skip


def text(of: dict[str, Any]) -> str:
    """As it is committed."""
    return json.dumps(of, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write them."""
    for name, content in boards().items():
        (FOLDER / name).write_text(text(content))
        print(f"wrote {FOLDER.name}/{name}")


if __name__ == "__main__":
    main()
