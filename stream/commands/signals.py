"""SIGTERM and SIGINT as one event, for whatever runs until it is told to stop."""

from __future__ import annotations

import signal
from threading import Event


def stop_event() -> Event:
    """An event that either signal sets. Call it in the main thread."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
