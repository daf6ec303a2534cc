"""A copy of the process: its memory stays as it was, and how it ended is told."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numba.core import compiler_lock

from stream.forked import Forked


def in_copy(tmp_path: Path, act: Callable[[int], None]) -> bytes:
    with (tmp_path / "out").open("wb") as file:
        Forked(lambda: act(file.fileno()), file.fileno()).wait()
    return (tmp_path / "out").read_bytes()


def test_the_copy_sees_memory_as_it_was(tmp_path: Path) -> None:
    array = np.zeros(1000, np.uint8)
    with (tmp_path / "out").open("wb") as file:

        def act() -> None:
            time.sleep(0.1)
            os.write(file.fileno(), array.tobytes())

        forked = Forked(act, file.fileno())
        array[:] = 1
        forked.wait()
    assert (tmp_path / "out").read_bytes() == bytes(1000)


def test_an_error_of_the_system_comes_back(tmp_path: Path) -> None:
    def act(_: int) -> None:
        raise OSError(errno.ENOSPC, "no matter")

    with pytest.raises(OSError, match="No space left on device"):
        in_copy(tmp_path, act)


def test_any_other_error_is_said_where_it_happens(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def act(_: int) -> None:
        raise KeyError("what is wrong")

    with pytest.raises(OSError, match="failed, as said above"):
        in_copy(tmp_path, act)
    assert "KeyError: 'what is wrong'" in capfd.readouterr().err


def test_a_copy_that_is_killed_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ended by signal 9"):
        in_copy(tmp_path, lambda _: os.kill(os.getpid(), signal.SIGKILL))


def test_a_stop_is_for_the_original(tmp_path: Path) -> None:
    def act(number: int) -> None:
        for sent in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), sent)
        os.write(number, b"done")

    assert in_copy(tmp_path, act) == b"done"


def test_the_copy_holds_no_port() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    ours, theirs = socket.socketpair()

    def act() -> None:
        theirs.send(b"started")
        theirs.recv(1)

    with ours, theirs:
        forked = Forked(act, theirs.fileno())
        assert ours.recv(10) == b"started"
        server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        ours.send(b"x")
        forked.wait()


def test_the_copy_flushes_nothing_of_the_original(tmp_path: Path) -> None:
    with (tmp_path / "other").open("w") as other:
        other.write("once")
        in_copy(tmp_path, lambda _: None)
    assert (tmp_path / "other").read_text() == "once"


def test_threads_that_hold_locks_do_not_matter(tmp_path: Path) -> None:
    """And Python 3.12 and later do not warn: a warning is an error here."""

    def write_x(number: int) -> None:
        os.write(number, b"x")

    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert in_copy(tmp_path, write_x) == b"x"
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_system_without_room_for_a_process_says_so() -> None:
    code = (
        "import os, resource\n"
        "from stream.forked import Forked\n"
        "os.setuid(54321)\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\n"
        "try: Forked(lambda: None, 1)\n"
        "except OSError as error: print(error.strerror)\n"
    )
    if os.getuid() != 0:
        code = code.replace("os.setuid(54321)\n", "")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout == "Resource temporarily unavailable\n", run.stderr


def test_waits_for_whoever_compiles(tmp_path: Path) -> None:
    """Else the lock would be taken for ever in the copy, and the copy wait for it."""
    compiling, has_it = compiler_lock.global_compiler_lock, threading.Event()

    def compile_for_long() -> None:
        with compiling:
            has_it.set()
            time.sleep(0.3)

    thread = threading.Thread(target=compile_for_long)
    thread.start()
    assert has_it.wait(10)
    with (tmp_path / "out").open("wb") as file:

        def act() -> None:
            with compiling:
                file.write(b"done")
                file.flush()

        Forked(act, file.fileno()).wait()
    thread.join()
    assert (tmp_path / "out").read_bytes() == b"done"
