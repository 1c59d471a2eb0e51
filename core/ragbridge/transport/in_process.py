"""The embedded engine as a transport: answers in this process, with simulated delays and broken connections."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ragbridge.errors import RequestError
from ragbridge.flow import Request, Response
from ragbridge.transport.bodies import Body
from ragbridge.transport.own import adopted

if TYPE_CHECKING:
    from ragbridge.local import Answer, Engine
    from ragbridge.transport.base import Transport


class InProcessTransport:
    """Answers requests by an ``Engine``; the transport behind ``Jina(transport=Engine(...))``.

    Args:
        engine: The engine; None for the shared one of this process.
        timeout: Seconds after which a late answer is an error.
    """

    def __init__(self, engine: Engine | None = None, *, timeout: float = 60.0) -> None:
        self._engine = engine
        self._timeout = timeout

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking."""
        answer = self._handle(request)
        time.sleep(self._pause(answer, request))
        return self._outcome(answer, request)

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` in a thread, so that the running event loop stays free."""
        import asyncio

        from ragbridge.transport.threads import in_thread

        answer = await in_thread(functools.partial(self._handle, request))
        await asyncio.sleep(self._pause(answer, request))
        return self._outcome(answer, request)

    def model_name(self) -> str:
        """The name of the engine's model, which all of its vectors depend on."""
        return self._answering().model_name

    def close(self) -> None:
        """Nothing is held."""

    async def close_async(self) -> None:
        """Nothing is held."""

    def _handle(self, request: Request) -> Answer:
        return self._answering().handle(request)

    def _answering(self) -> Engine:
        from ragbridge.local.shared import shared_engine

        return self._engine or shared_engine()

    def _limit(self, request: Request) -> float:
        return request.timeout or self._timeout

    def _pause(self, answer: Answer, request: Request) -> float:
        return self._limit(request) if answer.cut == "hang" else min(answer.delay, self._limit(request))

    def _outcome(self, answer: Answer, request: Request) -> Response:
        what = f"{request.method} {request.place}"
        if answer.cut == "hang" or answer.delay > self._limit(request):
            raise RequestError(f"{what}: no answer within {self._limit(request):g} s; see timeout=")
        if answer.cut:
            raise RequestError(f"{what}: the connection broke ({answer.cut})")
        response = answer.response
        body = Body(request, response.status, response.headers, decoded=True)  # the bounds are those of HTTP
        body.take(response.body)
        return replace(response, body=body.content())


def in_process(given: Transport | Engine, timeout: float) -> Transport:
    """``given`` as a transport: an engine is wrapped, the caller's own transport is completed and checked."""
    if getattr(given, "handle", None) is None:
        return adopted(given)
    return InProcessTransport(cast("Engine", given), timeout=timeout)
