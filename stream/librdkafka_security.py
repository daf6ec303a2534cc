"""Credentials in librdkafka's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream.credentials import Credentials
from stream.tokens import Tokens


def security(credentials: Credentials) -> dict[str, Any]:
    """Settings for any of its clients. It reads the files itself; they were tried already."""
    s = credentials.security
    found: dict[str, Any] = {"security.protocol": s.protocol}
    if s.tls and s.ca_file:
        found["ssl.ca.location"] = s.ca_file
    if s.tls and s.certificate_file:
        found["ssl.certificate.location"] = s.certificate_file
        found["ssl.key.location"] = s.key_file
        if credentials.key_password:
            found["ssl.key.password"] = credentials.key_password
    if s.sasl:
        found["sasl.mechanism"] = s.mechanism
    if s.sasl and credentials.tokens:
        found["oauth_cb"] = _giving(credentials.tokens)
    elif s.sasl:
        found["sasl.username"] = s.username
        found["sasl.password"] = credentials.password
    return found


def _giving(tokens: Tokens) -> Callable[[str], tuple[str, float]]:
    def give(_: str) -> tuple[str, float]:
        token = tokens.get()
        return token.value, token.expires

    return give
