"""The compiled map against a dict, on keys that collide and in tables that are full."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models import hashmap

CAPACITY = 4  # 8 places
# The low three bits are the home place: five keys want place 1, three want the last one and wrap.
KEYS = [1, 9, 17, 25, 2**63 + 1, 7, 15, 2**64 - 1, 0, 2]

actions = st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from(KEYS)))


@given(actions)
def test_behaves_like_a_dict(todo: list[tuple[str, int]]) -> None:
    index = hashmap.new_index(CAPACITY)
    keys = np.zeros(CAPACITY, np.uint64)
    expected: dict[int, int] = {}
    for action, number in todo:
        key = np.uint64(number)
        if action == "remove":
            hashmap.remove(index, keys, key)
            expected.pop(number, None)
        elif free := set(range(CAPACITY)) - set(expected.values()):
            hashmap.put(index, keys, key, min(free))
            expected[number] = min(free)
        found = {k: hashmap.find(index, keys, np.uint64(k)) for k in KEYS}
        assert found == {k: expected.get(k, -1) for k in KEYS}
        assert np.count_nonzero(index) == len(expected)


def test_never_fills_beyond_half() -> None:
    for capacity in (1, 2, 3, 4, 5, 127, 128, 129, 1_000_000):
        places = len(hashmap.new_index(capacity))
        assert places >= 2 * capacity
        assert places & (places - 1) == 0
        assert places < max(9, 4 * capacity)
