"""XXH3 with 64 bits of many short texts in one call.

The formulas are those of the XXH3 specification (Collet, doc/xxhash_spec.md of xxHash), for seed 0
and up to 128 bytes. The package xxhash gives the same, text by text; of the 100 ns that it costs to
call it for one, hashing is the least.
"""

from __future__ import annotations

import numpy as np

from models.compiled import compiled, inlined
from models.vectors import Bytes, Hashes

LONGEST = 128  # bytes of a text that is hashed here

QUOTE, COMMA, BRACKET = b'",]'

# The first two thirds of the specification's default secret, as words of 8 bytes from every 8th on.
_SECRET = np.frombuffer(
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
        "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
        "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
        "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    ),
    "<u8",
)
SECRET: tuple[np.uint64, ...] = tuple(_SECRET)  # a constant to the compiler
SHORT = np.uint64((int(_SECRET[0]) & 0xFFFF_FFFF) ^ (int(_SECRET[0]) >> 32))
PRIME_1 = np.uint64(0x9E3779B185EBCA87)
PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
PRIME_3 = np.uint64(0x165667B19E3779F9)
MIX_1 = np.uint64(0x165667919E3779F9)
MIX_2 = np.uint64(0x9FB21C651E98DF25)
HALF = np.uint64(0xFFFF_FFFF)


@inlined
def _shifted(value: np.uint64, bits: int) -> np.uint64:
    return value >> np.uint64(bits)


@inlined
def _word(text: Bytes, at: int, size: int) -> np.uint64:
    """So many bytes from `at` on, the lowest first."""
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(text[at + k]) << np.uint64(8 * k)
    return word


@inlined
def _swapped(word: np.uint64) -> np.uint64:
    """Its bytes the other way round."""
    turned = np.uint64(0)
    for k in range(8):
        turned |= ((word >> np.uint64(8 * k)) & np.uint64(255)) << np.uint64(56 - 8 * k)
    return turned


@inlined
def _folded(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper half of a product of 128 bits, xor its lower half."""
    low_a, high_a, low_b, high_b = a & HALF, _shifted(a, 32), b & HALF, _shifted(b, 32)
    low, cross, high = low_a * low_b, high_a * low_b, high_a * high_b
    middle = _shifted(low, 32) + (cross & HALF) + low_a * high_b
    return (high + _shifted(cross, 32) + _shifted(middle, 32)) ^ (a * b)


@inlined
def _mixed(text: Bytes, at: int, place: int) -> np.uint64:
    """16 bytes, with 16 of the secret."""
    return _folded(_word(text, at, 8) ^ SECRET[place], _word(text, at + 8, 8) ^ SECRET[place + 1])


@inlined
def _stirred(h: np.uint64) -> np.uint64:
    h ^= _shifted(h, 37)
    h *= MIX_1
    return h ^ _shifted(h, 32)


@inlined
def xxh3(text: Bytes, at: int, size: int) -> np.uint64:
    """Of `size` bytes, 1 to `LONGEST`, from `at` on."""
    end, length = at + size, np.uint64(size)
    if size <= 3:
        h = np.uint64(text[at]) << np.uint64(16) | np.uint64(text[at + size // 2]) << np.uint64(24)
        h |= np.uint64(text[end - 1]) | length << np.uint64(8)
        h ^= SHORT
        h ^= _shifted(h, 33)
        h *= PRIME_2
        h ^= _shifted(h, 29)
        h *= PRIME_3
        return h ^ _shifted(h, 32)
    if size <= 8:
        h = _word(text, end - 4, 4) + (_word(text, at, 4) << np.uint64(32))
        h ^= SECRET[1] ^ SECRET[2]
        h ^= (h << np.uint64(49) | _shifted(h, 15)) ^ (h << np.uint64(24) | _shifted(h, 40))
        h *= MIX_2
        h ^= _shifted(h, 35) + length
        h *= MIX_2
        return h ^ _shifted(h, 28)
    if size <= 16:
        low = _word(text, at, 8) ^ (SECRET[3] ^ SECRET[4])
        high = _word(text, end - 8, 8) ^ (SECRET[5] ^ SECRET[6])
        return _stirred(length + _swapped(low) + high + _folded(low, high))
    h = length * PRIME_1 + _mixed(text, at, 0) + _mixed(text, end - 16, 2)
    if size > 32:
        h += _mixed(text, at + 16, 4) + _mixed(text, end - 32, 6)
    if size > 64:
        h += _mixed(text, at + 32, 8) + _mixed(text, end - 48, 10)
    if size > 96:
        h += _mixed(text, at + 48, 12) + _mixed(text, end - 64, 14)
    return _stirred(h)


@compiled
def of_array(text: Bytes, found: Hashes) -> None:
    """Hash the elements of a JSON array: whole numbers, and strings without any escape.

    Those that are empty or longer than `LONGEST` are left out.
    """
    at = 1
    for i in range(len(found)):
        quoted = text[at] == QUOTE
        at += quoted
        start = at
        if quoted:
            while text[at] != QUOTE:
                at += 1
        else:
            while text[at] != COMMA and text[at] != BRACKET:
                at += 1
        if 0 < at - start <= LONGEST:
            found[i] = xxh3(text, start, at - start)
        at += quoted + 1
