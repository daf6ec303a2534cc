"""A web server in a thread, beside the loop: started before it, stopped with it."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from stream.errors import StreamgaugeError
from stream.web.connections import Connection

PATIENCE = 0.3  # seconds for answers under way; then their connections are dropped


class WebServer:
    """Serves an application from a daemon thread.

    The socket is bound at once, so that a port in use stops the start before anything else does.

    Parameters
    ----------
    app
        What answers.
    host, port
        Where to listen; port 0 takes a free one.
    tls
        What to show for HTTPS; without it, it is HTTP.

    Attributes
    ----------
    address
        URL of the live page, as seen from this machine.

    Raises
    ------
    StreamgaugeError
        When it cannot listen there.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str = "127.0.0.1",
        port: int = 8000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._socket = _listen(host, port)
        self.address = _url("https" if tls else "http", *self._socket.getsockname()[:2])
        self._server = _Server(
            uvicorn.Config(
                app,
                # The same parts wherever it runs, and not whatever happens to be installed.
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                # Logging is the program's to set up. A scrape is not worth a line, nor is a port
                # scanner's idea of HTTP.
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ssl_context_factory=(lambda *_: tls) if tls else None,
            )
        )
        # uvicorn takes the process's signals only when it runs in the main thread.
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Serve; returns as soon as it does."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise StreamgaugeError(f"the web server at {self.address} did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """End, in less than a second, whoever is connected; a second call does nothing."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(3 * PATIENCE)  # it ends before that, or dies with the process
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])


class _Server(uvicorn.Server):
    """uvicorn would wait for as long as a client takes to read its answer; this one does not."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(PATIENCE, self._drop)
        await super().shutdown(sockets)

    def _drop(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a host name"
        raise StreamgaugeError(f'http.host = "{host}": {reason}') from None
    try:
        # Else a restart would have to wait until the old connections are forgotten.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise StreamgaugeError(
                f'http.host = "{host}": not an address of this machine'
            ) from None
        if error.errno == errno.EADDRINUSE:
            raise StreamgaugeError(
                f"http.port = {port}: in use on {host}; choose another, or 0 for any that is free"
            ) from None
        raise StreamgaugeError(f"http.port = {port}: {error.strerror}") from None
    return listener


def _url(scheme: str, host: str, port: int) -> str:
    # A wildcard is where to listen, not where to go.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
