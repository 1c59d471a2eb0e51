"""The two drivers, which perform the effects of flows: one with threads, one with asyncio.

Everything that differs between the synchronous and the asynchronous face is in this file and in the transports. Both
drivers run up to N workers over one shared iterator of flows. After the first failure no further request is sent.

asyncio is imported on first use. It would be the most expensive part of ``import ragbridge``, also for programs that
never await.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.errors import RagbridgeError, RequestError
from ragbridge.flow import Clock, Effect, Flow, Plan, Response, Send, Sleep, Wait, Waitable, plan
from ragbridge.limiter import loops as event_loops
from ragbridge.limiter.loops import Waker

if TYPE_CHECKING:
    import asyncio

    from ragbridge.transport.base import Transport

T = TypeVar("T")


class _Stopped(BaseException):
    """Stops a worker after another one failed."""


class _Work:
    """The shared iterator of flows, what they returned, and the first failure."""

    def __init__(self, plan: Plan[Any], ahead: int = 0) -> None:
        self._flows = enumerate(plan.flows)
        self._started = 0
        self._exhausted = False
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], object]] = []
        self.done: dict[int, object] = {}
        self.failure: BaseException | None = None
        self.ahead = deque(itertools.islice(self._flows, ahead))

    def __iter__(self) -> Iterator[tuple[int, Flow[object]]]:
        return self

    def __next__(self) -> tuple[int, Flow[object]]:
        with self._lock:
            if self.failure is not None:
                raise StopIteration
            try:
                item = self.ahead.popleft() if self.ahead else next(self._flows)
            except StopIteration:
                self._exhausted = True
                raise
            self._started += 1
            return item

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
        """The results of all flows, in order. There is no result until every flow has ended.

        Raises:
            RagbridgeError: The error of the first flow that failed.
            RequestError: A worker ended without a result or an error.
        """
        if self.failure is not None:
            raise self.failure
        if not self._exhausted or len(self.done) < self._started:
            raise RequestError("the job was interrupted before all of its requests had ended")
        return [self.done[index] for index in range(self._started)]


class _Deadline:
    """A ``Waitable`` for ``Sleep``."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._now = clock.now
        self._end = clock.now() + seconds

    def poll(self) -> float | None:
        left = self._end - self._now()
        return left if left > 0 else None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Nothing to do: time passes by itself."""


def _waitable(effect: Sleep | Wait, clock: Clock) -> Waitable:
    return effect.waitable if isinstance(effect, Wait) else _Deadline(clock, effect.seconds)


def _resume(flow: Flow[Any], outcome: Response | RequestError | None) -> Effect:
    """Send the outcome of an effect to ``flow``. Returns its next effect; raises ``StopIteration`` when it is done.

    Raises:
        RequestError: A function that the flow called, such as the user's ``progress``, raised an exception that event
            loops and generators use for control flow. Passed on, it would end a job without an error.
    """
    try:
        return flow.throw(outcome) if isinstance(outcome, RequestError) else flow.send(outcome)
    except BaseException as error:
        if isinstance(error, GeneratorExit) or type(error).__name__ == "CancelledError":
            raise RequestError(
                f"a function that was called during the job raised {type(error).__name__}"
            ) from error
        raise


def _alone(flow: Flow[T]) -> Plan[list[T]]:
    return plan((flow,), list)


class ThreadDriver:
    """Runs plans in up to ``concurrency`` threads, which end with the call; one flow in the calling thread itself.

    The first failure is raised at once. Requests under way then finish on their own, and their results are ignored.
    """

    def __init__(self, transport: Transport, clock: Clock, concurrency: int) -> None:
        self._transport = transport
        self._clock = clock
        self._concurrency = concurrency

    def run(self, plan: Plan[T]) -> T:
        """Perform every flow of ``plan`` and join the results.

        Raises:
            RagbridgeError: The error of the first flow that failed. The others are stopped.
        """
        work = _Work(plan, self._concurrency)
        with _blocking():
            if len(work.ahead) < 2:
                self._labour(work)
            else:
                self._share(work, min(self._concurrency, len(work.ahead)))
        return plan.join(work.results())

    def _share(self, work: _Work, number: int) -> None:
        """Run ``work`` in ``number`` threads. Returns when all are done or one has failed."""
        news: queue.SimpleQueue[None] = queue.SimpleQueue()  # each thread puts an item when it ends or fails
        tell = functools.partial(news.put, None)
        work.on_failure(tell)
        running = 0
        try:
            for _ in range(number):
                if not _start(self._thread(functools.partial(self._labour, work), tell), needed=not running):
                    break
                running += 1
            while running and work.failure is None:
                news.get()
                running -= 1
        except BaseException as error:  # an interrupt
            work.fail(error)
            raise

    def stream(self, flows: Iterable[Flow[T]]) -> Generator[T, None, None]:
        """Yield the result of each flow, in order, as soon as it is known. Up to ``concurrency`` flows run at once.

        Nothing is sent before the first result is requested, nor after the iterator is closed.

        Raises:
            RagbridgeError: A flow failed. Raised in its position; the flows under way are stopped.
        """
        ahead: deque[tuple[_Work, threading.Event]] = deque()
        try:
            for flow in flows:
                work, done = _Work(_alone(flow)), threading.Event()
                ahead.append((work, done))
                _start(self._thread(functools.partial(self._labour, work), done.set))
                if len(ahead) == self._concurrency:
                    yield self._first(ahead)
            while ahead:
                yield self._first(ahead)
        finally:
            for work, _ in ahead:
                work.fail(_Stopped())

    @staticmethod
    def _first(ahead: deque[tuple[_Work, threading.Event]]) -> Any:
        work, done = ahead[0]
        with _blocking():
            done.wait()
        ahead.popleft()
        return work.results()[0]

    @staticmethod
    def _thread(labour: Callable[[], None], then: Callable[[], None]) -> threading.Thread:
        def target() -> None:
            try:
                labour()
            finally:
                then()

        run = (
            contextvars.copy_context().run
        )  # so that tracing spans of the caller remain the parents of its requests
        return threading.Thread(target=run, args=(target,), name="ragbridge", daemon=True)

    def _labour(self, work: _Work) -> None:
        wake = threading.Event()
        work.on_failure(wake.set)
        try:
            for index, flow in work:
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
                    outcome = self._perform(effect, work, wake)
                    work.check()  # the caller may have received its error by now: its code must not be called any more
                    effect = _resume(flow, outcome)
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
        waitable.subscribe(Waker(wake.set))
        while (seconds := waitable.poll()) is not None:
            self._clock.wait(wake, seconds)
            wake.clear()
            work.check()
        return None


@contextmanager
def _blocking() -> Iterator[None]:
    """Mark the event loop of the calling thread, if any, as blocked while the thread waits."""
    loop = event_loops.running()
    if loop is None:
        yield
    else:
        with loop.blocked():
            yield


def _start(thread: threading.Thread, *, needed: bool = True) -> bool:
    """Start ``thread``. False if the system cannot start it and it is not needed.

    Raises:
        RagbridgeError: The system cannot start it, and it is needed.
    """
    try:
        thread.start()
    except RuntimeError as error:
        if needed:
            raise RagbridgeError(
                f"no thread can be started for the requests of this call: {error}"
            ) from error
        return False
    return True


class AsyncDriver:
    """Runs plans on the running event loop, up to ``concurrency`` flows at once; one flow in the calling task itself."""

    def __init__(self, transport: Transport, clock: Clock, concurrency: int) -> None:
        self._transport = transport
        self._clock = clock
        self._concurrency = concurrency

    async def run(self, plan: Plan[T]) -> T:
        """Perform every flow of ``plan`` and join the results.

        Raises:
            RagbridgeError: The error of the first flow that failed. The others are cancelled.
        """
        work = _Work(plan, self._concurrency)
        if len(work.ahead) < 2:
            await self._labour(work)
        else:
            await self._share(work, min(self._concurrency, len(work.ahead)))
        return plan.join(work.results())

    async def _share(self, work: _Work, number: int) -> None:
        """Run ``work`` in ``number`` tasks. Returns when all of them have ended."""
        import asyncio

        tasks = [asyncio.ensure_future(self._labour(work)) for _ in range(number)]

        def stop() -> None:
            for task in tasks:  # once each: a second cancellation would interrupt the cleanup of the first
                if task is not asyncio.current_task():
                    task.cancel()

        work.on_failure(stop)
        try:
            await asyncio.wait(tasks)
        except BaseException:
            work.fail(_Stopped())
            await asyncio.wait(tasks)
            raise

    async def stream(self, flows: Iterable[Flow[T]]) -> AsyncGenerator[T, None]:
        """Yield the result of each flow, in order, as soon as it is known. Up to ``concurrency`` flows run at once.

        Nothing is sent before the first result is requested, nor after the iterator is closed.

        Raises:
            RagbridgeError: A flow failed. Raised in its position; the flows under way are cancelled.
        """
        import asyncio

        ahead: deque[asyncio.Task[list[T]]] = deque()
        try:
            for flow in flows:
                ahead.append(asyncio.ensure_future(self.run(_alone(flow))))
                if len(ahead) == self._concurrency:
                    yield await self._first(ahead)
            while ahead:
                yield await self._first(ahead)
        finally:
            for task in ahead:
                task.cancel()
            if ahead:
                await asyncio.wait(ahead)

    @staticmethod
    async def _first(ahead: deque[asyncio.Task[list[T]]]) -> T:
        import asyncio

        await asyncio.wait((ahead[0],))  # unlike awaiting the task, does not pass a cancellation on
        task = ahead.popleft()
        if task.cancelled():
            raise _interrupted()
        (result,) = task.result()
        return result

    async def _labour(self, work: _Work) -> None:
        import asyncio

        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        try:
            for index, flow in work:
                work.done[index] = await self._drive(flow, work, cancellations)
        except _Stopped:
            pass
        except asyncio.CancelledError:
            raise
        except GeneratorExit:  # the event loop is gone
            raise
        except BaseException as error:
            work.fail(error)  # raised again by work.results()
            if not isinstance(error, Exception):
                raise

    async def _drive(self, flow: Flow[T], work: _Work, cancellations: int) -> T:
        with closing(flow):
            try:
                effect = next(flow)
                while True:
                    work.check()
                    effect = _resume(flow, await self._perform(effect, cancellations))
            except StopIteration as done:
                result: T = done.value
                return result

    async def _perform(self, effect: Effect, cancellations: int) -> Response | RequestError | None:
        import asyncio

        if isinstance(effect, Send):
            try:
                return await self._transport.send_async(effect.request)
            except RequestError as error:
                return error
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling() > cancellations:
                    raise
                # This task was not cancelled, but something inside the transport was, such as the queue of a closed pool.
                return _interrupted()
        waitable = _waitable(effect, self._clock)
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(event.set)  # raises RuntimeError once the loop is closed

        waitable.subscribe(Waker(wake, event_loops.known(loop)))
        while (seconds := waitable.poll()) is not None:
            await self._clock.wait_async(event, seconds)
            event.clear()
        return None


def _interrupted() -> RequestError:
    return RequestError("the request was cancelled, but not by the caller")
