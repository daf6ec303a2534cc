"""River's state comes back bit for bit, and nothing else comes in."""

from __future__ import annotations

import collections
import contextlib
import functools
import math
import os
import pickle
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import anomaly, feature_extraction, linear_model, naive_bayes, neighbors
from river.tree.splitter import TEBSTSplitter
from river.tree.splitter.ebst_splitter import EBSTNode

from models import pickled_forms as forms
from models.pickled import PROTOCOL, dumps, loads

PREFIX = bytes([pickle.PROTO[0], PROTOCOL])
THIS = __name__


def there_and_back(thing: Any) -> Any:
    return loads(dumps(thing))


ARRAYS = [
    np.zeros((0, 3)), np.zeros(()), np.arange(6.0).reshape(2, 3), np.array([True, False]),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(4, dtype=np.int32)[::2],
    np.array([math.nan, -0.0, math.inf]),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.shape))
def test_arrays_come_back_with_their_order(array: Any) -> None:
    back = there_and_back(array)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())
    if array.flags.forc:
        assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.flags.writeable


def test_numbers_and_containers_come_back() -> None:
    thing: dict[str, Any] = {
        "number": np.float64(0.1),
        "deque": collections.deque([1, 2], maxlen=2),
        "counter": collections.Counter("abca"),
        "ordered": collections.OrderedDict(b=1, a=2),
        "default": collections.defaultdict(functools.partial(collections.defaultdict, float)),
        "set": {1, 2},
        "frozen": frozenset({3}),
        "tuple": ((), (1,), (1, 2, 3, 4)),
        "large": 2**100,
        "bytes": b"x" * 300,
    }
    back: dict[str, Any] = there_and_back(thing)
    assert back == thing
    default: Any = back["default"]
    assert default["new"]["newer"] == 0.0
    assert back["deque"].maxlen == 2


def test_generators_go_on() -> None:
    ours, numpy = random.Random(3), np.random.RandomState(3)
    ours.gauss(0, 1)
    numpy.normal()  # both have half of a pair left
    back, numpy_back = there_and_back([ours, numpy])
    assert [back.gauss(0, 1) for _ in range(5)] == [ours.gauss(0, 1) for _ in range(5)]
    assert numpy_back.normal(size=700).tolist() == numpy.normal(size=700).tolist()


def test_what_was_one_is_one() -> None:
    shared = [1.0]
    a, b = there_and_back([shared, shared])
    assert a is b


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_a_model_with_a_method_of_its_own(mode: int) -> None:
    make: Any = linear_model.PAClassifier
    model = make(mode=mode)
    back = there_and_back(model)
    owner = back if mode else type(back)  # it is a class method
    assert back.calc_tau.__self__ is owner
    assert back.calc_tau.__func__ is model.calc_tau.__func__


def test_a_tree_as_deep_as_a_sorted_stream_is_long() -> None:
    splitter: Any = TEBSTSplitter(digits=6)
    for n in range(5_000):
        splitter.update(n / 1_000.0, float(n), 1.0)
    root = there_and_back(splitter)._root
    expected = splitter._root
    deep = 0
    while root is not None:
        assert expected is not None
        assert type(root) is EBSTNode
        ours: Any = root.estimator
        assert (root.att_val, ours.get()) == (
            expected.att_val,
            expected.estimator.get(),
        )
        assert root._update_estimator is expected._update_estimator
        root, expected, deep = root._right, expected._right, deep + 1
    assert expected is None
    assert deep == 5_000


def mine() -> int:
    return 1


class Mine:
    def __init__(self) -> None:
        self.make = mine


def test_a_users_module_is_known_if_it_is_named() -> None:
    with pytest.raises(ValueError, match=rf"^{THIS}:Mine is not known here$"):
        dumps(Mine())
    kept = dumps(Mine(), {THIS})
    assert loads(kept, {THIS}).make() == 1
    with pytest.raises(ValueError, match=rf"^{THIS}:Mine is not known here$"):
        loads(kept)


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


