"""A real Prometheus and a real Alertmanager, on free loopback ports, with our rules."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live.service import eventually, free_port

yaml = importlib.import_module("yaml")  # it ships no types
FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
PROGRAMS = ("prometheus", "prometheus-alertmanager")


def need_programs() -> None:
    """Skip a test where they are not installed; CI must have them."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        why = f"not installed: apt-get install {' '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)


class Server:
    """One of the two, as it answers."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **params: str) -> Any:
        answer = httpx.get(self.url + path, params=params, timeout=10, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ready(self) -> bool:
        try:
            url = f"{self.url}/-/ready"
            return httpx.get(url, timeout=1, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series now."""
        found = self.get("/api/v1/query", query=expr)["data"]
        assert found["resultType"] == "vector", expr
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]


@contextmanager
def running(command: list[str], url: str, log: Path) -> Iterator[Server]:
    """A server that is ready; ended at the end."""
    server = Server(url)
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        eventually(lambda: server.ready() or process.poll() is not None, f"{command[0]} ready", 30)
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def alertmanager(folder: Path) -> Iterator[Server]:
    """With our routes."""
    port = free_port()
    command = [
        "prometheus-alertmanager", f"--config.file={FOLDER / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alerts'}", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]  # fmt: skip
    with running(command, f"http://127.0.0.1:{port}", folder / "alertmanager.log") as server:
        yield server


@contextmanager
def prometheus(folder: Path, target: str, alerts: Server) -> Iterator[Server]:
    """Scrapes `target` every second; our rules, but for how long they wait."""
    port = free_port()
    for name in ("recording.rules.yml", "alert.rules.yml"):
        rules = yaml.safe_load((FOLDER / name).read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                rule.pop("for", None)
        (folder / name).write_text(yaml.safe_dump(rules))
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [target.removeprefix("http://")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
        alerts.url.removeprefix("http://")
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        "prometheus", f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage", "--log.level=warn",
    ]  # fmt: skip
    with running(command, f"http://127.0.0.1:{port}", folder / "prometheus.log") as server:
        yield server
