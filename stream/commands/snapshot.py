"""`streamgauge snapshot ls | show | verify`: what lies in a folder of snapshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.checkpoint import NAME, names
from stream.config import Kafka
from stream.errors import SnapshotError
from stream.folders import Folder, folder
from stream.snapshot_file import Head, read_head
from stream.snapshot_file import verify as read_all
from stream.snapshot_header import changed_versions

WIDE = 132  # columns, where nobody looks


def ls(url: str, kafka: Kafka | None = None) -> None:
    """A line for each snapshot, the newest first, from the headers alone."""
    found = list(_in(url, kafka))
    console = _console()
    if not found:
        console.print(f"no snapshots in {url}", soft_wrap=True)
        return
    table = Table("snapshot", "written", "events", "labels", "MB", "state")
    for of, name, at in found:
        try:
            head = _open(of, name, read_head)
        except SnapshotError as error:
            table.add_row(at, "-", "-", "-", "-", Text(str(error).removeprefix(f"{name}: ")))
        else:
            header = head.header
            counts = f"{header.events:,}", f"{header.labels:,}"
            table.add_row(at, Text(header.written), *counts, _mb(head.size), "its head is good")
    console.print(table)


def _in(url: str, kafka: Kafka | None) -> Iterator[tuple[Folder, str, str]]:
    """Snapshots of a folder, the newest first: where each is, its name, and its place from here.

    Of a folder that has none, those of the folders in it: each partition's monitor has one.
    """
    of = folder(url, kafka)
    for name in (here := names(of)):
        yield of, name, name
    if not here:
        for below in sorted(of.folders(), key=lambda name: (len(name), name)):
            inner = folder(f"{url.rstrip('/')}/{below}", kafka)
            for name in names(inner):
                yield inner, name, f"{below}/{name}"


def show(url: str, kafka: Kafka | None = None) -> None:
    """The header, the offsets and the parts of one snapshot."""
    parent, name = os.path.split(url)
    if url.startswith("kafka://") and not NAME.fullmatch(name):
        raise SnapshotError(f"{url}: expected a snapshot in it, as `snapshot ls` names them")
    head = _open(folder(parent or ".", kafka), name, read_head)
    header = head.header
    changed = changed_versions(header)
    about = Table("header", "", title=name, show_header=False)
    for key, value in (
        ("sequence", str(header.sequence)),
        ("written", header.written),
        ("size", f"{_mb(head.size)} MB"),
        ("events, labels", f"{header.events:,}, {header.labels:,}"),
        ("fingerprint of scores", header.scores or "-"),
        ("feature set", f"{header.feature_set} ({len(header.features)} features)"),
        ("config", header.config_set),
        ("made by", ", ".join(f"{name} {was}" for name, was in header.versions.items())),
        ("changed since", "; ".join(changed) or "nothing"),
        *((key, str(value)) for key, value in header.extra.items()),
    ):
        about.add_row(Text(key), Text(value))
    offsets = Table("topic", "partition", "next offset")
    for topic, partition, offset in header.offsets:
        offsets.add_row(Text(topic), str(partition), f"{offset:,}")
    parts = Table("part", "type", "shape", "MB in memory", "MB stored")
    for part in sorted(head.parts, key=lambda part: -part.stored):
        shape = " x ".join(f"{length:,}" for length in part.shape)
        sizes = _mb(part.nbytes), _mb(part.stored)
        parts.add_row(Text(part.path), part.dtype, shape or "one number", *sizes)
    console = _console()
    for table in (about, offsets, parts):
        console.print(table)


def verify(url: str, kafka: Kafka | None = None) -> None:
    """Read one snapshot, or all of a folder, to the last byte; a damaged one ends with status 1."""
    parent, name = os.path.split(url)
    if NAME.fullmatch(name) or Path(url).is_file():
        found = [(folder(parent or ".", kafka), name, name)]
    else:
        found = list(_in(url, kafka))
    if not found:
        raise SnapshotError(f"{url}: no snapshots there")
    bad = 0
    for of, name, at in found:
        try:
            head = _open(of, name, read_all)
        except SnapshotError as error:
            bad += 1
            typer.echo(str(error))
        else:
            typer.echo(f"{at}: good, {_mb(head.size)} MB, {head.header.events:,} events")
    if bad:
        raise typer.Exit(1)


def _open(of: Folder, name: str, read: Callable[[IO[bytes], str], Head]) -> Head:
    with of.open(name) as file:
        return read(file, name)


def _console() -> Console:
    return Console(width=None if Console().is_terminal else WIDE, highlight=False)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.3f}"
