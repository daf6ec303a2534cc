"""How Kafka is reached by librdkafka: the same settings in its words, and its errors in ours."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from stream.config import Kafka
from stream.credentials import credentials
from stream.errors import BrokerError, BrokerRefusedError
from stream.librdkafka_security import security

log = logging.getLogger("streamgauge.librdkafka")
log.setLevel(logging.CRITICAL + 1)  # all that it says comes as an error too, in our words

_REFUSALS = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001 - so librdkafka's own codes are called
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


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
        "bootstrap.servers": ",".join(part.strip() for part in kafka.bootstrap.split(",")),
        "client.id": "streamgauge",
        "logger": log,
        "log.connection.close": False,
        **security(credentials(kafka.security)),
    }


@contextmanager
def in_our_words(kafka: Kafka, doing: str) -> Generator[None]:
    """Turn librdkafka's errors into one line that says what failed, where and why."""
    try:
        yield
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in _REFUSALS:
            who = f" as {kafka.security.username}" if kafka.security.username else ""
            line = f"{kafka.bootstrap} refused {doing}{who}: {cause.str()}"
            raise BrokerRefusedError(line) from error
        if is_silence(error):
            raise BrokerError(
                f"no answer from {kafka.bootstrap} to {doing}: {cause.str()}"
            ) from error
        raise BrokerError(f"{doing} at {kafka.bootstrap} failed: {cause.str()}") from error


def is_silence(error: BaseException | None) -> bool:
    """Whether all that is known is that the broker has not answered yet."""
    if not isinstance(error, KafkaException):
        return False
    cause: KafkaError = error.args[0]
    if cause.txn_requires_abort() or cause.fatal():
        return False
    # SLF001: as above.
    return cause.retriable() or cause.code() in {
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    }
