"""Tokens come from a command, are used until they are about to expire, and are in no message."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from stream import tokens
from stream.errors import BrokerError, ConfigError
from stream.tokens import Tokens

NOW = 1_000_000.0


def jwt(**claims: Any) -> str:
    """An unsigned token."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."


def printing(text: str, tmp_path: Path) -> tuple[list[str], Path]:
    """A command that prints a text, and the file where it notes that it did."""
    notes = tmp_path / "notes"
    notes.touch()
    program = f"open({str(notes)!r}, 'a').write('x'); print({text!r})"
    return [sys.executable, "-I", "-S", "-c", program], notes


@pytest.mark.parametrize(
    ("printed", "value", "good_for"),
    [
        (jwt(sub="me", exp=NOW + 100), jwt(sub="me", exp=NOW + 100), 100),
        (jwt(sub="me"), jwt(sub="me"), tokens.UNKNOWN),
        ("opaque", "opaque", tokens.UNKNOWN),
        ("a.b.c", "a.b.c", tokens.UNKNOWN),
        ('{"access_token": "abc", "expires_in": 300, "token_type": "Bearer"}', "abc", 300),
        ('{"access_token": "abc"}', "abc", tokens.UNKNOWN),
    ],
)
def test_what_is_read(printed: str, value: str, good_for: float, tmp_path: Path) -> None:
    command, _ = printing(printed, tmp_path)
    token = Tokens(command, lambda: NOW).get()
    assert (token.value, token.expires) == (value, NOW + good_for)
    assert value not in repr(token)


def test_a_token_is_used_again_until_it_is_about_to_expire(tmp_path: Path) -> None:
    now = NOW
    command, notes = printing('{"access_token": "abc", "expires_in": 100}', tmp_path)
    found = Tokens(command, lambda: now)
    for later, times in [(0, 1), (79, 1), (80, 2), (81, 2), (200, 3)]:
        now = NOW + later
        assert found.get().value == "abc"
        assert len(notes.read_text()) == times
    found.forget()
    found.get()
    assert len(notes.read_text()) == 4


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("print('hunter2'); raise SystemExit(3)", "ended with status 3"),
        ("print()", "printed no token"),
        ("import time; time.sleep(60)", "gave no token within 0.5 s"),
    ],
)
def test_a_command_that_gives_none(
    program: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "PATIENCE", 0.5)
    with pytest.raises(BrokerError) as caught:
        Tokens([sys.executable, "-I", "-S", "-c", program]).get()
    key = f'kafka.security.token_command = ["{sys.executable}", ...]'
    assert str(caught.value) == f"{key}: {line}"


def test_no_such_command() -> None:
    with pytest.raises(ConfigError, match=r'token_command = \["/no/such", \.\.\.\]: No such file'):
        Tokens(["/no/such"]).get()
