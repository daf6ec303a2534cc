"""What only those may ask who know the token: to label an event, and to have one scored."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stream.errors import BrokerError
from stream.questions import Busy

MOST_BYTES = 1_048_576  # of a request; what an event may have is for the decoder to say
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Writes:
    """The routes, and the secret before them.

    Attributes
    ----------
    token
        Not empty.
    score
        Gives the answer to an event's bytes; see `Questions.ask`.
    label
        Takes a label from bytes and gives it back as JSON; None where there is no labels topic.
    """

    token: str
    score: Callable[[bytes], bytes]
    label: Callable[[bytes], bytes] | None

    def routes(self) -> list[Route]:
        """For the application."""
        found = [Route("/api/score", self._route(self.score, 200), methods=["POST"])]
        if self.label:
            found.append(Route("/api/labels", self._route(self.label, 202), methods=["POST"]))
        return found

    def _knows(self, request: Request) -> bool:
        """Whether a request carries the token; it takes as long whatever it carries."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _route(self, act: Callable[[bytes], bytes], status: int) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            if not self._knows(request):
                return PlainTextResponse("the token is missing or wrong\n", 401)
            body = b""
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    return PlainTextResponse(f"more than {MOST_BYTES} bytes\n", 413)
            try:
                return Response(await run_in_threadpool(act, body), status, JSON)
            except ValueError as error:
                return PlainTextResponse(f"{error}\n", 400)
            except (BrokerError, Busy) as error:
                return PlainTextResponse(f"{error}\n", 503)

        return answer
