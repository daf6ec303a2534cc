"""Metrics of several monitors in one registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream import build
from stream.metrics.together import Together
from stream.telemetry import Telemetry
from tests.stream.streams import config, stream


def test_each_series_says_of_which_partition_it_is_and_they_add_up() -> None:
    parts = {}
    for number, length in ((0, 300), (2, 500)):
        monitor, records = build.monitor(config()), stream(length)
        part = Telemetry(monitor, CollectorRegistry(), "test", ["transactions", "labels"])
        part.observe(records, monitor.step(records), {("transactions", number): 5})
        parts[number] = part
    registry = CollectorRegistry()
    registry.register(Together(lambda: parts))
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "each family once"
    samples = [sample for family in families for sample in family.samples]
    series = [(sample.name, *sorted(sample.labels.items())) for sample in samples]
    assert len(series) == len(set(series))
    assert {sample.labels["partition"] for sample in samples} == {"0", "2"}
    read = sum(s.value for s in samples if s.name == "streamgauge_records_consumed_total")
    assert read == 800
    lag = [s.labels for s in samples if s.name == "streamgauge_consumer_lag_records"]
    assert {"topic": "transactions", "partition": "2"} in lag
    del parts[0]
    assert b'partition="0"' not in generate_latest(registry)
