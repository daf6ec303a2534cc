"""`python -m deploy.kubernetes.prometheus_rule`: the rules of deploy/prometheus for the operator.

`tests/deploy/test_kubernetes.py` holds the two together.
"""

from __future__ import annotations

import importlib
from pathlib import Path

yaml = importlib.import_module("yaml")  # it ships no types
RULES = Path(__file__).parents[1] / "prometheus"
FILE = Path(__file__).parent / "base" / "prometheus-rule.yaml"
HEAD = "# Made by `make dashboards` from deploy/prometheus/*.rules.yml.\n"


def text() -> str:
    """What is in the file."""
    each = [yaml.safe_load((RULES / f"{name}.rules.yml").read_text()) for name in NAMES]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "streamgauge"},
        "spec": {"groups": [group for one in each for group in one["groups"]]},
    }
    return HEAD + str(yaml.safe_dump(rule, sort_keys=False, width=100))


NAMES = ("recording", "alert")  # in the order in which they depend on each other


def main() -> None:
    """Write it."""
    FILE.write_text(text())
    print(f"wrote {FILE.name}")


if __name__ == "__main__":
    main()
