"""How Kafka is reached: settings for kafka-python's clients, and its errors in our words."""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    UnsupportedSaslMechanismError,
)

from stream.config import Kafka
from stream.credentials import credentials
from stream.errors import BrokerError, BrokerRefusedError
from stream.kafka_python_security import security
from stream.knock import knock

CONNECT_MS = 5_000

_TIMEOUTS = (KafkaTimeoutError, RequestTimedOutError)
_REFUSALS = (AuthorizationError, SaslAuthenticationFailedError, UnsupportedSaslMechanismError)


def settings(kafka: Kafka) -> dict[str, Any]:
    """What every client needs to know to be let in.

    Raises
    ------
    ConfigError
        If a secret or a certificate cannot be read.
    BrokerError
        If there is no token to be had.
    """
    return {
        "bootstrap_servers": [part.strip() for part in kafka.bootstrap.split(",")],
        "client_id": "streamgauge",
        "bootstrap_timeout_ms": CONNECT_MS,
        **security(credentials(kafka.security)),
    }


def demand_entry(kafka: Kafka) -> None:
    """Raise `BrokerRefusedError` if the broker is there and does not let us in."""
    knock(kafka, credentials(kafka.security))


@contextmanager
def in_our_words(kafka: Kafka, doing: str) -> Generator[None]:
    """Turn kafka-python's errors into one line that says what failed, where and why."""
    with _LastWord() as last_word:
        try:
            yield
        except (KafkaError, OSError) as error:
            # A time-out hides what happened at each try, which is in the log only.
            timed_out = isinstance(error, KafkaTimeoutError)
            cause = (timed_out and last_word.cause) or error
            if isinstance(cause, _REFUSALS):
                who = f" as {kafka.security.username}" if kafka.security.username else ""
                line = f"{kafka.bootstrap} refused {doing}{who}: {_why(cause)}"
                raise BrokerRefusedError(line) from error
            if timed_out:
                demand_entry(kafka)  # which may know better
                line = f"no answer from {kafka.bootstrap} to {doing}: {_why(cause)}"
                raise BrokerError(line) from error
            raise BrokerError(f"{doing} at {kafka.bootstrap} failed: {_why(cause)}") from error


def _why(error: Exception) -> str:
    """The error without kafka-python's class names and numbers before it."""
    return re.sub(r"^(\[Error \d+\] |\w+Error: )+", "", str(error)) or type(error).__name__


class _LastWord(logging.Handler):
    """Keeps the last error that kafka-python's connections have logged while it is in use."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.cause: Exception | None = None
        self._log = logging.getLogger("kafka.net")

    def __enter__(self) -> Self:
        self._log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a log record."""
        for part in record.args if isinstance(record.args, tuple) else ():
            # That a try ran out of time says nothing of why, and does not undo a refusal.
            if isinstance(part, Exception) and not isinstance(part, _TIMEOUTS):
                self.cause = self.cause if isinstance(self.cause, _REFUSALS) else part


@contextmanager
def _admin(kafka: Kafka, doing: str) -> Generator[KafkaAdminClient]:
    demand_entry(kafka)
    with in_our_words(kafka, doing):
        client = KafkaAdminClient(**settings(kafka))
        try:
            yield client
        finally:
            client.close()


def partitions(kafka: Kafka, topics: Sequence[str]) -> dict[str, int]:
    """Number of partitions of each topic; 0 for one that is not there.

    Raises
    ------
    BrokerError
        If the broker cannot be asked.
    """
    with _admin(kafka, "listing topics") as client:
        there = set(client.list_topics())
        found = client.describe_topics([topic for topic in topics if topic in there])
        sizes = {about["name"]: len(about["partitions"]) for about in found}
    return {topic: sizes.get(topic, 0) for topic in topics}


def workers(kafka: Kafka) -> list[str]:
    """Hosts of the members that the group has now.

    Raises
    ------
    BrokerError
        If the broker cannot be asked.
    """
    with _admin(kafka, "asking who is in the group") as client:
        about = client.describe_groups([kafka.group])[kafka.group]
    return [member["client_host"].lstrip("/") for member in about["members"]]


def create_topics(kafka: Kafka, topics: Sequence[str]) -> None:
    """Create the topics that are not there, with one partition each, and keep all records.

    A recording's records have the times of then, so a broker that keeps a week would drop them.
    """
    with _admin(kafka, "creating topics") as client:
        for topic in topics:
            try:
                client.create_topics([NewTopic(topic, 1, 1, topic_configs={"retention.ms": "-1"})])
            except TopicAlreadyExistsError:
                continue
        client.wait_for_topics(list(topics))


def need_topics(kafka: Kafka, topics: Sequence[str]) -> None:
    """Raise `BrokerError` unless all topics are there."""
    demand(kafka, partitions(kafka, topics))


def demand(kafka: Kafka, sizes: Mapping[str, int]) -> None:
    """Raise `BrokerError` if one of the topics in what `partitions` gave is not there."""
    missing = [topic for topic, size in sizes.items() if not size]
    if missing:
        raise BrokerError(f"{kafka.bootstrap} has no topic {', '.join(missing)}: create it there")
