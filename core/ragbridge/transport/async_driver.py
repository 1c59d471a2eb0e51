"""The loop that performs what flows ask for on asyncio's event loops.

asyncio is imported where it is used: it is the dearest part of ``import ragbridge`` for those who never await.
"""

from __future__ import annotations

import contextvars
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Container,
    Coroutine,
    Iterable,
)
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.errors import RequestError
from ragbridge.flow import Clock, Do, Effect, Flow, Plan, Response, Send, single
from ragbridge.limiter import loops as event_loops
from ragbridge.limiter.loops import Waker
from ragbridge.transport.event_loop import require_asyncio
from ragbridge.transport.series import Series
from ragbridge.transport.work import LINGER, Stopped, Work, interrupted, resume, waitable_of, within

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
        await self._prepare(plan)
        work = Work(plan, self._concurrency)
        if len(work.ahead) < 2:
            await self._labour(work)
        else:
            await self._share(work, min(self._concurrency, len(work.ahead)))
        result: T = work.join()
        return result

    async def _prepare(self, plan: Plan[Any]) -> None:
        """Do what a plan does before its flows are known."""
        if plan.first is not None:
            before = Work(single(plan.first))
            await self._labour(before)
            before.results()

    async def _share(self, work: Work, number: int) -> None:
        """Run ``work`` in ``number`` tasks. Returns when all of them have ended."""
        import asyncio

        tasks = [asyncio.ensure_future(self._labour(work)) for _ in range(number)]
        stopped: set[asyncio.Task[None]] = set()
        later: list[asyncio.TimerHandle] = []

        def stop(*, spare: Container[object] = ()) -> None:
            for task in tasks:  # once each: a second cancellation would interrupt the cleanup of the first
                if task is not asyncio.current_task() and task not in spare and task not in stopped:
                    stopped.add(task)
                    task.cancel()

        def failed() -> None:
            if work.lingers:
                stop(spare=work.sending)
                later.append(asyncio.get_running_loop().call_later(LINGER, stop))
            else:
                stop()

        work.on_failure(failed)
        try:
            await asyncio.wait(tasks)
        except BaseException:
            work.fail(Stopped())
            stop()
            await asyncio.wait(tasks)
            raise
        finally:
            work.forget_wakers()
            for timer in later:
                timer.cancel()

    async def stream(
        self,
        plans: Iterable[Plan[T]] | AsyncIterable[Plan[T]],
        context: contextvars.Context | None = None,
        *,
        ahead: int | None = None,
    ) -> AsyncGenerator[T, None]:
        """Yield the result of each plan, in order, as soon as it is known. Up to ``concurrency`` flows run at once.

        Plans are asked for one by one, when no flow is left to begin. Nothing is sent before the first result is
        requested, nor after the iterator is closed.

        Args:
            plans: What to do, in order.
            context: What its requests are made in; None for the context of the caller, at any time.
            ahead: Plans that are begun at once; None for as many as flows.

        Raises:
            RagbridgeError: A plan failed. Raised in its position; the flows under way are cancelled.
        """
        require_asyncio()  # here: the generator may be made before its event loop runs
        crew = _Crew(self._labour, self._concurrency, Series(ahead or self._concurrency), context)
        source = _awaited(plans)
        try:
            while not crew.series.over:
                if crew.series.hungry:
                    plan = await anext(source, None)
                    if plan is not None and plan.first is not None:
                        await crew.beside(self._prepare(plan))
                    crew.add(plan)
                elif (work := crew.series.first()) is not None:
                    if work.lingers:
                        await crew.linger()
                    yield work.join()
                else:
                    await crew.wait()
        finally:
            await crew.close()
            await source.aclose()

    async def _labour(self, work: Work, *only: tuple[int, Flow[object]]) -> None:
        """Perform the flows of ``work``, or one of them alone."""
        import asyncio

        cancellations = _cancellations(asyncio.current_task())
        try:
            for index, flow in only or work:
                work.done[index] = await self._drive(flow, work, cancellations)
        except Stopped:
            pass
        except asyncio.CancelledError:
            raise
        except GeneratorExit:  # the event loop is gone
            raise
        except BaseException as error:  # noqa: BLE001 - raised again by work.results(), and nowhere else
            work.fail(error)

    async def _drive(self, flow: Flow[T], work: Work, cancellations: int) -> T:
        try:
            effect = next(flow)
            while True:
                if not isinstance(effect, Do):
                    work.check()
                effect = resume(flow, await self._perform(effect, work, cancellations))
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()

    async def _perform(
        self, effect: Effect, work: Work, cancellations: int
    ) -> Response | RequestError | None:
        import asyncio

        if isinstance(effect, Send):
            task = asyncio.current_task()
            work.sending.add(task)
            try:
                return await self._transport.send_async(effect.request)
            except RequestError as error:
                return error
            except asyncio.CancelledError:
                if task is None or task.cancelling() > cancellations:
                    raise
                # This task was not cancelled, but something inside the transport was, such as the queue of a closed pool.
                return interrupted()
            finally:
                work.sending.discard(task)
                del task  # a task that is cancelled holds its error, whose frames must not hold the task
        if isinstance(effect, Do):
            from ragbridge.transport.threads import in_thread

            await in_thread(effect.act)
            return None
        waitable = waitable_of(effect, self._clock)
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(event.set)  # raises RuntimeError once the loop is closed

        # Before it is looked at: what is granted at once knows by it, too, which event loop it depends on.
        waitable.subscribe(Waker(wake, event_loops.known(loop)))
        try:
            while (seconds := waitable.poll()) is not None:
                await self._clock.wait_async(event, seconds)
                event.clear()
        except RequestError as error:  # the quota is out of reach
            return error
        return None


