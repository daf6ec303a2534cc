"""TLS contexts from PEM files; a file that will not do is one line that names its key."""

from __future__ import annotations

import ssl
from pathlib import Path

from stream.errors import ConfigError


def client(key: str, ca_file: str) -> ssl.SSLContext:
    """For who calls: it asks for a certificate of the right name, signed by the CA, and TLS 1.2.

    Parameters
    ----------
    key
        The config's table, such as ``kafka.security``.
    ca_file
        "" for the system's certificate authorities.

    Raises
    ------
    ConfigError
        If there is no certificate in the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca_file:
        context.load_default_certs()
        return context
    _readable(f"{key}.ca_file", ca_file)
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise ConfigError(f'{key}.ca_file = "{ca_file}": no certificate in PEM form') from None
    return context


def server(key: str, certificate_file: str, key_file: str, password: str) -> ssl.SSLContext:
    """For who is called. Parameters and errors as with `identify`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    identify(context, key, certificate_file, key_file, password)
    return context


def identify(
    context: ssl.SSLContext, key: str, certificate_file: str, key_file: str, password: str
) -> None:
    """Let a context show a certificate.

    Parameters
    ----------
    context
        Of either side.
    key
        The config's table.
    certificate_file, key_file
        PEM; the certificate comes first, then those between it and the CA.
    password
        Of the key; "" where it has none.

    Raises
    ------
    ConfigError
        If one of the files is not what it should be, or they are not of each other.
    """
    _readable(f"{key}.certificate_file", certificate_file)
    _readable(f"{key}.key_file", key_file)
    asked = False

    def tell() -> str:  # without this, OpenSSL would ask at the terminal
        nonlocal asked
        asked = True
        return password

    try:
        context.load_cert_chain(certificate_file, key_file, tell)
    except ssl.SSLError as error:
        of_key = f'{key}.key_file = "{key_file}"'
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"{of_key}: not the key of {certificate_file}") from None
        if asked and not password:
            wanted = "needs key_password_file or key_password_env"
            raise ConfigError(f"{of_key}: is encrypted, and {wanted}") from None
        if asked:
            raise ConfigError(f"{of_key}: {key}.key_password does not open it") from None
        which = f'{key}.certificate_file = "{certificate_file}"'
        if "BEGIN CERTIFICATE" in _readable(f"{key}.certificate_file", certificate_file):
            which = of_key
        raise ConfigError(f"{which}: not in PEM form") from None


def _readable(key: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f'{key} = "{file}": {error.strerror}') from None
