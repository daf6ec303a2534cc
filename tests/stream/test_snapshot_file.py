"""Snapshots as bytes: what goes in comes out bit for bit, and nothing else ever comes out."""

from __future__ import annotations

import io
import math
import random
import struct
import sys
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from xxhash import xxh3_128_digest

from stream import snapshot_file
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.snapshot_file import CHUNK, PREFIX
from stream.snapshot_header import Header
from stream.snapshot_tree import ARRAY, DTYPES, SCALAR
from tests.stream.streams import new_monitor, steps, stream

HEADER = Header.of(["bias", "amount"], {"labels": {"ttl": "30d"}}, {("transactions", 0): 7})
STATE: dict[str, Any] = {
    "weights": np.arange(5.0),
    "places": np.array([[1, 2], [3, 4]], np.int32),
    "empty": np.zeros(CHUNK, np.int64),
    "late": {"clock": -math.inf, "names": ["a", b"\x00\xff", None, True, 2**70]},
}


class Point(NamedTuple):
    x: Any
    y: int


def written(state: Any = STATE) -> bytes:
    file = io.BytesIO()
    snapshot_file.write(file, HEADER, state)
    return file.getvalue()


def read(data: bytes) -> tuple[Header, dict[str, Any]]:
    """Read it both ways: they have to agree on what is good."""
    verified: Exception | None = None
    try:
        snapshot_file.verify(io.BytesIO(data), "x")
    except SnapshotError as error:
        verified = error
    header, state = snapshot_file.read(io.BytesIO(data), "x")
    assert verified is None
    return header, state


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, and of the same type."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (
            b.dtype, b.shape, b.tobytes(),
        )  # fmt: skip
    if isinstance(a, np.generic):
        return type(a) is type(b) and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return type(b) is float and struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and bool(a == b)


arrays = hnp.arrays(
    st.sampled_from(sorted(DTYPES)).map(np.dtype),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
bits = st.integers(0, 2**64 - 1).map(lambda n: struct.unpack("<d", n.to_bytes(8, "little"))[0])
scalars = hnp.from_dtype(np.dtype("<f8")) | hnp.from_dtype(np.dtype("<i4"))
leaves = (
    arrays | scalars | bits | st.floats() | st.integers() | st.text() | st.booleans() | st.none()
    | st.binary() | st.integers(-(2**200), 2**200) | st.sampled_from([2**63, 2**64, -(2**63) - 1])
)  # fmt: skip
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), trees))
def test_what_goes_in_comes_out(state: dict[str, Any]) -> None:
    header, back = read(written(state))
    assert header == HEADER
    assert same(state, back)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_every_pattern_of_bits_survives_in_every_type(dtype: str) -> None:
    size = np.dtype(dtype).itemsize
    content = np.random.default_rng(1).integers(0, 256, 4 * size * 500, dtype=np.uint8)
    array = (content % 2 if dtype == "|b1" else content).view(dtype).reshape(4, -1)
    (back,) = read(written({"a": array}))[1].values()
    assert same(array, back)


def test_nan_keeps_its_payload_and_zero_its_sign() -> None:
    patterns = [0x7FF0000000000001, 0xFFF8000000ABCDEF, 0x8000000000000000]
    floats = [struct.unpack("<d", struct.pack("<Q", p))[0] for p in patterns]
    state = {"plain": floats, "array": np.array(patterns, np.uint64).view(np.float64)}
    assert same(state, read(written(state))[1])


def test_arrays_of_any_layout_come_back_in_order() -> None:
    grid = np.arange(24.0).reshape(4, 6)
    state = {"fortran": np.asfortranarray(grid), "every second": grid[::2, ::-2]}
    back = read(written(state))[1]
    for name, array in state.items():
        assert np.array_equal(back[name], array)


def test_tuples_are_lists_and_named_ones_are_mappings() -> None:
    state = {"a": (1, Point(np.zeros(1), 2))}
    assert same(read(written(state))[1], {"a": [1, {"x": np.zeros(1), "y": 2}]})


