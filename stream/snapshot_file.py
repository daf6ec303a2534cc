"""Snapshots as bytes: nested plain values and arrays, no pickle, and a checksum over all of it.

::

    prefix     magic, format version, three lengths                      40 bytes
    header     JSON: where the snapshot comes from (`Header`)
    index      MessagePack: each array's type, shape and runs, then the state's tree
    checksum   XXH3-128 of all before it                                 16 bytes
    body       the arrays' bytes, little-endian, one after another
    checksum   XXH3-128 of all before it                                 16 bytes

Arrays have room for what may come, and most of it may never have been touched. So an array's bytes
are taken in chunks of 64 KiB, and runs of chunks that hold nothing but zeros are left out: a
snapshot is as large as what is known, whatever the capacity.

The checksums find damage. They are no signature, so nothing that a file says is believed: types are
from a list, lengths have to add up to the file's own, and memory is touched for bytes that are
there. The first one lets a header be read without the rest.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Annotated, Any, NoReturn

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from xxhash import xxh3_128

from stream import snapshot_tree
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.snapshot_header import Header
from stream.snapshot_tree import DTYPES

MAGIC = b"streamgauge snap"
VERSION = 1
PREFIX = struct.Struct("<16sIIQQ")
CHECKSUM = 16  # bytes
CHUNK = 1 << 16  # bytes
BLOCK = 1 << 23  # bytes read at a time where none are kept

Size = Annotated[int, Meta(ge=0)]


class Part(msgspec.Struct, array_like=True, frozen=True):
    """An array in a snapshot: where in the tree, of what kind, and which chunks are stored."""

    path: str
    dtype: str
    shape: tuple[Size, ...]
    runs: tuple[tuple[Size, Size], ...]  # first chunk, and how many

    @property
    def nbytes(self) -> int:
        """Of the array in memory."""
        size = int(self.dtype[2:])
        for length in self.shape:
            size *= length
        return size

    @property
    def stored(self) -> int:
        """Bytes in the file."""
        return sum(piece.stop - piece.start for piece in self.pieces())

    def pieces(self) -> Iterator[slice]:
        """Which of its bytes are stored."""
        for first, count in self.runs:
            yield slice(first * CHUNK, min((first + count) * CHUNK, self.nbytes))


class _Index(msgspec.Struct, array_like=True, frozen=True):
    parts: tuple[Part, ...]
    state: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Head:
    """All of a snapshot but the arrays."""

    header: Header
    parts: tuple[Part, ...]
    size: int  # of the file


class _Summed:
    """A file, and the checksum of what went through."""

    def __init__(self, file: IO[bytes], name: str = "") -> None:
        self._file = file
        self._sum = xxh3_128()
        self.name = name

    def write(self, data: bytes | memoryview) -> None:
        self._sum.update(data)
        self._file.write(data)

    def sign(self) -> None:
        self.write(self._sum.digest())

    def read(self, size: int) -> bytearray:
        data = bytearray(size)
        self.read_into(memoryview(data))
        return data

    def read_into(self, view: memoryview) -> None:
        at = 0
        while at < len(view):
            # A file of a back-end's own may give less than was asked for.
            got = self._file.readinto(view[at:])  # type: ignore[attr-defined]
            if not got:
                self.damaged("torn: it ends too soon")
            at += got
        self._sum.update(view)

    def check(self) -> None:
        expected = self._sum.digest()
        if self.read(CHECKSUM) != expected:
            self.damaged("changed since it was written: the checksum does not fit")

    def damaged(self, how: str) -> NoReturn:
        raise SnapshotDamagedError(f"{self.name}: {how}") from None


def write(file: IO[bytes], header: Header, state: Mapping[str, Any]) -> None:
    """Write a snapshot.

    Parameters
    ----------
    file
        At its start.
    header
        What it says of itself.
    state
        See `snapshot_tree`.

    Raises
    ------
    TypeError
        If something else is in `state`.
    """
    tree, found = snapshot_tree.pack(state)
    contents = [_bytes_of(array) for _, array in found]
    parts = tuple(
        Part(path, array.dtype.str, array.shape, _runs(content))
        for (path, array), content in zip(found, contents, strict=True)
    )
    head = msgspec.json.encode(header)
    index = msgspec.msgpack.encode(_Index(parts, msgspec.Raw(tree)))
    body = sum(part.stored for part in parts)
    out = _Summed(file)
    out.write(PREFIX.pack(MAGIC, VERSION, len(head), len(index), body))
    out.write(head)
    out.write(index)
    out.sign()
    for part, content in zip(parts, contents, strict=True):
        for piece in part.pieces():
            out.write(content[piece].data)
    out.sign()


def _bytes_of(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _runs(content: NDArray[np.uint8]) -> tuple[tuple[int, int], ...]:
    """Runs of chunks that hold something. Reading a page that was never touched gives it no memory.

    >>> _runs(np.repeat(np.array([0, 1, 1, 0, 1], np.uint8), [CHUNK, CHUNK, CHUNK, CHUNK, 1]))
    ((1, 2), (4, 1))
    """
    whole = len(content) // CHUNK * CHUNK
    used = content[:whole].reshape(-1, CHUNK).view(np.uint64).any(axis=1)
    used = np.concatenate(([False], used, [content[whole:].any()], [False]))
    starts, ends = np.flatnonzero(used[1:] != used[:-1]).reshape(-1, 2).T.tolist()
    return tuple((start, end - start) for start, end in zip(starts, ends, strict=True))


def read_head(file: IO[bytes], name: str) -> Head:
    """All but the arrays, which are not looked at. Raises as `read` does."""
    return _read_head(_Summed(file, name), file)[0]


def verify(file: IO[bytes], name: str) -> Head:
    """Read it all, and keep nothing of the arrays. Raises as `read` does."""
    source = _Summed(file, name)
    head, _ = _read_head(source, file)
    left = sum(part.stored for part in head.parts)
    block = memoryview(bytearray(min(BLOCK, left)))
    while left:
        source.read_into(block[:left])
        left -= min(len(block), left)
    source.check()
    return head


def read(file: IO[bytes], name: str) -> tuple[Header, dict[str, Any]]:
    """What `write` was given.

    Parameters
    ----------
    file
        Open for reading; it can seek.
    name
        For messages.

    Raises
    ------
    SnapshotDamagedError
        If it is torn, changed, or no snapshot.
    SnapshotError
        If it is of a format that is not known here.
    """
    source = _Summed(file, name)
    head, tree = _read_head(source, file)
    arrays: list[NDArray[Any]] = []
    try:
        for part in head.parts:
            array = np.zeros(part.shape, part.dtype)  # the system gives pages as they are filled
            content = array.reshape(-1).view(np.uint8).data
            for piece in part.pieces():
                source.read_into(content[piece])
            arrays.append(array)
        source.check()
        state = snapshot_tree.unpack(tree, arrays)
    except (ValueError, TypeError, IndexError, RecursionError, MemoryError) as error:
        source.damaged(f"no snapshot of ours: {error}")
    if not isinstance(state, dict):
        source.damaged("no snapshot of ours: its state has no names")
    return head.header, state


def _read_head(source: _Summed, file: IO[bytes]) -> tuple[Head, msgspec.Raw]:
    """The head and the state's tree; `source` is left where the body begins."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size < PREFIX.size:
        source.damaged(f"torn: it has {size:,} bytes")
    prefix = PREFIX.unpack(source.read(PREFIX.size))
    magic, version, header_size, index_size, body = prefix
    if magic != MAGIC:
        source.damaged("no snapshot of ours")
    expected = PREFIX.size + header_size + index_size + body + 2 * CHECKSUM
    if size != expected:
        source.damaged(f"torn: it has {size:,} of {expected:,} bytes")
    header, index = source.read(header_size), source.read(index_size)
    source.check()
    if version != VERSION:  # not damaged: the one before it must not be taken instead
        raise SnapshotError(
            f"{source.name}: of format version {version}; this Streamgauge reads {VERSION}"
        )
    try:
        found = msgspec.msgpack.decode(index, type=_Index)
        _check_parts(found.parts, body)
        head = Head(msgspec.json.decode(header, type=Header), found.parts, size)
    except (ValueError, RecursionError) as error:
        source.damaged(f"no snapshot of ours: {error}")
    return head, found.state


def _check_parts(parts: tuple[Part, ...], body: int) -> None:
    """Raise ValueError unless each part lies within its array, and together they are the body."""
    for part in parts:
        if part.dtype not in DTYPES:
            raise ValueError(f"{part.path} is of type {part.dtype}")
        end = 0
        for first, count in part.runs:
            if first < end or count < 1:
                raise ValueError(f"{part.path} has its chunks in no order")
            end = first + count
        if end * CHUNK >= part.nbytes + CHUNK:
            raise ValueError(f"{part.path} has chunks beyond its end")
    if sum(part.stored for part in parts) != body:
        raise ValueError("its parts do not add up to its length")
