"""TLS, certificates, passwords and tokens before a real broker: let in, or told why not."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from deploy.kafka.broker import Broker, BrokerUnavailable
from stream import config, librdkafka_security
from stream.credentials import credentials
from stream.errors import BrokerError, BrokerRefusedError, ConfigError
from stream.generate import Stream, transactions
from stream.kafka import partitions, settings
from tests.live import secured
from tests.live.secured import ODD, USER, Files, printing_a_token
from tests.live.service import Stage, eventually, streamgauge

pytestmark = pytest.mark.kafka

QUICK = 3.0  # seconds for a no; a client alone takes 5, and the broker itself waits a little


@dataclass(frozen=True, slots=True)
class House:
    """A broker, and what is needed to be let in."""

    broker: Broker
    files: Files

    def kafka(self, listener: str, **security: Any) -> config.Kafka:
        """A config of a client."""
        at = self.broker.addresses.get(listener, self.broker.bootstrap)
        return config.parse({"kafka": {"bootstrap": at, "security": security}}, "my.toml").kafka

    def says(self, listener: str, **security: Any) -> str:
        """Why we are not let in, which is said at once."""
        start = time.monotonic()
        with pytest.raises((BrokerError, ConfigError)) as caught:
            partitions(self.kafka(listener, **security), ["none"])
        assert time.monotonic() - start < QUICK
        line = str(caught.value).removeprefix(f"{self.kafka(listener).bootstrap} ")
        for secret in (self.files.right, self.files.wrong):
            assert secret.read_text().strip() not in line
        assert len(line.splitlines()) == 1
        return line

    @property
    def tls(self) -> dict[str, str]:
        return {"protocol": "ssl", "ca_file": str(self.files.ca)}

    @property
    def sasl(self) -> dict[str, str]:
        return self.tls | {"protocol": "sasl_ssl"}

    def named(self, password: str = "right", user: str = USER) -> dict[str, str]:
        return {"username": user, "password_file": str(getattr(self.files, password))}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    files = Files.made(tmp_path_factory.mktemp("secured"))
    try:
        with secured.broker(files) as broker:
            secured.add_users(broker.bootstrap, files.right.read_text().strip())
            yield House(broker, files)
    except BrokerUnavailable as error:
        pytest.skip(str(error))


def certificate(house: House, of: str) -> dict[str, str]:
    files = getattr(house.files, of)
    return {"certificate_file": str(files.certificate), "key_file": str(files.key)}


LET_IN: dict[str, tuple[str, Callable[[House], dict[str, Any]]]] = {
    "TLS": ("TLS", lambda h: h.tls),
    "mutual TLS": ("MTLS", lambda h: h.tls | certificate(h, "client")),
    "PLAIN": ("PLAIN", lambda h: h.sasl | h.named() | {"mechanism": "PLAIN"}),
    "PLAIN in clear": (
        "CLEAR",
        lambda h: h.named() | {"protocol": "sasl_plaintext", "mechanism": "PLAIN"},
    ),
    "SCRAM-SHA-256": ("SCRAM", lambda h: h.sasl | h.named() | {"mechanism": "SCRAM-SHA-256"}),
    "SCRAM-SHA-512": ("SCRAM", lambda h: h.sasl | h.named()),
    "an odd name": ("SCRAM", lambda h: h.sasl | h.named(user=ODD)),
    "OAUTHBEARER": (
        "TOKEN",
        lambda h: h.sasl | {"mechanism": "OAUTHBEARER", "token_command": printing_a_token(600)},
    ),
}


@pytest.mark.parametrize("way", LET_IN)
def test_every_way_in(house: House, way: str) -> None:
    listener, given = LET_IN[way]
    kafka = house.kafka(listener, **given(house))
    assert partitions(kafka, ["none"]) == {"none": 0}
    for client in (KafkaProducer, KafkaConsumer):
        client(**settings(kafka)).close()


@pytest.mark.parametrize("way", LET_IN)
def test_every_way_in_of_librdkafka(house: House, way: str) -> None:
    confluent: Any = pytest.importorskip("confluent_kafka")
    listener, given = LET_IN[way]
    kafka = house.kafka(listener, **given(house))
    told = librdkafka_security.security(credentials(kafka.security))
    producer = confluent.Producer({"bootstrap.servers": kafka.bootstrap, **told})
    producer.poll(0.2 if "oauth_cb" in told else 0)  # which calls for the token
    assert producer.list_topics(timeout=5).brokers


def test_a_wrong_password(house: House) -> None:
    for mechanism, listener in [
        ("PLAIN", "PLAIN"),
        ("SCRAM-SHA-256", "SCRAM"),
        ("SCRAM-SHA-512", "SCRAM"),
    ]:
        line = house.says(
            listener, **house.sasl, **house.named(password="wrong"), mechanism=mechanism
        )
        assert line == (
            f'refused us as kafka.security.username = "{USER}" with '
            f'kafka.security.password_file = "{house.files.wrong}"'
        )


def test_a_broker_of_another_ca(house: House) -> None:
    other = house.tls | {"ca_file": str(house.files.other_ca)}
    line = f'kafka.security.ca_file = "{house.files.other_ca}" does not vouch for'
    assert line in house.says("TLS", **other)
    assert line in house.says(
        "SCRAM", **other | house.sasl | other | {"protocol": "sasl_ssl"} | house.named()
    )
    unset = "the system, or kafka.security.ca_file, does not vouch for"
    assert unset in house.says("TLS", protocol="ssl")


def test_a_broker_of_another_name(house: House) -> None:
    port = house.broker.addresses["TLS"].rpartition(":")[2]
    given = {"bootstrap": f"localhost:{port}", "security": house.tls}
    kafka = config.parse({"kafka": given}, "my.toml").kafka
    with pytest.raises(BrokerRefusedError) as caught:
        partitions(kafka, ["none"])
    assert "has a certificate of another name than localhost, see kafka.bootstrap" in str(
        caught.value
    )


def test_a_certificate_that_the_broker_does_not_take(house: House) -> None:
    line = "refused kafka.security.certificate_file"
    assert house.says("MTLS", **house.tls).startswith(f"{line}, which is not set: ")
    stranger = certificate(house, "stranger")
    said = house.says("MTLS", **house.tls, **stranger)
    assert said.startswith(f'{line} = "{stranger["certificate_file"]}": ')


def test_a_token_that_the_broker_does_not_take(house: House) -> None:
    old = {"mechanism": "OAUTHBEARER", "token_command": printing_a_token(-60)}
    line = "refused us with a token of kafka.security.token_command = ["
    assert house.says("TOKEN", **house.sasl, **old).startswith(line)
    junk = old | {"token_command": ["echo", "hunter2"]}
    assert house.says("TOKEN", **house.sasl, **junk) == f'{line}"echo", ...]'
    none = old | {"token_command": ["false"]}
    said = house.says("TOKEN", **house.sasl, **none)
    assert said == 'kafka.security.token_command = ["false", ...]: ended with status 1'


def test_another_mechanism(house: House) -> None:
    said = house.says("SCRAM", **house.sasl, **house.named(), mechanism="PLAIN")
    assert said.startswith('refused kafka.security.mechanism = "PLAIN": it has SCRAM-SHA-')


@pytest.mark.parametrize(
    ("listener", "protocol"),
    [
        ("TLS", "plaintext"),
        ("CLEAR", "plaintext"),
        ("SCRAM", "ssl"),
        ("the plain one", "ssl"),
        ("TLS", "sasl_ssl"),
        ("the plain one", "sasl_plaintext"),
    ],
)
def test_another_protocol(house: House, listener: str, protocol: str) -> None:
    given: dict[str, Any] = {"protocol": protocol}
    given |= {"ca_file": str(house.files.ca)} if protocol.endswith("ssl") else {}
    given |= house.named() if protocol.startswith("sasl") else {}
    said = house.says(listener, **given)
    assert said.endswith(f'kafka.security.protocol = "{protocol}" is not what it expects')


def with_security(house: House, listener: str, stage: Stage, security: dict[str, Any]) -> None:
    """Let a stage's config come by another door."""
    text = stage.config.read_text().replace(
        f'"{house.broker.bootstrap}"', f'"{house.broker.addresses[listener]}"'
    )
    keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in security.items())
    stage.config.write_text(f"{text}[kafka.security]\n{keys}\n")


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_a_refusal_ends_a_start_with_one_line(house: House, tmp_path: Path, client: str) -> None:
    stranger = str(house.files.other_ca)
    ca = f'kafka.security.ca_file = "{stranger}"'
    at = house.broker.addresses["SCRAM"]
    password = f'kafka.security.password_file = "{house.files.wrong}"'
    for wrongly, line in (
        (house.named("wrong"), f'refused us as kafka.security.username = "{USER}" with {password}'),
        ({"ca_file": stranger}, f"has a certificate that {ca} does not vouch for: unable to get"),
    ):
        told = f'client = "{client}"\n'
        stage = Stage(house.broker.bootstrap, tmp_path, create=["events"], settings=told)
        with_security(house, "SCRAM", stage, house.sasl | house.named() | wrongly)
        refused = streamgauge("run", str(stage.config))
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"streamgauge: {at} {line}")
        assert len(refused.stderr.splitlines()) == 1
        for secret in (house.files.right, house.files.wrong):
            assert secret.read_text().strip() not in refused.stdout + refused.stderr


