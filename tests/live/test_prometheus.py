"""A service under load, scraped by a real Prometheus: every panel has data, an alert arrives."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from stream.generate import Stream, transactions
from tests.deploy.test_dashboards import NAMES, drawn, filled_in
from tests.live.prometheus import alertmanager, need_programs, prometheus
from tests.live.service import Stage, eventually

BY_PARTITION = "streamgauge_mix"  # metrics that one monitor of all has not; see `test_partitions`
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

SECTIONS = """\
kind = "transactions"
[features]
max_keys = 10000
[drift]
window = 500
[[challengers]]
name = "slow"
schedule = { name = "constant", rate = 0.01 }
"""
EVENTS, FIRST, AT_ONCE = 8_000, 4_000, 100
DELAY = 3_600.0


def feed(stage: Stage, stop: threading.Event) -> None:
    """Four days at once, then a hundred events and a few bad records every half second."""
    made = list(transactions(Stream(events=EVENTS, per_day=1_000.0, fraud=0.05)))
    for first in (0, *range(FIRST, EVENTS, AT_ONCE)):
        events, labels = [], []
        for event in made[first : FIRST if first == 0 else first + AT_ONCE]:
            at = round(event["ts"] * 1000)
            about = {"id": event["id"], "label": event.pop("label"), "ts": event["ts"] + DELAY}
            events.append((json.dumps(event).encode(), 0, at))
            labels.append((json.dumps(about).encode(), 0, at))
        events += [(b"?", 0, events[-1][2])] * (1 + len(events) // 20)
        stage.produce("events", events)
        stage.produce("labels", labels)
        if stop.wait(0.5):
            return


def test_every_panel_has_data_and_an_alert_arrives(kafka: str, tmp_path: Path) -> None:
    need_programs()
    stage = Stage(kafka, tmp_path, sections=SECTIONS)
    stop = threading.Event()
    load = threading.Thread(target=feed, args=(stage, stop))
    with stage.service() as service, alertmanager(tmp_path) as alerts:
        service.wait_until_ready()
        with prometheus(tmp_path, service.url, alerts) as server:
            load.start()
            try:
                eventually(lambda: service.state()["events"] > FIRST + 1_000, "under load", 90)
                queries = {
                    f"{panel['title']}, {target['legendFormat']}": filled_in(target["expr"])
                    for name in NAMES
                    for panel in drawn(name)
                    for target in panel["targets"]
                    if BY_PARTITION not in target["expr"]
                }

                def empty() -> list[str]:
                    return [
                        what
                        for what, expr in queries.items()
                        if not any(math.isfinite(value) for _, value in server.query(expr))
                    ]

                eventually(lambda: not empty(), "data in every panel", 40)
                check(service.get("/metrics").text)

                def arrived() -> bool:
                    names = [a["labels"]["alertname"] for a in alerts.get("/api/v2/alerts")]
                    return "StreamgaugeDeadLetters" in names

                eventually(arrived, "an alert at the Alertmanager", 40)
                groups = server.get("/api/v1/rules")["data"]["groups"]
                assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
                found = server.get(
                    "/api/v1/query_exemplars",
                    query="streamgauge_end_to_end_latency_seconds_bucket",
                    start="0", end="4e9",
                )["data"]  # fmt: skip
                assert found[0]["exemplars"][0]["labels"]["event_id"].startswith("t1-")
            finally:
                stop.set()
                load.join()
        assert service.signal(signal.SIGTERM) == 0, service.log


def check(text: str) -> None:
    """Prometheus's own lint of the metrics."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
