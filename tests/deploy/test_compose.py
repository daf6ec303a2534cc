"""The compose file: the schema of compose files, what it mounts, and who can reach it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from stream import config
from stream.cli import app
from stream.timestamps import duration
from tests.deploy.test_prometheus_rules import promtool, yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
COMPOSE = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["streamgauge", "recording", "generator"]


def mounts(service: str) -> dict[str, str]:
    """Place in the container, and what is there: a path beside the file, or a volume."""
    split = (volume.split(":") for volume in SERVICES[service].get("volumes", []))
    return {parts[1]: parts[0] for parts in split}


def command(service: str) -> list[str]:
    """The command, with the places of mounted files as they are here."""
    here = {place: FILE.parent / source for place, source in mounts(service).items()}
    found = []
    for part in SERVICES[service]["command"]:
        option, equals, value = part.rpartition("=")
        found.append(f"{option}{equals}{here.get(value, value)}")
    return found


def sets(service: str) -> list[str]:
    return [part.removeprefix("--set=") for part in command(service) if part.startswith("--set=")]


def test_it_is_a_compose_file() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, FILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_the_whole_system() -> None:
    others = {"kafka", "prometheus", "alertmanager", "grafana"}
    assert set(SERVICES) == {*OURS, *others}


@pytest.mark.parametrize("service", SERVICES)
def test_image_is_pinned_and_ports_are_this_machine_s(service: str) -> None:
    image, _, tag = SERVICES[service]["image"].partition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+", tag), image
    for port in SERVICES[service].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("service", SERVICES)
def test_all_that_is_mounted_is_there(service: str) -> None:
    for volume in SERVICES[service].get("volumes", []):
        source, place, *mode = volume.split(":")
        assert PurePosixPath(place).is_absolute()
        if source.startswith("."):
            assert (FILE.parent / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("service", OURS)
def test_our_services_have_no_rights_to_spare(service: str) -> None:
    about = SERVICES[service]
    assert about["read_only"]
    assert about["tmpfs"] == ["/tmp"]  # where the entry point links what is compiled
    assert about["cap_drop"] == ["ALL"]
    assert about["security_opt"] == ["no-new-privileges:true"]


def test_versions_are_those_that_were_tested() -> None:
    pom = (ROOT / "deploy" / "kafka" / "pom.xml").read_text()
    assert f"<kafka.version>{SERVICES['kafka']['image'].partition(':')[2]}<" in pom
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert SERVICES["streamgauge"]["image"] == f"streamgauge:{project['version']}"
    assert (FILE.parent / SERVICES["streamgauge"]["build"] / "Dockerfile").exists()


def test_config_and_what_outranks_it_are_valid() -> None:
    run, path = command("streamgauge")[:2]
    assert run == "run"
    loaded = config.load(Path(path), config.overrides(sets("streamgauge")))
    (ports,) = SERVICES["streamgauge"]["ports"]
    assert ports == f"127.0.0.1:8000:{loaded.http.port}"
    assert loaded.http.host == "0.0.0.0"
    assert loaded.snapshot.url == "snapshots"
    grace = duration(SERVICES["streamgauge"]["stop_grace_period"])
    assert grace > duration(loaded.service.drain)
    inside = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")[0]
    assert inside == f"INSIDE://{loaded.kafka.bootstrap}"
    assert sets("generator") == [f"kafka.bootstrap={loaded.kafka.bootstrap}"]


@pytest.mark.parametrize("service", OURS)
def test_the_command_line_takes_the_command(service: str) -> None:
    """`make image-test` runs them, in containers and with a Kafka as it is set up here."""
    name, *arguments = command(service)
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    with group.commands[name].make_context(name, arguments) as context:
        assert context.params


def test_prometheus_finds_what_it_names() -> None:
    place = next(p.partition("=")[2] for p in command("prometheus") if "config.file" in p)
    file = Path(place)
    assert "2 rule files found" in promtool("check", "config", str(file))
    loaded = yaml.safe_load(file.read_text())
    folder = PurePosixPath("/etc/prometheus")
    assert {str(folder / rule) for rule in loaded["rule_files"]} <= set(mounts("prometheus"))
    (scraped,) = loaded["scrape_configs"][0]["static_configs"][0]["targets"]
    (told,) = loaded["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert (scraped, told) == ("streamgauge:8000", "alertmanager:9093")


def test_grafana_finds_its_source_and_dashboards() -> None:
    there = mounts("grafana")
    provisioning = FILE.parent / there["/etc/grafana/provisioning"]
    boards = yaml.safe_load((provisioning / "dashboards" / "streamgauge.yml").read_text())
    path = boards["providers"][0]["options"]["path"]
    folder = FILE.parent / there[path]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(f"{path}/")
    assert (folder / PurePosixPath(home).name).exists()
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
