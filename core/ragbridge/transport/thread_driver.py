"""The loop that performs what flows ask for in threads.

What differs between the synchronous and the asynchronous face is in the two drivers and in the transports. Both drivers
run up to N workers over one shared iterator of flows. After the first failure no further request is sent.
"""

from __future__ import annotations

import contextvars
import functools
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.errors import RagbridgeError, RequestError
from ragbridge.flow import Clock, Effect, Flow, Plan, Response, Send, single
from ragbridge.limiter import loops as event_loops
from ragbridge.limiter.loops import Waker
from ragbridge.transport.work import Stopped, Work, resume, waitable_of

if TYPE_CHECKING:
    from ragbridge.transport.base import Transport

T = TypeVar("T")


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
        work = Work(plan, self._concurrency)
        with _blocking():
            if len(work.ahead) < 2:
                self._labour(work)
            else:
                self._share(work, min(self._concurrency, len(work.ahead)))
        return plan.join(work.results())

    def _share(self, work: Work, number: int) -> None:
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
        ahead: deque[tuple[Work, threading.Event]] = deque()
        try:
            for flow in flows:
                work, done = Work(single(flow)), threading.Event()
                ahead.append((work, done))
                _start(self._thread(functools.partial(self._labour, work), done.set))
                if len(ahead) == self._concurrency:
                    yield self._first(ahead)
            while ahead:
                yield self._first(ahead)
        finally:
            for work, _ in ahead:
                work.fail(Stopped())

    @staticmethod
    def _first(ahead: deque[tuple[Work, threading.Event]]) -> Any:
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

    def _labour(self, work: Work) -> None:
        wake = threading.Event()
        work.on_failure(wake.set)
        try:
            for index, flow in work:
                work.done[index] = self._drive(flow, work, wake)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by work.results()
            work.fail(error)

    def _drive(self, flow: Flow[T], work: Work, wake: threading.Event) -> T:
        with closing(flow):
            try:
                effect = next(flow)
                while True:
                    work.check()
                    outcome = self._perform(effect, work, wake)
                    work.check()  # the caller may have received its error by now: its code must not be called any more
                    effect = resume(flow, outcome)
            except StopIteration as done:
                result: T = done.value
                return result

    def _perform(self, effect: Effect, work: Work, wake: threading.Event) -> Response | RequestError | None:
        if isinstance(effect, Send):
            try:
                return self._transport.send(effect.request)
            except RequestError as error:
                return error
        waitable = waitable_of(effect, self._clock)
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
