"""What it takes to be let in by the broker, read from where the config says it is.

It is in no client's words: `kafka_python_security.py` and `librdkafka_security.py` have these.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cache

from stream import tls
from stream.secret import secret
from stream.security import Security
from stream.tokens import Tokens

KEY = "kafka.security"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A config's security, and its secrets, which no `repr` shows.

    Attributes
    ----------
    security
        Protocol, mechanism, user and the names of files.
    context
        With CA, certificate and key, for a client that takes one; None without TLS.
    password, key_password
        "" where there is none.
    tokens
        For OAUTHBEARER.
    """

    security: Security
    context: ssl.SSLContext | None = None
    password: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)
    tokens: Tokens | None = None


def credentials(security: Security) -> Credentials:
    """Read what is needed, anew each time: secrets are changed while a service runs.

    Raises
    ------
    ConfigError
        If something cannot be read, or is not what it should be.
    """
    s = security
    key_password = secret(f"{KEY}.key_password", s.key_password_file, s.key_password_env)
    context = tls.client(KEY, s.ca_file) if s.tls else None
    if context and s.certificate_file:
        tls.identify(context, KEY, s.certificate_file, s.key_file, key_password)
    return Credentials(
        security=s,
        context=context,
        password=secret(f"{KEY}.password", s.password_file, s.password_env),
        key_password=key_password,
        tokens=_tokens(s.token_command) if s.token_command else None,
    )


@cache
def _tokens(command: tuple[str, ...]) -> Tokens:
    """One for all clients of this process: a token is good for any number of connections."""
    return Tokens(command)
