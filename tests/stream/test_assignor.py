"""Who of a group gets the work: exactly one, and whoever has it keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.assignor import OneWorker, chosen

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
