"""What a snapshot says of itself, and whether it fits what is here."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stream import build, config, snapshot_header
from stream.errors import SnapshotError
from stream.snapshot_header import Header, changed_versions, demand, shaping

FEATURES = ["bias", "amount", "night"]
CONFIG = msgspec.to_builtins(config.Config())
SAVED = Header.of(FEATURES, CONFIG, {("transactions", 1): 5, ("labels", 0): 2}, events=3)


def changed(dotted: str, value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(CONFIG))
    *tables, name = dotted.split(".")
    table = copy
    for key in tables:
        table = table[key]
    table[name] = value
    return copy


def test_the_offsets_come_back_by_partition() -> None:
    back = msgspec.json.decode(msgspec.json.encode(SAVED), type=Header)
    assert back == SAVED
    assert back.next_offsets == {("transactions", 1): 5, ("labels", 0): 2}


def test_the_same_features_and_config_fit() -> None:
    demand(SAVED, FEATURES, CONFIG, "s")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (["bias", "amount"], "s: of another feature set: has night. Start with "),
        ([*FEATURES, "hour"], "s: of another feature set: lacks hour. Start with "),
        (["a", "b"], "has bias; has amount; has night and 2 more. "),
        (["amount", "bias", "night"], "s: of the same features in another order. "),
    ],
)
def test_other_features_are_one_line_that_names_them(features: list[str], message: str) -> None:
    with pytest.raises(SnapshotError) as raised:
        demand(SAVED, features, CONFIG, "s")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_feature_set_is_the_same_in_any_order() -> None:
    assert Header.of(FEATURES[::-1], {}, {}).feature_set == SAVED.feature_set


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("features.hash_bits", 12, "s: of another config: features.hash_bits = 18, now 12. "),
        ("kafka.topics.labels", "truth", 'kafka.topics.labels = "labels", now "truth"'),
        ("labels.ttl", "1d", 'labels.ttl = "30d", now "1d"'),
        ("model.clip", 5.0, "model.clip = Infinity, now 5.0"),
        ("model.optimizer.eps", 1e-8, "model.optimizer.eps = nothing, now 1e-08"),
        ("tomorrow", {"a": 1}, "tomorrow.a = nothing, now 1"),
    ],
)
def test_another_config_is_one_line_that_names_the_keys(key: str, value: Any, message: str) -> None:
    with pytest.raises(SnapshotError) as raised:
        demand(SAVED, FEATURES, changed(key, value), "s")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kafka.bootstrap", "elsewhere:9092"),
        ("kafka.topics.scores", "out"),
        ("http.port", 1),
        ("snapshot", {"url": "s3://x"}),
    ],
)
def test_how_to_reach_the_world_shapes_no_score(key: str, value: Any) -> None:
    demand(SAVED, FEATURES, changed(key, value), "s")


def test_no_secret_goes_into_a_header() -> None:
    assert not any("password" in key or "username" in key for key in shaping(CONFIG))


def test_changed_versions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed_versions(SAVED) == []
    now = {**SAVED.versions, "numpy": "9.9"}
    monkeypatch.setattr(snapshot_header, "versions", lambda: now)
    assert changed_versions(SAVED) == [f"numpy was {SAVED.versions['numpy']}, is 9.9"]


def test_a_header_is_small() -> None:
    names = build.monitor(config.Config()).features.names
    assert len(msgspec.json.encode(Header.of(names, CONFIG, {}))) < 8_000
