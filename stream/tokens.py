"""Bearer tokens from a command of the user's, each used until it is about to expire."""

from __future__ import annotations

import base64
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from stream.errors import BrokerError, ConfigError

KEY = "kafka.security.token_command"
PATIENCE = 5.0  # seconds for the command, well below a group's session time-out
UNKNOWN = 60.0  # seconds that a token is used which does not say how long it is good
MARGIN = 0.2  # share of a token's time that is left unused


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it is good, in seconds since 1970."""

    value: str = field(repr=False)
    expires: float


class _Answer(msgspec.Struct):
    """What a token endpoint answers (RFC 6749, 5.1), as far as it matters."""

    access_token: str
    expires_in: float = UNKNOWN


class _Claims(msgspec.Struct):
    exp: float


class Tokens:
    """Gives a token that is good now.

    Parameters
    ----------
    command
        A program and its arguments. It prints a token, or what a token endpoint answers: a JSON
        object with `access_token`, and perhaps `expires_in`.
    clock
        Seconds since 1970.
    """

    def __init__(self, command: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        self._command = command
        self._clock = clock
        self._lock = threading.Lock()
        self._token = Token("", 0.0)
        self._renew = 0.0

    def get(self) -> Token:
        """A token. What the command prints is in no message.

        Raises
        ------
        ConfigError
            If there is no such command.
        BrokerError
            If it gives no token; it may give one later.
        """
        with self._lock:
            now = self._clock()
            if now >= self._renew:
                self._token = _read(self._run(), now)
                self._renew = now + (1 - MARGIN) * (self._token.expires - now)
            return self._token

    def forget(self) -> None:
        """Ask the command the next time: the broker does not take this token."""
        self._renew = 0.0

    def _run(self) -> bytes:
        program = f'{KEY} = ["{self._command[0]}", ...]'
        try:
            done = subprocess.run(  # noqa: S603 - the config's own words, and no shell
                self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BrokerError(f"{program}: gave no token within {PATIENCE:g} s") from None
        except OSError as error:
            raise ConfigError(f"{program}: {error.strerror}") from None
        if done.returncode:
            raise BrokerError(f"{program}: ended with status {done.returncode}")
        if not done.stdout.strip():
            raise BrokerError(f"{program}: printed no token")
        return done.stdout.strip()


def _read(printed: bytes, now: float) -> Token:
    """A token from what was printed."""
    try:
        answer = msgspec.json.decode(printed, type=_Answer)
        return Token(answer.access_token, now + answer.expires_in)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    text = printed.decode(errors="replace")
    try:  # a JWT says it in its middle part; whether that is true is the broker's to judge
        middle = text.split(".")[1]
        claims = base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))
        return Token(text, msgspec.json.decode(claims, type=_Claims).exp)
    except (IndexError, ValueError):
        return Token(text, now + UNKNOWN)
