"""Every seed, and a few changes to each; `make fuzz` has the many."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.seeds import WORDS, seeds
from tests.fuzz.targets import TARGETS, signed

CHANGES = 40


def changed(data: bytes, words: list[bytes], chance: random.Random) -> bytes:
    """Some bytes replaced, a part taken out, or a word put in."""
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.randrange(16))
    new = chance.choice([b"", chance.randbytes(1), chance.randbytes(8), *words])
    return data[:at] + new + data[end:]


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_promised(name: str) -> None:
    target, chance = TARGETS[name](), random.Random(name)
    words = [word.encode() for word in WORDS.get(name, ())]
    for seed in seeds(name):
        target(seed)
        data = seed
        for number in range(CHANGES):
            data = changed(seed if number % 8 == 0 else data, words, chance)
            target(data)


def test_a_seed_with_right_checksums_is_read_whole() -> None:
    whole, inside = seeds("snapshot")
    assert signed(inside) == whole
