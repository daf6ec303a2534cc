"""What more workers bring: a group of 1, 2 and 4 over the same eight partitions, Kafka to Kafka.

Measured is the time in which every partition has work and every worker a share. Once with a model
that costs next to nothing, so that the broker and its clients are most of the work, and once with
arms that cost many times what the broker does; beside the rates is who had which cores.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from deploy.kafka.broker import Broker
from tests.live.by_partition import events_of, fill, stage_of
from tests.live.service import Service, eventually

PARTITIONS = 8
# They sleep while topics are filled, and stay in the group.
QUICK = "--set", "kafka.commit_interval=1s", "--set", "snapshot.url="
PATIENT = "--set", "kafka.session_timeout=90s"
# What is scored with, and the share of the events that will do to measure it.
CHALLENGERS = ",".join(f'{{ name = "{name}", engine = "river" }}' for name in "abc")
RIVER = ("--set", "model.engine=river", "--set", f"challengers=[{CHALLENGERS}]")
LOADS: dict[str, tuple[Sequence[str], float]] = {
    "one compiled arm": ((), 1.0),
    "four arms of River's": (RIVER, 0.1),
}
console = Console(width=110, highlight=False)


def shared(workers: Sequence[Service]) -> bool:
    """Whether all partitions are at work, and each worker has its share."""
    try:
        sizes = [len(worker.state()["partitions"]) for worker in workers]
        ready = all(worker.get("/readyz").status_code == 200 for worker in workers)
    except httpx.HTTPError:  # one that starts on a busy machine is slow to answer
        return False
    return ready and sum(sizes) == PARTITIONS and max(sizes) - min(sizes) <= 1


class Rate(NamedTuple):
    """What came of one run.

    Attributes
    ----------
    events
        A second.
    worker, broker
        Microseconds of a core that workers and the broker took for an event.
    of_workers, of_broker, of_others
        Cores that each had: of this machine all the others.
    """

    events: float
    worker: float
    broker: float
    of_workers: float
    of_broker: float
    of_others: float


def cores(processes: Sequence[int]) -> float:
    """Seconds of a core that they have taken, their threads' together."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in processes]
    ticks = sum(int(each[11]) + int(each[12]) for each in fields)
    return float(ticks / os.sysconf("SC_CLK_TCK"))


def busy() -> float:
    """The same of the whole machine."""
    ticks = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return float((sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"))  # idle, waiting


def rate(broker: Broker, folder: Path, count: int, events: int, model: Sequence[str]) -> Rate:
    """Of `count` workers, while every partition has work."""
    stage = stage_of(broker.bootstrap, folder, PARTITIONS, "max_poll_records = 2000\n")
    with ExitStack() as stack:
        workers = [
            stack.enter_context(stage.service(*QUICK, *PATIENT, *model)) for _ in range(count)
        ]
        eventually(lambda: shared(workers), "every worker has its share", 300)
        for worker in workers:
            worker.send(signal.SIGSTOP)
        places = fill(stage, events)
        for worker in workers:
            worker.send(signal.SIGCONT)

        def taken() -> list[float]:
            of_workers, of_broker = cores([w.pid for w in workers]), cores([broker.pid or 0])
            return [time.time(), of_workers, of_broker, busy() - of_workers - of_broker]

        had, before = events_of(*workers), taken()
        eventually(lambda: events_of(*workers) > 0.8 * events, "most scored", 600)
        scored, after = events_of(*workers) - had, taken()
        eventually(lambda: events_of(*workers) == events, "all scored", 600)
        time.sleep(2.0)  # the last commit
        scores = stage.read("scores", events)
    last: dict[int, float] = {}
    for record in scores:
        at = places[(record.key or b"").decode()]
        last[at] = max(last.get(at, 0.0), float(record.timestamp))
    began, ended = 1_000.0 * before[0], min(last.values())
    inside = sum(began <= record.timestamp <= ended for record in scores)
    seconds, *took = (b - a for a, b in zip(before, after, strict=True))
    return Rate(
        1_000.0 * float(inside) / (ended - began),
        *(1e6 * each / scored for each in took[:2]),
        *(each / seconds for each in took),
    )


def throughput(
    broker: Broker, folder: Path, events: int, rounds: int, counts: Sequence[int]
) -> None:
    """A table of rates for each load."""
    found: dict[str, dict[int, list[Rate]]] = {load: {n: [] for n in counts} for load in LOADS}
    for _ in range(rounds):
        for load, (model, share) in LOADS.items():
            for count, rates in found[load].items():
                rates.append(one := rate(broker, folder, count, int(share * events), model))
                console.print(f"{load}, {count} workers: {one}", soft_wrap=True)
    for load, of_load in found.items():
        table = Table(
            title=f"{load}: {LOADS[load][1] * events:,.0f} events and their labels, {PARTITIONS} "
            f"partitions, median of {rounds}",
            caption=f"broker and workers on the same {os.cpu_count()} cores; {processor()}",
        )
        for column in (
            "workers", "events/s", "of one worker's", "us of a core, worker", "broker",
            "cores of the workers", "of the broker", "of others",
        ):  # fmt: skip
            table.add_column(column, justify="right")
        for count, rates in of_load.items():
            pairs = zip(rates, of_load[counts[0]], strict=True)
            share = statistics.median(a.events / b.events for a, b in pairs)
            one = Rate(*(statistics.median(column) for column in zip(*rates, strict=True)))
            table.add_row(
                str(count), f"{one.events:,.0f}", f"{share:.2f} x", f"{one.worker:.0f}",
                f"{one.broker:.0f}", *(f"{each:.2f}" for each in one[3:]),
            )  # fmt: skip
        console.print(table)
