"""`streamgauge labels undo`: take back all that one source said."""

from __future__ import annotations

from typing import NoReturn

from stream.errors import ConfigError


def undo(source: str) -> NoReturn:
    """Refuse: what was learned can only be undone by going back to before it, and on without it."""
    raise ConfigError(
        f"labels undo needs snapshots, which this version does not take yet: what {source!r} said "
        "can only be left out of the topics, before a start from nothing"
    )
