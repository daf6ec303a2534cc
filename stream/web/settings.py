"""Where to listen, what to show for it, and who may write."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from msgspec import Meta

from stream.section import Section, check_certificate, check_secret


class Http(Section, frozen=True):
    """`[http]`: the live page and /metrics. Port 0 takes a free one.

    With a certificate it is HTTPS. Whoever knows the token may label alerts on the page; without
    one nobody may.

    Attributes
    ----------
    host
        Address to listen on. `0.0.0.0` is every one.
    port
        Port to listen on.
    certificate_file
        Certificate for HTTPS, PEM.
    key_file
        Its private key, PEM.
    key_password_file
        File with the password of an encrypted key.
    key_password_env
        Environment variable with it.
    token_file
        File with the token that allows writing.
    token_env
        Environment variable with it.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    certificate_file: str = ""
    key_file: str = ""
    key_password_file: str = ""
    key_password_env: str = ""
    token_file: str = ""
    token_env: str = ""

    def __post_init__(self) -> None:
        check_certificate(self)
        check_secret(self, "token")
        check_secret(self, "key_password")

    @property
    def stays_here(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
