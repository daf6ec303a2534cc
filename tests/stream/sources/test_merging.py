"""The sort against the comparison of heads that it stands for."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from stream.events import Record
from stream.journal import Partition
from stream.sources.merging import merge

times = st.lists(st.integers(0, 9), max_size=8)
places = st.sampled_from([("b", 0), ("a", 1), ("a", 0), ("b", 2)])


def by_heads(
    buffers: dict[Partition, deque[Record]], may_bring_more: set[Partition], size: int
) -> list[Record]:
    taken: list[Record] = []
    while len(taken) < size:
        heads = [(buffer[0].timestamp, at) for at, buffer in buffers.items() if buffer]
        if not heads:
            break
        _, at = min(heads)
        taken.append(buffers[at].popleft())
        if not buffers[at] and at in may_bring_more:
            break
    return taken


@given(st.dictionaries(places, times), st.sets(places), st.integers(1, 12))
def test_all_of_it(streams: dict[Partition, list[int]], more: set[Partition], size: int) -> None:
    def filled() -> dict[Partition, deque[Record]]:
        return {
            at: deque(Record(b"", *at, 3 * n, time) for n, time in enumerate(stream))
            for at, stream in streams.items()
        }

    ours, theirs = filled(), filled()
    for _ in range(4):
        taken, offsets = merge(ours, more.__contains__, size)
        assert taken == by_heads(theirs, more, size)
        assert ours == theirs
        assert offsets == {(r.topic, r.partition): r.offset + 1 for r in taken}
