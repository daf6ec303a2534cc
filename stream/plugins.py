"""A user's own schedule or optimizer: a class in a module of theirs, named ``module:Class``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream.errors import ConfigError


def load(key: str, name: str) -> Callable[..., Any]:
    """The class that `name` ("my_package.my_module:MyDecay") names.

    The working directory is searched too, as Python does for a script's.

    Raises
    ------
    ConfigError
        Naming key and value, and saying what is missing.
    """
    module, _, attribute = name.partition(":")
    where = f'{key}.name = "{name}"'
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except AttributeError:
        raise ConfigError(f"{where}: module {module} has no {attribute}") from None
    except Exception as error:  # noqa: BLE001 - whatever a user's module does when imported
        raise ConfigError(f"{where}: cannot import {module}: {error}") from None
    if not callable(found):
        raise ConfigError(f"{where}: {attribute} is no class")
    return found  # type: ignore[no-any-return]
