"""How many may be connected: the loop shares their process, and its file descriptors."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 512  # 200 open pages were measured


class Connection(H11Protocol):
    """uvicorn's, of which one too many is cut off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or do not."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
