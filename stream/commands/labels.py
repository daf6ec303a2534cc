"""`streamgauge labels undo`: take back all that a source said."""

from __future__ import annotations

from rich.console import Console

from stream.commands.progress import bar
from stream.config import Config
from stream.undo import undo as take_back


def undo(config: Config, sources: list[str]) -> None:
    """Do it, and say what was done."""
    with bar("undo", 1.0) as (progress, task):
        undone = take_back(
            config, sources, lambda what, share: progress.update(task, completed=share, note=what)
        )
    removed = ", ".join(undone.removed) or "none"
    console = Console(highlight=False)
    for line in (
        f"{undone.labels:,} labels of {', '.join(sources)} are taken back",
        f"{undone.events:,} events taken again, from {undone.start or 'the beginning'} on",
        f"saved as {undone.saved}, from which `streamgauge run` goes on; removed: {removed}",
    ):
        console.print(line, soft_wrap=True, markup=False)
