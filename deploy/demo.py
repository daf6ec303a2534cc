"""`make run`: a live monitor on a real Kafka topic, from nothing, until Ctrl-C.

Starts a local Kafka (or uses yours), plays a generated stream with late labels into it, runs the
service against it, and shows every few seconds how it does. Without Java or Maven the service reads
the recording directly.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from deploy.kafka.broker import Broker, BrokerUnavailable
from stream import config
from stream.errors import StreamgaugeError
from stream.kafka import create_topics

LABEL_DELAY = "2h"  # of event time: 10,000 transactions a day, so about 830 later
DRIFT_AT = "4d"
EVENTS = 400_000
EVERY = 5.0  # seconds between two lines
COMMAND = [sys.executable, "-m", "stream.cli"]


def main() -> None:
    """Bring all of it up, show it, and take it down again."""
    parser = argparse.ArgumentParser(description="A live monitor on a real Kafka topic.")
    parser.add_argument("--config", default="deploy/examples/demo.toml")
    parser.add_argument("--pace", type=float, default=400, help="records a second (%(default)s)")
    parser.add_argument("--kafka", help="host:port of your broker; by default a local one starts")
    parser.add_argument("--events", type=int, default=EVENTS, help="in all (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end by itself")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # unwinds the stack below, in order
    with ExitStack() as stack:
        try:
            _run(arguments, stack)
        except StreamgaugeError as error:
            sys.exit(str(error))


def _run(arguments: argparse.Namespace, stack: ExitStack) -> None:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamgauge-demo-")))
    recording = folder / "stream.jsonl"
    kafka = arguments.kafka or _local_kafka(stack)
    _say("generating a stream of transactions with fraud")
    generate = [*COMMAND, "generate", str(recording), "--events", str(arguments.events)]
    subprocess.run([*generate, "--drift-at", DRIFT_AT], check=True, stdout=subprocess.DEVNULL)
    port = _port()
    sets = ["--set", f"http.port={port}"]
    late = ["--pace", str(arguments.pace), "--label-delay", LABEL_DELAY]
    if kafka:
        sets += ["--set", f"kafka.bootstrap={kafka}"]
        if not arguments.kafka:  # ours is empty at each start, and so are its snapshots
            sets += ["--set", f"snapshot.url={folder}/snapshots"]
        settings = config.load(Path(arguments.config), config.overrides(sets[1::2]))
        create_topics(settings.kafka, settings.kafka.topics.names)
        stack.enter_context(_child([*COMMAND, "run", arguments.config, *sets]))
        play = [*COMMAND, "play", str(recording), "--config", arguments.config, *late, *sets]
        stack.enter_context(_child(play, quiet=True))
    else:
        run = [*COMMAND, "run", arguments.config, "--recording", str(recording), *late, *sets]
        stack.enter_context(_child([*run, "--scores", str(folder / "scores.jsonl")]))
    page = f"http://127.0.0.1:{port}"
    _say(f"live page  {page}")
    _say(f"metrics    {page}/metrics")
    if kafka:
        _say(f"scores     topic {settings.kafka.topics.scores} at {kafka}")
    _say(f"labels come {LABEL_DELAY} late in event time; fraud changes its ways after {DRIFT_AT}")
    _say("Ctrl-C ends all of it")
    _watch(f"{page}/api/state", time.monotonic() + arguments.seconds)


def _local_kafka(stack: ExitStack) -> str | None:
    """Address of a Kafka of our own; None where that cannot be."""
    try:
        _say("starting Kafka (the first time, Maven fetches it)")
        return stack.enter_context(Broker()).bootstrap
    except BrokerUnavailable as error:
        _say(f"{error}: the service reads the recording directly")
        return None


@contextlib.contextmanager
def _child(command: list[str], *, quiet: bool = False) -> Generator[None]:
    """A process of ours; it is told to stop, and waited for, when the block ends."""
    # A session of its own: Ctrl-C comes to us alone, and we end the others in order.
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL if quiet else None
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(url: str, end: float) -> None:
    """A line of figures every few seconds."""
    last: tuple[float, int] | None = None
    while time.monotonic() < end:
        time.sleep(EVERY)
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                state: dict[str, Any] = json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            continue  # still starting, or ended: its own log says why
        now, events = time.monotonic(), state["events"]
        if not (events and state["lag"]):  # before the first poll is through, nobody knows
            continue
        rate = (events - last[1]) / (now - last[0]) if last else 0.0
        last = (now, events)
        drifts = sum(detector["count"] for detector in state["drifts"])
        faded = state["faded"]
        _say(
            f"{events:>8,} events {rate:6.0f}/s  {state['labels']:>8,} labels  "
            f"error {_percent(faded['error'])}  log-loss {_digits(faded['log_loss'])}  "
            f"{state['alerts']:>5,} alerts  {drifts} drifts  lag {sum(state['lag'].values()):,}"
        )


def _percent(value: float | None) -> str:
    return "   -  " if value is None else f"{100 * value:5.2f}%"


def _digits(value: float | None) -> str:
    return "  -   " if value is None else f"{value:.4f}"


def _port() -> int:
    """Port 8000 if it is free, else any that is."""
    for port in (8000, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
