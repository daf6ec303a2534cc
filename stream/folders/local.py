"""A folder of this machine: written beside, fsynced, renamed, and the folder fsynced."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stream.errors import SnapshotError

PART = ".part"


class LocalFolder:
    """A `Folder` at a path."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def make(self) -> None:
        with _one_line(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            if not os.access(self._path, os.R_OK | os.W_OK | os.X_OK):
                raise SnapshotError(f"{self._path}: Permission denied")
            for left in self._path.glob(f"snapshot-*{PART}"):
                left.unlink(missing_ok=True)

    def names(self) -> list[str]:
        with _one_line(self._path):
            return [file.name for file in self._path.iterdir()]

    def folders(self) -> list[str]:
        with _one_line(self._path):
            return [file.name for file in self._path.iterdir() if file.is_dir()]

    def new(self, name: str) -> IO[bytes]:
        with _one_line(self._path / name):
            return self._part(name).open("wb")

    def publish(self, file: IO[bytes], name: str) -> None:
        with _one_line(self._path / name):
            file.close()
            self._part(name).replace(self._path / name)
            # The new name is in the folder, which is a file of its own.
            folder = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self, file: IO[bytes], name: str) -> None:
        with _one_line(self._path / name):
            file.close()
            self._part(name).unlink(missing_ok=True)

    @contextmanager
    def open(self, name: str) -> Generator[IO[bytes]]:
        with _one_line(self._path / name), (self._path / name).open("rb") as file:
            yield file

    def _part(self, name: str) -> Path:
        """Of this process: one that was replaced may still be writing under the same name."""
        return self._path / f"{name}.{os.getpid()}{PART}"

    def remove(self, name: str) -> None:
        with _one_line(self._path / name):
            (self._path / name).unlink()


@contextmanager
def _one_line(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror or error}") from None
