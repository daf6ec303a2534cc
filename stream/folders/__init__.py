"""Where snapshots lie. One contract, a file for each kind.

`LocalFolder` is a folder of this machine, `TopicFolder` a topic of the broker, ``kafka://…``, and
`RemoteFolder` whatever fsspec reaches: ``s3://…``, ``gs://…``, ``sftp://…``, ``memory://…``. A file
is whole under its name or not there.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import IO, Protocol

from stream.config import Kafka
from stream.errors import SnapshotError


class Folder(Protocol):
    """Files by name. Every method may raise `SnapshotError`, with one line that names the file."""

    def make(self) -> None:
        """See to it that it is there and can be used, and clear away what a crash left behind."""
        ...

    def names(self) -> list[str]:
        """Of the files in it, in no order."""
        ...

    def folders(self) -> list[str]:
        """Names of the folders in it, in no order: where each partition has a monitor, its own."""
        ...

    def new(self, name: str) -> IO[bytes]:
        """A file of this machine to write to, which has no name yet; see `publish`."""
        ...

    def publish(self, file: IO[bytes], name: str) -> None:
        """Give a file that `new` gave, and that is written and fsynced, its name."""
        ...

    def discard(self, file: IO[bytes], name: str) -> None:
        """Forget a file that `new` gave."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A file to read from; it can seek. What goes wrong in reading is a `SnapshotError` too."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file."""
        ...


def folder(url: str, kafka: Kafka | None = None) -> Folder:
    """The folder at a path or URL, which need not be there yet; `kafka` is for a topic of it."""
    if url.startswith("kafka://"):
        if kafka is None:
            raise SnapshotError(f"{url}: to look into a topic takes a config that says how")
        from stream.folders.topic import TopicFolder  # noqa: PLC0415 - one of the three is enough

        return TopicFolder(url, kafka)
    if "://" not in url or url.startswith("file://"):
        from stream.folders.local import LocalFolder  # noqa: PLC0415 - one of the three is enough

        return LocalFolder(url.removeprefix("file://"))
    from stream.folders.remote import RemoteFolder  # noqa: PLC0415 - fsspec is slow to import

    return RemoteFolder(url)
