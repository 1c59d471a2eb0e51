"""The embedded engine over HTTP: what ``ragbridge serve`` runs, and what tests talk to over real sockets.

A thin layer over ``Engine.handle``, which decides everything. Faults happen on the network: a reset is a TCP reset, a
truncated answer announces more bytes than it sends. Neither texts nor keys are logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request
from ragbridge.local.refusals import Refusal

try:
    import uvicorn
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect
    from starlette.requests import Request as HTTPRequest
    from starlette.responses import Response as HTTPResponse
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as error:
    raise ConfigurationError(
        f'the server needs the packages starlette and uvicorn ({error}): pip install "ragbridge[server]"'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from ragbridge.flow import Response
    from ragbridge.local import Answer, Engine

MAX_BODY = 64 * 2**20
"""Bytes of a request's body at most: enough for 512 texts of 32,768 tokens."""

_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")

SHUTDOWN_SECONDS = 1
"""Seconds that running requests get when the server shuts down."""


def serve(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_body: int = MAX_BODY,
    on_started: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or ctrl-C, then return.

    Args:
        engine: Answers the requests; its weights are loaded before the first request is accepted.
        host: Address to listen at; loopback unless told otherwise.
        port: Port to listen at; 0 for a free one.
        max_body: Bytes that a request's body may have; a longer one is answered with 413.
        on_started: Called with the base address, without ``/v1``, once connections are accepted.

    Raises:
        ConfigurationError: The weights are missing, or the address cannot be used.
    """
    engine.load()
    listener = _listen(host, port)
    server = _Server(_App(engine, max_body))
    server.on_started = (lambda: on_started(_address(listener))) if on_started else None
    server.run(sockets=[listener])


@contextlib.contextmanager
def running(
    engine: Engine, *, host: str = "127.0.0.1", port: int = 0, max_body: int = MAX_BODY
) -> Iterator[str]:
    """Serve in a thread for the time of a ``with`` block.

    Yields:
        The base address, without ``/v1``.

    Raises:
        ConfigurationError: The weights are missing, or the address cannot be used.
    """
    engine.load()
    listener = _listen(host, port)
    address = _address(listener)
    server = _Server(_App(engine, max_body))
    # The listener queues connections until the loop accepts them, so callers can connect at once.
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="ragbridge-server", daemon=True
    )
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"cannot listen at host={host!r}, port={port!r}: {error}") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Protocol(H11Protocol):
    """Gives the connection to the application, which resets and truncated answers need. ASGI does not."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # asyncio sets this only for listeners that it opens itself. Without it each answer waits 40 ms for an acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """Returns after a signal, where uvicorn would raise the signal again."""

    on_started: Callable[[], None] | None = None

    def __init__(self, app: _App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=75,  # longer than clients keep idle connections: if the server closed first, clients would see an error
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_started is not None:
            self.on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


class _App:
    """The ASGI application."""

    def __init__(self, engine: Engine, max_body: int) -> None:
        self._engine = engine
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HTTPRequest(scope, receive)
        try:
            body = await self._body(request)
        except ClientDisconnect:  # nobody is left to be answered
            return
        if body is None:
            refusal = Refusal(413, f"Request body exceeds the limit of {self._max_body} bytes")
            await _whole(refusal.response("0" * 32))(scope, receive, send)
            return
        question = Request(request.method, _url(request), dict(request.headers), body)
        answer = await run_in_threadpool(self._engine.handle, question)
        try:
            if answer.delay and await _gone(receive, answer.delay):
                return
            if answer.cut is None:
                await _whole(answer.response)(scope, receive, send)
            else:
                await _cut(answer, scope["state"]["transport"], receive, send)
        except asyncio.CancelledError:  # the server shuts down
            scope["state"]["transport"].abort()

    async def _body(self, request: HTTPRequest) -> bytes | None:
        """The body; None if it is too long.

        A body that is too long is read to its end and discarded, since clients read the answer only after sending it all.
        """
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._max_body:
                parts.clear()
            else:
                parts.append(part)
        return None if size > self._max_body else b"".join(parts)


def _url(request: HTTPRequest) -> str:
    """The address as the client wrote it, so that addresses in answers lead back here."""
    scope = request.scope
    host = request.headers.get("host", "")
    query = scope["query_string"].decode("latin-1")
    # Other values of the header are not addresses.
    host = host if _HOST.fullmatch(host) else "localhost"
    return f"http://{host}{quote(scope['path'])}{'?' if query else ''}{query}"


def _whole(response: Response) -> HTTPResponse:
    return HTTPResponse(response.body, response.status, dict(response.headers))


async def _cut(answer: Answer, transport: Any, receive: Receive, send: Send) -> None:
    """Break the connection as the fault says, and wait until it is closed."""
    match answer.cut:
        case "reset":
            # Closing with a linger time of 0 seconds sends RST instead of FIN.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
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
