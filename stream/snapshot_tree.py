"""A snapshot's state as MessagePack, with its arrays beside it.

State is nested mappings (keys are texts) and sequences of arrays, numbers, texts, bytes, booleans
and None. Sequences come back as lists, named tuples as mappings, and all else as it was, bit for
bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.msgpack import Ext
from numpy.typing import NDArray

DTYPES = {"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"}

# What MessagePack has no type for.
ARRAY = 1  # its place in the index
SCALAR = 2  # of numpy: type and bytes
INTEGER = 3  # beyond 64 bits

Place = Annotated[int, Meta(ge=0)]


def pack(state: Mapping[str, Any]) -> tuple[bytes, list[tuple[str, NDArray[Any]]]]:
    """The state without its arrays, and each array with its path in it.

    Raises
    ------
    TypeError
        Naming the path, if something else is in `state`.
    """
    found: list[tuple[str, NDArray[Any]]] = []
    return msgspec.msgpack.encode(_plain(state, "", found)), found


def _plain(value: Any, path: str, found: list[tuple[str, NDArray[Any]]]) -> Any:
    """`value` as MessagePack has it, with arrays put into `found`."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype.str in DTYPES:
        if isinstance(value, np.generic):
            return Ext(SCALAR, value.dtype.str.encode() + value.tobytes())
        found.append((path, value))
        return Ext(ARRAY, msgspec.msgpack.encode(len(found) - 1))
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"{path}: a key in a snapshot is a text")
        return {
            name: _plain(part, f"{path}/{name}" if path else name, found)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(part, f"{path}/{at}", found) for at, part in enumerate(value)]
    if type(value) is int and not -(2**63) <= value < 2**64:
        size = value.bit_length() // 8 + 1
        return Ext(INTEGER, value.to_bytes(size, "little", signed=True))
    if value is None or type(value) in {bool, int, float, str, bytes}:
        return value
    kind = getattr(value, "dtype", type(value).__name__)
    raise TypeError(f"{path}: nothing of type {kind} goes into a snapshot")


def unpack(tree: bytes | msgspec.Raw, arrays: Sequence[NDArray[Any]]) -> Any:
    """What `pack` was given, from what it gave.

    Raises
    ------
    ValueError, IndexError, RecursionError
        If `tree` is nothing that `pack` gives.
    """
    return msgspec.msgpack.decode(tree, ext_hook=lambda code, data: _special(code, data, arrays))


def _special(code: int, data: memoryview, arrays: Sequence[NDArray[Any]]) -> Any:
    if code == ARRAY:
        return arrays[msgspec.msgpack.decode(data, type=Place)]
    if code == SCALAR:
        dtype = bytes(data[:3]).decode()
        if dtype in DTYPES and len(data) == 3 + np.dtype(dtype).itemsize:
            return np.frombuffer(data[3:], dtype)[0]
    if code == INTEGER:
        return int.from_bytes(data, "little", signed=True)
    raise ValueError(f"an extension of type {code}")
