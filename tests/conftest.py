"""What tests of any folder share: one real Kafka, and compiled code that is up to date."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.kafka.broker import Broker, BrokerUnavailable

# The first example of a compiled function takes seconds, the others microseconds.
settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")


def pytest_configure() -> None:
    """Throw away compiled code that is older than any source.

    numba looks at the file of a function itself, and not at the files of those that it calls.
    """
    root = Path(__file__).resolve().parents[1]
    folders = [root / "models", root / "stream"]
    compiled = [file for folder in folders for file in folder.rglob("*.nb[ic]")]
    newest = max(file.stat().st_mtime for folder in folders for file in folder.rglob("*.py"))
    if any(file.stat().st_mtime < newest for file in compiled):
        for file in compiled:
            file.unlink(missing_ok=True)


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
