"""`streamgauge labels undo`, until there are snapshots to go back to."""

from __future__ import annotations

import pytest

from stream.commands.labels import undo
from stream.errors import ConfigError


@pytest.mark.parametrize("source", ["reporter 7", "two\nlines"])
def test_undo_says_in_one_line_what_it_needs(source: str) -> None:
    with pytest.raises(ConfigError, match="needs snapshots, which this version does not") as raised:
        undo(source)
    assert "\n" not in str(raised.value)
