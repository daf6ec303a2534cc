"""How the broker is known, and how we are known to it: what a config says, and no secret in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from stream.section import Section, check_certificate, check_secret

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

TLS = ("ca_file", "certificate_file", "key_file", "key_password_file", "key_password_env")
PASSWORD = ("username", "password_file", "password_env")
TOKEN = ("token_command",)


class Security(Section, frozen=True):
    """`[kafka.security]`: how the broker is known, and how we are known to it.

    Without `ca_file` the system's certificate authorities count. `token_command` prints a token for
    OAUTHBEARER: the program and its arguments, and no shell.

    Attributes
    ----------
    protocol
        `ssl` and `sasl_ssl` encrypt; those with `sasl` log in.
    ca_file
        Certificates of the authorities that may vouch for the broker, PEM.
    certificate_file
        Our own certificate, PEM.
    key_file
        Its private key, PEM.
    key_password_file
        File with the password of an encrypted key.
    key_password_env
        Environment variable with it.
    mechanism
        How we log in.
    username
        For PLAIN and SCRAM.
    password_file
        File with the password.
    password_env
        Environment variable with it.
    token_command
        Prints a token: a program and its arguments.
    """

    protocol: Protocol = "plaintext"
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password_file: str = ""
    key_password_env: str = ""
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password_file: str = ""
    password_env: str = ""
    token_command: tuple[Annotated[str, Meta(min_length=1)], ...] = ()

    def __post_init__(self) -> None:
        # A key that would do nothing is a mistake, and perhaps one that leaves a door open.
        if not self.tls:
            self._refuse(TLS, 'means nothing unless protocol is "ssl" or "sasl_ssl"')
        if not self.sasl:
            self._refuse((*PASSWORD, *TOKEN), 'means nothing unless protocol begins with "sasl"')
        check_certificate(self)
        check_secret(self, "password")
        check_secret(self, "key_password")
        if self.sasl and self.mechanism == "OAUTHBEARER":
            self._refuse(PASSWORD, 'means nothing with mechanism = "OAUTHBEARER"')
            if not self.token_command:
                raise ValueError("mechanism: needs token_command")
        elif self.sasl:
            self._refuse(TOKEN, f'means nothing with mechanism = "{self.mechanism}"')
            if not (self.username and (self.password_file or self.password_env)):
                raise ValueError("mechanism: needs username, and password_file or password_env")

    def _refuse(self, names: Sequence[str], why: str) -> None:
        for name in names:
            if getattr(self, name):
                raise ValueError(f"{name}: {why}")

    @property
    def tls(self) -> bool:
        """Whether what is said goes encrypted, and the broker shows a certificate."""
        return self.protocol in {"ssl", "sasl_ssl"}

    @property
    def sasl(self) -> bool:
        """Whether we give a name, and prove it."""
        return self.protocol.startswith("sasl")
