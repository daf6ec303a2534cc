"""`make bench`: the model alone on dense vectors, beside CapyMOA's learners (Java under Python).

Both get the same numbers, event by event: a score, then the label. Both sides have warmed up: ours
has compiled, and Java's has been through 5,000 events.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.kafka_path import PEERS, installed
from benchmarks.kafka_path import versions as peers_versions
from benchmarks.model import DENSE_RATES, dense, ours
from benchmarks.row import Row
from models.optimizers import AdaGrad

CHILD = Path(__file__).parent / "peers" / "dense_on_capymoa.py"
EVENTS = 20_000  # whole polls of `benchmarks.model`


def rows(rounds: int = 3) -> Iterator[Row]:
    """Ours with AdaGrad beside each of theirs."""
    installed()
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as name:
        folder = Path(name)
        problem = dense(EVENTS, folder, np.random.default_rng(4))
        given = folder / "given.npz"
        x = np.concatenate([steps.vectors.dense[::2, 1:] for steps in problem.polls])
        np.savez(given, x=x, y=problem.y.astype(np.int64))
        run = ours(problem, AdaGrad(), DENSE_RATES["AdaGrad"])
        run(EVENTS)
        mine: list[float] = []
        theirs: dict[str, list[float]] = {}
        for _ in range(rounds):
            began = time.perf_counter()
            run(EVENTS)
            mine.append(time.perf_counter() - began)
            command = [str(PEERS / "bin" / "python"), str(CHILD), str(given)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            for learner, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                theirs.setdefault(learner, []).append(seconds)
    for learner, seconds in theirs.items():
        yield Row(
            name="model only, dense, AdaGrad", peer=f"CapyMOA's {learner}",
            versions=peers_versions(["capymoa"]), ours=1e6 * statistics.median(mine) / EVENTS,
            theirs=1e6 * statistics.median(seconds) / EVENTS, unit="us/event", wanted=20.0,
        )  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        print(row, f"{row.ratio:.2f}")