CANNOT_LEAVE: list[tuple[Any, str]] = [
    (lambda: 1, "<lambda> is not known here"),
    (os.system, "posix:system is not known here"),
    (collections.defaultdict(lambda: 1), "<lambda> is not known here"),
    (np.array([object()]), r"an array of type \|O is not known here"),
    (np.random.default_rng(1), "is not known here"),
    (np.random.RandomState(np.random.PCG64(1)), "PCG64 is not known here"),
    (iter(Mine, None), "nothing that can be kept|is not known here"),
    ([1].append, "is not known here"),
    (anomaly.LODA(seed=1).score_one, "LODA.score_one is not known here"),
    (feature_extraction.RandomTreesEmbedding(seed=1), "would not come back as it was"),
    (nested(100_000), "too deep"),
]


@pytest.mark.parametrize(("thing", "message"), CANNOT_LEAVE)
def test_what_cannot_come_back_does_not_leave(thing: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dumps(thing)


def reduced(make: Any, *args: Any) -> bytes:
    """What a hostile object's `__reduce__` gives: a call of anything."""

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return make, args

    return pickle.dumps(Hostile(), PROTOCOL)


def text(value: str) -> bytes:
    raw = value.encode()
    return pickle.SHORT_BINUNICODE + bytes([len(raw)]) + raw


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + pickle.STACK_GLOBAL


def called(function: bytes, *args: bytes) -> bytes:
    return function + pickle.MARK + b"".join(args) + pickle.TUPLE + pickle.REDUCE


def program(*instructions: bytes) -> bytes:
    return PREFIX + b"".join(instructions) + pickle.STOP


TOUCH = "touch {canary}"
SYSTEM = text(TOUCH)
HST = named("river.anomaly.hst", "HalfSpaceTrees")
PARTIAL = named("functools", "partial")
SLOTS = pickle.NONE + pickle.EMPTY_DICT + text("score_one") + HST + pickle.SETITEM + pickle.TUPLE2
STATE = pickle.EMPTY_DICT + text("__deepcopy__") + HST + pickle.SETITEM


def int_of(value: int) -> bytes:
    raw = value.to_bytes(9, "little", signed=True)
    return pickle.LONG1 + bytes([len(raw)]) + raw


HOSTILE: dict[str, bytes] = {
    "os.system": reduced(os.system, TOUCH),
    "os as it is named": program(called(named("os", "system"), SYSTEM)),
    "old instruction": b"cos\nsystem\n(S'" + TOUCH.encode() + b"'\ntR.",
    "inst": b"(S'" + TOUCH.encode() + b"'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'" + TOUCH.encode() + b"'\no.",
    "eval": reduced(eval, "__import__('os').system('touch {canary}')"),
    "exec": reduced(exec, "import os; os.system('touch {canary}')"),
    "open": reduced(open, "{canary}", "w"),
    "getattr": reduced(getattr, "", "format"),
    "__import__": reduced(__import__, "os"),
    "Popen": reduced(subprocess.Popen, ["touch", "{canary}"]),
    "partial of system": program(called(PARTIAL, named("os", "system"), SYSTEM)),
    "partial of eval": reduced(functools.partial, eval, "1"),
    "map": reduced(map, os.system, [TOUCH]),
    "pickle.loads": reduced(pickle.loads, reduced(os.system, TOUCH)),
    "numpy.load": reduced(np.load, "{canary}"),
    "numpy runstring": program(called(named("numpy.testing._private.utils", "runstring"), SYSTEM)),
    "numpy ctypeslib": program(called(named("numpy.ctypeslib", "load_library"), SYSTEM, SYSTEM)),
    "numpy's own array": pickle.dumps(np.zeros(3), PROTOCOL),
    "numpy's own type": pickle.dumps(np.dtype("O"), PROTOCOL),
    "a module through River's": program(named("river.anomaly.hst", "os.system")),
    "a module in River's": program(named("river.anomaly.hst", "random")),
    "a class through another's": program(named("river.anomaly.hst", "base.AnomalyDetector")),
    "a class imported by River's": program(named("river.anomaly.loda", "Histogram")),
    "a dunder of a class": program(named("river.anomaly.hst", "HalfSpaceTrees.__init__")),
    "globals of a function": program(
        named("river.anomaly.hst", "HalfSpaceTrees.__init__.__globals__")
    ),
    "a function of River's": program(named("river.utils.pretty", "print_table")),
    "River's datasets": program(named("river.datasets.credit_card", "CreditCard")),
    "River's web": program(named("river.datasets.base", "RemoteDataset")),
    "River's files": program(named("river.stream.iter_csv", "DictReader")),
    "no module": program(named("river.anomaly.nothing", "Nothing")),
    "a River class is called": program(called(HST, int_of(5))),
    "deepcopy is called": program(called(named("copy", "deepcopy"), HST)),
    "int is called": program(called(named("builtins", "int"), text("1"))),
    "a method is called": program(called(named("river.linear_model.pa", "BasePA._calc_tau_1"))),
    "a class is changed": program(HST, SLOTS, pickle.BUILD),
    "a partial's attributes": program(
        called(PARTIAL, named("builtins", "dict")), text("x"), pickle.BUILD
    ),
    "a list's attributes": program(pickle.EMPTY_LIST, STATE, pickle.BUILD),
    "a dunder on an object": program(HST, pickle.EMPTY_TUPLE, pickle.NEWOBJ, STATE, pickle.BUILD),
    "an object of an object": program(
        HST, pickle.EMPTY_TUPLE, pickle.NEWOBJ, pickle.EMPTY_TUPLE, pickle.NEWOBJ
    ),
    "a function's attributes": program(named("copy", "deepcopy"), STATE, pickle.BUILD),
    "copyreg": program(called(named("copyreg", "__newobj__"), HST)),
    "copyreg reconstructor": program(called(named("copyreg", "_reconstructor"), HST, HST, HST)),
    "extension": PREFIX + pickle.EXT1 + b"\x01.",
    "persistent": PREFIX + text("x") + pickle.BINPERSID + b".",
    "a buffer": PREFIX + pickle.NEXT_BUFFER + b".",
    "memo far away": program(pickle.NONE, pickle.LONG_BINPUT, b"\xff\xff\xff\xff"),
    "memo that is not there": program(pickle.BINGET, b"\x07"),
    "bytes that are not there": PREFIX + pickle.BINBYTES8 + b"\xff\xff\xff\xff\xff\xff\xff\x0f",
    "room that is not there": PREFIX + pickle.BYTEARRAY8 + b"\0\0\0\0\0\1\0\0.",
    "a frame that is not there": PREFIX + pickle.FRAME + b"\xff" * 8 + b".",
    "another protocol": pickle.PROTO + b"\x09N.",
    "nothing": b"",
    "no end": PREFIX + pickle.NONE,
    "tuples too deep to hash": program(
        pickle.EMPTY_DICT, pickle.EMPTY_TUPLE, pickle.TUPLE1 * 300_000, pickle.NONE, pickle.SETITEM
    ),
    "copies of copies": program(
        pickle.EMPTY_LIST, pickle.MEMOIZE, pickle.MARK, pickle.NONE * 300, pickle.APPENDS,
        named("collections", "deque"), pickle.MEMOIZE,
        (pickle.BINGET + b"\1" + pickle.BINGET + b"\0" + pickle.TUPLE1 + pickle.REDUCE) * 50,
    ),
    "room for a window": program(
        named("river._river_rust.stats", "RsRollingQuantile"), pickle.BINFLOAT, b"\0" * 8,
        int_of(2**60), pickle.TUPLE2, pickle.NEWOBJ,
    ),
    "an array of nothing": program(
        called(named("models.pickled_forms", "array"), text("<f8"), int_of(2**40) + pickle.TUPLE1,
               pickle.SHORT_BINBYTES + b"\0")
    ),
    "an array of addresses": program(
        called(named("models.pickled_forms", "array"), text("|O"), int_of(1) + pickle.TUPLE1,
               pickle.SHORT_BINBYTES + b"\x08" + b"\1" * 8)
    ),
    "a method that is none": program(
        called(named("models.pickled_forms", "method"), HST, text("nothing"))
    ),
    "another's method": program(
        called(named("models.pickled_forms", "method"), HST, text("score_one"))
    ),
    "a method of a text": program(
        called(named("models.pickled_forms", "method"), text("{0.__class__}"), text("format"))
    ),
    "a helper of ours": program(named("models.pickled_forms", "rows")),
    "ours by another's name": program(named("models.pickled_forms", "math.prod")),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    # Texts have a length before them.
    text_of = str(canary).encode()
    payload = HOSTILE[name]
    for said in (TOUCH, "{canary}", "__import__('os').system('touch {canary}')",
                 "import os; os.system('touch {canary}')"):  # fmt: skip
        old = said.encode()
        new = old.replace(b"{canary}", text_of)
        if len(new) < 256:
            payload = payload.replace(bytes([len(old)]) + old, bytes([len(new)]) + new)
    payload = payload.replace(b"{canary}", text_of)
    before = dict(vars(anomaly.HalfSpaceTrees))
    with pytest.raises(ValueError, match=r"\w"):
        loads(payload)
    assert not canary.exists()
    assert dict(vars(anomaly.HalfSpaceTrees)) == before


def test_the_payloads_are_real(tmp_path: Path) -> None:
    """What is refused above does something where it is not: so the test can fail."""
    canary = tmp_path / "canary"
    pickle.loads(reduced(os.system, f"touch {canary}"))
    assert canary.exists()


def test_says_what_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"^posix:system is not known here$"):
        loads(reduced(os.system, "true"))


def test_a_generators_place_is_looked_at() -> None:
    state = forms.plain(np.random.RandomState(1).get_state(legacy=False))
    with pytest.raises(ValueError, match="place 625 is beyond"):
        forms.random_state({**state, "pos": 625})
    with pytest.raises(ValueError, match="does not fit"):
        forms.random_state({**state, "key": np.zeros(3, np.uint32)})


def test_a_search_trees_node_is_not_beneath_itself() -> None:
    row = [[0.0, None, None], 0, 0]
    with pytest.raises(ValueError, match="beneath itself"):
        forms.tree(EBSTNode, [row, [row[0], 1, 0]])
    with pytest.raises(ValueError, match="no search tree"):
        forms.tree(dict, [])


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
def test_noise_is_refused_or_a_plain_value(data: bytes) -> None:
    for payload in (data, PREFIX + data):
        try:
            found = loads(payload)
        except ValueError:
            continue
        assert type(found).__module__ in {"builtins", "models.pickled_forms"}


def learned() -> bytes:
    rng = random.Random(1)
    bayes: Any = naive_bayes.GaussianNB
    models: list[Any] = [
        bayes(), anomaly.LODA(n_random_cuts=2, seed=1),
        neighbors.KNNClassifier(engine=neighbors.LazySearch(window_size=5)),
    ]  # fmt: skip
    for _ in range(8):
        x = {"a": rng.random(), "b": rng.random()}
        models[0].learn_one(x, x["a"] > 0.5)
        models[1].learn_one(x)
        models[2].learn_one(x, x["a"] > 0.5)
    return dumps(models)


LEARNED = learned()


@settings(max_examples=200)
@given(data=st.data())
def test_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    changed = bytearray(LEARNED)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        loads(bytes(changed))
