"""A member of a group, on a real broker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment

from stream import config
from stream.assignor import OneWorker
from stream.errors import BrokerError
from stream.membership import Membership
from tests.live.service import Stage, eventually


class Slow(OneWorker):
    """Takes longer to share out than any poll waits."""

    def assign(self, cluster: Any, members: Sequence[Any]) -> dict[str, ConsumerProtocolAssignment]:
        time.sleep(0.3)
        return super().assign(cluster, members)


@pytest.mark.kafka
def test_a_join_that_outlasts_a_poll_comes_to_an_end(kafka: str, tmp_path: Path) -> None:
    stage = Stage(kafka, tmp_path, create=["events", "labels"])
    topics = [stage.topics[use] for use in ("events", "labels")]
    member = Membership(config.load(stage.config).kafka, topics, Slow())

    def generation() -> int:
        try:
            return member.metadata().generation_id
        except BrokerError:
            return -1

    eventually(lambda: generation() > 0, "joined")
    before = generation()
    # As if there were other partitions than those that were shared out.
    coordinator: Any = member._consumer._coordinator
    coordinator._metadata_snapshot = {}
    eventually(lambda: generation() > before, "joined anew", 10)
    assert member.has_the_work
    member.close()
