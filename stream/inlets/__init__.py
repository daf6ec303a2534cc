"""How records come in: one of two clients, behind what a source asks of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol

from stream.config import Kafka
from stream.errors import ConfigError
from stream.events import Record
from stream.journal import Partition


class Inlet(Protocol):
    """Fetches the committed records of partitions. Raises `BrokerError` where that fails."""

    def read(self, offsets: Mapping[Partition, int]) -> None:
        """Read further partitions, from these offsets on."""
        ...

    def fetch(
        self, timeout: float, held: Mapping[Partition, int]
    ) -> Mapping[Partition, Sequence[Record]]:
        """What has come in since, in order; waits for the first of it, at most `timeout` seconds.

        `held` says how many records of each partition nobody has wanted yet: one with many of them
        rests, which bounds the memory.
        """
        ...

    def behind(self, partition: Partition) -> int | None:
        """How many offsets of a partition are not fetched yet, as far as is known."""
        ...

    def firsts(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Where partitions begin."""
        ...

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Where partitions end now."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def need_librdkafka() -> None:
    """Raise `ConfigError` if the extra is not installed."""
    if find_spec("confluent_kafka") is None:
        raise ConfigError(
            'kafka.client = "librdkafka": confluent-kafka is not installed; the extra '
            "`librdkafka` brings it"
        )


def inlet(kafka: Kafka) -> Inlet:
    """The inlet of the client that the config names.

    Raises
    ------
    BrokerError
        If the broker cannot be reached.
    ConfigError
        If the client is not installed.
    """
    if kafka.client == "librdkafka":
        need_librdkafka()
        from stream.inlets.librdkafka import Librdkafka  # noqa: PLC0415 - an extra

        return Librdkafka(kafka)
    from stream.inlets.kafka_python import KafkaPython  # noqa: PLC0415 - half a second

    return KafkaPython(kafka)
