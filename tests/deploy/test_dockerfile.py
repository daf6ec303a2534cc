"""The container's recipe: hadolint has no complaint, and what the service relies on is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from deploy.image import start
from stream import config

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    split = (line.partition(" ") for line in lines if line)
    return [(word.upper(), rest.strip()) for word, _, rest in split]


def last_stage() -> list[Instruction]:
    found = instructions()
    start = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def last(word: str) -> str:
    return [rest for each, rest in last_stage() if each == word][-1]


def health_check() -> list[str]:
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert isinstance(command, list)
    return command


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that gives one answer to everything; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_hadolint_has_no_complaint() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run(
        [hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_bases_are_one_argument_with_a_python_that_we_support() -> None:
    found = instructions()
    word, argument = found[0]
    assert word == "ARG"
    name, _, image = argument.partition("=")
    tag = re.fullmatch(r"python:(\d+\.\d+)-slim", image)
    assert tag
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SpecifierSet(project["requires-python"]).contains(tag[1])
    bases = [rest.split()[0] for word, rest in found if word == "FROM"]
    assert bases == [f"${{{name}}}"] * 2


def test_last_stage_runs_nothing_and_takes_what_is_built() -> None:
    assert "RUN" not in [word for word, _ in last_stage()]
    assert any(w == "COPY" and rest.startswith("--from=builder ") for w, rest in last_stage())


def test_snapshots_are_a_volume_of_the_user() -> None:
    (volume,) = json.loads(last("VOLUME"))
    assert volume == last("WORKDIR")
    copied = f"--from=builder --chown={last('USER')} {volume} {volume}"
    assert ("COPY", copied) in last_stage()


def test_the_entry_point_links_what_is_compiled(tmp_path: Path) -> None:
    brought, used = tmp_path / "brought", tmp_path / "tmp" / "used"
    (brought / "models").mkdir(parents=True)
    (brought / "models" / "f.nbi").write_bytes(b"index")
    start.link(brought, used)
    assert (used / "models" / "f.nbi").read_bytes() == b"index"
    assert (used / "models" / "f.nbi").is_symlink()
    (used / "models" / "g.nbi").write_bytes(b"compiled later")  # beside it, not in the image
    start.link(brought, used)
    assert [file.name for file in (brought / "models").iterdir()] == ["f.nbi"]
    with pytest.raises(SystemExit, match=r"No such file or directory: mount a tmpfs at /proc$"):
        start.link(brought, Path("/proc/used"))


def test_what_is_compiled_is_for_the_machine_that_the_image_names() -> None:
    """Numba looks compiled code up by the name of the processor, and so does whoever compiles."""
    built = [rest for word, rest in instructions() if word == "ENV" and "NUMBA" in rest]
    assert len(built) == 2
    for rest in built:
        assert "NUMBA_CPU_NAME=generic" in rest.split()


def test_user_is_a_number_and_not_root() -> None:
    user = re.fullmatch(r"(\d+):(\d+)", last("USER"))
    assert user
    assert min(map(int, user.groups())) >= 10_000


def test_command_is_exec_form_and_the_config_understands_it() -> None:
    python, _, entry = json.loads(last("ENTRYPOINT"))
    assert (python, Path(entry).name) == ("python", "start.py")
    command = json.loads(last("CMD"))
    assert command[:2] == ["run", "/etc/streamgauge/config.toml"]
    assert command[2::2] == ["--set"]
    (shipped,) = (rest.split()[0] for word, rest in last_stage() if rest.endswith(f" {command[1]}"))
    loaded = config.load(ROOT / shipped, config.overrides(command[3::2]))
    assert loaded.http.host == "0.0.0.0"
    assert last("EXPOSE") == str(loaded.http.port)
    assert f":{loaded.http.port}/healthz'" in health_check()[-1]


def test_signal_and_output_are_what_the_service_expects() -> None:
    assert last("STOPSIGNAL") == "SIGTERM"
    assert "PYTHONUNBUFFERED=1" in last("ENV").split()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_check_fails_when_the_service_says_so(
    status: int, healthy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, *arguments = health_check()
    assert python == "python"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # where nobody listens
    with answering(status) as port:
        code = arguments[-1].replace(":8000/", f":{port}/")
        done = subprocess.run(
            [sys.executable, *arguments[:-1], code], capture_output=True, check=False
        )
    assert (done.returncode == 0) == healthy


def test_all_that_is_copied_is_there_and_let_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }
    through = {line[1:] for line in ignore if line.startswith("!")}
    inside = {source for source in copied if str(Path(source).parent) in through}
    assert copied - inside == through
    assert all((ROOT / source).exists() for source in copied)
