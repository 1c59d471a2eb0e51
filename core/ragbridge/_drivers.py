"""The two loops that perform what flows ask for: one for threads, one for asyncio.

Everything that differs between the synchronous and the asynchronous face is in this file and in the transports. Both
drivers run up to N workers over one shared iterator of flows. After the first failure no further request is sent.

asyncio is imported where it is used: it is the dearest part of ``import ragbridge`` for those who never await.
"""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ragbridge._clock import Clock
from ragbridge._errors import RequestError
from ragbridge._flow import Effect, Flow, Plan, Request, Response, Send, Sleep, Wait, Waitable, plan

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Transport(Protocol):
    """Answers one request, over HTTP or in this process. Raises ``RequestError`` where no answer comes."""

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking the calling thread."""
        ...

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop."""
        ...

    def close(self) -> None:
        """Free what the blocking side holds."""

    async def close_async(self) -> None:
        """Free what both sides hold for the running loop."""


class _Stopped(BaseException):
    """Ends a worker because another one failed."""


class _Work:
    """The shared iterator of flows, what they returned, and the first failure."""

    def __init__(self, plan: Plan[Any]) -> None:
        self._flows = enumerate(plan.flows)
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], object]] = []
        self.done: dict[int, object] = {}
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[tuple[int, Flow[object]]]:
        return self

    def __next__(self) -> tuple[int, Flow[object]]:
        with self._lock:
            if self.failure is not None:
                raise StopIteration
            return next(self._flows)

    def on_failure(self, wake: Callable[[], object]) -> None:
        with self._lock:
            self._wakers.append(wake)

    def fail(self, error: BaseException) -> None:
        with self._lock:
            self.failure = self.failure or error
            wakers = tuple(self._wakers)
        for wake in wakers:
            wake()

    def check(self) -> None:
        if self.failure is not None:
            raise _Stopped

    def results(self) -> list[object]:
        if self.failure is not None:
            raise self.failure
        return [self.done[index] for index in range(len(self.done))]


class _Deadline:
    """A ``Waitable`` for ``Sleep``."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._now = clock.now
        self._end = clock.now() + seconds

    def poll(self) -> float | None:
        left = self._end - self._now()
        return left if left > 0 else None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Time needs nobody to tell."""


def _waitable(effect: Sleep | Wait, clock: Clock) -> Waitable:
    return effect.waitable if isinstance(effect, Wait) else _Deadline(clock, effect.seconds)


def _resume(flow: Flow[Any], outcome: Response | RequestError | None) -> Effect:
    """Tell ``flow`` how its effect went; its next effect. Raises ``StopIteration`` when it is done."""
    return flow.throw(outcome) if isinstance(outcome, RequestError) else flow.send(outcome)


def _alone(flow: Flow[T]) -> Plan[list[T]]:
    return plan((flow,), list)


