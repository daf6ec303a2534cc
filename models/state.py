"""State as it leaves and comes back: nested plain values and arrays, no pickle.

Whatever is stateful keeps all of it in arrays (or tuples and mappings of such), so that leaving is
copying and coming back is writing into the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def leave(state: Any) -> Any:
    """A copy of nested arrays, with named tuples and sequences as mappings and lists.

    >>> leave({"a": np.arange(2), "b": (np.zeros(1),)})
    {'a': array([0, 1]), 'b': [array([0.])]}
    """
    if isinstance(state, np.ndarray):
        return state.copy()
    if isinstance(state, Mapping):
        return {name: leave(part) for name, part in state.items()}
    if hasattr(state, "_asdict"):
        return leave(state._asdict())
    return [leave(part) for part in state]


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
        state[...] = array
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