def _cancellations(task: asyncio.Task[Any] | None) -> int:
    return task.cancelling() if task else 0


class _Crew:
    """The tasks that perform the plans of one stream: one for each flow under way."""

    def __init__(
        self,
        labour: Callable[..., Coroutine[Any, Any, None]],
        number: int,
        series: Series,
        context: contextvars.Context | None,
    ) -> None:
        import asyncio

        self.series = series
        self._labour = labour
        self._number = number
        self._context = context
        self._news = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], Work] = {}

    def add(self, plan: Plan[Any] | None) -> None:
        """Begin ``plan``; None: there are no more."""
        if plan is None:
            self.series.finish()
        else:
            self.series.add(plan)
            self._begin()

    async def beside(self, what: Coroutine[Any, Any, None]) -> None:
        """Await ``what``, in the context of the stream's requests."""
        import asyncio

        await (what if self._context is None else within(self._context)(asyncio.ensure_future, what))

    def _begin(self) -> None:
        import asyncio

        while len(self._tasks) < self._number and (item := self.series.take()) is not None:
            work, index, flow = item
            task = within(self._context)(asyncio.ensure_future, self._labour(work, (index, flow)))
            self._tasks[task] = work
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        work = self._tasks.pop(task)
        if task.cancelled():
            work.fail(interrupted())
        self._begin()
        self._news.set()

    async def wait(self) -> None:
        """Wait until a task has ended."""
        await self._news.wait()
        self._news.clear()

    async def linger(self) -> None:
        """Begin nothing more, and wait for the answers under way: they are paid for."""
        import asyncio

        self.series.stop(Stopped())
        for task, work in tuple(self._tasks.items()):
            if task not in work.sending:
                task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=LINGER)

    async def close(self) -> None:
        """Cancel all that is under way, and wait for its end."""
        import asyncio

        self.series.stop(Stopped())
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))


async def _awaited(plans: Iterable[Plan[T]] | AsyncIterable[Plan[T]]) -> AsyncGenerator[Plan[T], None]:
    if isinstance(plans, AsyncIterable):
        async for plan in plans:
            yield plan
    else:
        for plan in plans:
            yield plan
