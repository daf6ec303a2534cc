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
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.kafka.broker import Broker
from tests.live.crashing import COMMAND
from tests.live.service import Service, Stage, eventually
from tests.live.test_exactly_once import PARTITIONS, PATIENT, fill, finished, scored

WEIGHTS = {"worker": 6, "standby": 1, "sleep": 1, "broker": 2}
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


class Chaos:
    """Kills at random, and starts again.

    Parameters
    ----------
    broker, workers
        Whom it may meet.
    draw
        The seeded chance.
    """

    def __init__(self, broker: Broker, workers: Workers, draw: random.Random) -> None:
        self._broker = broker
        self._workers = workers
        self._draw = draw
        self.longest = 0.0  # seconds until somebody was at work again

    def strike(self) -> str:
        """Once; says at what."""
        time.sleep(self._draw.uniform(0.0, 3.0))
        first, second = self._workers.two
        worker = self._workers.at_work() or self._draw.choice([first, second])
        other = second if worker is first else first
        what = self._draw.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if what == "broker":
            self._broker.kill()
            self._broker.start()
        elif what == "sleep":
            worker.send(signal.SIGSTOP)
            eventually(lambda: _ready(other) or not other.running, "the standby", 60)
            worker.send(signal.SIGCONT)
        else:
            (worker if what == "worker" else other).kill()
        struck = time.monotonic()
        self.wait()
        self.longest = max(self.longest, time.monotonic() - struck)
        return what

    def wait(self) -> Service:
        """Start who has ended, and wait until one is at work."""
        self._workers.again()
        eventually(lambda: self._workers.at_work() is not None, "somebody at work", 120)
        return self._workers.at_work() or self.wait()


def main() -> None:
    """Kill, and count."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamgauge-chaos-")))
        broker = stack.enter_context(Broker(extra={"log.retention.ms": "-1"}))
        stage = Stage(broker.bootstrap, folder, PARTITIONS, settings=PATIENT)
        expected = fill(stage, arguments.events)
        print(f"{len(expected):,} events; seed {arguments.seed}", flush=True)
        chaos = Chaos(broker, Workers(stage, stack), random.Random(arguments.seed))
        chaos.wait()
        for number in range(1, arguments.kills + 1):
            what = chaos.strike()
            print(f"{number:3} {what:8} at {chaos.wait().state()['events']:>7,}", flush=True)
        finished(chaos.wait(), expected)
        found = scored(stage, expected)
    if found != expected:
        sys.exit(f"{len(found):,} scores for {len(expected):,} events, or others than expected")
    print(
        f"{arguments.kills} times struck, at most {chaos.longest:.1f} s until somebody was at work "
        f"again; {len(found):,} scores, each once and the same to the bit; "
        f"{time.monotonic() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
