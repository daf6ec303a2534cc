"""Keys of records and of features, and what a config must say of them."""

from __future__ import annotations

from typing import Any

import pytest

from stream import build
from stream.commands.check import about
from stream.config import Config, parse
from stream.errors import ConfigError
from stream.history import History
from stream.keys import Keys, co_partitioned, field, key
from tests.stream.streams import config, event, record

SCOPE = {"scope": "partition", "local": ["terminal"]}


def scaled(**sections: Any) -> Config:
    return config(**{"partitions": SCOPE, **sections})


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"partitions": {"scope": "partition"}},
         "partitions.local: records are keyed by customer, so features of terminal would see"),
        ({"partitions": {"scope": "partition", "key": "terminal"}},
         "partitions.local: records are keyed by terminal, so features of customer would see"),
        ({"partitions": {**SCOPE, "local": ["terminal", "shop"]}},
         'partitions.local = "shop": expected of customer, terminal'),
        ({"partitions": SCOPE, "kafka": {"delivery": "at-least-once"}},
         'kafka.delivery = "at-least-once": with partitions.scope = "partition" expected "exactly'),
        ({"partitions": SCOPE, "http": {"token_env": "TOKEN"}},
         'http.token_env, http.token_file: expected none with partitions.scope = "partition"'),
        ({"partitions": {"scope": "partition"}, "fields": {"customer": "", "terminal": ""}},
         'partitions.key = "": expected the field that records are keyed by'),
        ({"partitions": {"mix_every": "soon"}}, 'partitions.mix_every = "soon": expected'),
        ({"kafka": {"partition": 3}}, "kafka.partition: expected with partitions.scope ="),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(sections: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build.check(config(**sections))
    assert line in str(caught.value).replace(" = 3", "")
    assert "\n" not in str(caught.value)


def test_what_needs_nothing_said() -> None:
    build.check(scaled())
    build.check(config(partitions={"scope": "partition"}, fields={"terminal": ""}))
    build.check(
        config(partitions={"scope": "partition", "key": "terminal"}, fields={"customer": ""})
    )


def test_says_what_is_mixed_and_what_is_not() -> None:
    challengers = [
        {"name": "f", "optimizer": {"name": "ftrl"}, "schedule": {"name": "constant", "rate": 0.3}},
        {"name": "r", "engine": "river"},
        {"name": "own", "learner": {"name": "river:linear_model.Perceptron"},
         "optimizer": {"name": "sgd"}},
    ]  # fmt: skip
    several = scaled(challengers=challengers)
    assert list(about(several)) == [
        "each partition has a monitor of its own; records are keyed by customer",
        "features of terminal see the events of one partition (partitions.local)",
        "weights of champion are mixed every 10m",
        "weights of f are not mixed: ftrl makes weights of all gradients there were",
        "weights of r are not mixed: it is River's or your own",
        "weights of own are not mixed: it is River's or your own",
    ]
    assert list(about(config())) == []
    alone = scaled(partitions={**SCOPE, "mix_every": "0s"})
    assert build.monitor(alone).mixing is None
    assert len(list(about(alone))) == 2


def test_topics_that_differ_are_refused() -> None:
    sizes = {"transactions": 8, "labels": 8, "streamgauge-journal": 8}
    assert co_partitioned(scaled(), sizes) == 8
    with pytest.raises(ConfigError, match="transactions has 8, labels has 1"):
        co_partitioned(scaled(), {**sizes, "labels": 1})


def test_a_label_has_the_key_of_its_event() -> None:
    keys = Keys(scaled(), most=2)
    assert keys.of(record(event("a", 0.0, customer="c1"))) == b"c1"
    assert keys.of(record(event("b", 0.0, customer=7))) == b"7"
    label = record({"id": "a", "label": 1}, topic="labels")
    assert keys.of(label) == b"c1"
    keys.of(record(event("d", 0.0, customer="c2")))
    assert keys.of(label) == b"a", "forgotten: as many as are remembered came after it"
    assert keys.of(record(b"no JSON")) == b"None"


def test_the_key_by_kind() -> None:
    assert (key(scaled()), field(scaled(fields={"customer": "card"}))) == ("customer", "card")
    mails = parse({"kind": "emails", "partitions": {"scope": "partition", "key": "to"}}, "x")
    assert field(mails) == "to"


def test_each_partition_has_its_own_place() -> None:
    own = scaled(snapshot={"url": "here/{group}"}).of_partition(3)
    assert own.snapshot.url == "here/streamgauge/partition-3"
    assert own.of_partition(3).snapshot.url == own.snapshot.url
    assert own.kafka.transactional_id == "streamgauge-3"
    assert own.kafka.journal_partition == 3
    assert scaled().kafka.transactional_id == "streamgauge"


def test_a_journal_is_that_of_one_partition() -> None:
    with pytest.raises(ConfigError, match=r"expected one partition, .* --set kafka.partition=0"):
        History(scaled())
