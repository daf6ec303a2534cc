"""Measurements of many series, from their bytes to their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from stream import build
from stream.cli import app
from stream.codec import MAX_TEXT, REASONS, Codec
from stream.config import load, parse
from stream.errors import ConfigError
from stream.events import Batch, Measurements, Record
from stream.generate_metrics import MetricStream, metrics
from stream.hashing import hash64
from stream.labels import EVENT_ITEM, LABEL_ITEM
from stream.masking import Mask
from stream.measurements import MeasurementFields, MeasurementReader
from stream.monitor import Monitor
from stream.record import record as write
from stream.sources.memory import MemorySource
from stream.sources.recording import RecordingSource
from tests.models.helpers import bits
from tests.stream.streams import DAY, SMALL, START, metric_stream, record, steps, told

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
FOREIGN = "no such key with kind ="
FIELDS = "id, label, series, source, ts, value"
FEATURES = "aggregates, max_keys, max_window_events, scale_limit, windows"
CARDS = "amount, categorical, customer, id, label, numeric, source, terminal, ts"
CODEC = Codec(MeasurementReader(MeasurementFields()))


def value(**fields: Any) -> dict[str, Any]:
    return {"series": "cpu-7", "ts": "2018-04-01T00:00:31Z", "value": 0.31} | fields


def literal(field: str, text: str) -> bytes:
    """A good event with a JSON text of its own in one field."""
    return json.dumps(value(**{field: "@"})).replace('"@"', text).encode()


def decode(given_: bytes | Mapping[str, Any], topic: str = "metrics") -> Batch:
    return CODEC.decode([record(given_, topic)])


def new_monitor(**sections: Any) -> Monitor:
    small = {name: SMALL[name] for name in ("labels", "alerts", "metrics", "drift", "input")}
    small["features"] = {"max_keys": 15}
    return build.monitor(parse({"kind": "metrics", **small, **sections}, "test.toml"))


DEAD: list[tuple[str, bytes | dict[str, Any]]] = [
    ("too_large", value(note="x" * 70_000)),
    ("too_large", value(series="x" * (MAX_TEXT + 1))),
    ("too_large", value(id="x" * (MAX_TEXT + 1))),
    ("not_json", b""),
    ("not_json", literal("value", "NaN")),
    ("not_json", literal("value", "-Infinity")),
    ("missing_field", {}),
    ("missing_field", {"series": "a", "ts": START}),
    ("missing_field", {"series": "a", "value": 1.0}),
    ("missing_field", {"ts": START, "value": 1.0}),
    ("wrong_type", value(value=None)),
    ("wrong_type", value(value="0.31")),
    ("wrong_type", value(value=True)),
    ("wrong_type", value(value=[0.31])),
    ("wrong_type", value(series=None)),
    ("wrong_type", value(series=1.5)),
    ("wrong_type", value(id=1.5)),
    ("wrong_type", value(ts=None)),
    ("out_of_range", value(value=1e16)),
    ("out_of_range", literal("value", "1e999")),
    ("out_of_range", literal("series", str(2**63))),
    ("bad_time", value(ts="soon")),
    ("bad_time", value(ts=-1e300)),
    ("future_time", value(ts=START + DAY + 1.0)),
]


@pytest.mark.parametrize(("reason", "given_"), DEAD, ids=lambda each: str(each)[:40])
def test_a_bad_value_is_a_dead_letter_with_its_reason(
    reason: str, given_: bytes | dict[str, Any]
) -> None:
    raw = given_ if isinstance(given_, bytes) else json.dumps(given_).encode()
    (letter,) = decode(raw).dead
    assert letter.reason == reason
    assert letter.detail
    assert "\n" not in letter.detail


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        (value(), "cpu-7@2018-04-01T00:00:31Z"),
        (value(id=None), "cpu-7@2018-04-01T00:00:31Z"),
        (value(series=7, ts=1_522_540_831), "7@1522540831"),
        (value(ts=1_522_540_831.5), "cpu-7@1522540831.5"),
        (value(series="", ts=0), "@0"),
        (value(id="mine"), "mine"),
        (value(id=5), 5),
    ],
    ids=str,
)
def test_an_event_without_an_id_is_known_by_its_series_and_time(
    given_: dict[str, Any], name: str | int
) -> None:
    batch = decode(given_)
    assert batch.dead == []
    assert isinstance(batch.events, Measurements)
    assert batch.events.ids == [name]
    assert batch.events.given_ts == [given_["ts"]]
    assert batch.events.keys.tolist() == [[hash64(str(given_["series"]))]]
    assert batch.events.value.tolist() == [0.31]
    label = decode({"id": name, "ts": START, "label": 1}, "labels")
    assert label.ids.tolist() == batch.ids.tolist()


def test_a_label_has_to_name_its_event() -> None:
    label = {"series": "cpu-7", "ts": START, "label": 1}
    assert [letter.reason for letter in decode(label, "labels").dead] == ["missing_field"]


def test_fields_have_the_names_of_the_metric_stream() -> None:
    names = {"series": "metric", "value": "v", "ts": "at", "id": "point", "label": "bad"}
    codec = build.codec(parse({"kind": "metrics", "fields": names}, "none"))
    event = {"metric": "disk", "v": -3, "at": START}
    label = {"point": f"disk@{START}", "bad": 1, "at": START + 5}
    batch = codec.decode([record(event, "metrics"), record(label, "labels")])
    assert batch.dead == []
    assert batch.kind.tolist() == [EVENT_ITEM, LABEL_ITEM]
    assert batch.ids[0] == batch.ids[1]


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
fields = st.sampled_from(["id", "ts", "label", "source", "series", "value"])
topics = st.sampled_from(["metrics", "labels"])


@given(topics, st.dictionaries(fields, json_values, max_size=4), st.integers(-1, 2**63 - 1))
def test_values_never_raise(topic: str, odd: dict[str, Any], timestamp: int) -> None:
    raw = json.dumps(value() | odd).encode()
    batch = CODEC.decode([Record(raw, topic, 0, 0, timestamp)])
    assert len(batch.kind) + len(batch.dead) == 1
    assert all(letter.reason in REASONS for letter in batch.dead)
    assert np.isfinite(batch.ts).all()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ({"fields": {"customer": "c"}},
         f'fields.customer = "c": {FOREIGN} "metrics"; allowed are {FIELDS}'),
        ({"features": {"hash_bits": 5}},
         f'features.hash_bits = 5: {FOREIGN} "metrics"; allowed are {FEATURES}'),
        ({"input": {"format": "json"}},
         f'input.format = "json": {FOREIGN} "metrics"; allowed are max_future, max_record_bytes'),
        ({"fields": {"series": ""}}, 'fields.series = "": expected a text of length >= 1'),
        ({"fields": {"ts": ""}}, 'fields.ts = "": expected a text of length >= 1'),
        ({"fields": {"value": "id"}},
         "fields: id named twice: expected a field for one use only"),
        ({"kind": "transactions", "fields": {"series": "s"}},
         f'fields.series = "s": {FOREIGN} "transactions"; allowed are {CARDS}'),
        ({"kind": "emails", "fields": {"value": "v"}},
         f'fields.value = "v": {FOREIGN} "emails"; allowed are id, label, source, ts'),
    ],
    ids=str,
)  # fmt: skip
def test_keys_of_other_kinds_are_mistakes(text: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"kind": "metrics"} | text, "none")
    assert str(caught.value) == f"none: {line}"


@pytest.mark.parametrize("aggregates", ["decayed", "sliding"])
def test_how_records_are_cut_changes_nothing(aggregates: str) -> None:
    records = metric_stream(700)
    sections = {
        "features": {"max_keys": 15, "aggregates": aggregates},
        "detection": {"scorers": ["distance", "next-value"], "min_labels": 10},
    }
    whole = new_monitor(**sections)
    expected = told(steps(whole, records, len(records)))
    assert len(expected["labelled"]) > 200
    assert len(expected["alerts"]) > 5
    assert {json.loads(line)["reason"] for line in expected["dead"]} == {
        "wrong_type", "out_of_range", "own_verdict"
    }  # fmt: skip
    for size in (1, 7, 64):
        parts = new_monitor(**sections)
        assert told(steps(parts, records, size)) == expected
        assert bits(parts.snapshot()) == bits(whole.snapshot())


def test_a_snapshot_goes_on_where_it_was() -> None:
    records = metric_stream(500)
    whole = new_monitor()
    steps(whole, records[:400], 50)
    kept = new_monitor()
    kept.restore(whole.snapshot())
    assert told(steps(whole, records[400:], 50)) == told(steps(kept, records[400:], 50))
    assert bits(whole.snapshot()) == bits(kept.snapshot())


def read(path: Path, of: Any, delay: float = 0.0) -> list[Record]:
    source = RecordingSource([path], build.fields(of), "metrics", "labels", delay)
    records: list[Record] = []
    while not source.exhausted:
        records += source.poll(0.0)
    return records


def test_the_truth_inside_names_its_event(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    lines = [
        json.dumps(value(label=1)),
        json.dumps(value(label=0, id=5, ts=7)),
        json.dumps(value(label=0, series=3, ts=8.5, source="user")),
        json.dumps({"series": "x", "value": 1.0, "label": 1}),
        json.dumps({"label": 1, "id": "cpu-7@7", "ts": 9}),
        '{"series": 1e999, "ts": 9, "value": 1, "label": 1}',
    ]
    path.write_text("\n".join(lines))
    config = load(EXAMPLES / "metrics.toml")
    records = read(path, config)
    labels = [json.loads(r.value) for r in records if r.topic == "labels"]
    assert [(label["id"], label["label"]) for label in labels] == [
        ("cpu-7@2018-04-01T00:00:31Z", 1),
        (5, 0),
        ("3@8.5", 0),
        (None, 1),
        ("cpu-7@7", 1),
        (None, 1),
    ]
    assert labels[2]["source"] == "user"
    late = read(path, config, 3_600.0)
    batch = build.codec(config).decode(late)
    assert [letter.reason for letter in batch.dead].count("missing_field") == 1
    assert len(batch.events) == 3


def test_a_masked_recording_gives_the_same_scores(tmp_path: Path) -> None:
    """And says of no series what it is called."""
    records, out = metric_stream(400), tmp_path / "r.jsonl.gz"
    config = parse({"kind": "metrics"}, "none")
    mask = Mask(build.fields(config), "labels", ["series"], b"salt").record
    write(MemorySource(records, 100), build.codec(config), out, Event(), mask=mask)
    again = read(out, config)
    assert not any(name in r.value for r in again for name in (b"cpu-", b"memory-", b"own-"))
    plain, hidden = (steps(new_monitor(), each, 100) for each in (records, again))
    for name in ("scores", "alerts"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(o, name) for o in plain]),
            np.concatenate([getattr(o, name) for o in hidden]),
        )
    labelled = [[n for o in each for n in o.labelled.tolist()] for each in (plain, hidden)]
    assert labelled[0] == labelled[1]
    assert len(labelled[0]) > 100


def ask(*arguments: str | Path) -> Any:
    ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ran.exit_code == 0, ran.output
    return ran


def test_from_generate_to_explain(tmp_path: Path) -> None:
    recording, out, alerts = (tmp_path / name for name in ("r.jsonl.gz", "s.jsonl", "a.jsonl"))
    config = EXAMPLES / "metrics.toml"
    ask("generate", recording, "--kind", "metrics", "--events", "12000", "--series", "10",
        "--anomalies", "0.05", "--seed", "3")  # fmt: skip
    small = ["--set", "labels.max_waiting=5000", "--set", "features.max_keys=20"]
    shown = ask("replay", recording, "--config", config, "--scores", out, "--alerts", alerts,
                "--label-delay", "10m", *small)  # fmt: skip
    assert "12,000 events" in shown.stdout
    scores = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert len(scores) == 12_000
    truth = [each["label"] for each in metrics(
        MetricStream(events=12_000, series=10, anomalies=0.05, seed=3)
    )]  # fmt: skip
    order = np.argsort([line["score"] for line in scores[3_000:]])
    assert np.mean(np.array(truth[3_000:])[order[-100:]]) > 0.6
    reasons = [json.loads(line)["reasons"] for line in alerts.read_bytes().splitlines()]
    assert reasons

    line = scores[9_000]
    assert line["id"].startswith(("cpu-", "requests-", "latency-", "memory-", "queue-"))
    why = json.loads(
        ask("explain", line["id"], config, "--recording", recording, "--label-delay", "10m",
            "--json", *small).stdout
    )  # fmt: skip
    assert {name: why[name] for name in line} == line
    assert "distance_7d" in {each["feature"] for each in why["features"]}


def test_an_option_of_another_kind_is_a_mistake(tmp_path: Path) -> None:
    for options, says in (
        (["--kind", "metrics", "--spam", "0.5"], "--spam 0.5: goes with --kind emails"),
        (["--series", "5"], "--series 5: goes with --kind metrics"),
        (["--kind", "metrics", "--anomalies", "0.9"], "--anomalies = 0.9: expected a share"),
        (["--kind", "metrics", "--per-day", "1e9"], "--per-day = 1000000000.0: expected at most"),
    ):
        ran = CliRunner().invoke(app, ["generate", str(tmp_path / "x"), *options])
        assert ran.exit_code != 0
        assert says in ran.output
        assert not (tmp_path / "x").exists()
