"""Who of a group gets the work: exactly one, and whoever has it keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.assignor import ByPartition, OneWorker, chosen

TOPICS = {"transactions": {0, 1, 2}, "labels": {0}}


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return TOPICS.get(topic)


@dataclass
class Member:
    member_id: str
    metadata: Any


class Group:
    """Members by name; `rebalance` does what Kafka does."""

    def __init__(self) -> None:
        self.members: dict[str, OneWorker] = {}
        self.generation = 0

    def rebalance(self, leader: str) -> dict[str, list[tuple[str, Sequence[int]]]]:
        self.generation += 1
        joined = [Member(name, m.metadata(sorted(TOPICS))) for name, m in self.members.items()]
        shares = self.members[leader].assign(Cluster(), joined)
        for name, member in self.members.items():
            member.on_assignment(shares[name], self.generation)
        return {name: list(share.assigned_partitions) for name, share in shares.items()}

    @property
    def working(self) -> list[str]:
        return [name for name, member in self.members.items() if member.since >= 0]


@given(
    st.lists(
        st.tuples(st.sampled_from(["join", "leave", "sleep", "nothing"]), st.sampled_from("abcde")),
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_one_has_everything_and_keeps_it(steps: list[tuple[str, str]], draw: Any) -> None:
    group = Group()
    asleep: dict[str, OneWorker] = {}
    for what, name in steps:
        before = group.working
        if what == "join" and name not in group.members:
            # One that wakes up after it was given up still believes that it has the work.
            group.members[name] = asleep.pop(name, OneWorker())
        elif what in ("leave", "sleep"):
            gone = group.members.pop(name, None)
            if gone and what == "sleep":
                asleep[name] = gone
        if not group.members:
            continue
        shares = group.rebalance(draw.choice(sorted(group.members)))
        assert len(group.working) == 1
        (worker,) = group.working
        assert dict(shares[worker]) == {topic: sorted(TOPICS[topic]) for topic in TOPICS}
        assert all(not share for name, share in shares.items() if name != worker)
        if before and before[0] in group.members:
            assert worker == before[0]


def test_who_lost_the_work_claims_it_no_more() -> None:
    worker = OneWorker()
    group = Group()
    group.members["a"] = worker
    group.rebalance("a")
    assert worker.since == 1
    worker.lose()
    assert worker.metadata(["labels"]).user_data == b"-1"


def test_a_topic_that_is_not_known_yet_does_no_harm() -> None:
    worker = OneWorker()
    shares = worker.assign(Cluster(), [Member("a", worker.metadata(["other"]))])
    worker.on_assignment(shares["a"], 4)
    assert worker.since == 4


def test_the_latest_claim_counts() -> None:
    assert chosen({"a": 3, "b": 8, "c": -1}) == "b"


class Parts:
    """A group whose members share partitions out."""

    def __init__(self) -> None:
        self.members: dict[str, ByPartition] = {}
        self.generation = 0

    def rebalance(self) -> None:
        self.generation += 1
        topics = ["labels", "transactions"]
        joined = [Member(name, m.metadata(topics)) for name, m in self.members.items()]
        shares = self.members[max(self.members)].assign(Eight(), joined)
        for name, member in self.members.items():
            for topic, parts in shares[name].assigned_partitions:
                assert topic in topics
                assert list(parts) == list(shares[name].assigned_partitions[0][1])
            member.on_assignment(shares[name], self.generation)


class Eight:
    def partitions_for_topic(self, _: str) -> set[int]:
        return set(range(8))


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "sleep"]), st.sampled_from("abcde"))))
def test_partitions_are_shared_out_evenly_and_few_move(steps: list[tuple[str, str]]) -> None:
    group = Parts()
    asleep: dict[str, ByPartition] = {}
    for what, name in steps:
        before = {n: set(member.parts) for n, member in group.members.items()}
        if what == "join":
            # Whoever has slept comes back with what it thinks that it has.
            member = asleep.pop(name) if name in asleep else ByPartition()
            group.members.setdefault(name, member)
        elif name in group.members:
            asleep[name] = group.members.pop(name)
            if what == "leave":
                asleep.pop(name).lose()
        if not group.members:
            continue
        group.rebalance()
        shares = {n: set(member.parts) for n, member in group.members.items()}
        assert sorted(part for parts in shares.values() for part in parts) == list(range(8))
        sizes = [len(parts) for parts in shares.values()]
        assert max(sizes) - min(sizes) <= 1
        for who, parts in shares.items():
            had = before.get(who, set())
            assert len(had & parts) == min(len(had), len(parts)) or who == name
    for member in group.members.values():
        member.lose()
        assert (member.since, list(member.parts)) == (-1, [])
