"""The bounded key set against an OrderedDict."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import lru

KEYS = [1, 9, 17, 33, 7, 15, 2**64 - 1, 0]  # low bits collide; 0 is a key like any other here


@pytest.mark.parametrize("capacity", [1, 2, 3, 5])
@given(todo=st.lists(st.tuples(st.booleans(), st.sampled_from(KEYS)), max_size=60))
def test_behaves_like_an_ordered_dict(capacity: int, todo: list[tuple[bool, int]]) -> None:
    table = lru.new(capacity)
    expected: OrderedDict[int, int] = OrderedDict()
    evicted = 0
    for is_use, number in todo:
        key = np.uint64(number)
        if not is_use:  # a look must not count as a use
            assert lru.find(table, key) == expected.get(number, -1)
            continue
        fresh = number not in expected
        row = expected.get(number, len(expected))
        if fresh and len(expected) == capacity:
            _, row = expected.popitem(last=False)
            evicted += 1
        expected[number] = row
        expected.move_to_end(number)
        assert lru.use(table, key) == (row, fresh)
        assert {k: lru.find(table, np.uint64(k)) for k in KEYS} == {
            k: expected.get(k, -1) for k in KEYS
        }
    assert table.meta[lru.EVICTED] == evicted
    assert table.meta[lru.USED] == len(expected)
