"""A file that is whole or not there: written beside its name, and renamed when it is done."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from stream.errors import StreamgaugeError


class OutFile:
    """A file to write to; a name that ends in .gz compresses.

    What is not a file of its own (a link such as /dev/stdout, a named pipe) is written through.

    Raises
    ------
    StreamgaugeError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        special = path.is_symlink() or (path.exists() and not path.is_file())
        self._path = path
        self._part = path if special else path.with_name(path.name + ".part")
        self._open = ExitStack()
        try:
            self.file: IO[bytes] = self._open.enter_context(self._part.open("wb"))
        except OSError as error:
            raise StreamgaugeError(f"{path}: {error.strerror}") from None
        if path.suffix == ".gz":
            # No name and no time in the header, so that the same content is the same bytes.
            packed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=self.file, mtime=0)
            self.file = cast(IO[bytes], self._open.enter_context(packed))

    def close(self, *, whole: bool) -> None:
        """Close it; one that is not `whole` stays beside its name."""
        self._open.close()
        if whole and self._part != self._path:
            self._part.replace(self._path)