def permissions() -> list[tuple[str, str, list[str]]]:
    """The table in docs/security.md: kind of resource, name, operations."""
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    rows = re.findall(
        r"^\| (topic|group|transactional id) \| `(.+?)` \| (.+?) \|", text, re.MULTILINE
    )
    assert len(rows) == 9
    return [(kind, name, operations.split(", ")) for kind, name, operations in rows]


def permit(house: House, stage: Stage, kinds: Sequence[tuple[str, str, list[str]]]) -> None:
    """Allow the user what the table says, and nothing else."""
    kafka = config.load(stage.config).kafka
    topics = kafka.topics
    admin = KafkaAdminClient(bootstrap_servers=house.broker.bootstrap)
    admin.create_acls(
        [
            ACL(
                f"User:{USER}",
                "*",
                ACLOperation[operation.upper()],
                ACLPermissionType.ALLOW,
                ResourcePattern(
                    ResourceType[kind.upper().replace(" ", "_")],
                    getattr(topics, name.rpartition(".")[2]) if kind == "topic" else kafka.group,
                ),
            )
            for kind, name, operations in kinds
            for operation in operations
        ]
    )
    admin.close()


@pytest.mark.parametrize(
    ("client", "way"),
    [("kafka-python", "SCRAM-SHA-512"), ("librdkafka", "SCRAM-SHA-512"),
     ("librdkafka", "OAUTHBEARER")],
)  # fmt: skip
def test_the_permissions_in_the_docs_are_enough(
    house: House, tmp_path: Path, client: str, way: str
) -> None:
    stage = Stage(house.broker.bootstrap, tmp_path, settings=f'client = "{client}"\n')
    listener, given = LET_IN[way]
    with_security(house, listener, stage, given(house))
    made = transactions(Stream(events=60))
    stage.produce("events", [(json.dumps(e).encode(), 0, round(1e3 * e["ts"])) for e in made])
    kafka = config.load(stage.config).kafka
    assert not any(partitions(kafka, kafka.topics.names).values())
    permit(house, stage, permissions())
    with stage.service() as service:
        stage.read("scores", 60)
        service.wait_until_ready()
        shows = service.get("/api/config").json()["kafka"]["security"]
        assert shows["mechanism"] == way
        shown = "".join(
            service.get(f"/{path}").text for path in ("api/config", "api/state", "metrics")
        )
        eventually(lambda: trimmed(stage) > 0, "the journal is trimmed")
        assert service.signal(signal.SIGTERM) == 0
    password = house.files.right.read_text().strip()
    snapshots = [file for file in tmp_path.rglob("snapshot-*") if file.is_file()]
    assert snapshots
    for hidden in (password.encode(), str(house.files.right).encode()):
        assert not any(hidden in file.read_bytes() for file in snapshots)
    assert password not in service.log + shown
    assert "refused" not in service.log
    assert "stays as long" not in service.log
    assert "Traceback" not in service.log


def trimmed(stage: Stage) -> int:
    """The first offset that the journal has left."""
    consumer = KafkaConsumer(bootstrap_servers=stage.kafka)
    at = TopicPartition(stage.topics["journal"], 0)
    first = consumer.beginning_offsets([at])[at]
    consumer.close()
    return first
