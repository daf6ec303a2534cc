"""What `[kafka.security]` takes, where its secrets come from, and that none of them is shown."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from stream import config, librdkafka_security
from stream.credentials import Credentials, credentials
from stream.disclosed import disclosed
from stream.errors import ConfigError
from stream.kafka import settings
from stream.kafka_python_security import security
from stream.security import Mechanism, Protocol
from tests.certificates import Pair, authority, pair

ME: dict[str, Any] = {"protocol": "sasl_ssl", "username": "me", "password_env": "PASSWORD"}
TOKEN: dict[str, Any] = {"protocol": "sasl_ssl", "mechanism": "OAUTHBEARER"}
SECRET = "hunter2"


def parsed(**given: Any) -> config.Config:
    return config.parse({"kafka": {"security": given}}, "my.toml")


def read(**given: Any) -> Credentials:
    return credentials(parsed(**given).kafka.security)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"protocol": "tls"},
         'protocol = "tls": expected one of plaintext, ssl, sasl_plaintext, sasl_ssl'),
        ({"ca_file": "ca.pem"},
         'ca_file = "ca.pem": means nothing unless protocol is "ssl" or "sasl_ssl"'),
        ({"protocol": "ssl", "username": "me"},
         'username = "me": means nothing unless protocol begins with "sasl"'),
        ({"protocol": "ssl", "certificate_file": "c.pem"},
         "key_file: expected, since the other of the pair is given"),
        ({"protocol": "ssl", "key_file": "k.pem"},
         "certificate_file: expected, since the other of the pair is given"),
        ({"protocol": "sasl_ssl"},
         "mechanism: needs username, and password_file or password_env"),
        (ME | {"password_file": "p"}, "password_env: expected this or password_file, not both"),
        (ME | {"mechanism": "GSSAPI"},
         'mechanism = "GSSAPI": expected one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER'),
        (ME | {"token_command": ["get", SECRET]},
         'token_command: means nothing with mechanism = "SCRAM-SHA-512"'),
        (TOKEN, 'mechanism = "OAUTHBEARER": needs token_command'),
        (TOKEN | {"token_command": ["get"], "username": "me"},
         'username = "me": means nothing with mechanism = "OAUTHBEARER"'),
        ({"password": SECRET}, "password: no such key; allowed are "),
        (TOKEN | {"token_command": f"get {SECRET}"}, "token_command: expected a list, got a text"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_without_a_secret(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(**given)
    assert str(caught.value).startswith(f"my.toml: kafka.security.{line}")
    assert SECRET not in str(caught.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def files(folder: Path) -> Pair:
    return pair(authority(folder, "ca")[0], folder, "me", "me.example", SECRET)


def test_a_certificate_and_its_key(files: Pair, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\n")
    tls = {"protocol": "ssl", "ca_file": str(folder / "ca.pem")}
    mine = {"certificate_file": str(files.certificate)}
    for key in ({"key_file": str(files.key)},
                {"key_file": str(files.locked), "key_password_file": str(tmp_path / "password")},
                ):  # fmt: skip
        found = read(**tls, **mine, **key)
        assert found.context
        assert len(found.context.get_ca_certs()) == 1  # ours, and none of the system's
        assert found.context.check_hostname


def test_without_a_ca_of_ones_own_the_system_s_count() -> None:
    found = read(protocol="ssl")
    assert found.context
    assert found.context.cert_store_stats() != {"x509": 0, "crl": 0, "x509_ca": 0}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"ca_file": "/no/such"}, 'ca_file = "/no/such": No such file or directory'),
        ({"ca_file": "{key}"}, 'ca_file = "{key}": no certificate in PEM form'),
        ({"certificate_file": "/no/such"}, 'certificate_file = "/no/such": No such file'),
        ({"certificate_file": "{key}"}, 'certificate_file = "{key}": not in PEM form'),
        ({"key_file": "{certificate}"}, 'key_file = "{certificate}": not in PEM form'),
        ({"key_file": "{other}"}, 'key_file = "{other}": not the key of {certificate}'),
        ({"key_file": "{locked}"},
         'key_file = "{locked}": is encrypted, and needs key_password_file or key_password_env'),
        ({"key_file": "{locked}", "key_password_env": "WRONG"},
         'key_file = "{locked}": kafka.security.key_password does not open it'),
    ],
)  # fmt: skip
def test_files_that_will_not_do(
    changed: dict[str, str],
    line: str,
    files: Pair,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WRONG", "wrong")
    other = pair(authority(folder, "other")[0], folder, "other", "me.example")
    names = {
        "certificate": files.certificate,
        "key": files.key,
        "locked": files.locked,
        "other": other.key,
    }
    given = {
        "protocol": "ssl",
        "ca_file": str(folder / "ca.pem"),
        "certificate_file": str(files.certificate),
        "key_file": str(files.key),
    }
    with pytest.raises(ConfigError) as caught:
        read(**given | {key: value.format(**names) for key, value in changed.items()})
    assert str(caught.value).startswith(f"kafka.security.{line.format(**names)}")


def test_the_words_of_kafka_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    assert security(credentials(config.Config().kafka.security)) == {
        "security_protocol": "PLAINTEXT"
    }
    found = read(**ME)
    assert security(found) == {
        "security_protocol": "SASL_SSL",
        "ssl_context": found.context,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": SECRET,
    }
    named = {"username": "a,b=c"}
    assert security(read(**ME | named))["sasl_plain_username"] == "a=2Cb=3Dc"
    plain = {"mechanism": "PLAIN"}
    assert security(read(**ME | named | plain))["sasl_plain_username"] == "a,b=c"


def test_the_words_of_librdkafka(
    files: Pair, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    plain = credentials(config.Config().kafka.security)
    assert librdkafka_security.security(plain) == {"security.protocol": "plaintext"}
    names = {
        "ca_file": str(folder / "ca.pem"),
        "certificate_file": str(files.certificate),
        "key_file": str(files.locked),
    }
    assert librdkafka_security.security(read(**ME, **names, key_password_env="PASSWORD")) == {
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": names["ca_file"],
        "ssl.certificate.location": names["certificate_file"],
        "ssl.key.location": names["key_file"],
        "ssl.key.password": SECRET,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": SECRET,
    }
    told = librdkafka_security.security(read(**TOKEN, token_command=["echo", "abc"]))
    assert told.pop("oauth_cb")("")[0] == "abc"
    assert told == {"security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER"}


def test_every_client_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    kafka = parsed(**ME).kafka
    assert settings(kafka).items() >= {"sasl_plain_password": SECRET}.items()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    found = read(**ME)
    assert found.password == SECRET
    assert SECRET not in repr(found) + str(found)
    told = disclosed(parsed(**TOKEN, token_command=["get-token", "--secret", SECRET]))
    assert told["kafka"]["security"]["token_command"] == ["get-token", "..."]
    assert SECRET not in json.dumps(told)
    assert disclosed(config.Config())["kafka"]["security"]["token_command"] == []


PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_configs_in_the_docs_are_valid(block: str) -> None:
    config.parse(tomllib.loads(block), "docs/security.md")


def test_each_way_is_in_the_docs() -> None:
    for name in get_args(Protocol)[1:] + get_args(Mechanism):
        assert name in PAGE
