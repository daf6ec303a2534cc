"""What is installed: the pins, and a wheel that holds the two packages and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = {"models", "stream"}
SHIPPED = {".py", ".html", ".css", ".js", ".svg"}
PRIVATE = "Private :: Do Not Upload"

IMPORT_ALL = """
import importlib, pathlib, sys
target, checkout = map(pathlib.Path, sys.argv[1:])
sys.path[:] = [str(target), *(p for p in sys.path if pathlib.Path(p).resolve() != checkout)]
for file in sorted(target.glob("models/**/*.py")) + sorted(target.glob("stream/**/*.py")):
    parts = file.relative_to(target).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    assert importlib.import_module(name).__file__ == str(file), name
    print(name)
"""


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, str] = {}
    for line in lines:
        if not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line)
            assert match, line
            found[canonicalize_name(match[1])] = match[2]
    return found


def declared() -> Iterator[Requirement]:
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        yield Requirement(text)


def needed() -> set[str]:
    """All that the declared requirements bring, as the installed packages themselves say."""
    waiting = list(declared())
    found: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in found:
                continue
            found.add((name, extra))
            for text in requires(name) or []:
                further = Requirement(text)
                if further.marker is None or further.marker.evaluate({"extra": extra}):
                    waiting.append(further)
    return {name for name, _ in found}


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | ({} if path is None else {"PYTHONPATH": str(path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: str | Path, cwd: Path) -> None:
    run(sys.executable, "-m", "pip", "--quiet", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the checkout, built as the container builds it, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index"]
    pip("wheel", *options, "--wheel-dir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel in it and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def test_is_not_for_a_public_index() -> None:
    assert PRIVATE in PROJECT["classifiers"]


def test_every_declared_package_is_pinned_within_its_range() -> None:
    pinned = pins()
    for requirement in declared():
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_pins_are_what_is_needed_and_no_more() -> None:
    # These extras need not be installed here, and bring nothing further.
    extras = PROJECT["optional-dependencies"]
    more = {canonicalize_name(Requirement(text).name) for text in extras["bench"] + extras["fuzz"]}
    assert set(pins()) == needed() | more


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_nothing_else_installed_has_our_import_names(name: str) -> None:
    # An editable install lists no files, so this says most in the container and in the wheel job.
    assert set(packages_distributions().get(name, [])) <= {PROJECT["name"]}


def test_wheel_holds_the_packages_with_the_web_page_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        assert PRIVATE in message_from_bytes(archive.read(metadata)).get_all("Classifier", [])
    expected = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.suffix in SHIPPED
    }
    assert sorted(names) == sorted(expected)
    page = {Path(name).suffix for name in names if name.startswith("stream/web/")}
    assert page == SHIPPED


def test_every_module_of_the_wheel_imports_on_its_own(installed: Path) -> None:
    out = run(sys.executable, "-I", "-c", IMPORT_ALL, installed, ROOT, cwd=installed)
    assert {"models.kernels", "stream", "stream.cli", "stream.web.app"} <= set(out.split())


def test_the_command_works_from_the_wheel(installed: Path) -> None:
    command = installed / "bin" / "streamgauge"
    out = run(sys.executable, command, "--version", cwd=installed, path=installed)
    assert out == f"streamgauge {PROJECT['version']}\n"


PINNED = """
import stream

def test_ours(streamgauge_replay):
    event = '{"id":1,"ts":1735689600,"customer":"c1","terminal":"p1","amount":9.5,"label":1}'
    with open("ours.jsonl", "w") as file:
        file.write(event)
    replayed = streamgauge_replay("ours.jsonl", {"features": {"max_keys": 10}})
    assert replayed.scores == [0.5]
    print(stream.__file__)
"""


@pytest.mark.slow
def test_pytest_finds_the_fixture_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    """There pytest rewrites our asserts too, which compiled code must bear."""
    (tmp_path / "test_ours.py").write_text(PINNED, encoding="utf-8")
    out = run(sys.executable, "-m", "pytest", "-q", "-s", cwd=tmp_path, path=installed)
    assert str(installed / "stream" / "__init__.py") in out
    assert "1 passed" in out
