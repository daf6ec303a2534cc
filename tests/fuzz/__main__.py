"""`make fuzz`: every target for a set number of inputs, one after the other.

Compiled code runs with NumPy's bounds checked (and is compiled for that first, which takes a
minute): without, an index too far would go unseen.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.fuzz.seeds import WORDS, seeds
from tests.fuzz.targets import TARGETS

OUT = Path(__file__).parents[2] / "out" / "fuzz"
LONGEST = 8_192  # bytes of an input


def main() -> None:
    """Fuzz, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=main.__doc__,
        epilog="examples: make fuzz RUNS=100000;  python -m tests.fuzz config --runs 5000;  "
        "python -m tests.fuzz.child config out/fuzz/config-crash-… to see one again",
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--runs", type=int, default=10_000, help="inputs of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer (%(default)s)")
    given = parser.parse_args()
    if unknown := sorted(set(given.targets) - set(TARGETS)):
        parser.error(f"{', '.join(unknown)}: expected some of {', '.join(TARGETS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # unwinds, which ends the child
    OUT.mkdir(parents=True, exist_ok=True)
    table = Table("target", "inputs", "seconds", "coverage")
    bad: list[str] = []
    console = Console()
    columns = [TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for name in given.targets or TARGETS:
            found = _fuzz(name, given.runs, given.seed, progress)
            table.add_row(name, *found[:-1])
            bad += [f"{name}: {found[-1]}"] * bool(found[-1])
    console.print(table)
    for line in bad:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    sys.exit(1 if bad else 0)


def _fuzz(name: str, runs: int, seed: int, progress: Progress) -> tuple[str, str, str, str]:
    """Inputs, seconds, libFuzzer's coverage, and what was found."""
    corpus, words = OUT / name, OUT / f"{name}.words"
    corpus.mkdir(exist_ok=True)
    for number, good in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(good)
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST}", "-timeout=60"]
    options += [f"-artifact_prefix={OUT}/{name}-", "-print_final_stats=1", str(corpus)]
    if name in WORDS:
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS[name]))
        options.append(f"-dict={words}")
    bar = progress.add_task(name, total=runs)
    log = OUT / f"{name}.log"
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(OUT / "compiled")}
    command = [sys.executable, "-m", "tests.fuzz.child", name, *options]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=os.environ | checked, text=True
        ) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                if line.strip().isdigit():
                    progress.update(bar, completed=int(line))
                else:  # atheris prints a traceback here
                    errors.write(line.encode())
        except BaseException:
            process.kill()
            raise
    status = process.returncode
    said = log.read_text(errors="replace")
    if status == 0:
        progress.update(bar, completed=runs)
    return (
        _last(r"stat::number_of_executed_units:\s+(\d+)", said),
        _last(r"Done \d+ runs in (\d+)", said),
        _last(r"cov: (\d+)", said),
        _trouble(status, said, log),
    )


def _trouble(status: int, said: str, log: Path) -> str:
    if status == 0:
        return ""
    error = _last(r"^(?:\w+\.)*\w*(?:Error|Exception|Exit)\b.*$", said)
    file = _last(r"Test unit written to (\S+)", said)
    return f"{error or f'status {status}'}: {file or log}"


def _last(pattern: str, said: str) -> str:
    found = re.findall(pattern, said, re.MULTILINE)
    return found[-1] if found else ""


def _escaped(word: str) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(
        c if c.isprintable() and c.isascii() and c not in '"\\' else f"\\x{ord(c):02x}"
        for c in word
    )


if __name__ == "__main__":
    main()
