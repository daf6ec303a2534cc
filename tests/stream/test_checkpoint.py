"""The folder of snapshots: what is whole counts, and nothing that goes wrong costs a snapshot."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import fsspec
import numpy as np
import pytest
from fsspec.core import url_to_fs

from stream.checkpoint import Checkpoints, load, names, whole
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.folders import folder
from stream.folders.local import LocalFolder
from stream.snapshot_header import Header, demand
from tests.stream.streams import new_monitor, scores, steps, stream

HEADER = Header.of(["bias"], {}, {("transactions", 0): 7}, events=3)


def state(n: int) -> dict[str, Any]:
    return {"n": n, "array": np.full(1000, n)}


def save(to: Checkpoints, n: int) -> str:
    return to.save(lambda: state(n), HEADER).result(30)


@pytest.fixture(params=["local", "file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder that is not there yet."""
    memory = f"memory://snapshots-{os.getpid()}"
    yield {
        "local": str(tmp_path / "deep" / "snapshots"),
        "file": f"file://{tmp_path}/snapshots",
        "memory": memory,
    }[request.param]
    with suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm(memory, recursive=True)


def put(url: str, data: bytes | bytearray) -> None:
    files, path = url_to_fs(url)
    with files.open(path, "wb") as file:
        file.write(data)


def change(url: str, name: str, *, keep: int | None = None) -> None:
    """Tear a snapshot after `keep` bytes, or change a byte of its body."""
    with folder(url).open(name) as file:
        data = bytearray(file.read())
    if keep is None:
        data[-100] ^= 1
    else:
        del data[keep:]
    put(f"{url}/{name}", data)


def test_an_empty_folder_has_no_snapshot(url: str) -> None:
    assert names(Checkpoints(url)._folder) == []
    assert list(Checkpoints(url).newest()) == []


def test_the_newest_comes_back_first(url: str) -> None:
    to = Checkpoints(url)
    assert [save(to, n) for n in (1, 2)] == ["snapshot-0000000001", "snapshot-0000000002"]
    found = list(Checkpoints(url).newest())
    assert [one.state["n"] for one in found] == [2, 1]
    assert np.array_equal(found[0].state["array"], np.full(1000, 2))
    assert found[0].header.sequence == 2
    assert found[0].header.next_offsets == {("transactions", 0): 7}


def test_one_is_loaded_by_its_name_and_the_newest_by_the_folder(url: str) -> None:
    checkpoints = Checkpoints(url)
    for n in range(3):
        save(checkpoints, n)
    assert load(f"{url}/snapshot-0000000002").state["n"] == 1
    newest = load(url)
    assert newest.state["n"] == 2
    assert newest.place == f"{url}/snapshot-0000000003"
    change(url, newest.name)
    assert load(url).state["n"] == 1
    with pytest.raises(SnapshotDamagedError):
        load(newest.place)
    assert [found.state["n"] for found in whole(url, lambda header: header.sequence == 1)] == [0]
    with pytest.raises(SnapshotError, match="snapshot-0000000009"):
        load(f"{url}/snapshot-0000000009")


