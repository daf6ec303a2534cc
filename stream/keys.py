"""What records are keyed by, where each partition has a monitor, and what features are.

A producer puts records of one key into one partition, so features of that key miss nothing. Those
of another key (a terminal's, where records go by customer) see what is in their partition.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stream.config import Config
from stream.errors import ConfigError
from stream.events import Record

# What features of each kind are kept by.
KEPT_BY = {
    "transactions": ("customer", "terminal"),
    "emails": ("sender",),
    "metrics": ("series",),
}


def kept_by(config: Config) -> list[str]:
    """What features are kept by, in this config."""
    if config.kind == "emails":
        return list(KEPT_BY["emails"])
    return [name for name in KEPT_BY[config.kind] if getattr(config.fields, name)]


def key(config: Config) -> str:
    """What records are keyed by: a name of `KEPT_BY`, or a field of the records."""
    return config.partitions.key or next(iter(kept_by(config)), "")


def field(config: Config) -> str:
    """Its field in the records."""
    return str(getattr(config.fields, key(config), key(config)))


def check(config: Config) -> None:
    """Raise `ConfigError` if a monitor for each partition would not see what it should."""
    settings = config.partitions
    if settings.scope == "all":
        return
    if config.kafka.delivery != "exactly-once":
        raise ConfigError(
            f'kafka.delivery = "{config.kafka.delivery}": with partitions.scope = "partition" '
            'expected "exactly-once": transactions keep two workers from one partition'
        )
    if not key(config):
        raise ConfigError('partitions.key = "": expected the field that records are keyed by')
    for name in settings.local:
        if name not in kept_by(config):
            raise ConfigError(
                f'partitions.local = "{name}": expected of {", ".join(kept_by(config))}'
            )
    missing = [n for n in kept_by(config) if n != key(config) and n not in settings.local]
    if missing:
        named = ", ".join(f'"{name}"' for name in missing)
        raise ConfigError(
            f"partitions.local: records are keyed by {key(config)}, so features of "
            f"{', '.join(missing)} would see the events of one partition only: say that you "
            f"accept that, local = [{named}], key the records otherwise, or have figures of "
            f"{missing[0]} sent along in the events (docs/scaling.md)"
        )
    if config.http.token_env or config.http.token_file:
        raise ConfigError(
            'http.token_env, http.token_file: expected none with partitions.scope = "partition": '
            "the page does not know in which partition a label belongs"
        )


def co_partitioned(config: Config, sizes: Mapping[str, int]) -> int:
    """How many partitions there are, by the sizes of the topics.

    Raises
    ------
    ConfigError
        If the topics differ, so that records of one key would not meet.
    """
    topics = config.kafka.topics
    alike = {topic: sizes[topic] for topic in (topics.events, topics.labels, topics.journal)}
    if len(set(alike.values())) > 1:
        found = ", ".join(f"{topic} has {size}" for topic, size in alike.items())
        raise ConfigError(
            f'partitions.scope = "partition": expected as many partitions in each of the topics; '
            f"{found}"
        )
    return alike[topics.events]


class Keys:
    """The key of each record of a recording: an event's own, and for a label that of its event.

    Parameters
    ----------
    config
        Says what the fields are called.
    most
        Events that are remembered for their labels.
    """

    def __init__(self, config: Config, most: int | None = None) -> None:
        self._labels = config.kafka.topics.labels
        fields = {"id": config.fields.id, "key": field(config)}
        struct: Any = msgspec.defstruct(
            "Keyed",
            [(n, Any, msgspec.field(default=None, name=at)) for n, at in fields.items()],
            gc=False,
        )
        self._read: Callable[[bytes], Any] = msgspec.json.Decoder(struct).decode
        self._nothing = struct()
        self._of_event: OrderedDict[str, bytes] = OrderedDict()
        self._most = most or config.labels.max_waiting

    def of(self, record: Record) -> bytes:
        """The key; that of nothing at all where a record cannot be read."""
        try:
            item = self._read(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            item = self._nothing
        name = str(item.id)
        if record.topic == self._labels:
            return self._of_event.get(name, name.encode())
        found = name if item.key is None else str(item.key)
        self._of_event[name] = key = found.encode()
        if len(self._of_event) > self._most:
            self._of_event.popitem(last=False)
        return key
