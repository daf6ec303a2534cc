"""Outcomes into JSON lines: a file for scores, and for alerts and dead letters where wanted."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from stream import messages
from stream.errors import StreamgaugeError
from stream.monitor import Outcome


class FileSink:
    """Writes files beside their names, and renames them when closed: a name means a whole file.

    What was written after the last `flush` makes a file that is not whole: closed then (an error
    or an interrupt came between), it stays beside its name.

    Parameters
    ----------
    scores, alerts, dead_letters
        Where each goes; None for nowhere. A name that ends in .gz is compressed.

    Raises
    ------
    StreamgaugeError
        If a file cannot be written.
    """

    def __init__(
        self,
        scores: Path | None = None,
        alerts: Path | None = None,
        dead_letters: Path | None = None,
    ) -> None:
        self._whole = False
        self._paths = [path for path in (scores, alerts, dead_letters) if path]
        with ExitStack() as opened:  # closes those already open if one cannot be
            self._files = opened
            self._scores, self._alerts, self._dead = map(self._file, (scores, alerts, dead_letters))
            self._files = opened.pop_all()

    def write(self, outcome: Outcome) -> None:
        self._whole = False
        if self._scores:
            self._scores.write(messages.score_lines(outcome))
        if self._alerts:
            self._alerts.writelines(line + b"\n" for _, line in messages.alerts(outcome))
        if self._dead:
            lines = (messages.dead_letter_line(letter) + b"\n" for letter in outcome.dead)
            self._dead.writelines(lines)

    def flush(self) -> None:
        for file in (self._scores, self._alerts, self._dead):
            if file:
                file.flush()
        self._whole = True

    def close(self) -> None:
        self._files.close()
        for path in self._paths:
            if self._whole and _part(path) != path:
                _part(path).replace(path)
        self._paths = []

    def _file(self, path: Path | None) -> IO[bytes] | None:
        if path is None:
            return None
        try:
            raw = self._files.enter_context(_part(path).open("wb"))
        except OSError as error:
            raise StreamgaugeError(f"{path}: {error.strerror}") from None
        if path.suffix != ".gz":
            return raw
        # No name and no time in the header, so that the same scores are the same bytes.
        packed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0)
        return cast(IO[bytes], self._files.enter_context(packed))


def _part(path: Path) -> Path:
    if path.exists() and not path.is_file():  # /dev/stdout, a named pipe
        return path
    return path.with_name(path.name + ".part")
