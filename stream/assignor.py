"""Who of a group's members has which partitions: one worker has all, or they share them out.

Kafka asks one member of the group, whichever it likes, to share out the work among all; each member
has sent along what it has now, and in which generation of the group it was given it last.

Where the state of a monitor is one thing, its partitions go together (`OneWorker`), and the other
members stand by. Where each partition has a monitor, they are shared out evenly (`ByPartition`),
and as many as can stay where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from kafka.coordinator.assignors.abstract import AbstractPartitionAssignor, RebalanceProtocol
from kafka.protocol.consumer.metadata import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
)

WORK = b"work"


def chosen(claims: dict[str, int]) -> str:
    """Who gets the work: whoever was given it in the latest generation, else the first by name.

    Parameters
    ----------
    claims
        By member: the latest generation in which it was given the work; -1 for none. There can be
        two, when one has slept and does not know yet that it has lost the work: an older one.

    >>> chosen({"b": -1, "a": -1})
    'a'
    >>> chosen({"a": -1, "b": 3, "c": 7})
    'c'
    """
    return min(claims, key=lambda member: (-claims[member], member))


class OneWorker(AbstractPartitionAssignor):
    """Gives all partitions to one member of the group.

    Attributes
    ----------
    since
        The latest generation in which this member was given the work; -1 if it does not have it.
    """

    name = "streamgauge-one-worker"

    def __init__(self) -> None:
        self.since = -1

    def supported_protocols(self) -> list[RebalanceProtocol]:
        """Cooperative: a member that keeps its partitions goes on while others come and go."""
        return [RebalanceProtocol.COOPERATIVE]

    def metadata(self, topics: Sequence[str]) -> ConsumerProtocolSubscription:
        """What this member sends along when it joins."""
        return ConsumerProtocolSubscription(
            version=0, topics=sorted(topics), user_data=b"%d" % self.since
        )

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, ConsumerProtocolAssignment]:
        """Share out the work, when it is this member that Kafka asks."""
        about = {member.member_id: member.metadata for member in members}
        worker = chosen({name: int(said.user_data or b"-1") for name, said in about.items()})
        nothing = ConsumerProtocolAssignment(version=0, assigned_partitions=[], user_data=b"")
        work = [
            (topic, sorted(cluster.partitions_for_topic(topic) or ()))
            for topic in sorted(about[worker].topics)
        ]
        whole = ConsumerProtocolAssignment(version=0, assigned_partitions=work, user_data=WORK)
        return {name: whole if name == worker else nothing for name in about}

    def on_assignment(self, assignment: ConsumerProtocolAssignment, generation: int) -> None:
        """Take note of what this member was given."""
        self.since = generation if assignment.user_data == WORK else -1

    def lose(self) -> None:
        """The group has given this member up."""
        self.since = -1


class Claim(msgspec.Struct, frozen=True):
    """What a member has, and since which generation."""

    since: int = -1
    parts: tuple[int, ...] = ()


def shared_out(claims: Mapping[str, Claim], count: int) -> dict[str, list[int]]:
    """Which of `count` partitions each member gets: as evenly as can be, and moving few.

    >>> shared_out({"a": Claim(1, (0, 1, 2, 3)), "b": Claim()}, 4)
    {'a': [0, 1], 'b': [2, 3]}
    >>> shared_out({"b": Claim(2, (2, 3)), "c": Claim()}, 4)
    {'b': [2, 3], 'c': [0, 1]}
    """
    owner: dict[int, str] = {}
    # Of two that claim one, the later has it: the earlier has slept and does not know yet.
    for member in sorted(claims, key=lambda member: (claims[member].since, member)):
        owner |= dict.fromkeys(claims[member].parts, member)
    has: dict[str, list[int]] = {member: [] for member in sorted(claims)}
    for part in range(count):
        if part in owner:
            has[owner[part]].append(part)
    least, more = divmod(count, len(has))
    for place, member in enumerate(sorted(has, key=lambda member: (-len(has[member]), member))):
        del has[member][least + (place < more) :]
    kept = {part for parts in has.values() for part in parts}
    for part in range(count):
        if part not in kept:
            min(has.values(), key=len).append(part)
    return {member: sorted(parts) for member, parts in has.items()}


class ByPartition(AbstractPartitionAssignor):
    """Shares partitions out: the same number of each topic go together.

    Attributes
    ----------
    since
        The generation in which this member was last given some; -1 while it is in no group.
    parts
        Which it has.
    """

    name = "streamgauge-by-partition"

    def __init__(self) -> None:
        self.since = -1
        self.parts: Collection[int] = ()

    def supported_protocols(self) -> list[RebalanceProtocol]:
        """As with one worker: what stays where it is goes on."""
        return [RebalanceProtocol.COOPERATIVE]

    def metadata(self, topics: Sequence[str]) -> ConsumerProtocolSubscription:
        """What this member sends along when it joins."""
        claim = msgspec.json.encode(Claim(self.since, tuple(self.parts)))
        return ConsumerProtocolSubscription(version=0, topics=sorted(topics), user_data=claim)

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, ConsumerProtocolAssignment]:
        """Share out the work, when it is this member that Kafka asks."""
        about = {member.member_id: member.metadata for member in members}
        topics = sorted({topic for said in about.values() for topic in said.topics})
        count = min(len(cluster.partitions_for_topic(topic) or ()) for topic in topics)
        claims = {
            name: msgspec.json.decode(said.user_data or b"{}", type=Claim)
            for name, said in about.items()
        }
        return {
            name: ConsumerProtocolAssignment(
                version=0,
                assigned_partitions=[(topic, parts) for topic in topics],
                user_data=msgspec.json.encode(parts),
            )
            for name, parts in shared_out(claims, count).items()
        }

    def on_assignment(self, assignment: ConsumerProtocolAssignment, generation: int) -> None:
        """Take note of what this member was given."""
        self.parts = msgspec.json.decode(assignment.user_data or b"[]", type=tuple[int, ...])
        self.since = generation

    def lose(self) -> None:
        """The group has given this member up."""
        self.since, self.parts = -1, ()
