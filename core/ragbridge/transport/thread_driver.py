"""The loop that performs what flows ask for in threads.

What differs between the synchronous and the asynchronous face is in the two drivers and in the transports. Both drivers
run up to N workers over one shared iterator of flows. After the first failure no further request is sent.
"""

from __future__ import annotations

import contextvars
import functools
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.errors import RagbridgeError, RequestError
from ragbridge.flow import Clock, Do, Effect, Flow, Plan, Response, Send, single
from ragbridge.limiter import loops as event_loops
from ragbridge.limiter.loops import Waker
from ragbridge.transport.series import Series
from ragbridge.transport.work import LINGER, Stopped, Work, resume, waitable_of, within

if TYPE_CHECKING:
    from ragbridge.transport.base import Transport

T = TypeVar("T")


class ThreadDriver:
    """Runs plans in up to ``concurrency`` threads, which end with the call; one flow in the calling thread itself.

    The first failure is raised at once. Requests under way then finish on their own, and their results are ignored, but
    for those that are kept elsewhere. After a refused item or an empty balance they are waited for: ``LINGER`` seconds.
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
        with _blocking():
            self._prepare(plan)
            work = Work(plan, self._concurrency)
            if len(work.ahead) < 2:
                self._labour(work)
            else:
                self._share(work, min(self._concurrency, len(work.ahead)))
        result: T = work.join()
        return result

    def _prepare(self, plan: Plan[Any]) -> None:
        """Do what a plan does before its flows are known."""
        if plan.first is not None:
            before = Work(single(plan.first))
            self._labour(before)
            before.results()

    def _share(self, work: Work, number: int) -> None:
        """Run ``work`` in ``number`` threads. Returns when all are done or one has failed."""
        news: queue.SimpleQueue[None] = queue.SimpleQueue()  # each thread puts an item when it ends or fails
        tell = functools.partial(news.put, None)
        work.on_failure(tell)
        threads: list[threading.Thread] = []
        try:
            for _ in range(number):
                thread = _thread(functools.partial(self._labour, work), tell)
                if not _start(thread, needed=not threads):
                    break
                threads.append(thread)
            running = len(threads)
            while running and work.failure is None:
                news.get()
                running -= 1
            if work.lingers:
                _linger(threads)
        except BaseException as error:  # an interrupt
            work.fail(error)
            raise
        finally:
            work.leave()

    def stream(
        self,
        plans: Iterable[Plan[T]],
        context: contextvars.Context | None = None,
        *,
        ahead: int | None = None,
    ) -> Generator[T, None, None]:
        """Yield the result of each plan, in order, as soon as it is known. Up to ``concurrency`` flows run at once.

        Plans are asked for in the calling thread, one by one, when no flow is left to begin. Nothing is sent before the
        first result is requested, nor after the iterator is closed.

        Args:
            plans: What to do, in order.
            context: What its requests are made in; None for the context of the caller, at any time.
            ahead: Plans that are begun at once; None for as many as flows.

        Raises:
            RagbridgeError: A plan failed. Raised in its position; the flows under way are stopped.
        """
        crew = _Crew(self._labour, self._concurrency, ahead or self._concurrency, context)
        source = iter(plans)
        try:
            while not crew.over:
                if crew.hungry:
                    plan = next(source, None)
                    with _blocking():
                        if plan is not None:
                            within(context)(self._prepare, plan)
                        crew.add(plan)
                elif (work := crew.first()) is not None:
                    if work.lingers:
                        with _blocking():
                            crew.linger()
                    yield work.join()
                else:
                    with _blocking():
                        crew.wait()
        finally:
            crew.close()

    def _labour(self, work: Work, *only: tuple[int, Flow[object]]) -> None:
        """Perform the flows of ``work``, or one of them alone."""
        wake = _Wake(work)
        try:
            for index, flow in only or work:
                work.done[index] = self._drive(flow, work, wake)
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by work.results()
            work.fail(error)

    def _drive(self, flow: Flow[T], work: Work, wake: _Wake) -> T:
        try:
            effect = next(flow)
            while True:
                if not isinstance(effect, Do):
                    work.check()
                outcome = self._perform(effect, work, wake)
                try:
                    # The caller may have received its error by now: its code must not be called any more.
                    if not (isinstance(effect, Send) and (work.keeps or work.lingers)):
                        work.check()
                    effect = resume(flow, outcome)
                finally:
                    del outcome  # an error's frames, of which this is one, must not hold the error
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    def _perform(self, effect: Effect, work: Work, wake: _Wake) -> Response | RequestError | None:
        if isinstance(effect, Send):
            try:
                return self._transport.send(effect.request)
            except RequestError as error:
                return error
        if isinstance(effect, Do):
            effect.act()
            return None
        waitable = waitable_of(effect, self._clock)
        try:
            if waitable.poll() is None:  # as most waits are: nobody has to be woken
                return None
            event = wake.event
            waitable.subscribe(Waker(event.set))
            while (seconds := waitable.poll()) is not None:
                self._clock.wait(event, seconds)
                event.clear()
                work.check()
        except RequestError as error:  # the quota is out of reach
            return error
        return None


class _Wake:
    """What one worker waits by: made when a flow of its has to wait, which most never do."""

    __slots__ = ("_event", "_work")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._event: threading.Event | None = None

    @property
    def event(self) -> threading.Event:
        """Set by the work's first failure, and by what is waited for."""
        if self._event is None:
            self._event = threading.Event()
            self._work.on_failure(self._event.set)
        return self._event


