"""The ASGI application: from a request's bytes to the engine, and from its answer to the connection.

What a request's headers decide is decided before its body is read: the host, the route, the key, the announced length. What
the client goes on sending after that is read and thrown away by the server, in the time that bodies have.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HTTPRequest
from starlette.responses import Response as HTTPResponse

from ragbridge.flow import Request
from ragbridge.local.refusals import Refusal
from ragbridge.server.hosts import authority
from ragbridge.server.protocol import reset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from ragbridge.flow import Response
    from ragbridge.local import Answer, Engine
    from ragbridge.server.hosts import Hosts


class Application:
    """Has the engine answer what the bounds let through.

    Args:
        engine: Answers the requests.
        hosts: For which hosts they are answered.
        max_body: Bytes of one body at most.
        held_bytes: Bytes of all bodies at once at most.
    """

    def __init__(self, engine: Engine, *, hosts: Hosts, max_body: int, held_bytes: int) -> None:
        self._engine = engine
        self._hosts = hosts
        self._max_body = max_body
        self._room = held_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            await self._serve(scope, receive, send)
        except ClientDisconnect:  # nobody is left to be answered
            return
        except Refusal as refusal:
            await _whole(refusal.response("0" * 32))(scope, receive, send)
        except asyncio.CancelledError:  # the server shuts down
            scope["state"]["transport"].abort()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HTTPRequest(scope, receive)
        self._check_host(request)
        refused = self._engine.refused(_question(request))
        if refused is not None:
            await _whole(refused)(scope, receive, send)
            return
        with self._holding() as held:
            question = _question(request, await self._body(request, held))
            answer = await run_in_threadpool(self._engine.handle, question)
        if answer.delay and await _gone(receive, answer.delay):
            return
        if answer.cut is None:
            await _whole(answer.response)(scope, receive, send)
        else:
            await _cut(answer, scope["state"]["transport"], receive, send)

    def _check_host(self, request: HTTPRequest) -> None:
        host = request.headers.get("host")
        if not self._hosts.allow(host):
            message = f"Host {(host or '')[:200]!r} is not served here. Ask for localhost or 127.0.0.1, or start the "
            raise Refusal(421, f"{message}server with --allow-host NAME (in Python, hosts=[NAME])")

    async def _body(self, request: HTTPRequest, held: list[int]) -> bytes:
        """The body. Its bytes are counted in ``held``.

        Raises:
            Refusal: 413 if it is too long, whether or not that is announced; 503 if all bodies together are.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_body:
            raise self._too_long()
        parts: list[bytes] = []
        async for part in request.stream():
            held[0] += len(part)
            self._room -= len(part)
            if held[0] > self._max_body:
                raise self._too_long()
            if self._room < 0:
                raise Refusal(503, "Too many long requests at once", headers={"retry-after": "1"})
            parts.append(part)
        return b"".join(parts)

    def _too_long(self) -> Refusal:
        return Refusal(413, f"Request body exceeds the limit of {self._max_body} bytes")

    @contextlib.contextmanager
    def _holding(self) -> Iterator[list[int]]:
        held = [0]
        try:
            yield held
        finally:
            self._room += held[0]


def _question(request: HTTPRequest, body: bytes = b"") -> Request:
    return Request(request.method, _url(request), dict(request.headers), body)


def _url(request: HTTPRequest) -> str:
    """The address as the client wrote it, so that addresses in answers lead back here."""
    query = request.scope["query_string"].decode("latin-1")
    host = authority(request.headers.get("host"))
    return f"http://{host}{quote(request.scope['path'])}{'?' if query else ''}{query}"


def _whole(response: Response) -> HTTPResponse:
    return HTTPResponse(response.body, response.status, dict(response.headers))


async def _cut(answer: Answer, transport: Any, receive: Receive, send: Send) -> None:
    """Break the connection as the fault says, and wait until it is closed."""
    match answer.cut:
        case "reset":
            reset(transport)
        case "close":
            transport.close()
        case "truncate":
            body = answer.response.body
            headers = {**answer.response.headers, "content-length": str(len(body))}
            raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": answer.response.status, "headers": raw})
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            transport.close()
    await _gone(receive)


async def _gone(receive: Receive, seconds: float | None = None) -> bool:
    """Wait for the connection to close, at most for the given seconds. True if it has closed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
            return True
    return False
