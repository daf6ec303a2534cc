"""`make image-test`: what the compose file says of Kafka and of our services, without an engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.image.build import IMAGE
from deploy.image.container import Container, inspect
from deploy.kafka.broker import HERE, JVM, READY, fetch
from tests.deploy.test_compose import FILE, SERVICES
from tests.live.service import eventually, free_port

pytestmark = pytest.mark.image
EVENTS = 3_000
SHORTER = {"--events=1000000": f"--events={EVENTS}", "--pace=400": "--pace=3000"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Kafka with the settings of the compose file; its address for other services."""
    folder = tmp_path_factory.mktemp("kafka")
    environment = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items()}
    cluster = environment.pop("CLUSTER_ID")
    ports = {port: str(free_port()) for port in ("9092", "9093", "9094")}
    text = "\n".join(  # as the image makes properties of variables
        f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={value}"
        for name, value in environment.items()
    )
    for port, free in ports.items():
        text = text.replace(f":{port}", f":{free}")
    text = text.replace("://:", "://127.0.0.1:").replace("kafka:", "127.0.0.1:")
    text = text.replace("/var/lib/kafka/data", str(folder / "data"))
    (folder / "server.properties").write_text(text)
    java = ["java", *JVM, "-classpath", f"{HERE}{os.pathsep}{fetch()}/*"]
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
    subprocess.run([*java, *tool, "--config=server.properties"], cwd=folder, check=True)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*java, "kafka.Kafka", "server.properties"], cwd=folder, stdout=out, stderr=out
        )
    try:
        eventually(lambda: READY in log.read_text() or process.poll() is not None, "Kafka")
        assert process.poll() is None, log.read_text()
        yield f"127.0.0.1:{ports['9092']}"
    finally:
        process.kill()
        process.wait()


def container(service: str, volume: Path, broker: str, *more: str) -> Container:
    """A service of ours, as the compose file describes it."""
    volume.mkdir(exist_ok=True)
    user, _, group = inspect(IMAGE)["User"].partition(":")
    os.chown(volume, int(user), int(group))
    command = [SHORTER.get(part, part) for part in SERVICES[service]["command"]]
    command = [part.replace("kafka:9092", broker) for part in command]
    mounts = {
        FILE.parent / source: place
        for source, place, *_ in (v.split(":") for v in SERVICES[service]["volumes"])
        if source.startswith(".")
    }
    return Container(IMAGE, volume, volume.with_suffix(f".{service}"), [*command, *more], mounts)


def test_the_generator_s_stream_is_scored(broker: str, tmp_path: Path) -> None:
    """The services in the order in which they begin: the topics are made when the service is up."""
    tmp_path.chmod(0o755)
    port = free_port()

    def events() -> int:
        try:
            url = f"http://127.0.0.1:{port}/api/state"
            answer = httpx.get(url, timeout=5, trust_env=False)
        except httpx.TransportError:
            return 0
        return int(json.loads(answer.text)["events"])

    with container("streamgauge", tmp_path / "s", broker, f"--set=http.port={port}") as service:
        with container("recording", tmp_path / "r", broker) as recording:
            assert recording.wait(60) == 0, recording.log
        with container("generator", tmp_path / "r", broker) as generator:
            assert generator.wait(60) == 0, generator.log
        eventually(lambda: events() == EVENTS, "all events")
        service.signal("TERM")
        assert service.wait(40) == 0, service.log
