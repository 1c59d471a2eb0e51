"""Requests over HTTP by urllib3 and aiohttp: the same as by httpx, at a third of its processor time.

Part of the extra ``speed``. Used where both packages are installed and nothing asks for httpx: no client of the caller's
own, no proxy in the environment. Certificates are those that httpx would use.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError
from urllib3.exceptions import TimeoutError as UrllibTimeoutError

from ragbridge._errors import ConfigurationError, RequestError
from ragbridge._flow import Request, Response
from ragbridge._transport import (
    CONNECT_TIMEOUT,
    HEADERS,
    PooledTransport,
    certificates,
    no_answer,
    no_connection,
    not_trusted,
)
from ragbridge._trust import distrust


class FastTransport(PooledTransport):
    """Sends requests with urllib3 and, on event loops, with aiohttp.

    Args:
        timeout: Seconds to wait for data, at most; connecting gets 10 at most.
        connections: Connections kept open, and opened at once.
        base: The address that requests go to: plain HTTP needs no certificates.
        trust: Which certificates are trusted; None for those that httpx trusts.
    """

    def __init__(
        self, *, timeout: float, connections: int, base: str, trust: ssl.SSLContext | None = None
    ) -> None:
        self._trust = trust
        self._timeout = timeout
        self._connections = connections
        self._tls = urlsplit(base).scheme == "https"
        super().__init__()

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking."""
        client: urllib3.PoolManager = self._client()
        seconds = request.timeout or self._timeout
        try:
            answer = client.request(
                request.method,
                request.url,
                body=request.body,
                headers={**HEADERS, **request.headers},
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, seconds), read=seconds),
                retries=False,
                redirect=False,
            )
        except NewConnectionError as error:  # counted among the timeouts by urllib3, but it is none
            raise no_connection(request, error) from error
        except UrllibTimeoutError as error:
            raise no_answer(request, type(error).__name__.removesuffix("TimeoutError").lower()) from error
        except LocationValueError as error:
            raise ConfigurationError(
                f"{request.method} {request.place}: {error}; check the address"
            ) from error
        except HTTPError as error:
            if (reason := distrust(error)) is not None:
                raise not_trusted(request, reason) from error
            raise RequestError(f"{request.method} {request.place}: {error}") from error
        return Response(answer.status, answer.headers, answer.data)

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""
        client: aiohttp.ClientSession = await self._client_async()
        seconds = request.timeout or self._timeout
        try:
            async with client.request(
                request.method,
                request.url,
                data=request.body,
                headers={**HEADERS, **request.headers},
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=min(CONNECT_TIMEOUT, seconds), sock_read=seconds
                ),
                allow_redirects=False,
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except TimeoutError as error:
            raise no_answer(request, "connect" if "onnect" in str(error) else "read") from error
        except aiohttp.InvalidURL as error:
            raise ConfigurationError(
                f"{request.method} {request.place}: {error}; check the address"
            ) from error
        except aiohttp.ClientConnectorError as error:
            if (reason := distrust(error)) is not None:
                raise not_trusted(request, reason) from error
            raise no_connection(request, error) from error
        except aiohttp.ClientError as error:
            raise RequestError(
                f"{request.method} {request.place}: {str(error) or type(error).__name__}"
            ) from error

    def _open(self) -> tuple[urllib3.PoolManager, Callable[[], object]]:
        pool = urllib3.PoolManager(maxsize=self._connections, ssl_context=self._certificates())
        return pool, pool.clear

    def _open_async(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._certificates() or True)
        return aiohttp.ClientSession(connector=connector)

    async def _shut(self, client: aiohttp.ClientSession) -> None:
        await client.close()

    def _certificates(self) -> ssl.SSLContext | None:
        return (self._trust or certificates()) if self._tls else None


def suits(base: str) -> bool:
    """Whether requests to ``base`` can go without what only httpx is asked to do here: proxies."""
    return not getproxies() or bool(proxy_bypass(urlsplit(base).netloc))
