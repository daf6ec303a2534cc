"""Arguments of the command line that need more than a type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stream.errors import ConfigError

T = TypeVar("T")


def argument(name: str, given: str, read: Callable[[str], T]) -> T:
    """What `read` makes of an argument.

    Raises
    ------
    ConfigError
        Naming the argument, if `read` raises ValueError.
    """
    try:
        return read(given)
    except ValueError as error:
        raise ConfigError(f"{name} {given}: {error}") from None
