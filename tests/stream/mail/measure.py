"""What one record costs a whole monitor of mails: a program, so that memory is its own.

Prints a line of JSON for each hostile message in each form: what became of it, milliseconds (the
best of three), and by how many MiB the most memory it had resident meanwhile was more than before.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stream import build
from stream.config import load
from stream.events import Record
from stream.monitor import Monitor
from tests.stream.mail.hostile import MAX_RECORD, everything, messages

CONFIG = Path(__file__).parents[3] / "deploy" / "examples" / "emails.toml"
OURS = Path("/proc/self")
# Every mail an alert, which costs the most.
OVERRIDES = {
    "alerts": {"budget": 0.999, "warm_up": 0, "min_labels": 0},
    "reasons.text": True,
}


def record(number: int, **form: str) -> Record:
    value = json.dumps({"id": number, **form}, ensure_ascii=False).encode()
    return Record(value, "emails", 0, 0, 1_000_000)


def resident(what: str) -> int:
    """KiB: `VmRSS` now, or `VmHWM`, the most since it was last reset."""
    lines = dict(line.split(":", 1) for line in (OURS / "status").read_text().splitlines())
    return int(lines[what].split()[0])


def measured(monitor: Monitor, number: int, form: Mapping[str, str]) -> dict[str, Any]:
    records = [record(number + k, **form) for k in range(3)]
    (OURS / "clear_refs").write_text("5")  # resets VmHWM: proc(5)
    before, taken = resident("VmRSS"), []
    for each in records:
        start = time.thread_time()  # of this work, whoever else is at work here
        outcome = monitor.step([each])
        taken.append(time.thread_time() - start)
    grown = resident("VmHWM") - before
    became = "alert" if outcome.alerts.any() else "scored" if len(outcome.scores) else ""
    return {
        "outcome": became or outcome.dead[0].reason,
        "bytes": len(records[0].value),
        "ms": 1000 * min(taken),
        "mib": grown / 1024,
    }


def forms() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every message as JSON may hold it, and one in base64 full of spaces."""
    for name, message in messages():
        yield f"{name}, raw", {"raw": message.decode("latin-1")}
        yield f"{name}, base64", {"raw_base64": base64.b64encode(message).decode()}
    text = base64.b64encode(everything(MAX_RECORD // 2 - 100)).decode()
    pairs = " ".join(text[i : i + 2] for i in range(0, len(text), 2))
    yield "spaced base64", {"raw_base64": pairs}


def main() -> None:
    monitor = build.monitor(load(CONFIG, OVERRIDES))
    # Compile everything; let known mails have low scores, so that all others are alerts; and touch
    # all memory that the state takes in any case.
    for number in range(-20, 0):
        label = json.dumps({"id": number, "label": 0}).encode()
        monitor.step([record(number, raw="From: a@b.example\n\nfree")])
        monitor.step([Record(label, "labels", 0, 0, 0)])
    monitor.restore(monitor.snapshot())
    for number, (name, form) in enumerate(forms()):
        line = {"name": name, **measured(monitor, 3 * number, form)}
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
