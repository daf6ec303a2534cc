"""Outcomes into JSON lines: a file for scores, and for the rest where wanted."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from stream import messages
from stream.errors import StreamgaugeError
from stream.monitor import Outcome
from stream.outfile import OutFile


class FileSink:
    """Writes files beside their names, and renames them when closed: a name means a whole file.

    What was written after the last `flush` makes a file that is not whole: closed then (an error
    or an interrupt came between), it stays beside its name.

    Parameters
    ----------
    scores, alerts, dead_letters, drifts
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
        drifts: Path | None = None,
    ) -> None:
        self._whole = False
        self._files: list[OutFile] = []
        try:
            self._scores, self._alerts, self._dead, self._drifts = map(
                self._file, (scores, alerts, dead_letters, drifts)
            )
        except StreamgaugeError:  # one of them; those before it are open
            self.close()
            raise

    def write(self, outcome: Outcome) -> None:
        self._whole = False
        if self._scores:
            self._scores.write(messages.score_lines(outcome))
        if self._alerts:
            self._alerts.writelines(line + b"\n" for _, line in messages.alerts(outcome))
        if self._dead:
            lines = (messages.dead_letter_line(letter) + b"\n" for letter in outcome.dead)
            self._dead.writelines(lines)
        if self._drifts:
            self._drifts.writelines(line + b"\n" for _, line in messages.drifts(outcome))

    def flush(self) -> None:
        for file in self._files:
            file.file.flush()
        self._whole = True

    def close(self) -> None:
        for file in self._files:
            file.close(whole=self._whole)
        self._files = []

    def _file(self, path: Path | None) -> IO[bytes] | None:
        if path is None:
            return None
        opened = OutFile(path)
        self._files.append(opened)
        return opened.file
