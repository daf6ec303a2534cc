"""River's objects that a config names: ``{ name = "river:forest.ARFClassifier", n_models = 5 }``.

What follows ``river:`` is where River's own documentation has a class. Parameters are numbers,
texts, booleans, lists and tables; a table with a `name` is an object again, any other is a mapping.
A class that takes any number of objects, as `compose.Pipeline` does its steps, gets them as a list
under the name that River has for them. ``my_module:make_model`` is a function of the user's own.

What draws at random has the seed 1 unless it is given one, so that no two runs differ.
"""

from __future__ import annotations

import difflib
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

import river
from river import base, compose
from river.proba.base import Distribution
from river.time_series.base import Forecaster

from models.pickled import PACKAGES
from stream.config import shown
from stream.errors import ConfigError
from stream.named import LARGEST
from stream.plugins import load

RIVER = "river:"
SEED = 1
DEEPEST = 16  # objects in each other

Kind = Literal["classifier", "detector", "regressor", "forecaster"]
KINDS: dict[Kind, tuple[type, ...]] = {
    "classifier": (base.Classifier,),
    "detector": (base.AnomalyDetector, base.AnomalyFilter),
    "regressor": (base.Regressor,),
    "forecaster": (Forecaster,),
}
COLLECTS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def make(key: str, settings: Mapping[str, Any], optimizer: Callable[[], Any] | None = None) -> Any:
    """A new object that `settings` names, with all that is in it.

    Parameters
    ----------
    key
        Of `settings` in the config, for messages.
    optimizer
        Gives a River optimizer, a new one for each object that takes one and is given none.

    Raises
    ------
    ConfigError
        Naming the key, the value and what is allowed.
    """
    made = _object(key, settings, optimizer, 0)
    _check_seeds(key, made)
    return made


def takes_optimizer(key: str, settings: Mapping[str, Any]) -> bool:
    """Whether `make` would use an optimizer."""
    used: list[Any] = []

    def optimizer() -> Any:
        used.append(import_module("river.optim").SGD())
        return used[-1]

    make(key, settings, optimizer)
    return bool(used)


def modules(settings: Any) -> frozenset[str]:
    """Modules of the user's own that are named anywhere in `settings`."""
    if isinstance(settings, Mapping):
        name = settings.get("name")
        found = {name.partition(":")[0]} if isinstance(name, str) and ":" in name else set()
        return frozenset(found - {"river"}).union(*map(modules, settings.values()))
    if isinstance(settings, list | tuple):
        return frozenset().union(*map(modules, settings))
    return frozenset()


def kind_of(key: str, model: Any) -> Kind:
    """What a model does; a pipeline does what its last step does.

    Raises
    ------
    ConfigError
        If it is none of the kinds.
    """
    last = model
    while isinstance(last, compose.Pipeline):
        last = list(last.steps.values())[-1]
    for kind, classes in KINDS.items():
        if isinstance(last, classes) and (last is model or not isinstance(last, Forecaster)):
            return kind
    raise ConfigError(
        f"{key}.name: {type(last).__name__} is no classifier, no anomaly detector of events and no "
        "regressor or forecaster of a number"
    )


def _object(
    key: str, settings: Mapping[str, Any], optimizer: Callable[[], Any] | None, depth: int
) -> Any:
    if depth > DEEPEST:
        raise ConfigError(f"{key}: expected at most {DEEPEST} objects in each other")
    name = settings.get("name")
    if not (isinstance(name, str) and ":" in name):
        said = f" = {shown(name)}" if name is not None else ""
        raise ConfigError(f"{key}.name{said}: expected river:package.Class, or module:function")
    ours = name.startswith(RIVER)
    make_it = _class(key, name) if ours else load(key, name)
    given: dict[str, Any] = {
        parameter: _value(f"{key}.{parameter}", value, optimizer, depth)
        for parameter, value in settings.items()
        if parameter != "name"
    }
    try:
        allowed = inspect.signature(make_it).parameters
    except (TypeError, ValueError):
        raise ConfigError(f"{key}.name = {shown(name)}: it does not say what it takes") from None
    _check_parameters(key, name, settings, allowed)
    if ours and "seed" in allowed:
        given.setdefault("seed", SEED)
    if ours and optimizer and "optimizer" in allowed and "optimizer" not in given:
        given["optimizer"] = optimizer()
    listed = [
        part
        for parameter, about in allowed.items()
        if about.kind is inspect.Parameter.VAR_POSITIONAL
        for part in given.pop(parameter, [])
    ]
    try:
        return make_it(*listed, **given)
    except Exception as error:  # noqa: BLE001 - River's constructors raise anything
        why = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"{key}: {name} refuses its parameters: {why}") from None


