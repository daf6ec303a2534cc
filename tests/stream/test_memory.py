"""Memory does not grow: a long stream ends with what it held once everything was full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.stream.memory_use import SNAPSHOTS, Held

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc"),
]


def held(kind: str, folder: Path) -> Held:
    """What a process of its own held."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.stream.memory_use", kind, str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    sys.stdout.write(run.stdout)
    return msgspec.json.decode(run.stdout, type=Held)


def does_not_grow(of: Held) -> None:
    _, second, third, last = of.resident
    assert last < 1.05 * second
    assert last < 1.01 * third
    assert len(set(of.files)) == len(set(of.threads)) == 1
    assert of.snapshots == SNAPSHOTS


def test_two_million_transactions_of_two_hundred_thousand_keys(tmp_path: Path) -> None:
    """Of a quarter the most that was held: until one million, the room for examples fills up."""
    of = held("transactions", tmp_path)
    does_not_grow(of)
    assert of.resident[1] > 1.2 * of.resident[0]  # the measure does measure
    assert of.labels > 1_800_000


def test_twenty_thousand_mails(tmp_path: Path) -> None:
    of = held("mails", tmp_path)
    does_not_grow(of)
    assert of.labels > 10_000
