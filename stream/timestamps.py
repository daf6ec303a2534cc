"""Times as users write them, in seconds since 1970."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np

from models.vectors import Floats

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])")

# Years 1 to 9999, which is what a datetime can hold.
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_800.0


def epoch(ts: str | float) -> float:
    """Seconds since 1970 of an ISO 8601 time (UTC where it names no zone) or of a number.

    Raises
    ------
    ValueError
        If it is neither, or lies outside the years 1 to 9999.

    Examples
    --------
    >>> epoch("2018-04-01T00:00:31"), epoch("2018-04-01T02:00:31+02:00"), epoch(5)
    (1522540831.0, 1522540831.0, 5.0)
    """
    if isinstance(ts, str):
        moment = datetime.fromisoformat(ts)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not EARLIEST <= ts < LATEST:
        raise ValueError(f"{ts} is no time in seconds since 1970")
    return float(ts)


_PLAIN = np.frombuffer(b"0000-00-00T00:00:00", np.uint8)
_REACH = np.where(ord("0") == _PLAIN, 9, 0)  # how far above `_PLAIN` each place may lie


def _plain(given: Sequence[str | float | None]) -> Floats | None:
    """`epochs` where all are numbers or like ``2018-04-01T00:00:31``, much faster; else None."""
    kinds = set(map(type, given))
    try:
        if kinds <= {int, float}:
            times = np.array(given, np.float64)
        elif kinds == {str} and _look_plain(cast(Sequence[str], given)):
            times = np.array(given, "datetime64[s]").astype(np.int64).astype(np.float64)
        else:
            return None
    except (ValueError, OverflowError):  # a 30th of February; a number beyond all floats
        return None
    return times if np.all((times >= EARLIEST) & (times < LATEST)) else None


def _look_plain(texts: Sequence[str]) -> bool:
    """Whether each has digits, dashes and colons where `_PLAIN` has them."""
    if set(map(len, texts)) != {len(_PLAIN)}:
        return False
    rows = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8)
    distance = rows.reshape(-1, len(_PLAIN)) - _PLAIN  # unsigned: what lies below wraps far above
    return bool(np.all(distance <= _REACH))


def epochs(given: Sequence[str | float | None]) -> Floats:
    """`epoch` of each, and NaN where it is no time, or None.

    >>> epochs(["2018-04-01T00:00:31", 5, "soon", None])
    array([1.52254083e+09, 5.00000000e+00,            nan,            nan])
    """
    fast = _plain(given)
    return np.array([_epoch_or_nan(ts) for ts in given]) if fast is None else fast


def _epoch_or_nan(ts: str | float | None) -> float:
    try:
        return math.nan if ts is None else epoch(ts)
    except (ValueError, OverflowError):
        return math.nan


def duration(text: str | float) -> float:
    """Seconds in a duration such as ``"7d"``, ``"1.5h"`` or ``"250ms"``, or in a number.

    >>> duration("7d"), duration("250ms"), duration(30)
    (604800.0, 0.25, 30.0)
    """
    if isinstance(text, str):
        match = _DURATION.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r}: expected a duration such as 30s, 1.5h or 7d")
        seconds = float(match[1]) * UNITS[match[2]]
    else:
        seconds = text
    if not 0 <= seconds < LATEST:
        raise ValueError(f"{text!r}: expected a duration from 0 to 8000 years")
    return float(seconds)
