"""One worker of the group has all partitions, and keeps them; the others stand by.

The state of a monitor is one thing, so its partitions go together. Kafka asks one member of the
group, whichever it likes, to share out the work among all; each member has sent along whether it
has the work now, and in which generation of the group it was given it last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
