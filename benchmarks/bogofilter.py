"""Bogofilter on a stream of mails, each scored and then learned, as fast as it does that.

It has no server. A process for each mail opens the wordlist, scores, registers and closes, which
is how a mail system runs it. Registering as scored (`-u`) takes one process where scoring and then
registering (`-s`, `-n`) takes two, and gives the same scores: cutoffs that no score gets below, or
above, say beforehand what a mail is registered as. The lowest cutoff that it takes is 1e-9, so a
spam below that is registered anew, as a user corrects a mistake (`-Ns`).

Its bulk modes (`-b`, `-B`, `-M`) do not fit. With `-s` or `-n` they do not score, and register only
at the end; with `-u` they count the first mail once, the second twice and so on, if they do not
write each to the system's log, and two such processes, one for each class, lock each other out.

`-TT` prints 16 digits. That is all there is: its P and Q are 0 below 2.2e-16, so many scores are
exactly 0 or 1. For the rest, all is in its favour: mails are files before the clock starts, a shell
starts the processes, the wordlist is in memory where there is such a folder, and the time that is
asked for is the processor's, in which waiting for a disk does not count.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

MEMORY = Path("/dev/shm")
SCORE = "bogofilter -C -u -TT"


def installed() -> bool:
    """Whether it can be run."""
    return shutil.which("bogofilter") is not None


def prepare(mails: Sequence[bytes], labels: Sequence[int], folder: Path) -> Path:
    """Write each mail into a file, and a script that takes them one after another; gives it."""
    lines = []
    for number, (mail, label) in enumerate(zip(mails, labels, strict=True)):
        (folder / f"{number}").write_bytes(mail)
        spam = f"{SCORE} -o1e-9,1e-9 -I {number} || bogofilter -C -Ns -I {number}\n"
        lines.append(spam if label else f"{SCORE} -o2,2 -I {number}\n")
    script = folder / "mails.sh"
    script.write_text("".join(lines))
    return script


def replay(script: Path) -> list[float]:
    """The score of each mail, with a new wordlist."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-", dir=memory) as wordlist:
        run = subprocess.run(
            ["sh", script.name],
            cwd=script.parent,
            env=os.environ | {"BOGOFILTER_DIR": wordlist},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # how many words were registered
            check=False,  # the last mail's class is the script's result
        )
    return [float(score) for score in run.stdout.split()]
