"""State as it leaves and comes back: nested plain values and arrays, no pickle.

Whatever is stateful keeps all of it in arrays (or tuples and mappings of such), so that leaving is
showing them and coming back is writing into the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

PIECE = 65_536  # bytes


def leave(state: Any) -> Any:
    """Nested arrays as they are, with named tuples and sequences as mappings and lists.

    The arrays are the live ones, which the next step changes: write them out before it, or copy
    them. Copying here would cost the memory of all state once more.

    >>> leave({"a": np.arange(2), "b": (np.zeros(1),)})
    {'a': array([0, 1]), 'b': [array([0.])]}
    """
    if isinstance(state, np.ndarray):
        return state
    if isinstance(state, Mapping):
        return {name: leave(part) for name, part in state.items()}
    if hasattr(state, "_asdict"):
        return leave(state._asdict())
    return [leave(part) for part in state]


def _write(state: np.ndarray[Any, Any], array: np.ndarray[Any, Any]) -> None:
    """Copy `array` over `state`, piece by piece: a piece that is zero in both is left alone.

    Room that was never used lies in pages which the operating system has not given out yet, and so
    it stays.
    """
    if not (state.flags.c_contiguous and state.nbytes > PIECE):
        state[...] = array
        return
    # As bytes: a negative zero is a zero, and has a bit set.
    to, source = (each.reshape(-1).view(np.uint8) for each in (state, np.ascontiguousarray(array)))
    for at in range(0, len(to), PIECE):
        piece = slice(at, at + PIECE)
        if source[piece].any() or to[piece].any():
            to[piece] = source[piece]


def come_back(state: Any, saved: Any) -> None:
    """Write what `leave` gave into arrays of the same shape.

    Raises
    ------
    ValueError
        If `saved` is of another shape: nothing is broadcast, nothing left out.
    """
    if isinstance(state, np.ndarray):
        array = np.asarray(saved)
        if array.shape != state.shape or array.dtype != state.dtype:
            raise ValueError(
                f"state of shape {array.shape} and type {array.dtype} does not fit "
                f"{state.shape} and {state.dtype}"
            )
        _write(state, array)
        return
    if hasattr(state, "_asdict"):
        state = state._asdict()
    if isinstance(state, Mapping):
        if set(state) != set(saved):
            raise ValueError(f"state has parts {sorted(saved)}, expected {sorted(state)}")
        for name, part in state.items():
            come_back(part, saved[name])
        return
    for part, kept in zip(state, saved, strict=True):
        come_back(part, kept)
