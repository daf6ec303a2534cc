"""What River's models are made of, in forms that can be checked when they come back.

NumPy's own pickles of arrays, generators and types let a file reach into memory; those of methods
look any attribute up. And a search tree that grew from a sorted stream is as deep as it was long,
which pickle would follow until the stack is full.
"""

from __future__ import annotations

import inspect
import math
import types
from typing import Any, Literal, TypeAlias

import numpy as np
from river.tree.splitter.ebst_splitter import EBSTNode
from river.tree.splitter.exhaustive_splitter import ExhaustiveNode

Order: TypeAlias = Literal["C", "F"]

DTYPES = frozenset({"|b1", "|i1", "|u1", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"})
NODES = (EBSTNode, ExhaustiveNode)  # of search trees as deep as a stream is long, if it is sorted
KEY_LENGTH = 624  # of a Mersenne twister

# Methods that models hold as attributes.
METHODS = frozenset({
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_half",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_me",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_bag_wt",
    "river.ensemble.bagging:LeveragingBaggingClassifier._leveraging_subag",
    "river.feature_extraction.kernel_approx:RBFSampler._random_weights",
    "river.linear_model.pa:BasePA._calc_tau_0",
    "river.linear_model.pa:BasePA._calc_tau_1",
    "river.linear_model.pa:BasePA._calc_tau_2",
    "river.preprocessing.random_projection:GaussianRandomProjector._rand_gauss",
    "river.preprocessing.random_projection:SparseRandomProjector._rand_weights_for_feature",
})  # fmt: skip


def checked(dtype: str) -> str:
    if dtype not in DTYPES:
        raise ValueError(f"an array of type {dtype} is not known here")
    return dtype


def array(dtype: str, shape: tuple[int, ...], data: bytes, order: Order = "C") -> Any:
    kind = np.dtype(checked(dtype))
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} does not fit its bytes")
    return np.frombuffer(data, kind).reshape(shape, order=order).copy("K")


def number(dtype: str, data: bytes) -> Any:
    return array(dtype, (1,), data)[0]


def plain(state: Any) -> dict[str, Any]:
    """State of a Mersenne twister, NumPy's other ones being refused."""
    if state["bit_generator"] != "MT19937":
        raise ValueError(f"a generator {state['bit_generator']} is not known here")
    inner = state["state"]
    return {
        "key": inner["key"],
        "pos": int(inner["pos"]),
        "has_gauss": int(state["has_gauss"]),
        "gauss": float(state["gauss"]),
    }


def random_state(state: dict[str, Any]) -> Any:
    key, pos = state["key"], state["pos"]
    if not (isinstance(key, np.ndarray) and key.shape == (KEY_LENGTH,) and key.dtype == np.uint32):
        raise ValueError("a generator's state does not fit")
    if not (isinstance(pos, int) and 0 <= pos <= KEY_LENGTH):  # NumPy does not look
        raise ValueError(f"a generator's place {pos} is beyond its state")
    made = np.random.RandomState(0)
    made.set_state(("MT19937", key, pos, state["has_gauss"], state["gauss"]))
    return made


def method_name(method: types.MethodType) -> str:
    """What `method` finds it by."""
    where = f"{method.__func__.__module__}:{method.__func__.__qualname__}"
    if where not in METHODS:
        raise ValueError(f"a method {where} is not known here")
    return method.__func__.__name__


def method(owner: Any, name: str) -> types.MethodType:
    """A method as an attribute: of an object or class that has it, and on the list."""
    found = inspect.getattr_static(owner if isinstance(owner, type) else type(owner), name, None)
    function: Any = getattr(found, "__func__", found)  # of a class method
    made = types.MethodType(function, owner)
    method_name(made)
    return made


def rows(root: Any) -> list[list[Any]]:
    """A search tree flat, each node with its children's places: pickle would go as deep as it."""
    names = [name for name in type(root).__slots__ if name not in {"_left", "_right"}]
    rows, waiting = [], [root]
    for node in waiting:  # which grows
        row: list[Any] = [[getattr(node, name) for name in names]]
        for child in (node._left, node._right):  # noqa: SLF001 - it has no other way in
            row.append(0 if child is None else len(waiting))
            if child is not None:
                waiting.append(child)
        rows.append(row)
    return rows


def tree(kind: Any, rows: list[list[Any]]) -> Any:
    if kind not in NODES:
        raise ValueError(f"{kind} is no search tree's node")
    names = [name for name in kind.__slots__ if name not in {"_left", "_right"}]
    nodes = [kind.__new__(kind) for _ in rows]
    for place, (node, (values, left, right)) in enumerate(zip(nodes, rows, strict=True)):
        for name, value in zip(names, values, strict=True):
            setattr(node, name, value)
        for name, child in (("_left", left), ("_right", right)):
            if child and child <= place:
                raise ValueError("a search tree's node is beneath itself")
            setattr(node, name, nodes[child] if child else None)
    return nodes[0]
