"""The embedded engine over HTTP: what ``ragbridge serve`` runs, and what tests talk to over real sockets.

A thin layer over ``Engine.handle``, which decides everything. Faults happen on the network: a reset is a TCP reset, a
truncated answer announces more bytes than it sends. Neither texts nor keys are logged.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import socket
import threading
from typing import TYPE_CHECKING

from ragbridge.errors import ConfigurationError as _ConfigurationError
from ragbridge.ground.numbers import check_whole as _check_whole
from ragbridge.server.bounds import MAX_BODY, Bounds
from ragbridge.server.hosts import Hosts as _Hosts

try:
    import uvicorn

    from ragbridge.server.application import Application as _Application
    from ragbridge.server.protocol import Protocol as _Protocol
except ImportError as error:
    raise _ConfigurationError(
        f'the server needs the packages starlette and uvicorn ({error}): pip install "ragbridge[server]"'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ragbridge.local import Engine

__all__ = ["MAX_BODY", "SHUTDOWN_SECONDS", "Bounds", "running", "serve"]

SHUTDOWN_SECONDS = 1
"""Seconds that running requests get when the server shuts down."""

BACKLOG = 1024
"""Connections that the system keeps until they are accepted; the usual 128 lose some where hundreds come at once."""


def serve(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    hosts: Collection[str] | None = None,
    max_body: int = MAX_BODY,
    bounds: Bounds | None = None,
    on_started: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or ctrl-C, then return.

    Args:
        engine: Answers the requests; its weights are loaded before the first request is accepted.
        host: Address to listen at; loopback unless told otherwise.
        port: Port to listen at; 0 for a free one.
        hosts: Names by which clients may ask for it in the header ``Host``, beside those of loopback; ``["*"]`` for any.
            None: those of loopback if it listens there, so that no web page can reach it by a name of its own, else any.
        max_body: Bytes that a request's body may have; a longer one is answered with 413.
        bounds: What clients may take; None for ``Bounds()``.
        on_started: Called with the base address, without ``/v1``, once connections are accepted.

    Raises:
        ConfigurationError: The weights are missing, or the address or a name cannot be used.
    """
    engine.load()
    max_body = _check_whole("max_body", max_body, "a whole number of bytes above 0")
    listener = _listen(host, port)
    server = _server(engine, listener, hosts, max_body, bounds)
    server.on_started = (lambda: on_started(_address(listener))) if on_started else None
    server.run(sockets=[listener])


@contextlib.contextmanager
def running(
    engine: Engine,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    hosts: Collection[str] | None = None,
    max_body: int = MAX_BODY,
    bounds: Bounds | None = None,
) -> Iterator[str]:
    """Serve in a thread for the time of a ``with`` block. The arguments are those of ``serve``.

    Yields:
        The base address, without ``/v1``.

    Raises:
        ConfigurationError: The weights are missing, or the address or a name cannot be used.
    """
    engine.load()
    max_body = _check_whole("max_body", max_body, "a whole number of bytes above 0")
    listener = _listen(host, port)
    address = _address(listener)
    server = _server(engine, listener, hosts, max_body, bounds)
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
    port = _check_whole("port", port, "a whole number from 0 to 65535", least=0, most=65535)
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise _ConfigurationError(f"cannot listen at host={host!r}, port={port!r}: {error}") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _server(
    engine: Engine,
    listener: socket.socket,
    hosts: Collection[str] | None,
    max_body: int,
    bounds: Bounds | None,
) -> _Server:
    """The server for a listener, which is closed if the settings are refused."""
    bounds = bounds or Bounds()
    try:
        known = _Hosts(listener.getsockname()[0], hosts)
    except _ConfigurationError:
        listener.close()
        raise
    return _Server(_Application(engine, hosts=known, max_body=max_body, held_bytes=bounds.held_bytes), bounds)


class _Server(uvicorn.Server):
    """Returns after a signal, where uvicorn would raise the signal again."""

    on_started: Callable[[], None] | None = None

    def __init__(self, app: _Application, bounds: Bounds) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=functools.partial(_Protocol, bounds=bounds),  # type: ignore[arg-type]  # called as the class is
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
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
