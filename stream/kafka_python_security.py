"""Credentials in kafka-python's words."""

from __future__ import annotations

from typing import Any

from kafka.net.sasl.oauth import AbstractTokenProvider

from stream.credentials import Credentials
from stream.tokens import Tokens


def security(credentials: Credentials) -> dict[str, Any]:
    """Settings for any of its clients."""
    s = credentials.security
    found: dict[str, Any] = {"security_protocol": s.protocol.upper()}
    if credentials.context:
        found["ssl_context"] = credentials.context
    if s.sasl:
        found["sasl_mechanism"] = s.mechanism
    if s.sasl and credentials.tokens:
        found["sasl_oauth_token_provider"] = _Provider(credentials.tokens)
    elif s.sasl:
        scram = s.mechanism.startswith("SCRAM")
        found["sasl_plain_username"] = _saslname(s.username) if scram else s.username
        found["sasl_plain_password"] = credentials.password
    return found


def _saslname(name: str) -> str:
    """A name as SCRAM writes it (RFC 5802, 5.1), which kafka-python 3.0 leaves to its caller.

    >>> _saslname("a,b=c")
    'a=2Cb=3Dc'
    """
    return name.replace("=", "=3D").replace(",", "=2C")


class _Provider(AbstractTokenProvider):
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens.get().value
