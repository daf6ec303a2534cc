"""Monitors of several partitions in one process: what is in the polls changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from stream import build
from stream.cli import app
from stream.config import Config
from stream.events import Record
from stream.generate import Stream, transactions
from stream.keys import Keys
from stream.partitioned import Partitioned, partition_of
from tests.stream.streams import config, polls, stream

COUNT = 3


def several(every: str = "6h") -> Config:
    return config(partitions={"scope": "partition", "local": ["terminal"], "mix_every": every})


def fingerprints(made: Config, records: list[Record], size: int) -> list[str]:
    monitors = Partitioned(made, COUNT)
    for poll in polls(records, size):
        monitors.step(poll)
    return [monitor.chain.hex for monitor in monitors.monitors]


def test_polls_change_nothing() -> None:
    records = stream(1_000)
    assert fingerprints(several(), records, 7) == fingerprints(several(), records, 700)


def test_without_mixing_each_is_alone() -> None:
    records, made = stream(1_500), several("0s")
    keys, alone = Keys(made), [build.monitor(made) for _ in range(COUNT)]
    for record in records:
        alone[partition_of(keys.of(record), COUNT)].step([record])
    assert fingerprints(made, records, 100) == [monitor.chain.hex for monitor in alone]
    assert fingerprints(several(), records, 100) != [monitor.chain.hex for monitor in alone]


def test_those_that_mix_come_to_weights_that_are_close() -> None:
    def spread(every: str) -> float:
        monitors = Partitioned(several(every), COUNT)
        monitors.step(stream(2_000))
        arms = [monitor.arms[0].model for monitor in monitors.monitors]
        return float(np.std([arm.weights for arm in arms], axis=0).sum())  # type: ignore[attr-defined]

    assert spread("1h") < 0.5 * spread("0s")


@pytest.mark.parametrize(
    ("key", "hashed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536),
     (b"a-little-bit-longer-string", -1486304829), (b"abc", 479470107)],
)  # fmt: skip
def test_partitions_are_those_of_kafka_s_producers(key: bytes, hashed: int) -> None:
    """The hashes are those of the tests of Kafka's own client (UtilsTest.testMurmur2)."""
    assert partition_of(key, 8) == (hashed & 0x7FFFFFFF) % 8


def test_replay_goes_by_partitions(tmp_path: Path) -> None:
    config_file, recording, scores = (tmp_path / n for n in ("c.toml", "r.jsonl", "s.jsonl"))
    config_file.write_text(
        '[features]\nmax_keys = 1000\n[partitions]\nscope = "partition"\nlocal = ["terminal"]\n'
        "[labels]\nper_source = 20\n"
    )
    events = list(transactions(Stream(events=400, seed=3)))
    recording.write_text("".join(f"{json.dumps(event)}\n" for event in events))

    def replay(*options: str) -> Result:
        command = ["replay", str(recording), "--config", str(config_file), *options]
        return CliRunner().invoke(app, [*command, "--label-delay", "1h"])

    done = replay("--partitions", "3", "--scores", str(scores))
    assert done.exit_code == 0, done.output
    assert done.output.count("fingerprint of scores") == 3
    assert " labels were more than their source may give (labels.per_source)" in done.output
    lines = scores.read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(e["id"] for e in events)
    for options, line in [
        (("--from", "x"), "--from goes with one monitor, and --partitions has several"),
        (
            ("--set", "partitions.scope=all"),
            '--partitions goes with partitions.scope = "partition"',
        ),
    ]:
        refused = replay("--partitions", "3", *options)
        assert refused.exit_code == 2
        assert line in refused.output
