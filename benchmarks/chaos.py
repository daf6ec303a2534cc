"""`make chaos`: workers and broker are killed over and over, and no score may change.

Two workers of one group work off topics that were filled before. At random moments one of them, or
the broker, gets a SIGKILL, or a worker a SIGSTOP until the other has taken over; whoever ended is
started again. In the end a reader of committed records must see each event's score once, and all of
them as an undisturbed run in one process gives them, to the last bit.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.kafka.broker import Broker
from tests.live.crashing import COMMAND
from tests.live.service import Service, Stage, eventually
from tests.live.test_exactly_once import PARTITIONS, PATIENT, fill, finished, scored

SLOW = [*COMMAND, "poll:0"]  # slowed down, so that it takes many kills


class Workers:
    """Two of them, of which any may be gone at any time."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self.two = [self._start(), self._start()]

    def _start(self) -> Service:
        return self._stack.enter_context(self._stage.service(command=SLOW))

    def again(self) -> None:
        """Start those that have ended."""
        self.two = [each if each.running else self._start() for each in self.two]

    def at_work(self) -> Service | None:
        """The one that has the work, if any."""
        return next((each for each in self.two if each.running and _ready(each)), None)


def _ready(worker: Service) -> bool:
    try:
        return worker.get("/readyz").status_code == 200
    except OSError:
        return False


def main() -> None:
    """Kill, and count."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    started = time.monotonic()
    away = 0.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamgauge-chaos-")))
        broker = stack.enter_context(Broker(extra={"log.retention.ms": "-1"}))
        stage = Stage(broker.bootstrap, folder, PARTITIONS, settings=PATIENT)
        expected = fill(stage, arguments.events)
        print(f"{len(expected):,} events; seed {arguments.seed}", flush=True)
        workers = Workers(stage, stack)
        for number in range(1, arguments.kills + 1):
            eventually(lambda: workers.at_work() is not None, "somebody at work", 120)
            back = time.monotonic()
            time.sleep(draw.uniform(0.0, 3.0))
            worker = workers.at_work() or draw.choice(workers.two)
            what = draw.choices(("kill", "standby", "stop", "broker"), (6, 1, 1, 2))[0]
            if what == "kill":
                worker.kill()
            elif what == "standby":
                next(each for each in workers.two if each is not worker).kill()
            elif what == "stop":
                worker.send(signal.SIGSTOP)
                other = next(each for each in workers.two if each is not worker)
                eventually(lambda: _ready(other) or not other.running, "the standby", 60)
                worker.send(signal.SIGCONT)
            else:
                broker.kill()
                broker.start()
            killed = time.monotonic()
            workers.again()
            eventually(lambda: workers.at_work() is not None, "somebody at work", 120)
            away = max(away, time.monotonic() - killed)
            scores = _events(workers)
            print(f"{number:3} {what:8} after {killed - back:4.1f} s, at {scores:,}", flush=True)
        workers.again()
        eventually(lambda: workers.at_work() is not None, "somebody at work", 120)
        last = workers.at_work()
        assert last
        finished(last, expected)
        found = scored(stage, expected)
    if found != expected:
        sys.exit(f"{len(found):,} scores for {len(expected):,} events, or others: seed "
                 f"{arguments.seed}")  # fmt: skip
    print(
        f"{arguments.kills} times killed, at most {away:.1f} s until somebody was at work again; "
        f"{len(found):,} scores, each once and the same to the bit; {time.monotonic() - started:.0f} s"
    )


def _events(workers: Workers) -> int:
    worker = workers.at_work()
    return int(worker.state()["events"]) if worker else 0


if __name__ == "__main__":
    main()
