"""The loop that performs what flows ask for on asyncio's event loops.

asyncio is imported where it is used: it is the dearest part of ``import ragbridge`` for those who never await.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from ragbridge.errors import RequestError
from ragbridge.flow import Clock, Effect, Flow, Plan, Response, Send, single
from ragbridge.limiter import loops as event_loops
from ragbridge.limiter.loops import Waker
from ragbridge.transport.work import Stopped, Work, interrupted, resume, waitable_of

if TYPE_CHECKING:
    import asyncio

    from ragbridge.transport.base import Transport

T = TypeVar("T")


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
        work = Work(plan, self._concurrency)
        if len(work.ahead) < 2:
            await self._labour(work)
        else:
            await self._share(work, min(self._concurrency, len(work.ahead)))
        return plan.join(work.results())

    async def _share(self, work: Work, number: int) -> None:
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
            work.fail(Stopped())
            await asyncio.wait(tasks)
            raise

    async def stream(self, flows: Iterable[Flow[T]]) -> AsyncGenerator[T, None]:
        """Yield the result of each flow, in order, as soon as it is known. Up to ``concurrency`` flows run at once.

        Nothing is sent before the first result is requested, nor after the iterator is closed.

        Raises:
            RagbridgeError: A flow failed. Raised in its position; the flows under way are cancelled.
        """
        import asyncio

        ahead: deque[asyncio.Task[T]] = deque()
        try:
            for flow in flows:
                ahead.append(asyncio.ensure_future(self.run(single(flow))))
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
    async def _first(ahead: deque[asyncio.Task[T]]) -> T:
        import asyncio

        await asyncio.wait((ahead[0],))  # unlike awaiting the task, does not pass a cancellation on
        task = ahead.popleft()
        if task.cancelled():
            raise interrupted()
        return task.result()

    async def _labour(self, work: Work) -> None:
        import asyncio

        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        try:
            for index, flow in work:
                work.done[index] = await self._drive(flow, work, cancellations)
        except Stopped:
            pass
        except asyncio.CancelledError:
            raise
        except GeneratorExit:  # the event loop is gone
            raise
        except BaseException as error:
            work.fail(error)  # raised again by work.results()
            if not isinstance(error, Exception):
                raise

    async def _drive(self, flow: Flow[T], work: Work, cancellations: int) -> T:
        with closing(flow):
            try:
                effect = next(flow)
                while True:
                    work.check()
                    effect = resume(flow, await self._perform(effect, cancellations))
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
                return interrupted()
        waitable = waitable_of(effect, self._clock)
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(event.set)  # raises RuntimeError once the loop is closed

        waitable.subscribe(Waker(wake, event_loops.known(loop)))
        while (seconds := waitable.poll()) is not None:
            await self._clock.wait_async(event, seconds)
            event.clear()
        return None
