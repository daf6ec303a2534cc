"""River's models as bytes, and back by a reader that knows a list of classes and nothing else.

River has no form for its models' state but pickle, and a pickle is a program. This reader runs it
on the standard library's unpickler written in Python, of which it keeps the instructions that
`dumps` needs. What a pickle names has to be on a list:

- classes defined in River's packages of estimators, and what their state is made of (`PACKAGES`);
- our schedules, which River's optimizers hold;
- a few classes of the standard library and functions of River's, one by one (`EXACT`), none of
  which opens, imports or runs anything;
- whatever is defined in modules that the user's own config names.

A name is looked up in the module that defines it, never through another's imports or attributes.
No class of River's is called: objects are made without their `__init__`, and get their attributes.
Only objects get any, so that neither a class nor a function can be changed, and none that Python
itself looks for. NumPy's arrays and generators do not come with instructions of their own: they
are written as bytes of a known type. What is made of `n` bytes is in proportion to them.

`dumps` refuses what `loads` would, so that a model which cannot come back is found out at once.
The checksum that finds damage is the snapshot's.
"""

from __future__ import annotations

import io
import pickle
import types
from collections.abc import Callable, Collection
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import Any, ClassVar, cast

import numpy as np

from models import pickled_forms as forms

PROTOCOL = 5  # written the same by every Python

# Of River. Not those that read or draw anything: datasets, stream, evaluate, bandit, compat, …
PACKAGES = frozenset({
    "_river_rust", "anomaly", "base", "cluster", "compose", "covariance", "drift", "dummy",
    "ensemble", "facto", "feature_extraction", "feature_selection", "forest", "imblearn",
    "linear_model", "metrics", "misc", "multiclass", "naive_bayes", "neighbors", "optim",
    "preprocessing", "proba", "rules", "sketch", "stats", "time_series", "tree", "utils",
})  # fmt: skip

SCHEDULES = "models.schedules"

# Called with arguments, when they come back.
CONTAINERS = frozenset({
    "collections:Counter", "collections:OrderedDict", "collections:defaultdict",
    "collections:deque",
    "functools:partial",  # of one of these: what a `defaultdict` makes
    "random:Random",
})  # fmt: skip
EXACT = CONTAINERS | {
    # What a `defaultdict` makes, or an attribute of a grown tree is.
    "builtins:bool", "builtins:dict", "builtins:float", "builtins:int", "builtins:list",
    "builtins:set", "builtins:str", "builtins:tuple", "statistics:NormalDist",
    # Functions that models hold.
    "copy:deepcopy",  # SoftmaxRegression: an optimizer for each class
    "river._river_rust.vectordict:euclidean_distance_tuple",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_all",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_drop",
    "river.forest.online_extra_trees:ExtraTrees._detection_mode_off",
    "river.naive_bayes.gaussian:GaussianNB._make_gaussian",
    "river.tree.splitter.ebst_splitter:EBSTNode._update_estimator_multivariate",
    "river.tree.splitter.ebst_splitter:EBSTNode._update_estimator_univariate",
}  # fmt: skip

# Would come back as something else: it knows its leaves by their addresses in memory.
UNLIKE = "river.feature_extraction.kernel_approx:RandomTreesEmbedding"

DEEPEST = 50  # tuples in each other
SIZED = (bytes, tuple, list, dict, set, frozenset)
LARGEST = 10_000_000  # of a whole number that an object is made with: River makes room for so many


def dumps(model: Any, also: Collection[str] = ()) -> bytes:
    """`model` as a pickle that `loads` takes.

    Parameters
    ----------
    also
        Modules whose classes and functions are known too.

    Raises
    ------
    ValueError
        Naming what is in `model` that is not known.
    """
    out = io.BytesIO()
    try:
        _Writer(out, also).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ValueError(f"nothing that can be kept: {error}") from None
    except RecursionError:
        raise ValueError("nothing that can be kept: its parts lie too deep in each other") from None
    return out.getvalue()


def loads(data: bytes, also: Collection[str] = ()) -> Any:
    """What `dumps` was given.

    Raises
    ------
    ValueError
        Naming what is refused, or if it is no pickle of ours.
    """
    try:
        return _Reader(data, also).load()
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"no model of River's: {type(error).__name__}: {error}") from error
    except BaseException as error:
        if not panicked(error):
            raise
        raise ValueError(f"no model of River's: {error}") from error


def panicked(error: BaseException) -> bool:
    """Whether River's part in Rust failed: that is no `Exception`, though nothing else is wrong."""
    return type(error).__name__ == "PanicException"


def _find(module: str, name: str, also: Collection[str]) -> Any:
    """The class or function of this name, if it is known."""
    where = f"{module}:{name}"
    if where == UNLIKE:
        raise ValueError(f"{where} would not come back as it was")
    if where in EXACT:
        return attrgetter(name)(import_module(module))
    package = module.split(".")
    ours = package[0] == "river" and len(package) > 1 and package[1] in PACKAGES
    if ours or module == SCHEDULES or module in also:
        try:
            found = vars(import_module(module)).get(name)
        except ImportError:
            found = None
        kinds = type | types.FunctionType if module in also else type
        if isinstance(found, kinds) and _named(found) == where:
            return found
    raise ValueError(f"{where} is not known here")


