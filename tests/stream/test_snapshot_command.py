"""`streamgauge snapshot`: what people see of snapshots."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from stream.checkpoint import Checkpoints
from stream.cli import app
from stream.snapshot_header import Header

HEADER = Header.of(
    ["bias", "amount"],
    {"labels": {"ttl": "30d"}},
    {("transactions", 0): 123_456, ("labels", 3): 9},
    scores="c0ffee",
    events=1_234_567,
    labels=89,
    extra={"arm": "[bold]champion"},
)


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["snapshot", *map(str, arguments)])


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder of three."""
    to = Checkpoints(str(tmp_path), clock=lambda: 1.7e9)
    for n in (1, 2, 3):
        state = {"arms": {"a": np.ones((300, 100))}, "room": np.zeros(10**6), "n": n}
        to.save(state.copy, HEADER).result(30)
    return tmp_path


def spoil(path: Path, at: int = -100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_ls_has_the_newest_first(at: Path) -> None:
    (at / "notes.txt").touch()
    result = call("ls", at)
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if "snapshot-" in line]
    assert [line.split("snapshot-")[1][:10] for line in lines] == [f"{n:010}" for n in (3, 2, 1)]
    assert "2023-11-14T22:13:20.000+00:00" in lines[0]
    assert "1,234,567" in lines[0]
    assert "0.24" in lines[0]


def test_ls_shows_a_torn_one(at: Path) -> None:
    torn = at / "snapshot-0000000002"
    torn.write_bytes(torn.read_bytes()[:1000])
    result = call("ls", at)
    assert result.exit_code == 0
    assert "torn: it has 1,000 of" in result.output


def test_ls_of_an_empty_folder_says_so(tmp_path: Path) -> None:
    result = call("ls", tmp_path)
    assert (result.exit_code, result.output) == (0, f"no snapshots in {tmp_path}\n")


def test_show_prints_header_offsets_and_parts(at: Path) -> None:
    result = call("show", at / "snapshot-0000000003")
    assert result.exit_code == 0
    for text in (
        "c0ffee", HEADER.feature_set, HEADER.config_set, "(2 features)", "numba", "nothing",
        "[bold]champion", "transactions", "123,456", "arms/a", "300 x 100", "8.000", "0.240",
    ):  # fmt: skip
        assert text in result.output


def test_verify_says_good_of_each(at: Path) -> None:
    result = call("verify", at)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"snapshot-000000000{n}: good, 0.241 MB, 1,234,567 events" for n in (3, 2, 1)
    ]
    assert call("verify", at / "snapshot-0000000001").exit_code == 0


def test_verify_ends_with_1_where_one_is_bad(at: Path) -> None:
    spoil(at / "snapshot-0000000002")
    result = call("verify", at)
    assert result.exit_code == 1
    assert "snapshot-0000000002: changed since it was written" in result.output
    assert result.output.count("good") == 2
    assert call("verify", at / "snapshot-0000000002").exit_code == 1
    assert call("verify", at / "snapshot-0000000003").exit_code == 0


def test_verify_reads_a_copy_of_any_name(at: Path) -> None:
    copy = (at / "snapshot-0000000001").rename(at / "copy")
    assert call("verify", copy).exit_code == 0
    spoil(copy)
    assert call("verify", copy).exit_code == 1


def test_verify_of_nothing_is_not_good(tmp_path: Path) -> None:
    result = call("verify", tmp_path)
    assert result.exit_code == 1
    assert result.output == f"streamgauge: {tmp_path}: no snapshots there\n"


@pytest.mark.parametrize("command", ["ls", "show", "verify"])
def test_what_is_not_there_is_one_line(command: str, tmp_path: Path) -> None:
    result = call(command, tmp_path / "missing")
    assert result.exit_code == 1
    assert result.output == f"streamgauge: {tmp_path}/missing: No such file or directory\n"


def test_folders_of_partitions_are_looked_into(at: Path) -> None:
    """Where the folder itself has none; the tenth comes after the second."""
    for below in (10, 2):
        Checkpoints(f"{at}/all/partition-{below}").save(lambda: {"a": 1}, HEADER).result(30)
    (at / "all" / "partition-3").mkdir()
    listed = [line for line in call("ls", at / "all").output.splitlines() if "snapshot-" in line]
    places = [f"partition-{below}/snapshot-0000000001" for below in (2, 10)]
    assert [line.split()[1] for line in listed] == places
    verified = call("verify", at / "all").output.splitlines()
    assert [line.partition(":")[0] for line in verified] == places
    assert "partition" not in call("ls", at).output


def test_another_back_end(at: Path) -> None:
    url = f"memory://command-{at.name}"
    Checkpoints(url).save(lambda: {"a": 1}, HEADER).result(30)
    assert "snapshot-0000000001" in call("ls", url).output
    assert call("verify", url).exit_code == 0
    assert call("verify", f"{url}/snapshot-0000000001").exit_code == 0
    assert "123,456" in call("show", f"{url}/snapshot-0000000001").output
    missing = call("show", f"{url}/snapshot-0000000009")
    assert missing.exit_code == 1
    assert missing.output.startswith(f"streamgauge: {url}/snapshot-0000000009: FileNotFoundError")


def test_a_topic_of_no_broker_is_one_line() -> None:
    """In a process of its own: kafka-python leaves sockets open that came to nothing."""
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        broker = f"127.0.0.1:{taken.getsockname()[1]}"
        run = subprocess.run(
            [sys.executable, "-m", "stream.cli", "snapshot", "ls", "kafka://snapshots",
             "--set", f"kafka.bootstrap={broker}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert run.stderr.startswith(f"streamgauge: kafka://snapshots: no answer from {broker}")


def test_a_topic_is_no_snapshot() -> None:
    result = call("show", "kafka://snapshots")
    assert (result.exit_code, result.output) == (
        1,
        "streamgauge: kafka://snapshots: expected a snapshot in it, as `snapshot ls` names them\n",
    )


@pytest.mark.parametrize("command", ["ls", "show", "verify"])
def test_help_has_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"streamgauge snapshot {command} " in result.output


def test_help_is_quick() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom stream.cli import app\n"
        "assert CliRunner().invoke(app, ['snapshot', '--help']).exit_code == 0\n"
        "print(sorted({'fsspec', 'numpy', 'numba', 'msgspec'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "[]\n", run.stderr
