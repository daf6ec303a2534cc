"""Every command of README.md and docs: run, or in a table of those that a test cannot run.

Commands of a page run in order in a folder of their own, beside `deploy` as in a clone; what they
show is held (`tests/stream/page.py`). `streamgauge run` runs until it has caught up, and is then
stopped as by Ctrl-C.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from stream.cli import app
from tests.live.service import COMMAND, Service, eventually
from tests.stream.page import Page, blocks, commands

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KINDS = {"console", "json", "python", "text", "toml"}  # of blocks
# What a test cannot run here, and what does so in its place, or tries what it does.
ELSEWHERE = {
    r"make run": "tests/docs/test_commands.py",
    r"make bench( .*)?": "Makefile",  # minutes: by hand
    r"make image-test": "tests/image/test_image.py",
    r"docker (build|run) .*": "tests/image/test_image.py",
    r"cd deploy": "tests/deploy/test_compose.py",
    r"docker compose up --build": "tests/image/test_compose.py",
    r"kubectl .*": "tests/deploy/test_kubernetes.py",
    r"kafka-topics\.sh .*": "tests/live/by_partition.py",
    r"python -m benchmarks\.\w+( --svg \S+)?": "benchmarks/__init__.py",  # minutes: by hand
    r"\. \.venv/bin/activate": "Makefile",
    r"mkdir \.\./shop && cd \.\./shop": "Makefile",
    # Recordings that are no part of the repository.
    r"streamgauge (compare|replay) (elec2|fraud_handbook|spamassassin)\S* .*":
        "tests/stream/test_real_streams.py",
    r"streamgauge replay day\.jsonl\.gz .* --partitions 16": "tests/stream/test_partitioned.py",
    r"streamgauge (play|run) .*deploy/examples/emails\.toml .*": "tests/live/test_emails.py",
    # What names one run's events and fingerprints.
    r"streamgauge replay .* --from .*": "tests/live/test_history.py",
    r"streamgauge explain t1-19985 .*": "tests/live/test_history.py",
    r"streamgauge labels undo .*": "tests/live/test_history.py",
}  # fmt: skip
# Pages with a test of their own.
TESTED = {
    "security.md": "tests/live/test_security.py",
    "testing-your-model.md": "tests/stream/test_testing_page.py",
}
# Pages that need a broker; those of a line share a folder and topics.
LIVE = (("tutorial.md",), ("operations.md", "README.md", "replaying.md"))
QUICK = [
    page
    for page in PAGES
    if page.name not in TESTED and not any(page.name in names for names in LIVE)
]
FIGURES = re.compile(r"^ +[1-9][\d,]* events .* labels .* lag ", re.MULTILINE)  # of `make run`
TAKES_SETTINGS = {"check", "compare", "explain", "play", "record", "replay", "run"}


def covered(command: str) -> str | None:
    """What stands for a command that is not run."""
    plain = command.partition(" #")[0].rstrip()
    return next((by for what, by in ELSEWHERE.items() if re.fullmatch(what, plain)), None)


def all_commands(page: Path) -> list[str]:
    return [
        command for kind, text in blocks(page) if kind == "console" for command, _ in commands(text)
    ]


def carry_out(
    pages: Sequence[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, kafka: str | None = None
) -> list[str]:
    """Run pages as one session, each command once; gives what was run."""
    (folder / "deploy").symlink_to(ROOT / "deploy")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    ran: list[str] = []

    def ours(command: str) -> tuple[int, str] | None:
        """A command of ours in this process, which has imported and compiled already."""
        words = shlex.split(command)
        if words[0] != "streamgauge" or "|" in words:
            return None
        if kafka and words[1] in TAKES_SETTINGS:
            words += ["--set", f"kafka.bootstrap={kafka}"]
        if words[1] == "run":
            return _served([*COMMAND, *words[1:], "--set", "http.port=0"])
        done = CliRunner().invoke(app, words[1:])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    for page in pages:
        told = Page(page, folder, os.environ, ours)
        for kind, text in told.blocks:
            if re.match(r"# \S+\.toml\n", text):
                told.carry_out(kind, text)
            if kind != "console":
                continue
            for command, shown in commands(text):
                if not covered(command) and command not in ran:
                    ran.append(command)
                    told.carry_out(kind, "\n".join([f"$ {command}", *shown]))
    return ran


def _served(command: list[str]) -> tuple[int, str]:
    """A service until it has caught up, and Ctrl-C."""
    service = Service(command)
    try:
        service.wait_until_ready()
        eventually(service.has_read_all, "caught up")
        return service.signal(signal.SIGINT), service.log
    finally:
        service.kill()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_block_is_of_a_kind_that_is_looked_at(page: Path) -> None:
    assert {kind for kind, _ in blocks(page)} <= KINDS


def test_what_stands_for_a_command_is_there() -> None:
    every = [command for page in PAGES for command in all_commands(page)]
    assert len(every) > 60
    for what, by in ELSEWHERE.items():
        assert (ROOT / by).exists(), by
        assert any(re.fullmatch(what, c.partition(" #")[0].rstrip()) for c in every), what
    for by in TESTED.values():
        assert (ROOT / by).exists(), by
    assert all_commands(ROOT / "docs" / "security.md") == ["streamgauge check shop.toml"]
    for command in every:
        module = re.match(r"python -m ([\w.]+)", command)
        assert not module or (ROOT / f"{module[1].replace('.', '/')}.py").exists(), command
        target = re.match(r"make ([\w-]+)", command)
        assert not target or re.search(rf"^{target[1]}:", makefile(), re.MULTILINE), command


@pytest.mark.parametrize("page", QUICK, ids=lambda page: page.name)
def test_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carry_out([page], tmp_path, monkeypatch)


@pytest.mark.kafka
@pytest.mark.parametrize("names", LIVE, ids=lambda names: names[0])
def test_pages_with_a_broker(
    kafka: str, names: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [page for name in names for page in PAGES if page.name == name]
    ran = carry_out(pages, tmp_path, monkeypatch, kafka)
    assert any(command.startswith("streamgauge run") for command in ran)


@pytest.mark.kafka
def test_make_run(kafka: str) -> None:
    """The command of `make run`, as make has it, up to a line of figures and Ctrl-C."""
    made = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "run", f"KAFKA={kafka}", "PACE=2000"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    command = made.stdout.splitlines()[-1]
    words = shlex.split(command)
    assert words[1:3] == ["-m", "deploy.demo"]
    printed = ""
    with subprocess.Popen(
        [sys.executable, *words[1:], "--events", "20000"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            if FIGURES.search(line):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 0, printed
    assert FIGURES.search(printed), printed


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def inline(page: Path) -> Iterator[str]:
    """Commands in the text of a page."""
    text = re.sub(
        r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for code in re.findall(r"`((?:streamgauge|make) [^`]+)`", text):
        yield " ".join(code.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_are_ones_that_there_are(page: Path) -> None:
    ours = typer.main.get_command(app)
    for command in inline(page):
        words = command.split()
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile(), re.MULTILINE), command
            continue
        known = ours
        for word in words[1:]:
            known = getattr(known, "commands", {}).get(word, known)
        assert known is not ours or words[1].startswith("--"), command
        options = {option for parameter in known.params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options, command