class _Crew:
    """The threads that perform the plans of one stream: as many as there are flows to begin, up to a bound."""

    def __init__(
        self, labour: Callable[..., None], number: int, ahead: int, context: contextvars.Context | None
    ) -> None:
        self._labour = labour
        self._number = number
        self._series = Series(ahead)
        self._context = context
        self._news = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._busy = 0
        self._closed = False
        self._process = os.getpid()

    @property
    def hungry(self) -> bool:
        """Whether another plan should be begun."""
        with self._news:
            return self._series.hungry

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        with self._news:
            return self._series.over

    def add(self, plan: Plan[Any] | None) -> None:
        """Begin ``plan``; None: there are no more."""
        with self._news:
            if plan is None:
                self._series.finish()
                return
            self._series.add(plan).on_failure(self._tell)
            self._news.notify_all()
        self._hire()

    def first(self) -> Work | None:
        """The earliest plan, where it has ended."""
        with self._news:
            return self._series.first()

    def wait(self) -> None:
        """Wait until a plan has ended, or another one should be begun.

        Raises:
            RagbridgeError: The stream was begun in another process, where its threads are.
        """
        if os.getpid() != self._process:
            raise RagbridgeError("a stream was begun before this process was forked: begin it here")
        with self._news:
            while not (self._series.hungry or self._series.over or self._series.has_first):
                self._news.wait()

    def linger(self) -> None:
        """Begin nothing more, and wait for the answers under way: they are paid for."""
        self.close()
        end = time.monotonic() + LINGER
        with self._news:
            while self._busy and (left := end - time.monotonic()) > 0:
                self._news.wait(left)

    def close(self) -> None:
        """Stop all that is under way."""
        if os.getpid() != self._process:  # a thread that was not forked may hold the lock
            return
        with self._news:
            self._closed = True
            self._series.stop(Stopped())
            self._news.notify_all()

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _hire(self) -> None:
        """Start a thread where there is more to do than threads that wait for work."""
        with self._news:
            if self._closed or not self._series.ready or self._idle or self._threads == self._number:
                return
            self._threads += 1
        thread = within(self._context)(_thread, self._serve, self._tell)
        if not _start(thread, needed=self._threads == 1):
            with self._news:
                self._threads -= 1

    def _serve(self) -> None:
        while (task := self._take()) is not None:
            self._hire()
            work, index, flow = task
            self._labour(work, (index, flow))
            with self._news:
                self._busy -= 1
                self._news.notify_all()

    def _take(self) -> tuple[Work, int, Flow[object]] | None:
        with self._news:
            self._idle += 1
            try:
                while not self._closed:
                    task = self._series.take()
                    if task is not None:
                        self._busy += 1
                        self._news.notify_all()  # there may be room for another plan
                        return task
                    self._news.wait()
                return None
            finally:
                self._idle -= 1


def _thread(labour: Callable[[], None], then: Callable[[], None]) -> threading.Thread:
    def target() -> None:
        try:
            labour()
        finally:
            then()

    # Tracing spans of the caller remain the parents of its requests.
    run = contextvars.copy_context().run
    return threading.Thread(target=run, args=(target,), name="ragbridge", daemon=True)


def _linger(threads: list[threading.Thread]) -> None:
    """Wait for the answers under way: they are paid for."""
    end = time.monotonic() + LINGER
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))


def _blocking() -> AbstractContextManager[None]:
    """Mark the event loop of the calling thread, if any, as blocked while the thread waits."""
    loop = event_loops.running()
    return _NOTHING if loop is None else loop.blocked()


_NOTHING: AbstractContextManager[None] = nullcontext()


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
