"""Many hashes at once are those of the package xxhash, text by text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from stream.hashing import ABSENT, hash64, hashes
from stream.xxh3 import LONGEST

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST + 40)
plain = st.text(st.characters(codec="ascii", exclude_characters='"\\'), max_size=LONGEST + 40)
wholes = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(texts | plain | wholes, max_size=8))
def test_each_is_that_of_its_text(keys: list[str | int]) -> None:
    assert hashes(keys).tolist() == [hash64(str(key)) for key in keys]


@pytest.mark.parametrize("size", range(LONGEST + 3))
def test_of_every_length(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.integers(ord("a"), ord("z"), (10, size), np.uint8, endpoint=True)
    keys = [row.tobytes().decode() for row in rows]
    assert hashes(keys).tolist() == [xxh3_64_intdigest(key.encode()) for key in keys]


def test_none_hashes_to_what_stands_for_no_key() -> None:
    assert ABSENT not in hashes(["", 0, "0"]).tolist()