def test_the_same_state_is_the_same_bytes() -> None:
    assert written() == written()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a": {"b": [np.zeros(2, complex)]}}, "a/b/0: nothing of type complex128"),
        ({"a": np.array(["text"])}, "a: nothing of type <U4"),
        ({"a": np.zeros(2, ">f8")}, "a: nothing of type >f8"),
        ({"a": np.array([{}])}, "a: nothing of type object"),
        ({"a": {1, 2}}, "a: nothing of type set"),
        ({"a": {1: 2}}, "a: a key in a snapshot is a text"),
    ],
)
def test_nothing_else_goes_in(state: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        written(state)


def test_room_that_was_never_used_takes_none() -> None:
    large = np.zeros((10_000_000, 10))  # 800 MB, of which the system has given nothing
    large[7, 3] = large[9_999_999, 9] = -0.0
    assert len(written({"a": large})) < 3 * CHUNK
    back = read(written({"a": large}))[1]["a"]
    assert back.shape == large.shape
    assert np.signbit(back[7, 3])
    assert np.signbit(back[-1, -1])
    assert np.count_nonzero(np.signbit(back)) == 2


@given(
    st.lists(st.integers(0, 5 * CHUNK + 3), max_size=6), st.integers(5 * CHUNK + 4, 7 * CHUNK + 1)
)
def test_whatever_is_not_zero_is_stored(at: list[int], size: int) -> None:
    array = np.zeros(size, np.uint8)
    array[at] = 1
    data = written({"a": array})
    assert same(read(data)[1]["a"], array)
    assert len(data) <= 2000 + CHUNK * len({place // CHUNK for place in at})


def test_torn_at_any_length_it_never_loads() -> None:
    data = written()
    for length in range(len(data)):
        with pytest.raises(SnapshotDamagedError, match=r"x: (torn|no snapshot)"):
            read(data[:length])
    with pytest.raises(SnapshotDamagedError, match="torn: it has"):
        read(data + b"\0")


def test_no_byte_can_be_changed() -> None:
    data = bytearray(written())
    assert len(data) < 3000
    for at, was in enumerate(data):
        for bit in range(8):
            data[at] = was ^ (1 << bit)
            with pytest.raises(SnapshotDamagedError):
                read(bytes(data))
        data[at] = was
    read(bytes(data))


def test_no_byte_of_a_monitors_own_can_be_changed() -> None:
    monitor = new_monitor()
    steps(monitor, stream(500), 100)
    data = bytearray(written(monitor.snapshot()))
    for at in random.Random(1).sample(range(len(data)), 400):
        was = data[at]
        data[at] ^= 1 + at % 255
        with pytest.raises(SnapshotDamagedError):
            read(bytes(data))
        data[at] = was
    read(bytes(data))


@given(st.data())
def test_no_bytes_can_be_changed_together(data: st.DataObject) -> None:
    good = written()
    changed = bytearray(good)
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), max_size=20)
    ):
        changed[at] = byte
    if changed != good:
        with pytest.raises(SnapshotDamagedError):
            read(bytes(changed))


def test_chunks_cannot_change_places() -> None:
    data = written({"a": np.repeat(np.arange(1, 5, dtype=np.uint8), CHUNK)})
    start = len(data) - 16 - 4 * CHUNK
    first, second = data[start : start + CHUNK], data[start + CHUNK : start + 2 * CHUNK]
    with pytest.raises(SnapshotDamagedError, match="checksum"):
        read(data[:start] + second + first + data[start + 2 * CHUNK :])


@given(st.binary(max_size=300))
def test_other_files_are_no_snapshots(data: bytes) -> None:
    with pytest.raises(SnapshotDamagedError):
        read(data)


def test_a_snapshot_of_a_later_format_is_not_called_damaged() -> None:
    data = forged(version=2)
    with pytest.raises(SnapshotError, match="format version 2; this Streamgauge reads 1") as raised:
        read(data)
    assert not isinstance(raised.value, SnapshotDamagedError)


def forged(
    parts: Any = (),
    state: Any = None,
    body: bytes = b"",
    *,
    version: int = 1,
    header: bytes = msgspec.json.encode(HEADER),
    index: bytes | None = None,
    tree: bytes = b"",
) -> bytes:
    """A file with checksums that fit, whatever it says."""
    if index is None:
        tree = tree or msgspec.msgpack.encode({} if state is None else state)
        index = msgspec.msgpack.encode([parts, msgspec.Raw(tree)])
    data = PREFIX.pack(b"streamgauge snap", version, len(header), len(index), len(body))
    data += header + index
    data += xxh3_128_digest(data)
    data += body
    return data + xxh3_128_digest(data)


def ext(code: int, data: bytes) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, data)


def test_a_forged_file_that_tells_no_lies_loads() -> None:
    data = forged([["a", "<i4", [2], [[0, 1]]]], {"a": ext(ARRAY, b"\0")}, bytes(8))
    assert same(read(data)[1], {"a": np.zeros(2, np.int32)})


