"""`make image-test`: the image as it is built, run as an engine would, against a real broker."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.image.build import IMAGE
from deploy.image.container import Container, inspect
from stream.generate import Stream, transactions
from tests.live.service import Stage, eventually, free_port

pytestmark = pytest.mark.image
COMPILED = "data saved to"  # numba's word, with NUMBA_DEBUG_CACHE, for what it had to compile
LOADED = "data loaded from"
EVENTS, MORE = 2_000, 500
READY = 30.0  # seconds; docs/deploying.md has what was measured on a quiet machine
DRAIN = 20.0
KINDS = ("transactions", "emails", "metrics")


def lines() -> list[tuple[bytes, int, int]]:
    """Events as (value, partition, timestamp)."""
    made = transactions(Stream(events=EVENTS + MORE, seed=3))
    return [(json.dumps(event).encode(), 0, 1_735_689_600_000 + i) for i, event in enumerate(made)]


class Running:
    """The service in a container, with what it is to be asked for."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder, self.port = stage, folder, free_port()
        self.volume = folder / "volume"
        self.volume.mkdir(exist_ok=True)
        user, _, group = inspect(IMAGE)["User"].partition(":")
        os.chown(self.volume, int(user), int(group))
        stage.config.chmod(0o644)
        config = stage.config.read_text().replace(f"{folder}/snapshots", "/var/lib/streamgauge/s")
        stage.config.write_text(config)

    def start(self) -> Container:
        command = [*inspect(IMAGE)["Cmd"], "--set", f"http.port={self.port}"]
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        mounts = {self.stage.config: "/etc/streamgauge/config.toml"}
        debug = {"NUMBA_DEBUG_CACHE": "1"}
        return Container(IMAGE, self.volume, log, command, mounts, debug)

    def status(self, path: str) -> int:
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            return httpx.get(url, timeout=5, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    def wait_until_ready(self, container: Container) -> float:
        """Seconds until it was ready."""
        start = time.monotonic()
        eventually(lambda: self.status("/readyz") == 200 or not container.running, "ready", READY)
        assert container.running, container.log
        return time.monotonic() - start

    def text(self, path: str) -> str:
        answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, trust_env=False)
        assert answer.status_code == 200
        return answer.text

    def used(self) -> str:
        """What it has used so far, and how busy the machine is."""
        metrics = dict(re.findall(r"^process_(\w+) (\S+)$", self.text("/metrics"), re.MULTILINE))
        seconds, memory = (
            float(metrics[n]) for n in ("cpu_seconds_total", "resident_memory_bytes")
        )
        load = os.getloadavg()[0]
        return f"{seconds:.1f} s of CPU, {memory / 2**20:.0f} MiB; load average {load:.1f}"

    def events(self) -> int:
        """Events of all starts together."""
        return int(json.loads(self.text("/api/state"))["events"])


@pytest.fixture(scope="module")
def running(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("container")
    folder.chmod(0o755)
    stage = Stage(kafka, folder)
    stage.produce("events", lines()[:EVENTS])
    return Running(stage, folder)


@pytest.fixture(scope="module")
def container(running: Running) -> Iterator[Container]:
    """Ready, with all events taken."""
    with running.start() as started:
        seconds = running.wait_until_ready(started)
        print(f"\nready after {seconds:.1f} s, {running.used()}")
        eventually(lambda: running.events() == EVENTS, "all events")
        yield started


def test_what_an_engine_is_told() -> None:
    config = inspect(IMAGE)
    assert config["User"] == "10001:10001"
    assert config["Volumes"] == {"/var/lib/streamgauge": {}}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    assert config["ExposedPorts"] == {"8000/tcp": {}}


def test_nobody_compiles_at_start(container: Container) -> None:
    assert container.log.count(LOADED) > 20
    assert COMPILED not in container.log


def test_user_without_rights_and_no_tools(container: Container) -> None:
    assert container.run("id", "-u").stdout == "10001\n"
    status = container.run("cat", "/proc/1/status").stdout
    assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
    for tool in ("pip", "gcc", "cc", "ld", "make"):
        assert container.run("which", tool).returncode == 1


def test_only_the_volume_and_tmp_can_be_written(container: Container) -> None:
    look = ["find", "/", "-xdev", "-writable", "-not", "-type", "l"]
    assert set(container.run(*look).stdout.split()) == {"/tmp", "/var/lib/streamgauge"}
    for folder in ("/opt/streamgauge", "/etc/streamgauge", "/var/cache", "/var/tmp"):
        tried = container.run("touch", f"{folder}/x")
        assert "Read-only file system" in tried.stderr
    for folder in ("/var/lib/streamgauge", "/tmp"):
        assert container.run("touch", f"{folder}/x").returncode == 0


def test_it_serves_and_the_health_check_agrees(running: Running, container: Container) -> None:
    assert "\nstreamgauge_events_processed_total" in running.text("/metrics")
    assert "<title>" in running.text("/")
    test = container.config["Healthcheck"]["Test"][1:]
    code = test[-1].replace(":8000/", f":{running.port}/")
    assert container.run(*test[:-1], code).returncode == 0
    nobody = test[-1].replace(":8000/", f":{free_port()}/")
    assert container.run(*test[:-1], nobody).returncode == 1


def test_the_bill_of_materials_is_what_is_installed(container: Container) -> None:
    bill = json.loads(container.run("cat", "/opt/streamgauge/sbom.cdx.json").stdout)
    assert bill["bomFormat"] == "CycloneDX"
    root = bill["metadata"]["component"]
    listed = {(part["name"], part["version"]) for part in [root, *bill["components"]]}
    code = "from importlib.metadata import distributions as d;"
    code += "print(*(f'{i.name}=={i.version}' for i in d()))"
    names = container.run("python", "-c", code).stdout.split()
    installed = {tuple(name.split("==")) for name in names}
    assert listed == installed
    assert len(installed) > 20


def test_sigterm_drains_and_a_start_goes_on(running: Running, container: Container) -> None:
    running.stage.produce("events", lines()[EVENTS:])
    container.signal(container.config["StopSignal"])
    assert container.wait(DRAIN) == 0
    assert "stopped: everything read so far is scored" in container.log
    (folder,) = running.volume.glob("s-*")
    assert list(folder.glob("snapshot-*"))
    with running.start() as again:
        seconds = running.wait_until_ready(again)
        print(f"\nready from a snapshot after {seconds:.1f} s, {running.used()}")
        eventually(lambda: running.events() == EVENTS + MORE, "the rest")
        assert COMPILED not in again.log
        again.signal("TERM")
        assert again.wait(DRAIN) == 0
    scores = running.stage.read("scores", EVENTS + MORE)
    assert len({json.loads(r.value)["id"] for r in scores}) == len(scores) == EVENTS + MORE


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_compiled_already(kind: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    recording = "/var/lib/streamgauge/recording.jsonl"
    config = f"/etc/streamgauge/examples/{kind}.toml"
    log = tmp_path / "log"
    generate = ["generate", recording, "--kind", kind, "--events", "300"]
    with Container(IMAGE, tmp_path, log, generate) as made:
        assert made.wait(60) == 0, made.log
    late = ["--pace", "100000", "--label-delay", "1h", "--set", "http.port=0"]
    run = ["run", config, "--recording", recording, *late]
    with Container(IMAGE, tmp_path, log, run, {}, {"NUMBA_DEBUG_CACHE": "1"}) as ran:
        assert ran.wait(90) == 0, ran.log
    assert LOADED in ran.log
    assert COMPILED not in ran.log
