"""`python -m deploy.prometheus.metrics_page`: docs/metrics.md anew, from what is exported.

`tests/deploy/test_prometheus_rules.py` holds the page to the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from stream import build
from stream.config import parse
from stream.telemetry import Telemetry

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
EVENTS, LABELS = "transactions", "labels"  # topics
# Configs that together export every family.
CONFIGS: tuple[dict[str, Any], ...] = (
    {"challengers": "default"},
    {"alerts": {"budget": "9/day"}},
    {"detection": {"scorers": ["distance"]}},
    {"kind": "emails"},
    {"kind": "metrics"},
    {"partitions": {"scope": "partition", "local": ["terminal"]}},
)
# What of a config brings the metrics that are not always there.
SHARE = "`alerts.budget`, a share"
SPAN = '`alerts.budget`, such as `"9/day"`'
CEILING = "`alerts.false_positive_rate`"
MIXED = '`partitions.scope = "partition"`'
ONLY = {
    "streamgauge_alert_budget_ratio": SHARE,
    "streamgauge_alert_budget_alerts": SPAN,
    "streamgauge_alert_budget_held": SPAN,
    "streamgauge_false_positive_ratio": CEILING,
    "streamgauge_labelled_negatives": CEILING,
    "streamgauge_labels_held": "`labels.max_class_share`",
    "streamgauge_label_free_decides": "`detection.scorers`",
    "streamgauge_card_precision_ratio": "`fields.customer`",
    "streamgauge_mixings": MIXED,
    "streamgauge_mixed_monitors": MIXED,
    "streamgauge_mixed_age_seconds": MIXED,
    "streamgauge_mixing_refused": MIXED,
}
SUFFIX = {"counter": "_total", "info": "_info"}
HEAD = """\
# Metrics

`/metrics` of the service, in Prometheus's text form; with OpenMetrics in `Accept` it has exemplars
too. Written by `python -m deploy.prometheus.metrics_page`.

A histogram has `_bucket`, `_sum` and `_count`, and a summary `_sum` and `_count`. Times are in
seconds. Counters and histograms may be added over workers; gauges of error may not, so the rules
in `deploy/prometheus` go by counters. No label has an id, a key or an address in it. "Needs" names
what a config must set before a metric is there, where its kind does not set it by default.

| metric | type | labels | what | needs |
|---|---|---|---|---|
"""


def exported(sections: dict[str, Any]) -> dict[str, Metric]:
    """Families of a service with this config, by name."""
    monitor = build.monitor(parse(sections, "metrics"))
    registry = CollectorRegistry()
    telemetry = Telemetry(monitor, registry, "0", [EVENTS, LABELS])
    telemetry.observe([], monitor.step([]), {(EVENTS, 0): 0})
    return {family.name: family for family in registry.collect()}


def families() -> dict[str, Metric]:
    """All there are, by name; those that some config lacks are those of `ONLY`."""
    each = [exported(sections) for sections in CONFIGS]
    found = {name: family for one in each for name, family in one.items()}
    some = {name for name in found if not all(name in one for one in each)}
    if some != set(ONLY):
        raise ValueError(f"ONLY does not fit: {sorted(some ^ set(ONLY))}")
    return found


def page() -> str:
    """The text of docs/metrics.md."""
    return HEAD + "".join(_row(family) for _, family in sorted(families().items()))


def _row(family: Metric) -> str:
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    cells = (
        f"`{family.name}{SUFFIX.get(family.type, '')}`",
        family.type,
        ", ".join(f"`{label}`" for label in sorted(labels)),
        family.documentation,
        ONLY.get(family.name, ""),
    )
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Write it."""
    PAGE.write_text(page())
    print(f"wrote docs/{PAGE.name}")


if __name__ == "__main__":
    main()
