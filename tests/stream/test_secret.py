"""Secrets come from a file or the environment, and a mistake names the key and not the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.errors import ConfigError
from stream.secret import secret


def test_from_a_file_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret \n")
    assert secret("http.token", str(tmp_path / "token"), "") == "s3cret "


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    assert secret("http.token", "", "TOKEN") == "s3cret"


def test_none() -> None:
    assert secret("http.token", "", "") == ""


def test_mistakes_name_the_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'^http.token_file = "/no/such": No such file'):
        secret("http.token", "/no/such", "")
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"^http.token_file = .*: no UTF-8$"):
        secret("http.token", str(tmp_path / "bytes"), "")
    with pytest.raises(ConfigError, match=r'^http.token_env = "NO_SUCH_ONE": not set, or empty$'):
        secret("http.token", "", "NO_SUCH_ONE")


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ConfigError, match=r"^http.token_file = .*: empty$"):
        secret("http.token", str(tmp_path / "token"), "")
