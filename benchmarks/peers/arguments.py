"""What each peer is told."""

from __future__ import annotations

import sys
from typing import NamedTuple

# As long as ours is on the average.
SCORE = (
    b'{"id":1234567,"ts":1704067253.25,"score":0.0012345678901234567,"alert":false,'
    b'"threshold":0.123456789012345678}'
)
COMMIT = 1.0  # seconds between two commits, as ours
LINGER_MS, BATCH = 1, 131_072  # as ours


class Arguments(NamedTuple):
    """Where to read and write."""

    broker: str
    events: str
    labels: str
    scores: str
    group: str


def arguments() -> Arguments:
    """From the command line."""
    return Arguments(*sys.argv[1:])
