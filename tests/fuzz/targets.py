"""What every reader of foreign bytes promises, as functions that raise where it is not kept."""

from __future__ import annotations

import io
import struct
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from xxhash import xxh3_128_digest

from models import pickled
from stream import build, config, journal, messages, snapshot_file
from stream.errors import ConfigError, SnapshotError
from stream.events import Record
from stream.monitor import Monitor
from stream.snapshot_file import MAGIC, PREFIX, VERSION
from stream.sources import recording

Target = Callable[[bytes], None]
NOW = 1_750_000_000_000  # ms, of every record
SMALL = "[features]\nmax_keys = 1000\n[labels]\nmax_waiting = 1000\n"
MAILS = 'kind = "emails"\n[email]\nmax_keys = 1000\n[labels]\nmax_waiting = 1000\n'
KINDS = {
    "transactions": f'kind = "transactions"\n{SMALL}',
    "metrics": f'kind = "metrics"\n{SMALL}',
    "emails": f"{MAILS}[reasons]\ntext = true\n",
    "messages": f'{MAILS}[reasons]\ntext = true\n[input]\nformat = "message"\n',
}
SIZES = struct.Struct("<HH")  # of a snapshot's header and index, before the rest


def settings(kind: str) -> config.Config:
    """Small ones, for a target that reads records."""
    return config.parse(tomllib.loads(KINDS[kind]), kind)


class Records:
    """A record is an event, a label or a dead letter, and what comes out can be written.

    The first byte says which topic it comes from.
    """

    def __init__(self, kind: str) -> None:
        made = settings(kind)
        self._topics = made.kafka.topics
        self._monitor: Monitor = build.monitor(made)
        self._offset = 0

    def __call__(self, data: bytes) -> None:
        self._offset += 1
        topic = self._topics.labels if data[:1] == b"L" else self._topics.events
        headers = (("id", str(self._offset).encode()),)
        record = Record(data[1:], topic, 0, self._offset, NOW, headers=headers)
        outcome = self._monitor.step([record])
        assert len(outcome.scores) + len(outcome.dead) <= 1
        assert topic == self._topics.labels or len(outcome.scores) + len(outcome.dead) == 1
        assert np.all((outcome.scores >= 0) & (outcome.scores <= 1))
        for line in messages.scores(outcome):
            assert 0 <= msgspec.json.decode(line)["score"] <= 1
        for letter in outcome.dead:
            assert all(
                isinstance(value, bytes) for _, value in messages.dead_letter_headers(letter)
            )
            msgspec.json.decode(messages.dead_letter_line(letter))
        if len(outcome.scores):
            reasons = self._monitor.reasons_of(outcome.workings, outcome.events, 0)
            msgspec.json.encode(reasons)


def read_config(data: bytes) -> None:
    """A config file is one, or a mistake of one line."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        try:
            found = config.load(Path(file.name))
            if b":" not in data:  # else it may name a class of the user's own, and import that
                build.check(found)
        except ConfigError as error:
            lines = str(error).splitlines()
        else:
            lines = ["none"]
        assert len(lines) == 1, lines


def signed(data: bytes) -> bytes:
    """A snapshot whose checksums are right: sizes of header and index, these, and the arrays."""
    sizes = SIZES.unpack(data[: SIZES.size].ljust(SIZES.size, b"\0"))
    rest = data[SIZES.size :]
    header, index = rest[: sizes[0]], rest[sizes[0] : sum(sizes)]
    body = rest[sum(sizes) :]
    head = PREFIX.pack(MAGIC, VERSION, len(header), len(index), len(body)) + header + index
    head += xxh3_128_digest(head)
    return head + body + xxh3_128_digest(head + body)


def read_snapshot(data: bytes) -> None:
    """A snapshot is one, or a `SnapshotError`, be its checksums right or not."""
    for content in (data, signed(data)):
        ways: list[Callable[..., Any]] = [
            snapshot_file.read_head, snapshot_file.verify, snapshot_file.read,
        ]  # fmt: skip
        for way in ways:
            try:
                way(io.BytesIO(content), "fuzzed")
            except SnapshotError:
                continue


def read_journal(data: bytes) -> None:
    """An entry of the journal is one, or a ValueError."""
    with suppress(ValueError):
        list(journal.decode(data).runs)


class Recordings:
    """A line of a recording is told what it is, whatever it is."""

    def __init__(self) -> None:
        self._read = recording.envelopes(build.fields(settings("metrics")))

    def __call__(self, data: bytes) -> None:
        line = self._read(data)
        assert line.is_label() in {True, False}
        line.named_as()
        recording._unwrap(line.recorded)


def read_model(data: bytes) -> None:
    """A model of River's is one, or a ValueError; nothing is run that is not on the list."""
    with suppress(ValueError):
        pickled.loads(data)


TARGETS: dict[str, Callable[[], Target]] = {
    **{kind: (lambda kind=kind: Records(kind)) for kind in KINDS},  # type: ignore[misc]
    "config": lambda: read_config,
    "snapshot": lambda: read_snapshot,
    "journal": lambda: read_journal,
    "recording": Recordings,
    "model": lambda: read_model,
}
