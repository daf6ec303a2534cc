"""A real Dask scheduler with two real workers gives the table that this machine gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import distributed
import pytest

from stream.generate import Stream, transactions
from tests.live.service import COMMAND, eventually

pytestmark = pytest.mark.slow

GRID = 'optimizers = ["sgd", "adagrad"]\nschedules = ["constant", "time"]\nrates = [0.05, 0.3]\n'


def start(stack: ExitStack, log: Path, *command: str | Path) -> None:
    """A process that ends with the test, by its own id."""
    out = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", *command], stdout=out, stderr=subprocess.STDOUT, cwd=log.parent
    )

    def end() -> None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(end)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """Address of a scheduler with two worker processes."""
    about = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        start(
            stack, tmp_path / "scheduler.log", "distributed.cli.dask_scheduler",
            "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", about,
        )  # fmt: skip
        eventually(about.exists, "the scheduler has an address")
        for number in range(2):
            start(
                stack, tmp_path / f"worker-{number}.log", "distributed.cli.dask_worker",
                "--scheduler-file", about, "--host", "127.0.0.1", "--nthreads", "1",
                "--no-nanny", "--no-dashboard", "--local-directory", tmp_path / f"worker-{number}",
            )  # fmt: skip
        address = str(json.loads(about.read_text())["address"])
        connect: Any = distributed.Client
        with connect(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            assert len(client.nthreads()) == 2
        yield address


def compare(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    files = ["r.jsonl", "--config", "c.toml", "--grid", "g.toml", "--label-delay", "6h"]
    return subprocess.run(
        [*COMMAND, "compare", *files, *more],
        cwd=folder, capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip


def figures(path: Path) -> Any:
    whole = json.loads(path.read_bytes())
    for arm in whole["arms"]:
        del arm["events_per_second"]
    return whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    events = transactions(Stream(events=5_000, per_day=1_500, seed=4, fraud=0.1))
    (made / "r.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (made / "c.toml").write_text("[features]\nmax_keys = 1000\n[labels]\nmax_waiting = 3000\n")
    (made / "g.toml").write_text(GRID)
    return made


def test_a_cluster_gives_what_this_machine_gives(cluster: str, folder: Path) -> None:
    there = compare(folder, "--dask", cluster, "--json", "there.json")
    assert there.returncode == 0, there.stdout + there.stderr
    here = compare(folder, "--jobs", "2", "--json", "here.json")
    assert here.returncode == 0, here.stdout + here.stderr
    assert figures(folder / "there.json") == figures(folder / "here.json")
    assert len(figures(folder / "here.json")["arms"]) == 8
    assert there.stderr == ""
    assert there.stdout.partition("Best by")[2] == here.stdout.partition("Best by")[2] != ""


def test_no_scheduler_is_one_line(folder: Path) -> None:
    ran = compare(folder, "--dask", "tcp://127.0.0.1:1")
    assert ran.returncode == 1
    assert ran.stderr.startswith("streamgauge: --dask tcp://127.0.0.1:1: ")
    assert len(ran.stderr.splitlines()) == 1
