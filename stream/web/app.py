"""The routes: a live page with its figures, metrics, and whether the service is well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.health import Word
from stream.web.feed import Feed
from stream.web.writes import Writes

logger = logging.getLogger(__name__)

# The page runs its own script and nothing else, and no other site may frame it.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/chart.js": ("chart.js", "text/javascript"),
    "/format.js": ("format.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}


def create_app(
    registry: CollectorRegistry,
    state: Callable[[], dict[str, Any]],
    annotations: Callable[[], list[dict[str, Any]]],
    alerts: Callable[[], list[dict[str, Any]]],
    health: Word,
    writes: Writes | None = None,
    config: Mapping[str, Any] = MappingProxyType({}),
) -> Starlette:
    """Make the ASGI application.

    Parameters
    ----------
    registry
        What `/metrics` shows.
    state
        The figures of the live page, ready for JSON: no NaN.
    annotations
        The last drifts, for dashboards.
    alerts
        The last alerts with their reasons, newest first.
    health
        The loop's word on itself.
    writes
        What needs a token, where there is one.
    config
        What the service was told, ready for JSON; it has no secrets.
    """

    # The figures may wait for the loop's lock, so they are plain functions, which Starlette runs in
    # threads of its own. The two answers on health are coroutines: they wait for nothing.
    def metrics(request: Request) -> Response:
        try:
            encode, content_type = choose_encoder(request.headers.get("accept", ""))
        except (TypeError, ValueError):  # what it raises over a version that is no number
            encode, content_type = choose_encoder("")
        return Response(encode(registry), headers={"Content-Type": content_type})

    def now() -> dict[str, Any]:
        word = {"alive": health.alive, "waiting_for": health.waiting_for}
        return {**state(), **word, "takes_labels": bool(writes and writes.label)}

    def figures(_: Request) -> Response:
        return JSONResponse(now())

    def drifts(_: Request) -> Response:
        return JSONResponse(annotations())

    def last_alerts(_: Request) -> Response:
        return JSONResponse(alerts())

    def told(_: Request) -> Response:
        return JSONResponse(dict(config))

    feed = Feed(now)

    async def stream(_: Request) -> Response:
        return StreamingResponse(feed.messages(), media_type="text/event-stream")

    async def healthz(_: Request) -> Response:
        trouble = health.trouble
        return PlainTextResponse(f"{trouble or 'ok'}\n", 503 if trouble else 200)

    async def readyz(_: Request) -> Response:
        reason = " ".join(health.waiting_for.split())
        return PlainTextResponse(f"{reason or 'ready'}\n", 503 if reason else 200)

    return Starlette(
        routes=[
            *(Route(path, _file(*which)) for path, which in PAGE.items()),
            # Routes, because a Mount answers a scrape of /metrics with a redirect to /metrics/.
            Route("/metrics", metrics),
            Route("/api/state", figures),
            Route("/api/stream", stream),
            Route("/api/annotations", drifts),
            Route("/api/alerts", last_alerts),
            Route("/api/config", told),
            *(writes.routes() if writes else []),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ],
        middleware=[Middleware(_Guard)],
    )


def _file(name: str, media_type: str) -> Callable[[Request], Any]:
    content = (files(__package__) / name).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer


class _Guard:
    """Adds the headers to whatever is answered, and lets no trace out: that goes to the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("no answer to %s", scope["path"])
            answer = PlainTextResponse("internal error, see the log of the service\n", 500)
            await answer(scope, receive, send_with_headers)
