"""A broker that lets nobody in unknown: certificates, listeners and users, all made anew."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from deploy.kafka.broker import Broker
from tests.certificates import Pair, authority, pair

LISTENERS = {
    "TLS": "SSL",
    "MTLS": "SSL",
    "PLAIN": "SASL_SSL",
    "SCRAM": "SASL_SSL",
    "TOKEN": "SASL_SSL",
    "CLEAR": "SASL_PLAINTEXT",
}
USER = "gauge"
ODD = "o,d=d"  # a name that SCRAM has to write otherwise
JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Files:
    """What the broker and its clients are told to read.

    Attributes
    ----------
    ca, other_ca
        Know nothing of each other; `broker` and `client` are the first one's, `stranger` the
        other's.
    right, wrong
        Passwords.
    """

    ca: Path
    other_ca: Path
    broker: Pair
    client: Pair
    stranger: Pair
    right: Path
    wrong: Path

    @classmethod
    def made(cls, folder: Path) -> Files:
        """All of them, in a folder."""
        ours, ca = authority(folder, "ca")
        others, other_ca = authority(folder, "other-ca")
        for name in ("right", "wrong"):
            (folder / name).write_text(f"{secrets.token_hex(16)}\n")
        return cls(
            ca,
            other_ca,
            pair(ours, folder, "broker", "127.0.0.1"),
            pair(ours, folder, USER, "gauge.example"),
            pair(others, folder, "stranger", "gauge.example"),
            folder / "right",
            folder / "wrong",
        )


def broker(files: Files) -> Broker:
    """A broker with a listener for each way of being let in, and a plain one for the test."""
    return Broker(extra=_settings(files), listeners=LISTENERS)


def _settings(files: Files) -> Mapping[str, str]:
    scram = f"{JAAS}.scram.ScramLoginModule required;"
    plain = (
        f'{JAAS}.plain.PlainLoginModule required user_{USER}="{files.right.read_text().strip()}";'
    )
    bearer = f"{JAAS}.oauthbearer.OAuthBearerLoginModule required;"
    judge = f"{JAAS}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
    return {
        "log.retention.ms": "-1",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(files.broker.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.ca),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.plain.plain.sasl.jaas.config": plain,
        "listener.name.clear.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.clear.plain.sasl.jaas.config": plain,
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config": bearer,
        "listener.name.token.oauthbearer.sasl.server.callback.handler.class": judge,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # Whoever comes by the plain listener, which is loopback's, or without a name.
        "super.users": "User:ANONYMOUS",
    }


def add_users(bootstrap: str, password: str) -> None:
    """Give both names a SCRAM password."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    for user in (USER, ODD):
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            given = UserScramCredentialUpsertion(user, mechanism, password)
            assert admin.alter_user_scram_credentials([given]) == {user: None}
    admin.close()


def token(**claims: Any) -> str:
    """An unsigned token, which the broker takes for true."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."


def printing_a_token(good_for: float) -> list[str]:
    """A command that prints a token of the user's."""
    now = time.time()
    made = token(sub=USER, iat=now - 600, exp=now + good_for)
    return [sys.executable, "-I", "-S", "-c", f"print({made!r})"]
