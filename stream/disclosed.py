"""What of a config anybody may see."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.config import Config

HIDDEN = "..."


def disclosed(config: Config) -> dict[str, Any]:
    """The config ready for JSON (infinity is null), for whoever can open the page.

    A config has no secrets, but a command's arguments have room for one.
    """
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(config))
    security = shown["kafka"]["security"]
    command = security["token_command"]
    security["token_command"] = command[:1] + [HIDDEN] * bool(command[1:])
    return shown
