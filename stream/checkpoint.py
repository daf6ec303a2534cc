"""A folder of snapshots: a new one beside the last few, and on start the newest that is whole."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO, Any

import msgspec

from stream import snapshot_file
from stream.config import Kafka
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.folders import Folder, folder
from stream.forked import Forked
from stream.metrics.saves import Saves
from stream.snapshot_header import Header
from stream.timestamps import epoch

log = logging.getLogger("streamgauge")

NAME = re.compile(r"snapshot-(\d{10})")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One that was read, and is whole."""

    name: str
    header: Header
    state: dict[str, Any]
    url: str = ""  # of its folder

    @property
    def place(self) -> str:
        """Where it lies, for messages."""
        return f"{self.url}/{self.name}" if self.url else self.name


def names(of: Folder) -> list[str]:
    """Of the snapshots in a folder, the newest first. The clock has no say in it."""
    return sorted(filter(NAME.fullmatch, of.names()), reverse=True)


def load(url: str, kafka: Kafka | None = None) -> Snapshot:
    """The snapshot at a path or URL, or the newest one that is whole if that is a folder.

    Raises
    ------
    SnapshotError
        If there is none, or it cannot be read.
    """
    parent, name = os.path.split(url)
    if NAME.fullmatch(name) or Path(url).is_file():
        with folder(parent or ".", kafka).open(name) as file:
            return Snapshot(name, *snapshot_file.read(file, url), parent)
    found = next(whole(url, kafka=kafka), None)
    if found is None:
        raise SnapshotError(f"{url}: no snapshot there that is whole")
    return found


def whole(
    url: str,
    suits: Callable[[Header], bool] = lambda _: True,
    damaged: Callable[[str], object] = lambda _: None,
    kafka: Kafka | None = None,
) -> Iterator[Snapshot]:
    """Snapshots of a folder that are whole, the newest first; each damaged one before is a warning.

    Nothing in the folder is changed.

    Parameters
    ----------
    url
        A path, or a URL that fsspec knows.
    suits
        Which of them are wanted, by their headers.
    damaged
        Called with the name of each damaged one.
    kafka
        Where the broker is, for a folder in a topic.

    Raises
    ------
    SnapshotError
        If one cannot be read for another reason. It may be whole, and to fall back behind it is not
        for us to decide.
    """
    of = folder(url, kafka)
    for name in names(of):
        place = f"{url}/{name}"
        try:
            with of.open(name) as file:
                if not suits(snapshot_file.read_head(file, place).header):
                    continue
                header, state = snapshot_file.read(file, place)
        except SnapshotDamagedError as error:
            damaged(name)
            log.warning("%s; trying the one before it", error)
            continue
        yield Snapshot(name, header, state, url)


class Checkpoints:
    """Snapshots in a folder that only this process writes to.

    Parameters
    ----------
    url
        A path, or a URL that fsspec knows.
    keep
        Snapshots that stay; older ones are removed when a new one is whole.
    saves
        Told how they fare, the one that is there already included.
    clock
        Wall time in seconds, noted in headers for people.
    kafka
        Where the broker is, for a folder in a topic.

    Raises
    ------
    SnapshotError
        If the folder cannot be made, listed or written to.
    """

    def __init__(
        self,
        url: str,
        keep: int = 3,
        saves: Saves | None = None,
        clock: Callable[[], float] = time.time,
        kafka: Kafka | None = None,
    ) -> None:
        if keep < 1:
            raise ValueError(f"keep = {keep}: expected 1 or more")
        self.url = url
        self._keep = keep
        self._saves = saves or Saves()
        self._clock = clock
        self._kafka = kafka
        self._folder = folder(url, kafka)
        self._folder.make()
        self._saves.last = next((epoch(each.written) for each in self.headers()), 0.0)
        self._last = max((int(name[-10:]) for name in names(self._folder)), default=0)
        self._damaged: set[str] = set()
        self._under_way: Future[str] | None = None

    @property
    def busy(self) -> bool:
        """Whether a snapshot is still being written."""
        return self._under_way is not None and not self._under_way.done()

    def save(self, take: Callable[[], Mapping[str, Any]], header: Header) -> Future[str]:
        """Take a snapshot of the memory as it is now, and write it in the background.

        The caller goes on after some milliseconds and may change everything. One at a time, see
        `busy`.

        Parameters
        ----------
        take
            Gives the state, see `snapshot_file.write`. It is called in a copy of this process (see
            `Forked`), so its time holds nobody up, and arrays in it need not be copies.
        header
            Its sequence number and time are filled in.

        Returns
        -------
        The file's name once it is safe, or a `SnapshotError`; the ones before it are still there.
        """
        if self.busy:
            raise RuntimeError("a snapshot is still being written")
        self._last += 1
        name = f"snapshot-{self._last:010}"
        began, at = time.monotonic(), self._clock()
        written = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        header = msgspec.structs.replace(header, sequence=self._last, written=written)
        self._under_way = saved = Future[str]()
        try:
            file = self._folder.new(name)
            try:
                writing = Forked(lambda: _write(file, header, take), file.fileno())
            except OSError as error:
                self._folder.discard(file, name)
                raise SnapshotError(f"{self.url}/{name}: {error.strerror}") from None
        except SnapshotError as error:
            self._saves.failure()
            saved.set_exception(error)
        else:
            what = writing, file, name, saved, began, at
            Thread(target=self._finish, args=what, daemon=True).start()
        return saved

    def _finish(
        self,
        writing: Forked,
        file: IO[bytes],
        name: str,
        saved: Future[str],
        began: float,
        at: float,
    ) -> None:
        try:
            try:
                writing.wait()
            except OSError as error:
                raise SnapshotError(f"{self.url}/{name}: {error.strerror or error}") from None
            size = os.fstat(file.fileno()).st_size
            self._folder.publish(file, name)
            self._saves.success(at, time.monotonic() - began, size)
            self._remove_old()
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits
            with suppress(SnapshotError):  # the first one says more
                self._folder.discard(file, name)
            self._saves.failure()
            saved.set_exception(error)
        else:
            saved.set_result(name)

    def _remove_old(self) -> None:
        """Damaged ones do not count among those that stay."""
        found = names(self._folder)
        whole = [name for name in found if name not in self._damaged]
        for name in found:
            if len(whole) > self._keep and name < whole[self._keep - 1]:
                try:
                    self._folder.remove(name)
                except SnapshotError as error:  # the new one is safe all the same
                    log.warning("%s", error)

    def headers(self) -> Iterator[Header]:
        """What the snapshots that are there say of themselves, as far as it can be read."""
        for name in names(self._folder):
            with suppress(SnapshotDamagedError), self._folder.open(name) as file:
                yield snapshot_file.read_head(file, f"{self.url}/{name}").header

    def newest(self) -> Iterator[Snapshot]:
        """Snapshots that are whole, see `whole`."""
        return whole(self.url, damaged=self._damaged.add, kafka=self._kafka)


def _write(file: IO[bytes], header: Header, take: Callable[[], Mapping[str, Any]]) -> None:
    snapshot_file.write(file, header, take())
    file.flush()
    os.fsync(file.fileno())
