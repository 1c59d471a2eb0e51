"""Effects, flows and plans; and the clock that drivers wait by.

A flow is a generator: it yields effects, is sent the answer to each, and returns its result. It holds all logic
and does no I/O, so it is tested by hand, without a client, a loop or a mock. Failures enter by ``flow.throw``,
cancellation by ``flow.close``. The drivers in ``ragbridge.transport`` perform the effects.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

from ragbridge.errors import RequestError
from ragbridge.ground.addresses import shown
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    import asyncio

    from ragbridge.observers import Operation

logger = logging.getLogger("ragbridge")

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a service, in plain values.

    ``headers`` and the query of ``url`` may hold a key, and ``body`` the caller's texts: no representation shows them.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float | None = None
    """Seconds to wait for the answer; None for the transport's own figure."""
    most: int | None = None
    """Bytes of a success's body that are read at most; None for the transport's own figure."""

    @property
    def place(self) -> str:
        """The address without user, query and fragment, which may hold secrets. Safe to show."""
        plain = "@" not in self.url and "#" not in self.url
        return self.url.partition("?")[0] if plain else shown(self.url, len(self.url))


@dataclass(frozen=True, slots=True)
class Response:
    """A service's answer. Header names are lower case. Either part may repeat the key: no representation shows them.

    ``body`` is bytes, or a bytearray that stays as it is for as long as anybody holds it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | bytearray = field(default=b"", repr=False)


TransportName: TypeAlias = Literal["auto", "httpx", "httpx2", "fast"]
"""What sends: a library by its name, connections of our own, or the fastest that serves."""


class Waitable(Protocol):
    """A condition to wait for, in a thread or on an event loop. It never blocks."""

    def poll(self) -> float | None:
        """None once the wait is over; else seconds until the next poll is worthwhile (``inf``: wait to be woken).

        Raises:
            RagbridgeError: The condition can no longer be met.
        """

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, whenever ``poll`` may answer differently than before.

        ``wake`` raises ``RuntimeError`` once nobody is left to be woken, such as on a closed event loop. Drivers give a
        ``ragbridge.limiter.loops.Waker``, which also tells on which event loop the flow waits.
        """


class Waiting:
    """Base of every ``Waitable`` that others wake: keeps the subscribers, and calls them."""

    __slots__ = ("_wakers",)

    def __init__(self) -> None:
        self._wakers: list[Callable[[], None]] = []

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called, from any thread, when this wait may be over."""
        self._wakers.append(wake)

    def wake(self) -> None:
        """Call the subscribers. If one's event loop is closed, its flow can never go on: the wait is given up."""
        for waker in tuple(self._wakers):
            try:
                waker()
            except RuntimeError:
                logger.debug("the event loop of a waiting request is closed")
                self.give_up()

    def give_up(self) -> None:
        """Let those behind go on. Waits that hold nothing do nothing."""


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: send the request; the flow receives a ``Response``, or a ``RequestError`` is thrown into it."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep:
    """Effect: let this many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Effect: continue when ``waitable`` is ready."""

    waitable: Waitable


@dataclass(frozen=True, slots=True)
class Do:
    """Effect: call what blocks, such as a database on disk. On an event loop it runs in a thread beside the loop."""

    act: Callable[[], None]


Effect: TypeAlias = Send | Sleep | Wait | Do

Flow: TypeAlias = Generator[Effect, Response | None, T]
"""Yields effects, is sent the ``Response`` to each ``Send`` (``None`` to the others), returns a ``T``."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """Independent flows and how to join what they return.

    ``flows`` is consumed lazily, one flow at a time and never by two threads at once, so that work is cut into
    requests as they are sent. ``join`` receives the results in the order of the flows.

    Attributes:
        flows: What is done side by side.
        join: Makes the plan's result of what the flows return.
        first: Done before the first of ``flows`` is made: what it finds out decides which these are. A plan that has it
            keeps answers: those of requests under way are kept even after another one failed.
        partial: Says what of the plan's result is there, for the error that ends it.
        leave: Called when the caller waits no longer, although some requests may still be under way.
        keeps: Says, once ``first`` has ended, whether the plan keeps answers; None: if it has a ``first``.
        about: Says what observers are told of the call; asked only where there are any.
    """

    flows: Iterable[Flow[object]]
    join: Callable[[list[object]], T]
    first: Flow[None] | None = None
    partial: Callable[[], object] | None = None
    leave: Callable[[], object] | None = None
    keeps: Callable[[], bool] | None = None
    about: Callable[[], Operation] | None = None

    def map(self, change: Callable[[T], S]) -> Plan[S]:
        """The same plan, whose result is changed."""
        return Plan(
            self.flows,
            lambda results: change(self.join(results)),
            self.first,
            self.partial,
            self.leave,
            self.keeps,
            self.about,
        )


def plan(
    flows: Iterable[Flow[S]],
    join: Callable[[list[S]], T],
    *,
    about: Callable[[], Operation] | None = None,
) -> Plan[T]:
    """A plan whose flows all return ``S``: type checkers then know what ``join`` receives."""
    return Plan(flows, join, about=about)  # type: ignore[arg-type]


def single(flow: Flow[T], *, about: Callable[[], Operation] | None = None) -> Plan[T]:
    """A plan of one flow, whose result is the plan's."""
    return plan((flow,), lambda results: results[0], about=about)


def send(request: Request) -> Flow[Response]:
    """Send ``request`` and return the answer, whatever its status.

    Raises:
        RequestError: The answer is an interim one (a status below 200).
    """
    response = yield Send(request)
    if response is None:
        raise RuntimeError("a driver must answer Send with a Response")
    if response.status < 200:
        raise RequestError(
            f"{request.method} {request.place}: status {response.status} in place of an answer"
        )
    return response


def sleep(seconds: float) -> Flow[None]:
    """Let ``seconds`` pass. Zero or less: do nothing."""
    if seconds > 0:
        yield Sleep(seconds)


def wait(waitable: Waitable) -> Flow[None]:
    """Wait for ``waitable``."""
    yield Wait(waitable)


def do(act: Callable[[], S]) -> Flow[S]:
    """Call what blocks, and return what it returns or raise what it raises."""
    outcome: list[S | BaseException] = []

    def contained() -> None:
        try:
            outcome.append(act())
        except BaseException as error:  # noqa: BLE001 - raised again in the flow, where drivers tell what it means
            outcome.append(error)

    yield Do(contained)
    (result,) = outcome
    if isinstance(result, BaseException):
        raise result
    return result


class Clock(Protocol):
    """The time source of drivers. Tests replace it, so that hours of waiting take no time."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Block until ``event`` is set or ``seconds`` (may be ``inf``) have passed."""

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        """The same on the running event loop."""


class SystemClock:
    """The machine's own monotonic clock."""

    def now(self) -> float:
        """Seconds of ``time.monotonic``."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Block until ``event`` is set or ``seconds`` have passed."""
        event.wait(None if math.isinf(seconds) else min(seconds, threading.TIMEOUT_MAX))

    async def wait_async(self, event: asyncio.Event, seconds: float) -> None:
        """Wait until ``event`` is set or ``seconds`` have passed."""
        import asyncio

        # Not asyncio.wait_for: before Python 3.12 it loses a cancellation that comes together with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                await event.wait()


publish("ragbridge", [Request, Response])
