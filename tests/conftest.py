"""What tests of any folder share: one real Kafka for the whole run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploy.kafka.broker import Broker, BrokerUnavailable


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real Kafka on loopback, started when the first test asks for it."""
    broker = Broker(extra={"log.retention.ms": "-1"})  # recordings have the times of then
    try:
        broker.start()
    except BrokerUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have Kafka: {error}")
        pytest.skip(str(error))
    yield broker.bootstrap
    broker.stop()
