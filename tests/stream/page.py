"""A page of the docs, carried out: its files are written, its commands run, what it shows is held.

A block whose first line is a comment with a file's name is that file. In a block of the console
what follows ``$`` is a command, and the lines after it are what it prints; ``…`` is for any lines.

Fingerprints hang on versions and the processor (and times on the day). So one that the page shows
stands, from there on, for the one that was printed in its place.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FINGERPRINT = re.compile(r"\b[0-9a-f]{32}\b")
_SECONDS = re.compile(r"\bin \d+\.\d+s")
ANY = "…"


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
    """

    def __init__(self, path: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.blocks = _BLOCK.findall(path.read_text(encoding="utf-8"))
        self._folder = folder
        self._environment = environment
        self._ours: dict[str, str] = {}  # fingerprints, by the page's

    def carry_out(self, kind: str, text: str) -> None:
        """Write a block's file, or run its commands and hold their output."""
        if kind == "console":
            for command, shown in _commands(text):
                self._run(command, shown)
            return
        name = re.match(r"# (\S+)\n", text)
        assert name, f"a block of {kind} without its file's name: {text}"
        (self._folder / name[1]).write_text(text, encoding="utf-8")

    def _run(self, command: str, shown: Sequence[str]) -> None:
        done = subprocess.run(
            self._with_ours(command), shell=True, cwd=self._folder, env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        printed = done.stdout.splitlines()
        at, skipping = 0, False
        for line in shown:
            if line == ANY:
                skipping = True
                continue
            while skipping and at < len(printed) and not self._same(line, printed[at]):
                at += 1
            assert at < len(printed), f"{command}: no line {line!r} in\n{done.stdout}"
            assert self._same(line, printed[at]), f"{command}: {line!r} became {printed[at]!r}"
            at, skipping = at + 1, False
        assert skipping or at == len(printed), f"{command}: more came:\n{done.stdout}"

    def _same(self, shown: str, printed: str) -> bool:
        pattern = _FINGERPRINT.sub("{}", _SECONDS.sub("", shown.rstrip()))
        if pattern != _FINGERPRINT.sub("{}", _SECONDS.sub("", printed.rstrip())):
            return False
        pairs = zip(_FINGERPRINT.findall(shown), _FINGERPRINT.findall(printed), strict=True)
        return all(self._ours.setdefault(theirs, ours) == ours for theirs, ours in pairs)

    def _with_ours(self, text: str) -> str:
        return _FINGERPRINT.sub(lambda found: self._ours.get(found[0], found[0]), text)


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"a block of the console without a command: {text}"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start][2:], lines[start + 1 : end]
