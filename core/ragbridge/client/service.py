"""What every service object shares: drivers, pacing, closing, and keeping its key to itself."""

from __future__ import annotations

import functools
import os
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar

from ragbridge.cache.guarded import Guarded
from ragbridge.cache.opening import open_cache, portable
from ragbridge.client.accounts import portable as portable_key
from ragbridge.client.observed import Observed, server_of
from ragbridge.client.secret import MissingKeyError
from ragbridge.client.tally import Totals
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Clock, SystemClock, TransportName
from ragbridge.ground.numbers import check_number, check_whole
from ragbridge.observers import Operation
from ragbridge.transport.async_driver import AsyncDriver
from ragbridge.transport.event_loop import require_asyncio
from ragbridge.transport.in_process import InProcessTransport, in_process
from ragbridge.transport.thread_driver import ThreadDriver

if TYPE_CHECKING:
    import ssl
    from collections.abc import (
        AsyncGenerator,
        AsyncIterable,
        Callable,
        Generator,
        Iterable,
        Mapping,
    )

    from ragbridge.flow import Plan
    from ragbridge.local import Engine
    from ragbridge.transport.base import Transport

T = TypeVar("T")

PATIENCE = 10
"""Times its ``timeout`` that one request may take as a whole, unless ``deadline`` says otherwise."""
DEFAULT_CONCURRENCY = 8
MAX_CONCURRENCY = 64
"""Requests in flight unless asked for more: beyond it, connections cost more than they bring."""


class Service(Observed):
    """One connection to a service and the policy for it. Safe to share between threads and event loops.

    Args:
        settings: What makes another object like this one, in another process as well: no key, no connection. ``cache``
            among them is where answers are kept, and ``cache_version`` a word of the caller's for what they depend on;
            ``observers`` are told of every call.
        bound: Whether it also has parts that stay in this process.
        clock: Time, for tests that wait.

    Attributes:
        usage: What this object has used so far.
        cache: Where answers are kept, with a count of hits and misses; None for nowhere.

    Raises:
        ConfigurationError: ``cache`` is no cache, or cannot be used.
    """

    def __init__(self, settings: dict[str, Any], *, bound: bool = False, clock: Clock | None = None) -> None:
        self._settings = settings
        self._bound = bound or clock is not None
        self._clock = clock or SystemClock()
        super().__init__(settings.get("observers") or ())
        self.usage = Totals()
        self.cache = _guarded(settings)

    def _connect(
        self,
        base: str,
        *,
        timeout: float,
        deadline: float | None,
        concurrency: int | None,
        allowed: int | None,
        transport: Transport | Engine | TransportName | None = None,
        clients: tuple[object | None, object | None] = (None, None),
        ca_certs: str | os.PathLike[str] | None = None,
        verify: bool | ssl.SSLContext = True,
        aws: str | None = None,
    ) -> None:
        """Have requests to ``base`` answered: by ``transport``, by the embedded engine (``local://``), or over HTTP.

        Args:
            base: The service's address.
            timeout: Seconds to wait for an answer's data.
            deadline: Seconds that one request may take as a whole; None for ten times ``timeout``.
            concurrency: Requests at once; None for what is allowed, else for a figure that suits most.
            allowed: Requests that the quota of the busiest product lets be in flight; None where it does not say.
            transport: The caller's own, or an embedded engine with settings of its own; or which library speaks HTTP.
            clients: The caller's own HTTP clients, blocking and asynchronous.
            ca_certs: Whose certificates are trusted; None for the usual ones.
            verify: False to trust anybody, or what is trusted.
            aws: The AWS service that requests are signed for. The caller's own transport signs by itself.
        """
        self._server = server_of(base)
        self._concurrency = concurrency or (min(allowed, MAX_CONCURRENCY) if allowed else DEFAULT_CONCURRENCY)
        self._transport: Transport
        name = transport_name(transport)
        if transport is not None and not isinstance(transport, str):
            self._transport = in_process(transport, timeout)
        elif base.startswith("local:"):
            self._transport = InProcessTransport(timeout=timeout)
        else:
            import numpy  # noqa: F401, ICN001 - here rather than in the first call, while a quota's window runs

            from ragbridge.transport.standard import over_http
            from ragbridge.transport.tls import trust

            self._transport = over_http(
                base,
                timeout=timeout,
                deadline=PATIENCE * timeout if deadline is None else deadline,
                connections=self._concurrency,
                name=name or "auto",
                client=clients[0],
                async_client=clients[1],
                trust=trust(ca_certs, verify),
            )
            if aws is not None:
                from ragbridge.transport.aws import SignedTransport

                self._transport = SignedTransport(self._transport, service=aws, base=base)

    def _run(self, plan: Plan[T], name: str) -> T:
        driver = ThreadDriver(self._transport, self._clock, self._concurrency)
        watch = self._watch(name, plan.about)
        if watch is None:
            return driver.run(plan)
        with watch:
            return watch.of(driver.run(plan))

    async def _run_async(self, plan: Plan[T], name: str) -> T:
        require_asyncio()
        driver = AsyncDriver(self._transport, self._clock, self._concurrency)
        watch = self._watch(name, plan.about)
        if watch is None:
            return await driver.run(plan)
        with watch:
            return watch.of(await driver.run(plan))

    def _stream(
        self,
        plans: Iterable[Plan[T]],
        name: str,
        *,
        ahead: int | None = None,
        about: Callable[[], Operation] | None = None,
        count: Callable[[Any], int] = lambda _: 1,
    ) -> Generator[T, None, None]:
        stream = functools.partial(
            ThreadDriver(self._transport, self._clock, self._concurrency).stream, plans, ahead=ahead
        )
        watch = self._watch(name, about, streamed=True)
        return stream() if watch is None else watch.stream(stream, count)

    def _stream_async(
        self,
        plans: Iterable[Plan[T]] | AsyncIterable[Plan[T]],
        name: str,
        *,
        ahead: int | None = None,
        about: Callable[[], Operation] | None = None,
        count: Callable[[Any], int] = lambda _: 1,
    ) -> AsyncGenerator[T, None]:
        stream = functools.partial(
            AsyncDriver(self._transport, self._clock, self._concurrency).stream, plans, ahead=ahead
        )
        watch = self._watch(name, about, streamed=True)
        return stream() if watch is None else watch.stream_async(stream, count)

    async def _beside(self, act: Callable[[], T]) -> T:
        """Call what may block, in a thread beside the running event loop."""
        from ragbridge.transport.threads import in_thread

        return await in_thread(act)

    def close(self) -> None:
        """Close idle connections, and the cache's file. The object stays usable: a later call opens new ones."""
        self._transport.close()
        self._close_cache()

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop included, and the cache's file."""
        require_asyncio()
        await self._transport.close_async()
        self._close_cache()

    def _close_cache(self) -> None:
        if self.cache is not None and self.cache.cache is not self._settings["cache"]:  # not the caller's own
            self.cache.close()

    @property
    def sent_by(self) -> str:
        """What sends requests: HTTP libraries by their names, the embedded engine, or a transport of the caller's own."""
        if isinstance(self._transport, InProcessTransport):
            return "the embedded engine"
        return getattr(self._transport, "sent_by", "") or "a transport of its own"

    @property
    def _embedded(self) -> Callable[[], str] | None:
        """Tells the name of the embedded engine's model; None where the engine does not answer."""
        return self._transport.model_name if isinstance(self._transport, InProcessTransport) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self  # shared on purpose, as connections and quota are; a copy by way of pickling would lose the key

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bound:
            raise TypeError(
                f"a {type(self).__name__} with a client, transport or clock of its own cannot be pickled"
            )
        settings = self._settings
        for name in ("api_key", "bearer_auth"):
            if name in settings:
                portable_key(settings[name], name)
        if not self._observers:
            settings = {name: value for name, value in settings.items() if name != "observers"}
        if self.cache is not None:
            settings = {**settings, "cache": portable(settings["cache"], self.cache.cache)}
        return self._revive, (settings,)

    @classmethod
    def _revive(cls, settings: dict[str, Any]) -> Self:
        """A client as it was, with the key of the process that unpickles it: keys do not travel.

        Where there is none, the first request says so: an error in here would be lost in a worker of a process pool, and
        the job would wait for it for ever.
        """
        client = cls.__new__(cls)
        with suppress(MissingKeyError):
            cls.__init__(client, **settings)
        return client


