"""How a function is compiled, said once."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` with numba, on its first call, and keep the result on disk.

    No fast-math and no threads: an inner loop must give the same bits on every run, so floating
    point operations stay in the order in which they are written. Division follows IEEE 754
    (infinity or NaN) rather than raising.

    Arrays come in from outside and none is made within, so numba need not count references to
    them: its counters are atomic, and cost a small function more than its work. Code that would
    make an array (row to row assignment too, for its copy) does not compile.
    """
    return cast(Callable[P, R], _njit()(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` to be called from compiled code, where LLVM may inline it."""
    return cast(Callable[P, R], _njit(forceinline=True)(function))


def number(value: int) -> int:
    """A constant for compiled code that is handed on to compiled functions.

    A literal is part of a function's type: numba would compile `f` for ``f(1)`` and again for
    ``f(2)``. This is a number like any other.
    """
    return cast(int, np.int64(value))


def _njit(**options: Any) -> Any:
    njit: Any = numba.njit  # its types know nothing of _nrt
    return njit(cache=True, error_model="numpy", _nrt=False, **options)
