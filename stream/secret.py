"""Secrets: from a file or the environment, never from the config itself."""

from __future__ import annotations

import os
from pathlib import Path

from stream.errors import ConfigError


def secret(key: str, file: str, variable: str) -> str:
    """What is in `file`, or else in an environment variable; empty where neither is named.

    Parameters
    ----------
    key
        The two keys in the config begin with it: ``kafka.password`` has ``kafka.password_file``.

    Raises
    ------
    ConfigError
        If the file cannot be read, the variable is not set, or nothing is in there.
    """
    if file:
        try:
            found = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8"
            raise ConfigError(f'{key}_file = "{file}": {why}') from None
        if not found:
            raise ConfigError(f'{key}_file = "{file}": empty')
        return found
    if not variable:
        return ""
    found = os.environ.get(variable, "")
    if not found:
        raise ConfigError(f'{key}_env = "{variable}": not set, or empty')
    return found
