"""What a snapshot says of itself: what it was made from, and how far it had read."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec
from xxhash import xxh3_128_hexdigest

from stream import __version__
from stream.errors import SnapshotError

# Sections of the config that say how to reach the world, or how to word what is known. Whatever
# else there is shapes scores, a section of tomorrow included, and so do the names of the topics
# that are read: offsets are theirs.
OUTSIDE = ("kafka", "http", "log", "snapshot", "service", "reasons")
READ = ("kafka.topics.events", "kafka.topics.labels")
NAMED = 3  # differences that a message names


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The start of a snapshot file, as JSON.

    Attributes
    ----------
    sequence
        Rises with each snapshot of a folder. Order goes by it, and never by a clock.
    written
        Wall time, for people.
    feature_set, config_set
        Fingerprints of what is in `features`, sorted, and in `config`.
    features
        Names of the dense features, in the order of the arrays.
    config
        What of the config shapes scores: dotted key to its value as JSON.
    versions
        Of what computes scores, down to the machine.
    offsets
        Topic, partition, and the offset to read next.
    scores
        Fingerprint over all scores given, each chained to the one before.
    events, labels
        How many there were.
    extra
        Further plain values.
    """

    sequence: int = 0
    written: str = ""
    feature_set: str
    config_set: str
    features: tuple[str, ...]
    config: dict[str, str]
    versions: dict[str, str]
    offsets: tuple[tuple[str, int, int], ...]
    scores: str = ""
    events: int = 0
    labels: int = 0
    extra: dict[str, Any] = {}

    @classmethod
    def of(
        cls,
        features: Sequence[str],
        config: Mapping[str, Any],
        offsets: Mapping[tuple[str, int], int],
        *,
        scores: str = "",
        events: int = 0,
        labels: int = 0,
        extra: Mapping[str, Any] | None = None,
    ) -> Header:
        """A header of this installation.

        Parameters
        ----------
        features
            Names, in the order of the arrays.
        config
            The whole config as nested plain values.
        offsets
            The next offset of each topic and partition.
        scores, events, labels, extra
            As in the header.
        """
        shapes = shaping(config)
        return cls(
            feature_set=fingerprint(sorted(features)),
            config_set=fingerprint(shapes),
            features=tuple(features),
            config=shapes,
            versions=versions(),
            offsets=tuple((topic, part, n) for (topic, part), n in sorted(offsets.items())),
            scores=scores,
            events=events,
            labels=labels,
            extra=dict(extra or {}),
        )

    @property
    def next_offsets(self) -> dict[tuple[str, int], int]:
        """`offsets` by topic and partition."""
        return {(topic, partition): offset for topic, partition, offset in self.offsets}


def fingerprint(value: Any) -> str:
    """128-bit XXH3 of plain values as JSON, the order of a mapping's keys aside.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return xxh3_128_hexdigest(_json(value).encode())


def shaping(config: Mapping[str, Any]) -> dict[str, str]:
    """What of a config shapes scores: dotted key to its value as JSON, sorted.

    >>> shaping({"features": {"hash_bits": 18}, "http": {"port": 8000}})
    {'features.hash_bits': '18'}
    """
    flat = dict(_flat("", config))
    return {
        key: flat[key]
        for key in sorted(flat)
        if key.partition(".")[0] not in OUTSIDE or key in READ
    }


def _flat(above: str, table: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{above}{name}.", value)
        else:
            yield f"{above}{name}", _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@cache
def versions() -> dict[str, str]:
    """Of what computes scores here."""
    return {
        "streamgauge": __version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
        "machine": platform.machine(),
    }


def changed_versions(saved: Header) -> list[str]:
    """What is not as it was when a snapshot was made; the same bits are promised where it is."""
    now = versions()
    return [f"{name} was {was}, is {now.get(name)}" for name, was in saved.versions.items()
            if now.get(name) != was]  # fmt: skip


def demand(saved: Header, features: Sequence[str], config: Mapping[str, Any], name: str) -> None:
    """See to it that a snapshot was made with these features and this config.

    Raises
    ------
    SnapshotError
        With the first few differences; `name` says which snapshot.
    """
    shapes = shaping(config)
    if saved.feature_set != fingerprint(sorted(features)):
        only_saved = [f"has {feature}" for feature in saved.features if feature not in features]
        only_here = [f"lacks {feature}" for feature in features if feature not in saved.features]
        _refuse(name, "of another feature set", only_saved + only_here)
    if saved.config_set != fingerprint(shapes):
        keys = sorted(saved.config.keys() | shapes.keys())
        _refuse(
            name,
            "of another config",
            [
                f"{key} = {saved.config.get(key, 'nothing')}, now {shapes.get(key, 'nothing')}"
                for key in keys
                if saved.config.get(key) != shapes.get(key)
            ],
        )
    if saved.features != tuple(features):
        _refuse(name, "of the same features in another order", [])


def _refuse(name: str, what: str, differences: Sequence[str]) -> None:
    named = "; ".join(differences[:NAMED])
    more = f" and {len(differences) - NAMED} more" if len(differences) > NAMED else ""
    raise SnapshotError(
        f"{name}: {what}{': ' if named else ''}{named}{more}. "
        "Start with what it was made with, or with another snapshot folder"
    )
