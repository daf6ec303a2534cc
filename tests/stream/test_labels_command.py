"""`streamgauge labels undo`, where it can tell without a broker that it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream.cli import app


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('[snapshot]\nurl = ""', 'snapshot.url = "": labels undo needs a folder'),
        ('[fields]\nsource = ""', 'fields.source = "": labels of this stream do not say whose'),
    ],
)
def test_one_line_says_why_not(tmp_path: Path, config: str, says: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(config)
    ran = CliRunner().invoke(app, ["labels", "undo", str(file), "--source", "two\nlines"])
    assert ran.exit_code in (1, 2)
    (line,) = ran.stderr.splitlines()
    assert says in line
    assert list(tmp_path.iterdir()) == [file]


def test_help_says_what_is_not_done() -> None:
    shown = CliRunner().invoke(app, ["labels", "undo", "--help"]).stdout
    assert "What the source says from now on is not blocked" in " ".join(shown.split())
