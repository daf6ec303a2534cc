"""`warm.py EXAMPLES`: has numba compile, into $NUMBA_CACHE_DIR, what the example configs need.

The Dockerfile runs it. Each kind of stream goes through scoring, learning, alerts, drift, and a
snapshot and its way back, with one arm and with many; and batches of Kafka's are read and written.
"""

import sys
import tempfile
from pathlib import Path

import msgspec

from stream import build, config
from stream.commands.generate import KINDS
from stream.inlets import whole_batches
from stream.outlets import blocks
from stream.replay import replay
from stream.sinks.files import FileSink
from stream.sources.recording import RecordingSource
from stream.wire.writing import Texts, partitions

EVENTS = 2_000
LABEL_DELAY = 3600.0
MANY = ["challengers=default", "decision.mode=mixture"]
SETS: dict[str, list[list[str]]] = {
    "transactions": [MANY, ["features.aggregates=sliding", "alerts.budget=9/day"]],
    "emails": [[]],
    "metrics": [[]],
}


def warm(file: Path, recording: Path, sets: list[str]) -> None:
    """Run what the config needs."""
    settings = config.load(file, config.overrides(sets))
    topics = settings.kafka.topics
    monitor = build.monitor(settings)
    source = RecordingSource(
        [recording], build.fields(settings), topics.events, topics.labels, LABEL_DELAY, 500,
        monitor.codec,
    )  # fmt: skip
    scores, alerts, drifts = (recording.with_suffix(f".{out}") for out in ("s", "a", "d"))
    replay(source, monitor, FileSink(scores, alerts, drifts=drifts))
    build.monitor(settings).restore(monitor.snapshot())


def main(examples: Path) -> None:
    """All of them."""
    partitions(Texts([b"key"]), 2)
    if not (whole_batches.as_expected() and blocks.as_expected()):
        sys.exit("this kafka-python is not the one that whole batches were written for")
    with tempfile.TemporaryDirectory() as folder:
        for kind, variants in SETS.items():
            recording = Path(folder, kind)
            _, made = KINDS[kind]({"events": EVENTS})
            recording.write_bytes(b"\n".join(map(msgspec.json.encode, made)))
            for sets in variants:
                warm(examples / f"{kind}.toml", recording, sets)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