def test_whoever_only_reads_leaves_a_writer_alone(tmp_path: Path) -> None:
    save(Checkpoints(str(tmp_path)), 1)
    under_way = tmp_path / "snapshot-0000000002.part"
    under_way.write_bytes(b"not yet")
    assert load(str(tmp_path)).state["n"] == 1
    assert under_way.read_bytes() == b"not yet"
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SnapshotError, match="empty: no snapshot there that is whole"):
        load(str(empty))
    with pytest.raises(SnapshotError, match="nowhere: No such file"):
        load(str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_so_many_are_kept(url: str) -> None:
    to = Checkpoints(url, keep=2)
    for n in range(5):
        save(to, n)
    assert [name[-1] for name in names(to._folder)] == ["5", "4"]
    assert sorted(to._folder.names()) == sorted(names(to._folder)), "nothing else is left"


def test_numbers_go_on_after_a_restart(url: str) -> None:
    for n in (1, 2, 3):
        assert save(Checkpoints(url), n)[-1] == str(n)


@pytest.mark.parametrize("keep", [None, 0, 10, 300])
def test_a_torn_or_changed_one_is_skipped_with_a_warning(
    url: str, keep: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    to = Checkpoints(url)
    for n in (1, 2, 3):
        save(to, n)
    change(url, "snapshot-0000000003", keep=keep)
    with caplog.at_level(logging.WARNING):
        assert next(Checkpoints(url).newest()).state["n"] == 2
    (line,) = caplog.messages
    assert re.search(r"snapshot-0000000003: (torn|changed).*; trying the one before it$", line)


def test_damaged_ones_do_not_push_out_whole_ones(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    to = Checkpoints(url)
    for n in (1, 2, 3):
        save(to, n)
    for name in ("snapshot-0000000002", "snapshot-0000000003"):
        change(url, name)
    to = Checkpoints(url, keep=2)
    assert next(to.newest()).state["n"] == 1
    save(to, 4)
    assert [one.state["n"] for one in to.newest()] == [4, 1]
    save(to, 5)
    assert names(to._folder) == ["snapshot-0000000005", "snapshot-0000000004"]


def test_where_all_are_damaged_there_is_none(url: str, caplog: pytest.LogCaptureFixture) -> None:
    to = Checkpoints(url)
    change(url, save(to, 1))
    assert list(to.newest()) == []
    assert len(caplog.messages) == 1


def test_a_clock_that_jumps_does_no_harm(url: str) -> None:
    times = iter([2e9, 1e9, 0.0])
    to = Checkpoints(url, clock=lambda: next(times))
    for n in (1, 2, 3):
        save(to, n)
    found = list(Checkpoints(url).newest())
    assert [one.state["n"] for one in found] == [3, 2, 1]
    assert found[0].header.written == "1970-01-01T00:00:00.000+00:00"


def test_what_a_crash_left_behind_is_cleared_away(url: str) -> None:
    to = Checkpoints(url)
    save(to, 1)
    for name in ("snapshot-0000000002.part", "notes.txt"):
        put(f"{url}/{name}", b"half of it")
    assert next(to.newest()).state["n"] == 1
    again = Checkpoints(url)
    assert sorted(again._folder.names()) == ["notes.txt", "snapshot-0000000001"]
    assert save(again, 2) == "snapshot-0000000002"


def test_a_snapshot_holds_the_moment_it_was_taken(tmp_path: Path) -> None:
    array = np.zeros(5_000_000)
    array[:] = 1
    to = Checkpoints(str(tmp_path))
    saved = to.save(lambda: {"array": array}, HEADER)
    while to.busy:
        array += 1
    saved.result()
    assert array[0] > 1
    assert np.all(next(to.newest()).state["array"] == 1)


def test_one_at_a_time(tmp_path: Path) -> None:
    to = Checkpoints(str(tmp_path))
    saved = to.save(lambda: {"array": np.ones(10_000_000)}, HEADER)
    assert to.busy
    with pytest.raises(RuntimeError, match="still being written"):
        to.save(lambda: state(1), HEADER)
    saved.result(30)
    assert not to.busy
    assert save(to, 2) == "snapshot-0000000002"


def test_a_monitor_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    records = stream(1500)
    monitor = new_monitor()
    steps(monitor, records[:1000], 100)
    to = Checkpoints(str(tmp_path))
    to.save(monitor.snapshot, HEADER).result(30)
    after = scores(steps(monitor, records[1000:], 100))
    second = new_monitor()
    second.restore(next(to.newest()).state)
    assert scores(steps(second, records[1000:], 7)) == after


def failed(to: Checkpoints, of: Any = None) -> str:
    """The one line of a save that fails."""
    with pytest.raises(SnapshotError) as raised:
        to.save(lambda: of or state(2), HEADER).result(30)
    assert "\n" not in str(raised.value)
    return str(raised.value)


class FullFolder(LocalFolder):
    """A folder on a disk without room: the system's own answer, from /dev/full."""

    full = True

    def new(self, name: str) -> IO[bytes]:
        file = super().new(name)
        if self.full:
            file.close()
            return Path("/dev/full").open("wb")
        return file


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_costs_nothing(tmp_path: Path) -> None:
    to = Checkpoints(str(tmp_path))
    save(to, 1)
    to._folder = full = FullFolder(str(tmp_path))
    line = failed(to)
    assert line == f"{tmp_path}/snapshot-0000000002: No space left on device"
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot-0000000001"]
    full.full = False
    assert save(to, 3) == "snapshot-0000000003"


IN_SMALL_ROOM = """
import resource, sys
import numpy as np
from stream.checkpoint import Checkpoints, names
from stream.errors import SnapshotError
from stream.snapshot_header import Header
to, header = Checkpoints(sys.argv[1]), Header.of([], {}, {})
to.save(lambda: {"a": np.ones(10)}, header).result()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    to.save(lambda: {"a": np.ones(100_000)}, header).result()
except SnapshotError as error:
    print(error)
to.save(lambda: {"a": np.ones(20)}, header).result()
print(*(len(one.state["a"]) for one in to.newest()), *sorted(to._folder.names()))
"""


def test_no_room_in_the_middle_of_a_file_costs_nothing(tmp_path: Path) -> None:
    out = script(IN_SMALL_ROOM, tmp_path)
    assert out == [
        f"{tmp_path}/snapshot-0000000002: File too large",
        "20 10 snapshot-0000000001 snapshot-0000000003",
    ]


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from stream.checkpoint import Checkpoints
from stream.errors import SnapshotError
from stream.snapshot_header import Header
path = Path(sys.argv[1])
to, header = Checkpoints(str(path)), Header.of([], {}, {})
path.chmod(0o555)
if os.getuid() == 0:
    os.setuid(54321)
for act in (lambda: Checkpoints(sys.argv[1]), lambda: Checkpoints(sys.argv[1] + "/deeper"),
            lambda: to.save(lambda: {}, header).result()):
    try:
        act()
    except SnapshotError as error:
        print(error)
"""


def test_a_folder_without_permission_is_one_line() -> None:
    with TemporaryDirectory() as above:  # pytest's own are for its user alone
        Path(above).chmod(0o755)
        at = f"{above}/snapshots"
        assert script(UNPRIVILEGED, Path(at)) == [
            f"{at}: Permission denied",
            f"{at}/deeper: Permission denied",
            f"{at}/snapshot-0000000001: Permission denied",
        ]


UNREADABLE = """
import os, sys
from pathlib import Path
from stream.checkpoint import Checkpoints
from stream.errors import SnapshotDamagedError, SnapshotError
from stream.snapshot_header import Header
path = Path(sys.argv[1])
to, header = Checkpoints(str(path)), Header.of([], {}, {})
for n in (1, 2):
    to.save(lambda: {"n": n}, header).result()
path.chmod(0o777)
(path / "snapshot-0000000002").chmod(0)
if os.getuid() == 0:
    os.setuid(54321)
try:
    next(Checkpoints(sys.argv[1]).newest())
except SnapshotError as error:
    print(error, isinstance(error, SnapshotDamagedError))
print(*sorted(file.name for file in path.iterdir()))
"""


def test_one_without_permission_to_read_is_one_line_and_is_not_passed_over() -> None:
    """It may be whole, and what came after the one before it would be lost."""
    with TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        at = f"{above}/snapshots"
        assert script(UNREADABLE, Path(at)) == [
            f"{at}/snapshot-0000000002: Permission denied False",
            "snapshot-0000000001 snapshot-0000000002",
        ]


def test_one_of_another_feature_set_is_one_line_and_is_not_passed_over(tmp_path: Path) -> None:
    to = Checkpoints(str(tmp_path))
    save(to, 1)
    other = Header.of(["bias", "amount"], {}, {})
    to.save(lambda: state(2), other).result(30)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    found = next(Checkpoints(str(tmp_path)).newest())
    with pytest.raises(SnapshotError) as raised:
        demand(found.header, ["bias"], {}, f"{tmp_path}/{found.name}")
    assert not isinstance(raised.value, SnapshotDamagedError)
    assert str(raised.value).startswith(
        f"{tmp_path}/snapshot-0000000002: of another feature set: has amount. "
    )
    assert "\n" not in str(raised.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_an_old_one_that_cannot_be_removed_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    to = Checkpoints(str(tmp_path), keep=1)
    save(to, 1)

    def refuse(_: LocalFolder, name: str) -> None:
        raise SnapshotError(f"{name}: Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "remove", refuse)
        assert save(to, 2) == "snapshot-0000000002"
    assert caplog.messages == ["snapshot-0000000001: Operation not permitted"]
    assert [one.state["n"] for one in to.newest()] == [2, 1]
    save(to, 3)
    assert names(to._folder) == ["snapshot-0000000003"]


def script(code: str, path: Path) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SnapshotError, match=r"/file: File exists$"):
        Checkpoints(str(tmp_path / "file"))
    with pytest.raises(SnapshotError, match=r"/file/below: Not a directory$"):
        Checkpoints(str(tmp_path / "file" / "below"))


def test_a_back_end_that_is_not_there_is_one_line() -> None:
    with pytest.raises(SnapshotError, match=r"^nowhere://x: .*Protocol not known: nowhere"):
        Checkpoints("nowhere://x")


def test_a_folder_that_goes_away_is_one_line(tmp_path: Path) -> None:
    to = Checkpoints(str(tmp_path / "a"))
    (tmp_path / "a").rmdir()
    assert failed(to).endswith("a/snapshot-0000000001: No such file or directory")
    (tmp_path / "a").mkdir()
    assert save(to, 1) == "snapshot-0000000002"


def test_a_back_end_that_fails_half_way_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://failing-{os.getpid()}"
    to = Checkpoints(url)
    save(to, 1)

    def fail(*_: Any, **__: Any) -> None:
        raise TimeoutError("the other end\nis silent")

    with monkeypatch.context() as patched:
        patched.setattr(type(fsspec.filesystem("memory")), "mv", fail)
        line = failed(to)
    assert line == f"{url}/snapshot-0000000002: TimeoutError: the other end is silent"
    assert [one.state["n"] for one in Checkpoints(url).newest()] == [1]
    assert Checkpoints(url)._folder.names() == ["snapshot-0000000001"]


def test_what_cannot_be_saved_is_said_and_costs_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    to = Checkpoints(str(tmp_path))
    save(to, 1)
    assert "failed, as said above" in failed(to, {"a": object()})
    assert "TypeError: a: nothing of type object goes into a snapshot" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot-0000000001"]


def test_keep_is_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep = 0: expected 1 or more"):
        Checkpoints(str(tmp_path), keep=0)


KILLED = """
import os, signal, sys, threading
import numpy as np
from stream.checkpoint import Checkpoints
from stream.snapshot_header import Header
to, header, n = Checkpoints(sys.argv[1], keep=2), Header.of([], {}, {}), 0
big = np.ones(2_000_000)
print("ready", flush=True)
while True:
    n += 1
    to.save(lambda: {"n": n, "big": big * n}, header).result()
"""


def test_killed_at_any_moment_the_newest_is_whole(tmp_path: Path) -> None:
    last = 0
    for wait in (0.0, 0.01, 0.03, 0.1, 0.2):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
        found = [path for path in tmp_path.iterdir() if not path.name.endswith(".part")]
        whole = list(Checkpoints(str(tmp_path), keep=2).newest())
        assert len(whole) == len(found) <= 3  # killed between the new one and the removal
        for one in whole:
            assert np.all(one.state["big"] == one.state["n"])
        numbers = [one.header.sequence for one in whole]
        assert max(numbers, default=0) >= last
        last = max(numbers, default=0)


def test_scoring_is_not_held_up(tmp_path: Path) -> None:
    """100 MB here; docs/adr/0007 has the figures for a monitor of 1,000,000 keys."""
    to = Checkpoints(str(tmp_path))
    array = np.ones(12_500_000)
    pauses = []
    for _ in range(3):
        started = time.perf_counter()
        saved = to.save(lambda: {"array": array}, HEADER)
        pauses.append(time.perf_counter() - started)
        saved.result(60)
    assert min(pauses) < 0.1


def test_saving_from_another_thread_works_too(tmp_path: Path) -> None:
    done: list[str] = []
    thread = threading.Thread(target=lambda: done.append(save(Checkpoints(str(tmp_path)), 1)))
    thread.start()
    thread.join()
    assert done == ["snapshot-0000000001"]
