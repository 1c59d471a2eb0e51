"""What both drivers share: the flows of a plan, handed out one by one, their results and the first failure."""

from __future__ import annotations

import contextvars
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ragbridge.errors import (
    InvalidRequestError,
    QuotaExhaustedError,
    RagbridgeError,
    RequestError,
    ResponseError,
)
from ragbridge.flow import Clock, Effect, Flow, Plan, Response, Sleep, Wait, Waitable

T = TypeVar("T")

LINGER = 5.0
"""Seconds that answers under way are waited for after a failure that says nothing about them: they are paid for."""


class Stopped(BaseException):
    """Stops a worker after another one failed."""


class Work:
    """The shared iterator of flows, what they returned, and the first failure.

    Attributes:
        done: What flows returned, by their number.
        failure: The error of the first flow that failed.
        keeps: Whether answers are kept outside of the result as well, so that those under way are worth having.
        sending: Tasks that wait for an answer.
        left: Whether the caller has its result, or its error.
        ahead: The first flows, taken beforehand.
    """

    def __init__(self, plan: Plan[Any], ahead: int = 0) -> None:
        self._plan = plan
        self._flows = enumerate(plan.flows)
        self._started = 0
        self._exhausted = False
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], object]] = []
        self.done: dict[int, object] = {}
        self.failure: BaseException | None = None
        self.keeps = plan.first is not None if plan.keeps is None else plan.keeps()
        self.sending: set[object] = set()
        self.left = False
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

    def fetch(self) -> None:
        """Take one more flow beforehand, so that ``ended`` is known as soon as it is true."""
        try:
            self.ahead.append(next(self._flows))
        except StopIteration:
            self._exhausted = True
        except BaseException as error:  # noqa: BLE001 - raised again by results(); here it would end a stream's thread
            self.fail(error)

    def on_failure(self, wake: Callable[[], object]) -> None:
        """Have ``wake`` called at the first failure; at once, where that has been."""
        with self._lock:
            self._wakers.append(wake)
            has_failed = self.failure is not None
        if has_failed:
            wake()

    def forget_wakers(self) -> None:
        """Nobody waits any more.

        What would be woken refers to this work: together they would stay, with all of the results, until the garbage
        collector comes.
        """
        with self._lock:
            self._wakers.clear()

    def fail(self, error: BaseException) -> None:
        """End the work: no further flow is handed out, and every worker is told."""
        with self._lock:
            self.failure = self.failure or error
            wakers = tuple(self._wakers)
        for wake in wakers:
            wake()

    def leave(self) -> None:
        """The caller waits no longer: its functions are not called any more, whoever is still under way."""
        self.left = True
        if self._plan.leave is not None:
            self._plan.leave()

    def check(self) -> None:
        """Raise ``Stopped`` once the work has failed."""
        if self.failure is not None:
            raise Stopped

    @property
    def lingers(self) -> bool:
        """Whether answers under way are waited for: they are paid for, and the failure says nothing about them."""
        about_items = isinstance(self.failure, (InvalidRequestError, QuotaExhaustedError, ResponseError))
        return about_items and not self.left

    @property
    def ended(self) -> bool:
        """Whether there is a result, or an error in its place."""
        return self.failure is not None or (
            self._exhausted and not self.ahead and len(self.done) == self._started
        )

    def join(self) -> Any:
        """The plan's result.

        Raises:
            RagbridgeError: The error of the first flow that failed. Its ``partial`` says what is there all the same.
        """
        try:
            return self._plan.join(self.results())
        except RagbridgeError as error:
            if self._plan.partial is not None:
                error.partial = self._plan.partial()
            raise
        finally:
            if (
                self.failure is not None
            ):  # the caller has it: its frames, which hold this work, must not be held in turn
                self.failure = Stopped()

    def results(self) -> list[object]:
        """The results of all flows, in order. There is no result until every flow has ended.

        Raises:
            RagbridgeError: The error of the first flow that failed.
            RequestError: A worker ended without a result or an error.
        """
        if self.failure is not None:
            raise self.failure
        if not self._exhausted or self.ahead or len(self.done) < self._started:
            raise RequestError("the job was interrupted before all of its requests had ended")
        return [self.done[index] for index in range(self._started)]


class Deadline:
    """A ``Waitable`` for ``Sleep``."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._now = clock.now
        self._end = clock.now() + seconds

    def poll(self) -> float | None:
        """None once the time has passed, else the seconds that are left."""
        left = self._end - self._now()
        return left if left > 0 else None

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Nothing to do: time passes by itself."""


def waitable_of(effect: Sleep | Wait, clock: Clock) -> Waitable:
    """What ``effect`` waits for."""
    return effect.waitable if isinstance(effect, Wait) else Deadline(clock, effect.seconds)


def resume(flow: Flow[Any], outcome: Response | RequestError | None) -> Effect:
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
    finally:
        del outcome  # an error's frames, of which this is one, must not hold the error


def interrupted() -> RequestError:
    """The error for a request that something other than its caller cancelled."""
    return RequestError("the request was cancelled, but not by the caller")


def within(context: contextvars.Context | None) -> Callable[..., Any]:
    """Calls a function in a copy of ``context``, so that several threads may be in it; None: in the present one."""
    return _plainly if context is None else context.copy().run


def _plainly(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
