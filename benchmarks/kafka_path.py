"""`make bench`: Kafka to Kafka, ours beside others at the same job, and beside loops that do none.

All read the same topics of events and of labels, three partitions and one, and append a score for
each event to a topic of their own; each is a process, one after another, in interleaved rounds.
Ours does it exactly once, with a journal; the others commit once a second, at least once. Time goes
by the broker's clock, from the first score's append to the last one's, without the start: so there
must be many more events than are polled at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic
from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from benchmarks.row import NOT_MEASURED, Row
from deploy.kafka.broker import Broker
from stream.commands.progress import bar
from stream.generate import Stream, transactions
from tests.live.service import Stage

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers"
PARTITIONS = 3
DELAY = 7_200.0  # seconds of event time that labels come late
SILENT = 120.0  # seconds without a further score after which one is said not to run
KAFKA_PYTHON, LIBRDKAFKA = "kafka-python", "librdkafka"

NAMES = {
    KAFKA_PYTHON: "Kafka to Kafka, every event scored to a topic, kafka-python",
    LIBRDKAFKA: "Kafka to Kafka, every event scored to a topic, librdkafka",
}


class Peer(NamedTuple):
    """Somebody else at the job: what to run, and what it stands on."""

    module: str
    name: str
    packages: Sequence[str]


RIVER = Peer("river_on_kafka_python", "River's loop on kafka-python", ("river", "kafka-python"))
QUIX = Peer("river_on_quix", "River's loop on Quix Streams", ("quixstreams", "confluent-kafka"))
FAUST = Peer("river_on_faust", "River's loop on Faust", ("faust-streaming", "aiokafka"))
EMPTY = Peer("empty_on_kafka_python", "an empty kafka-python loop", ("kafka-python",))
EMPTY_CONFLUENT = Peer("empty_on_confluent", "an empty confluent-kafka loop", ("confluent-kafka",))
WANTED = [
    (KAFKA_PYTHON, RIVER, 2.2), (KAFKA_PYTHON, QUIX, 2.0), (KAFKA_PYTHON, FAUST, 3.0),
    (KAFKA_PYTHON, EMPTY, 0.7), (LIBRDKAFKA, QUIX, 8.0), (LIBRDKAFKA, EMPTY_CONFLUENT, 0.4),
]  # fmt: skip


class Track:
    """A broker with topics of events and labels that all read."""

    def __init__(self, kafka: str, folder: Path, events: int) -> None:
        self.kafka, self.folder, self.events = kafka, folder, events
        self._input = Stage(kafka, folder, PARTITIONS, create=("events", "labels"))
        events_of, labels = [], []
        for number, event in enumerate(transactions(Stream(events=events, seed=5, fraud=0.05))):
            truth, late = event.pop("label"), event["ts"] + DELAY
            at = round(event["ts"] * 1_000)
            events_of.append((json.dumps(event).encode(), number % PARTITIONS, at))
            label = {"id": event["id"], "label": truth, "ts": late}
            labels.append((json.dumps(label).encode(), 0, round(late * 1_000)))
        self._input.produce("events", events_of)
        self._input.produce("labels", labels)
        self.topics = self._input.topics

    def _scores(self, topic: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        admin.create_topics(
            [NewTopic(topic, 1, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})]
        )
        admin.wait_for_topics([topic])
        admin.close()

    def ours(self, client: str) -> float:
        """Events a second of Streamgauge with this client."""
        stage = Stage(
            self.kafka, self.folder, create=("alerts", "dead_letters", "drifts", "journal"),
            settings=f'max_wait = "60s"\nclient = "{client}"\n',
        )  # fmt: skip
        self._scores(stage.topics["scores"])
        command = [sys.executable, "-m", "stream.cli", "run", str(stage.config)]
        for name, value in {
            "kafka.topics.events": self.topics["events"],
            "kafka.topics.labels": self.topics["labels"],
            "kafka.commit_interval": "1s",
            "snapshot.url": "",
        }.items():
            command += ["--set", f"{name}={value}"]
        return self._rate(command, stage.topics["scores"])

    def theirs(self, peer: Peer) -> float:
        """Events a second of a peer."""
        group = uuid.uuid4().hex[:8]
        self._scores(f"{group}-scores")
        command = [str(PEERS / "bin" / "python"), "-m", f"benchmarks.peers.{peer.module}"]
        command += [
            self.kafka, self.topics["events"], self.topics["labels"], f"{group}-scores", group,
        ]  # fmt: skip
        return self._rate(command, f"{group}-scores")

    def _rate(self, command: Sequence[str], scores: str) -> float:
        with (self.folder / f"{scores}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
            try:
                stamps = self._stamps(scores)
            finally:
                process.kill()
                process.wait()
        if stamps is None:
            print((self.folder / f"{scores}.log").read_text(errors="replace")[-2_000:])
            return NOT_MEASURED
        first, last = min(stamps), max(stamps)
        return 1_000.0 * sum(stamp > first for stamp in stamps) / (last - first)

    def _stamps(self, topic: str) -> list[int] | None:
        """When the broker has appended each score; None if they do not all come."""
        consumer = KafkaConsumer(bootstrap_servers=self.kafka, isolation_level="read_committed")
        at = TopicPartition(topic, 0)
        consumer.assign([at])
        consumer.seek_to_beginning(at)
        stamps: list[int] = []
        heard = time.monotonic()
        # It looks rarely, so that it takes no time from those who are measured.
        while len(stamps) < self.events and time.monotonic() - heard < SILENT:
            end = consumer.end_offsets([at])[at]
            if end < self.events:
                heard = heard if end <= len(stamps) else time.monotonic()
                time.sleep(0.5)
                continue
            for records in consumer.poll(500).values():
                stamps += [record.timestamp for record in records]
                heard = time.monotonic()
        consumer.close()
        return stamps if len(stamps) >= self.events else None


def installed() -> None:
    """Have the peers' virtual environment."""
    if not (PEERS / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        pip = [str(PEERS / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        wanted = ["-r", str(ROOT / "benchmarks" / "peers" / "requirements.txt"), "-e", str(ROOT)]
        subprocess.run([*pip, *wanted], check=True)
        (PEERS / "installed").touch()


def versions(packages: Sequence[str]) -> str:
    """Of packages in the peers' environment."""
    code = "import sys; from importlib.metadata import version as v; "
    code += "print(', '.join(f'{p} {v(p)}' for p in sys.argv[1:]))"
    command = [str(PEERS / "bin" / "python"), "-c", code, *packages]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def rows(events: int = 100_000, rounds: int = 3) -> Iterator[Row]:
    """Measure, and give the rows of the table."""
    installed()
    peers = list(dict.fromkeys(peer for _, peer, _ in WANTED))
    ours: dict[str, list[float]] = {client: [] for client in NAMES}
    theirs: dict[Peer, list[float]] = {peer: [] for peer in peers}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamgauge-")))
        broker = Broker(folder / "kafka", extra={"log.retention.ms": "-1"})
        broker.start()
        stack.callback(broker.stop)
        track = Track(broker.bootstrap, folder, events)
        progress, task = stack.enter_context(bar("Kafka to Kafka", rounds * (len(peers) + 2)))
        for _ in range(rounds):
            for client, rates in ours.items():
                rates.append(track.ours(client))
                progress.advance(task)
            for peer, rates in theirs.items():
                rates.append(track.theirs(peer))
                progress.advance(task)
    for client, peer, wanted in WANTED:
        yield Row(
            name=NAMES[client], peer=peer.name, versions=versions(peer.packages),
            ours=statistics.median(ours[client]), theirs=statistics.median(theirs[peer]),
            unit="events/s", wanted=wanted,
            note="" if all(rate > 0 for rate in theirs[peer]) else "a run did not finish",
        )  # fmt: skip


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = list(rows(arguments.events, arguments.rounds))
    if arguments.json:
        print(json.dumps([row.as_json() for row in found], indent=2))
        return
    table = Table(
        title=f"{arguments.events:,} events and as many labels, medians of {arguments.rounds}",
        caption=f"broker and all others on the same cores; {processor()}",
    )
    for column in ("run", "beside", "ours, events/s", "theirs", "ratio", "wanted"):
        table.add_column(column)
    for row in found:
        table.add_row(
            row.name, f"{row.peer} ({row.versions})", f"{row.ours:,.0f}", f"{row.theirs:,.0f}",
            f"{row.ratio:.2f} x", f"{row.wanted:g} x",
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
