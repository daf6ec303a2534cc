"""A page of the docs, carried out: its files are written, its commands run, what it shows is held.

A block whose first line is a comment with a file's name is that file. In a block of the console
what follows ``$`` is a command, and the lines after it are what it prints; ``…`` is for any lines,
and at the end of a line for the rest of it. A command that shows nothing may print anything.

Fingerprints hang on versions and the processor (and times on the day). So one that the page shows
stands, from there on, for the one that was printed in its place.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FINGERPRINT = re.compile(r"\b[0-9a-f]{32}\b")
# Times, what hangs on them, and a broker's address.
_VARIES = re.compile(
    r"\bin \d+\.\d+ ?s\b(, [\d,]+ events a second)?|\b127\.0\.0\.1:\d+|\b20[\d-]{8}T[\d:.]+Z?"
)
# What shows that a command has failed.
_FAILED = re.compile(r"^streamgauge: |^FAILED |\b[1-9]\d* failed\b")
ANY = "…"

Run = Callable[[str], tuple[int, str] | None]


class Page:
    """Carries out a page's blocks, one after another.

    Parameters
    ----------
    path
        The page.
    folder
        Where its files go and its commands run.
    environment
        For the commands.
    otherwise
        Gives exit status and output of a command that is not run as it stands, else None.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        environment: Mapping[str, str],
        otherwise: Run = lambda _: None,
    ) -> None:
        self.blocks = blocks(path)
        self._folder = folder
        self._environment = environment
        self._otherwise = otherwise
        self._ours: dict[str, str] = {}  # fingerprints, by the page's

    def carry_out(self, kind: str, text: str) -> None:
        """Write a block's file, or run its commands and hold their output."""
        if kind == "console":
            for command, shown in commands(text):
                self._run(command, shown)
            return
        name = re.match(r"# (\S+)\n", text)
        assert name, f"a block of {kind} without its file's name: {text}"
        (self._folder / name[1]).write_text(text, encoding="utf-8")

    def _run(self, command: str, shown: Sequence[str]) -> None:
        ours = self._with_ours(command)
        status, output = self._otherwise(ours) or self._shell(ours)
        fails = any(_FAILED.search(line) for line in shown)
        assert (status != 0) == fails, f"{command}: exit status {status}\n{output}"
        if not shown:
            return
        printed = output.splitlines()
        at, skipping = 0, False
        for line in shown:
            if line == ANY:
                skipping = True
                continue
            while skipping and at < len(printed) and not self._same(line, printed[at]):
                at += 1
            assert at < len(printed), f"{command}: no line {line!r} in\n{output}"
            assert self._same(line, printed[at]), f"{command}: {line!r} became {printed[at]!r}"
            at, skipping = at + 1, False
        assert skipping or at == len(printed), f"{command}: more came:\n{output}"

    def _shell(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            command, shell=True, cwd=self._folder, env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def _same(self, shown: str, printed: str) -> bool:
        if shown.endswith(ANY):
            shown = shown.removesuffix(ANY)
            printed = printed[: len(shown)]
        ours, theirs = (_VARIES.sub("", line).strip() for line in (printed, shown))
        if _FINGERPRINT.sub("{}", theirs) != _FINGERPRINT.sub("{}", ours):
            return False
        pairs = zip(_FINGERPRINT.findall(theirs), _FINGERPRINT.findall(ours), strict=True)
        return all(self._ours.setdefault(one, other) == other for one, other in pairs)

    def _with_ours(self, text: str) -> str:
        return _FINGERPRINT.sub(lambda found: self._ours.get(found[0], found[0]), text)


def blocks(path: Path) -> list[tuple[str, str]]:
    """Kind and text of each block of a page; one in a list is moved to the left."""
    found = _BLOCK.finditer(path.read_text(encoding="utf-8"))
    return [(block[1], _to_the_left(block[0], block[2])) for block in found]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    r"""Each command of a block of the console, with the lines that it shows.

    >>> list(commands("$ tell me \\\n    more\nno\n"))
    [('tell me more', ['no'])]
    """
    lines = re.sub(r" *\\\n *", " ", text).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"a block of the console without a command: {text}"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start][2:], lines[start + 1 : end]


def _to_the_left(block: str, text: str) -> str:
    margin = len(block) - len(block.lstrip(" "))
    return re.sub(rf"^ {{{margin}}}", "", text, flags=re.MULTILINE) if margin else text
