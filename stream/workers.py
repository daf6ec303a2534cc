"""Where the work of a comparison is done: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Generator, MutableSequence, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stream.errors import ConfigError, WorkersError

T = TypeVar("T")
Shipped = Sequence[tuple[str, bytes]]  # names and contents of files

MOST = 4_096  # places for progress
CONNECT = 10.0  # seconds to wait for a scheduler

_read: MutableSequence[int] | None = None  # in a process: bytes read, by place


def progress(place: int, done: int) -> None:
    """Say, from inside of a process, how many bytes are read."""
    if _read is not None:
        _read[place % MOST] = done


def _begin(read: MutableSequence[int]) -> None:
    global _read  # noqa: PLW0603 - the one thing that a process is told when it starts
    _read = read
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback


@dataclass(frozen=True, slots=True)
class Workers:
    """An executor, how much it does at a time, and how far it is."""

    executor: Executor
    slots: int
    share: Callable[[int], float]
    shipped: Any = None

    def submit(self, do: Callable[..., T], *given: Any) -> Future[T]:
        """Have something done; its last argument is the recordings, where they must travel."""
        return self.executor.submit(do, *given, self.shipped)


Start = Callable[[], AbstractContextManager[Workers]]


def processes(jobs: int, total_bytes: int) -> Start:
    """Processes of this machine, started anew, so that they share nothing."""

    @contextmanager
    def start() -> Generator[Workers]:
        context = multiprocessing.get_context("spawn")
        read = context.RawArray("q", MOST)

        def share(count: int) -> float:
            return float(sum(read[:count])) / max(1, total_bytes * count)

        with ProcessPoolExecutor(jobs, context, _begin, (read,)) as pool:
            try:
                yield Workers(pool, jobs, share)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    return start


def cluster(address: str, recordings: Sequence[Path]) -> Start:
    """A Dask cluster, whose workers have Streamgauge installed; the recordings travel there.

    Raises
    ------
    ConfigError
        If Dask is not installed.
    """
    try:
        import distributed  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigError(
            f"--dask {address}: Dask is not installed; the extra `dask` brings it"
        ) from None
    connect: Any = distributed.Client  # it has no types
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters comes as one line

    @contextmanager
    def start() -> Generator[Workers]:
        try:
            client = connect(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise WorkersError(f"--dask {address}: {reason}") from None
        with client:
            slots = sum(client.nthreads().values())
            if not slots:
                raise WorkersError(f"--dask {address}: the cluster has no workers")
            files = [(path.name, path.read_bytes()) for path in recordings]
            shipped = client.scatter([files], hash=False)[0]
            with client.get_executor(pure=False) as executor:
                yield Workers(executor, slots, lambda _: 0.0, shipped)

    return start
