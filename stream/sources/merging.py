"""The order of records of many partitions: always the head with the earliest timestamp."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice

import numpy as np

from stream.events import Record
from stream.journal import Partition


def merge(
    buffers: Mapping[Partition, deque[Record]],
    may_bring_more: Callable[[Partition], bool],
    size: int,
) -> tuple[list[Record], dict[Partition, int]]:
    """Take the next records, at most `size`, out of the buffers; and say where these go on.

    The heads of all buffers are compared by (timestamp, topic, partition), one record after
    another; once a buffer is empty whose partition may bring more, nothing is known of its head,
    and that is the end. Sorting gives the same order at once: a record that is earlier than the one
    before it in its partition comes right after that one, as if it were of the same time.

    >>> at = lambda partition, *times: deque(
    ...     Record(b"", "t", partition, n, time) for n, time in enumerate(times))
    >>> buffers = {("t", 0): at(0, 1, 5, 3), ("t", 1): at(1, 2, 4, 6, 7)}
    >>> taken, offsets = merge(buffers, lambda _: False, 6)
    >>> [r.timestamp for r in taken], offsets["t", 1], len(buffers["t", 1])
    ([1, 2, 4, 5, 3, 6], 3, 1)
    """
    places = sorted(at for at, buffer in buffers.items() if buffer)
    heads = [list(islice(buffers[at], size)) for at in places]
    if not heads:
        return [], {}
    if len(heads) == 1:
        taken, counts = heads[0], [len(heads[0])]
    else:
        times = [
            np.maximum.accumulate(np.fromiter((r.timestamp for r in head), np.int64, len(head)))
            for head in heads
        ]
        order = np.argsort(np.concatenate(times), kind="stable")
        ends = np.cumsum([len(head) for head in heads])
        limit = min(size, len(order))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        for at, head, end in zip(places, heads, ends.tolist(), strict=True):
            if len(head) == len(buffers[at]) and may_bring_more(at):
                limit = min(limit, int(rank[end - 1]) + 1)
        chosen = order[:limit]
        counts = np.bincount(np.searchsorted(ends, chosen, "right"), minlength=len(heads)).tolist()
        flat = [r for head in heads for r in head]
        taken = [flat[i] for i in chosen.tolist()]
    offsets = {}
    for at, head, count in zip(places, heads, counts, strict=True):
        buffer = buffers[at]
        for _ in range(count):
            buffer.popleft()
        if count:
            offsets[at] = head[count - 1].offset + 1
    return taken, offsets
