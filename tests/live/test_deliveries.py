"""What deliveries promise, of each client, against the real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.partitioner.default import murmur2

from deploy.kafka.broker import Broker
from stream import config
from stream.delivery import AtLeastOnce, Block, Delivery, Message, new_delivery
from stream.errors import BrokerError, LostError
from stream.membership import Membership
from tests.live.service import Stage, eventually

pytestmark = pytest.mark.kafka

CLIENTS = ("kafka-python", "librdkafka")
KEYS = [b"%d" % n for n in range(3_000)]


@pytest.fixture(scope="module")
def stage(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(kafka, tmp_path_factory.mktemp("deliveries"), partitions=3)


@pytest.fixture(scope="module")
def member(stage: Stage) -> Iterator[Membership]:
    member = Membership(config.load(stage.config).kafka, [stage.topics["events"]])

    def turned() -> bool:
        member.turn(0.1)
        return member.has_the_work

    eventually(turned, "the work")
    yield member
    member.close()


def opened(stage: Stage, client: str, group: str, kind: str = "exactly-once") -> Delivery:
    named = {"kafka.client": client, "kafka.delivery": kind, "kafka.group": group}
    kafka = config.load(stage.config, named).kafka
    delivery = new_delivery(kafka)
    delivery.start()
    return delivery


def count(stage: Stage, use: str) -> int:
    return len(stage.read(use, 0))


@pytest.mark.parametrize("blocks", [True, False], ids=["blocks", "one by one"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("kind", ["exactly-once", "at-least-once"])
def test_all_is_there_once_in_order_and_with_offsets(
    kafka: str, tmp_path: Path, stage: Stage, member: Membership, client: str, kind: str,
    blocks: bool,
) -> None:  # fmt: skip
    if client == "librdkafka" and not blocks:
        pytest.skip("it has no other way")
    group, stage = stage.config.stem, Stage(kafka, tmp_path, partitions=3)
    delivery = opened(stage, client, group, kind)
    if not blocks:
        assert isinstance(delivery, AtLeastOnce)
        delivery.blocks = None
    topic = stage.topics["events"]  # of three partitions
    headers = [("reason", b"none")]
    for n in range(2):
        some = KEYS[n * 1_500 : (n + 1) * 1_500]
        delivery.send([Block(topic, some, [key * 40 for key in some])])
        delivery.send([Message(stage.topics["drifts"], b"d", b"k", headers)])
        delivery.send([Message(stage.topics["journal"], b"%d" % n, partition=0)])
        # After each commit a transaction leaves its mark, which takes an offset.
        assert delivery.flush() == (2 * n if kind == "exactly-once" else n)
        delivery.commit({(topic, 1): 10 + n}, member)
    found = stage.read("events", len(KEYS))
    for partition in range(3):
        keys = [r.key for r in found if r.partition == partition]
        assert keys == [key for key in KEYS if (murmur2(key) & 0x7FFFFFFF) % 3 == partition]
    assert all(r.value == r.key * 40 for r in found)
    assert [r.value for r in stage.read("journal", 2)] == [b"0", b"1"]
    assert [tuple(r.headers) for r in stage.read("drifts", 2)] == [tuple(headers)] * 2
    assert member.committed([(topic, 1)]) == {(topic, 1): 11}
    delivery.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("other", CLIENTS)
def test_a_later_one_shuts_out_an_earlier_one(
    stage: Stage, member: Membership, client: str, other: str
) -> None:
    """Of whatever client each is, since both go under the group's name."""
    topic = stage.topics["scores"]
    before = count(stage, "scores")
    first = opened(stage, client, stage.config.stem)
    first.send([Block(topic, [b"a"], [b"never"])])
    first.flush()
    second = opened(stage, other, stage.config.stem)
    second.send([Block(topic, [b"a"], [b"valid"])])
    second.flush()
    second.commit({(stage.topics["events"], 0): 1}, member)
    with pytest.raises(LostError):
        first.commit({(stage.topics["events"], 0): 7}, member)
    assert [r.value for r in stage.read("scores", before + 1)] == [b"valid"] * (before + 1)
    assert member.committed([(stage.topics["events"], 0)]) == {(stage.topics["events"], 0): 1}
    for each in (first, second):
        each.close()


def test_letting_go_of_librdkafka_does_not_wait_for_a_broker_that_is_gone(tmp_path: Path) -> None:
    with Broker() as broker:
        stage = Stage(broker.bootstrap, tmp_path)
        delivery = opened(stage, "librdkafka", stage.config.stem)
        block = Block(stage.topics["scores"], [b"a"], [b"b"])
        delivery.send([block])
        delivery.flush()
        broker.kill()
        delivery.send([block])
        with pytest.raises(BrokerError, match="no answer from"):
            delivery.flush()
        start = time.monotonic()
        delivery.close()
        assert time.monotonic() - start < 10.0
