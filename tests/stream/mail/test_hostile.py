"""No message costs more than the issue allows; none is lost; none is read out of bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stream.codec import REASONS
from tests.stream.mail.hostile import MAKERS, MAX_RECORD, SIZES, messages
from tests.stream.mail.within_bounds import RANDOM

ROOT = Path(__file__).parents[3]
# A bound on what grows out of all measure, which takes seconds: at rest the slowest takes 40 ms,
# and several times that where others are at work on the same cores.
MAX_MS, MAX_MIB = 400.0, 64.0


def run(module: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.stream.mail.{module}"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_messages_are_many_and_as_large_as_they_can_be() -> None:
    made = [message for _, message in messages()]
    assert len(set(made)) >= 200
    assert max(map(len, made)) > 0.74 * MAX_RECORD
    assert len(MAKERS) * len(SIZES) == len(made)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_every_record_is_scored_or_refused_in_time_and_memory() -> None:
    # Large buffers go straight back to the system, so each record is seen to ask for its own.
    malloc = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    records = [json.loads(line) for line in run("measure", **malloc).splitlines()]
    assert len(records) == 2 * len(MAKERS) * len(SIZES) + 1
    slowest = max(records, key=lambda each: each["ms"])
    largest = max(records, key=lambda each: each["mib"])
    sys.stdout.write(f"slowest: {_told(slowest)}\nlargest: {_told(largest)}\n")
    assert {each["outcome"] for each in records} <= {"alert", "scored", *REASONS}
    assert sum(each["outcome"] == "alert" for each in records) > len(records) / 2
    assert slowest["ms"] <= MAX_MS, _told(slowest)
    assert largest["mib"] <= MAX_MIB, _told(largest)
    assert largest["mib"] > 1.0  # the measure does measure


def _told(record: Mapping[str, Any]) -> str:
    return "{name}: {outcome}, {bytes} bytes, {ms:.1f} ms, {mib:.1f} MiB".format(**record)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_index_is_out_of_bounds(tmp_path: Path) -> None:
    """The compiled code once more, with a check at every index: it raises where it is beyond."""
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    assert run("within_bounds", **checked).split() == [
        "IndexError",
        str(len(MAKERS) * len(SIZES) + RANDOM),
    ]
