"""Log lines: for a person at a terminal, else one JSON object each.

Every module logs by the standard library, a sentence and what is in it as `extra` fields; here is
how they come out. A sentence holds no mail, no card and no secret, and a traceback no variables.
"""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

Format = Literal["auto", "text", "json"]


def set_up(to: TextIO = sys.stderr, how: Format = "auto") -> None:
    """Send the lines of all loggers to `to`; auto is text at a terminal, else JSON."""
    text = how == "text" or (how == "auto" and to.isatty())
    render: list[Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=to.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
                pad_event_to=0,
            )
        ]
        if text
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # kafka-python logs each retry at length; what matters of it comes as our own one line.
    logging.getLogger("kafka").propagate = False