def _named(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, also: Collection[str]) -> None:
        super().__init__(file, PROTOCOL)
        self._also = also

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, np.ndarray):
            order: forms.Order = "C" if thing.flags.c_contiguous else "F"  # which sums go by
            data = thing.tobytes(order)
            return forms.array, (forms.checked(thing.dtype.str), thing.shape, data, order)
        if isinstance(thing, np.generic):
            return forms.number, (forms.checked(thing.dtype.str), thing.tobytes())
        if isinstance(thing, np.random.RandomState):
            return forms.random_state, (forms.plain(thing.get_state(legacy=False)),)
        if isinstance(thing, types.MethodType):
            return forms.method, (thing.__self__, forms.method_name(thing))
        if type(thing) in forms.NODES:
            return forms.tree, (type(thing), forms.rows(thing))
        if isinstance(thing, type | types.FunctionType | types.BuiltinFunctionType):
            module, _, name = _named(thing).partition(":")
            if thing not in OURS and _find(module, name, self._also) is not thing:
                raise ValueError(f"{module}:{name} is not what is found under its name")
        return NotImplemented


class _Reader(pickle._Unpickler):  # noqa: SLF001 - the one that can be taken apart
    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        opcode[0]: pickle._Unpickler.dispatch[opcode[0]]  # noqa: SLF001
        for opcode in (
            pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK,
            pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT,
            pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.LONG4,
            pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8,
            pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8,
            pickle.EMPTY_TUPLE,
            pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS,
            pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS,
            pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET,
            pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET, pickle.STACK_GLOBAL,
        )
    }  # fmt: skip
    stack: list[Any]

    def __init__(self, data: bytes, also: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._also = also
        self._known: set[Any] = set()  # what was named
        self._nested: dict[int, tuple[int, Any]] = {}  # tuples of tuples by address: how deep
        self._room = len(data)  # for what is handed over once more, at the making of an object

    def find_class(self, module: str, name: str) -> Any:
        found = OURS_BY_NAME.get(f"{module}:{name}") or _find(module, name, self._also)
        self._known.add(found)
        return found

    def _load_reduce(self) -> None:
        args, make = self.stack.pop(), self.stack.pop()
        where = _named(make) if self._is_known(make) else ""
        whole = _module_of(where) in self._also or where in OURS_BY_NAME or where in CONTAINERS
        if not (whole or (isinstance(make, type) and _defines(make, "__reduce__"))):
            raise ValueError(f"a call of {where or type(make).__name__} is refused")
        self._take(args)
        self.stack.append(make(*args))

    def _load_newobj(self) -> None:
        args, kind = self.stack.pop(), self.stack.pop()
        if not (isinstance(kind, type) and self._is_known(kind)):
            raise ValueError(f"an object of {type(kind).__name__} is refused")
        self._take(args)
        made = kind.__new__(kind, *args)
        self._measure(made)
        self.stack.append(made)

    def _load_build(self) -> None:
        state = self.stack.pop()
        thing = self.stack[-1]
        kind = type(thing)
        if kind not in self._known:
            raise ValueError(f"attributes of {kind.__name__} are refused")
        if hasattr(kind, "__setstate__"):
            kind.__setstate__(thing, state)
            return
        own, slots = state if isinstance(state, tuple) else (state, None)
        for name in (*(own or ()), *(slots or ())):
            if name.startswith("__") and name.endswith("__"):
                raise ValueError(f"the attribute {name} is refused")
        if own:
            thing.__dict__.update(own)
        for name, value in (slots or {}).items():
            object.__setattr__(thing, name, value)

    def _load_tuple(self, opcode: int) -> None:
        pickle._Unpickler.dispatch[opcode](cast(Any, self))  # noqa: SLF001
        self._measure(self.stack[-1])

    def _measure(self, made: Any) -> None:
        """Refuse a tuple as deep as a pickle is long, which would overflow the stack if hashed."""
        parts = made if isinstance(made, tuple) else ()
        inner = [self._nested.get(id(part), (1,))[0] for part in parts if isinstance(part, tuple)]
        if inner:
            depth = 1 + max(inner)
            if depth > DEEPEST:
                raise ValueError(f"tuples more than {DEEPEST} deep are refused")
            self._nested[id(made)] = depth, made

    for _opcode in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[_opcode[0]] = partial(_load_tuple, opcode=_opcode[0])
    dispatch[pickle.REDUCE[0]] = _load_reduce
    dispatch[pickle.NEWOBJ[0]] = _load_newobj
    dispatch[pickle.BUILD[0]] = _load_build

    def _is_known(self, thing: Any) -> bool:
        return isinstance(thing, type | types.FunctionType) and thing in self._known

    def _take(self, args: tuple[Any, ...]) -> None:
        """Refuse what would make more of a pickle than is in it."""
        for arg in args:
            if isinstance(arg, int) and abs(arg) > LARGEST:
                raise ValueError(f"an object made with {arg} is refused")
            self._room -= len(arg) if isinstance(arg, SIZED) else 0
        if self._room < 0:
            raise ValueError("more is made of it than is in it")


def _defines(kind: type, name: str) -> bool:
    """Whether a class or one of its bases but `object` defines `name`."""
    return any(name in vars(base) for base in kind.__mro__[:-1])


def _module_of(where: str) -> str:
    return where.partition(":")[0]


OURS = frozenset({forms.array, forms.number, forms.random_state, forms.method, forms.tree})
OURS_BY_NAME = {_named(function): function for function in OURS}