HOSTILE = {
    "a type that runs code": forged([["a", "|O", [1], [[0, 1]]]], body=bytes(8)),
    "no type": forged([["a", "", [1], []]]),
    "a type of no size": forged([["a", "|V0", [1], []]]),
    "dimensions below zero": forged([["a", "<f8", [-1], []]]),
    "more bytes than there are": forged([["a", "<f8", [10**6], [[0, 100]]]], body=bytes(8)),
    "fewer bytes than there are": forged([["a", "<f8", [1], [[0, 1]]]], body=bytes(16)),
    "chunks beyond the end": forged([["a", "|u1", [8], [[1, 1]]]]),
    "a chunk of an empty array": forged([["a", "|u1", [0], [[0, 1]]]]),
    "chunks far beyond the end": forged([["a", "|u1", [8], [[2**62, 2**62]]]]),
    "chunks twice": forged([["a", "|u1", [8], [[0, 1], [0, 1]]]], body=bytes(16)),
    "chunks backwards": forged(
        [["a", "|u1", [3 * CHUNK], [[2, 1], [0, 1]]]], body=bytes(2 * CHUNK)
    ),
    "no chunks in a run": forged([["a", "|u1", [8], [[0, 0]]]]),
    "a run before the start": forged([["a", "|u1", [8], [[-1, 1]]]]),
    "more memory than any machine": forged([["a", "<f8", [2**60], []]]),
    "more memory than there are numbers for": forged([["a", "<f8", [2**40, 2**40], []]]),
    "nothing, and very long": forged([["a", "<f8", [0, 2**62, 2**62], []]]),
    "too many dimensions": forged([["a", "<f8", [1] * 100, []]]),
    "an array that is not there": forged(state={"a": ext(ARRAY, b"\x05")}),
    "an array before the first": forged(state={"a": ext(ARRAY, b"\xff")}),
    "an array of no number": forged(state={"a": ext(ARRAY, b"")}),
    "a number of another length": forged(state={"a": ext(SCALAR, b"<f8\0")}),
    "a number of another type": forged(state={"a": ext(SCALAR, b"|O8" + bytes(8))}),
    "a number of no type": forged(state={"a": ext(SCALAR, b"\xff")}),
    "a kind of its own": forged(state={"a": ext(77, b"")}),
    "a state that is a list": forged(state=[1]),
    "a state without end": forged(tree=b"\x91" * 100_000 + b"\xc0"),
    "a state that ends too soon": forged(index=b"\x92\x90\x81"),
    "a list longer than the file": forged(index=b"\x92\xdd\xff\xff\xff\xff"),
    "bytes longer than the file": forged(index=b"\x92\x90\xc6\xff\xff\xff\xff"),
    "no index": forged(index=b""),
    "no header": forged(header=b""),
    "a header of something else": forged(header=b"[1, 2]"),
    "a header without end": forged(header=b"[" * 100_000),
    "a header that is no text": forged(header=b'{"sequence": "\xff"}'),
}


@pytest.mark.parametrize("lie", HOSTILE)
def test_a_file_is_not_believed(lie: str) -> None:
    with pytest.raises(SnapshotDamagedError, match=r"^x: ") as raised:
        read(HOSTILE[lie])
    assert "\n" not in str(raised.value)


def test_lengths_of_the_prefix_are_held_against_the_file_before_anything_is_read() -> None:
    huge = PREFIX.pack(b"streamgauge snap", 1, 2**32 - 1, 2**64 - 1, 2**64 - 1) + bytes(100)
    with pytest.raises(SnapshotDamagedError, match="torn: it has 140 of "):
        read(huge)


def test_what_an_array_claims_takes_no_memory() -> None:
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    data = forged([["a", "<f8", [10**9], []]], {"a": ext(ARRAY, b"\0")})  # 8 GB of nothing

    def resident() -> int:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no real file
            return int(file.read().split()[1]) * 4096

    before = resident()
    state = read(data)[1]
    assert resident() - before < 50e6
    assert state["a"][-1] == 0


def test_the_head_is_read_without_the_rest() -> None:
    file = io.BytesIO(written())
    head = snapshot_file.read_head(file, "x")
    assert head.header == HEADER
    assert [part.path for part in head.parts] == ["weights", "places", "empty"]
    assert [(part.nbytes, part.stored) for part in head.parts] == [
        (40, 40), (16, 16), (8 * CHUNK, 0),
    ]  # fmt: skip
    assert file.tell() == head.size - 16 - 56