def _check_parameters(
    key: str,
    name: str,
    settings: Mapping[str, Any],
    allowed: Mapping[str, inspect.Parameter],
) -> None:
    takes = [
        parameter
        for parameter, about in allowed.items()
        if about.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    anything = len(takes) < len(allowed) and not name.startswith(RIVER)
    for parameter, value in settings.items():
        if parameter == "name":
            continue
        if parameter not in takes and not anything:
            known = ", ".join(takes) or "none"
            raise ConfigError(
                f"{key}.{parameter} = {shown(value)}: no such key; {name} has {known}"
            )
        about = allowed.get(parameter)
        if about and about.kind in COLLECTS and not isinstance(value, list | tuple):
            raise ConfigError(f"{key}.{parameter} = {shown(value)}: expected a list")
    for parameter in takes:
        about = allowed[parameter]
        needed = about.default is about.empty and about.kind not in COLLECTS
        if needed and parameter not in settings:
            raise ConfigError(f"{key}.{parameter}: missing, and {name} needs it")


def _value(key: str, value: Any, optimizer: Callable[[], Any] | None, depth: int) -> Any:
    if isinstance(value, Mapping):
        if "name" in value:
            return _object(key, value, optimizer, depth + 1)
        return {k: _value(f"{key}.{k}", part, optimizer, depth + 1) for k, part in value.items()}
    if isinstance(value, list | tuple):
        return [_value(f"{key}[{i}]", part, optimizer, depth + 1) for i, part in enumerate(value)]
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return value
    raise ConfigError(
        f"{key} = {shown(value)}: expected a finite number, a text, a boolean, a list or a table"
    )


def _class(key: str, name: str) -> type:
    """A public class of River's: found by what its public modules show, not by any attribute."""
    found = _classes().get(name.removeprefix(RIVER))
    if found is not None:
        return found
    path = name.removeprefix(RIVER)
    last = path.rpartition(".")[2]
    by_last = {known.rpartition(".")[2].lower(): known for known in reversed(_classes())}
    near = difflib.get_close_matches(last.lower(), by_last, 3, 0.7)
    known = " or ".join(RIVER + by_last[match] for match in near) or "one of its classes"
    raise ConfigError(f"{key}.name = {shown(name)}: River has no such class here; expected {known}")


@cache
def _classes() -> dict[str, type]:
    """River's classes that can be made, by where they are public; the shortest way comes first."""
    found: dict[str, type] = {}
    for package in sorted(PACKAGES):
        if not package.startswith("_"):
            for path, module in _modules(f"river.{package}"):
                for name, thing in vars(module).items():
                    public = inspect.isclass(thing) and not name.startswith("_")
                    if public and _is_of(thing, PACKAGES) and not inspect.isabstract(thing):
                        found[f"{path}.{name}"] = thing
    return dict(sorted(found.items(), key=lambda item: item[0].count(".")))


def _modules(full: str) -> Iterator[tuple[str, types.ModuleType]]:
    module = import_module(full)
    yield full.partition(".")[2], module
    for info in iter_modules(getattr(module, "__path__", [])):
        if not info.name.startswith(("_", "test")):
            try:
                yield from _modules(f"{full}.{info.name}")
            except ImportError:  # what it needs is not installed
                continue


def _is_of(thing: type, packages: frozenset[str]) -> bool:
    parts = thing.__module__.split(".")
    return parts[0] == river.__name__ and len(parts) > 1 and parts[1] in packages


def _check_seeds(key: str, made: Any) -> None:
    """Refuse what draws at random from no seed, however deep: no two runs of it would agree.

    A distribution that a model fits has a seed too, but nobody draws from it.
    """
    seen: set[int] = set()
    waiting = [made]
    for thing in waiting:  # which grows
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, base.Base) and not isinstance(thing, Distribution):
            attributes = vars(thing) if hasattr(thing, "__dict__") else {}
            if attributes.get("seed", SEED) is None:
                its = type(thing).__name__
                where = f"{RIVER}{type(thing).__module__.split('.')[1]}.{its}"
                raise ConfigError(
                    f"{key}: its {its} has no seed, so no two runs would agree; expected it to be "
                    f'named, as {{ name = "{where}", seed = {SEED} }}'
                )
            waiting.extend(attributes.values())
        elif isinstance(thing, dict):
            waiting.extend(thing.values())
        elif isinstance(thing, list | tuple):
            waiting.extend(thing)
