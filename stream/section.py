"""A table of the config file as a frozen value."""

from __future__ import annotations

from typing import Any

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. Keys are the attributes."""


def check_certificate(section: Any) -> None:
    """Raise ValueError if a certificate lacks its key, or a key its certificate."""
    if bool(section.certificate_file) != bool(section.key_file):
        missing = "key_file" if section.certificate_file else "certificate_file"
        raise ValueError(f"{missing}: expected, since the other of the pair is given")


def check_secret(section: Any, name: str) -> None:
    """Raise ValueError if a secret comes from two places."""
    if getattr(section, f"{name}_file") and getattr(section, f"{name}_env"):
        raise ValueError(f"{name}_env: expected this or {name}_file, not both")
