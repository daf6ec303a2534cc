"""What is found in columns of inputs, and the windows at whose ends it is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.vectors import Floats, Ints

# Places of `clock`: rows in the window so far, and windows that are full.
AT, WINDOWS = range(2)


class Findings(NamedTuple):
    """Columns found to drift, in order.

    Attributes
    ----------
    rows
        At which row of the call: the last of a window.
    columns
        Which.
    psi, ks
        Population stability index and Kolmogorov-Smirnov distance (NaN for categories).
    before, after
        Means of the column in the reference and in the window; of categories, the share of the bin
        that moved most.
    """

    rows: Ints
    columns: Ints
    psi: Floats
    ks: Floats
    before: Floats
    after: Floats


NOTHING = Findings(*(np.zeros(0, np.int64),) * 2, *(np.zeros(0),) * 4)


def joined(parts: list[Findings]) -> Findings:
    """The findings of some windows in one."""
    if not parts:
        return NOTHING
    return Findings(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def pieces(n: int, window: int, clock: Ints) -> Iterator[tuple[int, int]]:
    """Cut a call's rows at the windows' ends; the clock goes on when a piece is done."""
    start = 0
    while start < n:
        stop = min(n, start + window - int(clock[AT]))
        yield start, stop
        clock[AT] = (clock[AT] + stop - start) % window
        clock[WINDOWS] += clock[AT] == 0
        start = stop


def fits(rows: NDArray[Any], counts: Ints) -> None:
    if rows.ndim != 2 or rows.shape[1] != len(counts):
        raise ValueError(f"rows of shape {rows.shape}: expected {len(counts)} columns")