class ThreadDriver:
    """Runs plans in the calling thread and up to ``concurrency - 1`` more, which end with the call."""

    def __init__(self, transport: Transport, clock: Clock, concurrency: int) -> None:
        self._transport = transport
        self._clock = clock
        self._concurrency = concurrency

    def run(self, plan: Plan[T]) -> T:
        """Perform every flow of ``plan`` and join the results.

        Raises:
            RagbridgeError: What the first failing flow raised; the others were stopped.
        """
        work = _Work(plan)
        first = list(itertools.islice(work, self._concurrency))
        threads = [self._thread(work, item) for item in first[1:]]
        try:
            for thread in threads:
                thread.start()
            self._labour(work, *first[:1])
            if work.failure is None or isinstance(work.failure, Exception):
                for thread in threads:  # an interrupt, on the other hand, does not wait for answers
                    thread.join()
        except BaseException as error:
            work.fail(error)
            raise
        return plan.join(work.results())

    def stream(self, flows: Iterable[Flow[T]]) -> Generator[T, None, None]:
        """What each flow returns, in their order, as soon as it is known; up to ``concurrency`` of them are under way.

        Nothing is sent before the first result is asked for, and nothing more once the iterator is closed.

        Raises:
            RagbridgeError: What a flow raised, in its place; those under way were stopped.
        """
        ahead: deque[tuple[_Work, threading.Thread]] = deque()
        try:
            for flow in flows:
                work = _Work(_alone(flow))
                thread = self._thread(work, next(work))
                ahead.append((work, thread))
                thread.start()
                if len(ahead) == self._concurrency:
                    yield self._first(ahead)
            while ahead:
                yield self._first(ahead)
        finally:
            for work, _ in ahead:
                work.fail(_Stopped())

    @staticmethod
    def _first(ahead: deque[tuple[_Work, threading.Thread]]) -> Any:
        work, thread = ahead[0]
        thread.join()
        ahead.popleft()
        return work.results()[0]

    def _thread(self, work: _Work, item: tuple[int, Flow[object]]) -> threading.Thread:
        target = (
            contextvars.copy_context().run
        )  # tracing spans of the caller stay the parents of its requests
        return threading.Thread(target=target, args=(self._labour, work, item), name="ragbridge", daemon=True)

    def _labour(self, work: _Work, *first: tuple[int, Flow[object]]) -> None:
        wake = threading.Event()
        work.on_failure(wake.set)
        try:
            for index, flow in itertools.chain(first, work):
                work.done[index] = self._drive(flow, work, wake)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by work.results()
            work.fail(error)

    def _drive(self, flow: Flow[T], work: _Work, wake: threading.Event) -> T:
        with closing(flow):
            try:
                effect = next(flow)
                while True:
                    work.check()
                    effect = _resume(flow, self._perform(effect, work, wake))
            except StopIteration as done:
                result: T = done.value
                return result

    def _perform(self, effect: Effect, work: _Work, wake: threading.Event) -> Response | RequestError | None:
        if isinstance(effect, Send):
            try:
                return self._transport.send(effect.request)
            except RequestError as error:
                return error
        waitable = _waitable(effect, self._clock)
        waitable.subscribe(wake.set)
        while (seconds := waitable.poll()) is not None:
            self._clock.wait(wake, seconds)
            wake.clear()
            work.check()
        return None


class AsyncDriver:
    """Runs plans on the running event loop, up to ``concurrency`` flows at once."""

    def __init__(self, transport: Transport, clock: Clock, concurrency: int) -> None:
        self._transport = transport
        self._clock = clock
        self._concurrency = concurrency

    async def run(self, plan: Plan[T]) -> T:
        """Perform every flow of ``plan`` and join the results.

        Raises:
            RagbridgeError: What the first failing flow raised; the others were cancelled.
        """
        import asyncio

        work = _Work(plan)
        first = list(itertools.islice(work, self._concurrency))
        if len(first) < 2:
            await self._labour(work, *first)
            return plan.join(work.results())
        tasks = [asyncio.ensure_future(self._labour(work, item)) for item in first]
        for task in tasks:
            work.on_failure(task.cancel)
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return plan.join(work.results())

    async def stream(self, flows: Iterable[Flow[T]]) -> AsyncGenerator[T, None]:
        """What each flow returns, in their order, as soon as it is known; up to ``concurrency`` of them are under way.

        Nothing is sent before the first result is asked for, and nothing more once the iterator is closed.

        Raises:
            RagbridgeError: What a flow raised, in its place; those under way were cancelled.
        """
        import asyncio

        ahead: deque[asyncio.Task[list[T]]] = deque()
        try:
            for flow in flows:
                ahead.append(asyncio.ensure_future(self.run(_alone(flow))))
                if len(ahead) == self._concurrency:
                    (result,) = await ahead[0]
                    ahead.popleft()
                    yield result
            while ahead:
                (result,) = await ahead[0]
                ahead.popleft()
                yield result
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _labour(self, work: _Work, *first: tuple[int, Flow[object]]) -> None:
        try:
            for index, flow in itertools.chain(first, work):
                work.done[index] = await self._drive(flow, work)
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by work.results()
            work.fail(error)

    async def _drive(self, flow: Flow[T], work: _Work) -> T:
        with closing(flow):
            try:
                effect = next(flow)
                while True:
                    work.check()
                    effect = _resume(flow, await self._perform(effect))
            except StopIteration as done:
                result: T = done.value
                return result

    async def _perform(self, effect: Effect) -> Response | RequestError | None:
        if isinstance(effect, Send):
            try:
                return await self._transport.send_async(effect.request)
            except RequestError as error:
                return error
        waitable = _waitable(effect, self._clock)
        import asyncio

        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(event.set)  # raises RuntimeError once the loop is closed

        waitable.subscribe(wake)
        while (seconds := waitable.poll()) is not None:
            await self._clock.wait_async(event, seconds)
            event.clear()
        return None