class Part:
    """A group of a service's methods, or a handle on one thing that the service keeps.

    Args:
        service: Whose it is.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    _NAME: ClassVar[str]
    """What observers know its methods by: ``endpoints`` of ``endpoints.create``."""

    def _run(self, plan: Plan[T], name: str) -> T:
        return self._service._run(plan, f"{self._NAME}.{name}")  # noqa: SLF001 - a part of it

    async def _run_async(self, plan: Plan[T], name: str) -> T:
        return await self._service._run_async(plan, f"{self._NAME}.{name}")  # noqa: SLF001 - a part of it


def _guarded(settings: Mapping[str, Any]) -> Guarded | None:
    """The cache that the settings name, as a client uses one."""
    version = settings.get("cache_version", "")
    if not isinstance(version, str):
        raise ConfigurationError(f"cache_version is {type(version).__name__}, not str")
    cache = open_cache(settings.get("cache"))
    if cache is None and version:
        raise ConfigurationError(
            f"cache_version={version!r} without cache=: there is nothing that it could tell apart"
        )
    return None if cache is None else Guarded(cache)


TRANSPORTS: tuple[TransportName, ...] = ("auto", "httpx", "httpx2", "fast")
"""The libraries that ``transport=`` may name."""


def transport_name(transport: object) -> TransportName | None:
    """The library that ``transport`` names; None where it is none, or an object that answers requests.

    Raises:
        ConfigurationError: There is no library of that name here.
    """
    if not isinstance(transport, str):
        return None
    named: dict[str, TransportName] = {name: name for name in TRANSPORTS}
    found = named.get(transport)
    if found is None:
        known = ", ".join(map(repr, TRANSPORTS))
        raise ConfigurationError(
            f"transport={transport!r} must be one of {known}, or an object that answers requests (ragbridge.Transport)"
        )
    return found


class Policy(NamedTuple):
    """What ``check_policy`` checked, as plain numbers."""

    timeout: float
    deadline: float | None
    concurrency: int | None
    batch_size: int


def check_policy(
    *,
    timeout: float,
    deadline: float | None,
    concurrency: int | None,
    batch_size: int = 1,
    max_batch: int = 1,
) -> Policy:
    """The settings as plain numbers, where a service could work with them.

    Raises:
        ConfigurationError: One of them is not what it should be.
    """
    timeout = check_number("timeout", timeout, "a number of seconds above 0", above=0)
    if deadline is not None:
        wanted = f"a number of seconds, and no less than timeout={timeout:g}"
        deadline = check_number("deadline", deadline, wanted, least=timeout)
    if concurrency is not None:
        concurrency = check_whole("concurrency", concurrency, "a positive int, or None")
    batch_size = check_whole("batch_size", batch_size, f"an int from 1 to {max_batch}", most=max_batch)
    return Policy(timeout, deadline, concurrency, batch_size)
