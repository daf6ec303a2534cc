"""What a config names, with its parameters beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from stream.config import shown
from stream.errors import ConfigError
from stream.plugins import load

LARGEST = 1e300  # of a parameter, either way


def named(key: str, choices: Mapping[str, Callable[..., Any]], settings: Mapping[str, Any]) -> Any:
    """Make the value that `settings` names: its `name`, and its parameters beside it.

    Raises
    ------
    ConfigError
        Naming the key, the value and what is allowed.
    """
    name = settings.get("name")
    if isinstance(name, str) and ":" in name:
        make = load(key, name)
    elif isinstance(name, str) and name in choices:
        make = choices[name]
    else:
        given = f" = {shown(name)}" if name is not None else ""
        known = ", ".join(sorted(choices))
        raise ConfigError(f"{key}.name{given}: expected one of {known}, or module:Class")
    parameters = {k: v for k, v in settings.items() if k != "name"}
    allowed = inspect.signature(make).parameters
    for parameter, value in parameters.items():
        if parameter not in allowed:
            known = ", ".join(allowed) or "none"
            raise ConfigError(
                f"{key}.{parameter} = {shown(value)}: no such key; {name} has {known}"
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and abs(value) <= LARGEST):
            raise ConfigError(f"{key}.{parameter} = {shown(value)}: expected a finite number")
    for parameter, about in allowed.items():
        if about.default is about.empty and parameter not in parameters:
            raise ConfigError(f"{key}.{parameter}: missing, and {name} needs it")
    try:
        return make(**parameters)
    except ValueError as error:
        raise ConfigError(f"{key}.{error}") from None
