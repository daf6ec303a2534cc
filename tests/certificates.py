"""Certificates for tests, made anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Files of a certificate, its key, the key under a password, and both of the first in one."""

    certificate: Path
    key: Path
    locked: Path
    both: Path


def authority(folder: Path, name: str) -> tuple[trustme.CA, Path]:
    """A CA, and the file of its certificate."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(folder / f"{name}.pem"))
    return made, folder / f"{name}.pem"


def pair(by: trustme.CA, folder: Path, name: str, host: str, password: str = "secret") -> Pair:
    """A certificate for a host, signed by a CA."""
    issued = by.issue_cert(host, common_name=name)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)

    def pem(encryption: KeySerializationEncryption) -> bytes:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    plain = pem(NoEncryption())
    files = Pair(*(folder / f"{name}-{part}.pem" for part in ("cert", "key", "locked", "both")))
    files.certificate.write_bytes(chain)
    files.key.write_bytes(plain)
    files.locked.write_bytes(pem(BestAvailableEncryption(password.encode())))
    files.both.write_bytes(plain + chain)
    return files
