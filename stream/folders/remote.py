"""A folder that fsspec reaches: written under another name, and then moved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, Any

from fsspec.core import url_to_fs

from stream.errors import SnapshotError

PART = ".part"
BLOCK = 1 << 23  # bytes copied at a time


class RemoteFolder:
    """A `Folder` at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._files: Any  # fsspec's types know of `ls` by names only
        with self._one_line():
            self._files, self._path = url_to_fs(url)

    def make(self) -> None:
        with self._one_line():
            self._files.makedirs(self._path, exist_ok=True)
        for name in self.names():
            if name.startswith("snapshot-") and name.endswith(PART):
                self.remove(name)

    def names(self) -> list[str]:
        return [name for name, _ in self._content()]

    def folders(self) -> list[str]:
        return [name for name, kind in self._content() if kind == "directory"]

    def _content(self) -> list[tuple[str, str]]:
        """What is in it: names, and of what kind each is."""
        with self._one_line():
            self._files.invalidate_cache()  # another process may have written
            if not self._files.exists(self._path):  # object stores have no empty folders
                return []
            found = self._files.ls(self._path, detail=True)
            return [(of["name"].rstrip("/").rpartition("/")[2], of["type"]) for of in found]

    def new(self, name: str) -> IO[bytes]:
        """A file without a name: should this process die, the system takes it back."""
        with self._one_line(name):
            return tempfile.TemporaryFile()

    def publish(self, file: IO[bytes], name: str) -> None:
        with self._one_line(name), file:
            file.seek(0)
            part = self._at(name + PART)
            with self._files.open(part, "wb") as out:
                shutil.copyfileobj(file, out, BLOCK)
            self._files.mv(part, self._at(name))

    def discard(self, file: IO[bytes], name: str) -> None:
        with self._one_line(name):
            file.close()

    @contextmanager
    def open(self, name: str) -> Generator[IO[bytes]]:
        with self._one_line(name), self._files.open(self._at(name), "rb") as file:
            yield file

    def remove(self, name: str) -> None:
        with self._one_line(name):
            self._files.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    @contextmanager
    def _one_line(self, name: str = "") -> Generator[None]:
        try:
            yield
        except SnapshotError:
            raise
        except Exception as error:  # noqa: BLE001 - each back-end has errors of its own
            what = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            where = f"{self._url.rstrip('/')}/{name}" if name else self._url
            raise SnapshotError(f"{where}: {' '.join(what.split())}") from None
