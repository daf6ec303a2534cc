"""The figures once a second to whoever has the page open, as server-sent events.

However many do: what they get is asked for and encoded once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

EVERY = 1.0  # seconds
RETRY = 1_000  # milliseconds after which a browser that was cut off tries again


class Feed:
    """One message a second, shared by all.

    Parameters
    ----------
    state
        The figures, ready for JSON. It may wait for a lock, so it is called in a thread.
    """

    def __init__(self, state: Callable[[], dict[str, Any]]) -> None:
        self._state = state
        self._made = -EVERY
        self._message = b""
        self._making: asyncio.Task[None] | None = None

    async def messages(self) -> AsyncIterator[bytes]:
        """For one client, until it goes away."""
        yield f"retry: {RETRY}\n\n".encode()
        while True:
            yield await self._newest()
            await asyncio.sleep(EVERY)

    async def _newest(self) -> bytes:
        if asyncio.get_running_loop().time() - self._made >= 0.9 * EVERY:
            if self._making is None:
                self._making = asyncio.create_task(self._make())
            await asyncio.shield(self._making)  # a client that goes away ends nobody else's
        return self._message

    async def _make(self) -> None:
        try:
            figures = await asyncio.to_thread(self._state)
            text = json.dumps(figures, separators=(",", ":"), allow_nan=False)
            self._message = f"data: {text}\n\n".encode()
            self._made = asyncio.get_running_loop().time()
        finally:
            self._making = None
