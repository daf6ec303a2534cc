"""Which client a config gets, before any broker is asked."""

from __future__ import annotations

import sys

import pytest

from stream.config import Kafka
from stream.delivery import new_delivery
from stream.errors import ConfigError
from stream.inlets import inlet


def test_a_client_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    kafka = Kafka(client="librdkafka")
    for start in (inlet, new_delivery):
        with pytest.raises(ConfigError, match="the extra `librdkafka` brings it"):
            start(kafka)
