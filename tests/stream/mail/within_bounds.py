"""Scans hostile messages, and says how many came through: for NUMBA_BOUNDSCHECK=1.

First it shows that the check is on: a compiled function that reads beyond an array raises.
"""

from __future__ import annotations

import sys
from itertools import chain

import numpy as np

from models.compiled import compiled
from models.vectors import Bytes
from stream.mail.names import found
from stream.mail.scan import scan
from stream.mail.work import new_work
from tests.stream.mail.hostile import everything, messages
from tests.stream.mail.mails import MASK, MASKS, as_array

RANDOM = 1_000  # messages of random pieces, besides


@compiled
def beyond(text: Bytes) -> int:
    return int(text[len(text)])


def main() -> None:
    try:
        beyond(np.zeros(1, np.uint8))
    except IndexError:
        sys.stdout.write("IndexError\n")
    quiet, noting = new_work(4_096), new_work(4_096, noting=True)
    count = 0
    random = (everything(200 + seed, seed) for seed in range(RANDOM))
    for message in chain((message for _, message in messages()), random):
        for work in (quiet, noting):
            scan(work, as_array(message), MASKS, MASK)
        assert all(isinstance(name, str) for name in found(noting, quoting=True))
        count += 1
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main()
