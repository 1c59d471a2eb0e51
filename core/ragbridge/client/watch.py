"""One call of a user's, as observers see it: begun and ended in the caller's context, told of what happens within it."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ragbridge.errors import StatusError
from ragbridge.observers import (
    Answered,
    Attempt,
    Cached,
    Outcome,
    Refused,
    Retrying,
    Waited,
)
from ragbridge.observers.registry import blame
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings
from ragbridge.values.multivectors import MultiVectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ragbridge.observers import Event, Observation, Observer, Operation

T = TypeVar("T")

_current: contextvars.ContextVar[Watch | None] = contextvars.ContextVar("ragbridge_watch", default=None)

current = _current.get
"""The watch of the call that is being made in this context; None where nobody observes it."""


class Watch:
    """The observations of one operation, and its figures. Events come from any thread, one after the other.

    ``with`` it, or ``begin`` and ``end`` it, both in one context. It ends once.

    Args:
        observers: Whom to tell; none to hide the call from those who observe the call around it.
        operation: What begins.
    """

    def __init__(self, observers: Iterable[Observer], operation: Operation) -> None:
        self._observers = tuple(observers)
        self._operation = operation
        self._lock = threading.RLock()  # an observer may let go of a flow of the same call, which closes it
        self._observations: list[Observation] = []
        self._result: Any = None
        self._began = 0.0
        self._over = False
        self._counts = dict.fromkeys(("tokens", "requests", "retries", "refusals", "cached"), 0)
        self._waited = 0.0

    def begin(self) -> contextvars.Token[Watch | None]:
        """Tell observers that the operation begins, and have what follows in this context belong to it."""
        self._began = time.monotonic()
        try:
            for observer in self._observers:
                self._start(observer)
        except BaseException as error:  # an interrupt
            self.end(error)
            raise
        return _current.set(self if self._observations else None)

    def _start(self, observer: Observer) -> None:
        try:
            observation = observer.started(self._operation)
        except Exception as error:  # noqa: BLE001 - an observer's failure is no user's
            blame(observer, error)
        else:
            if observation is not None:
                self._observations.append(observation)

    def event(self, event: Event) -> None:
        """Tell that something happened, unless the operation is over."""
        with self._lock:
            if self._over:
                return
            self._count(event)
            for observation in self._observations:
                try:
                    observation.event(event)
                except Exception as error:  # noqa: BLE001 - as above
                    blame(observation, error)

    def _count(self, event: Event) -> None:
        counts = self._counts
        match event:
            case Attempt():
                counts["requests"] += 1
            case Answered(tokens=tokens):
                counts["tokens"] += tokens or 0
            case Waited(seconds=seconds):
                self._waited += seconds
            case Retrying():
                counts["retries"] += 1
            case Refused():
                counts["refusals"] += 1
            case Cached(items=items):
                counts["cached"] += items

    def of(self, result: T) -> T:
        """The operation's result, which its outcome is told from."""
        self._result = result
        return result

    def end(self, error: BaseException | None = None, *, items: int | None = None) -> None:
        """Tell observers how the operation ended."""
        with self._lock:
            if self._over:
                return
            self._over = True
        if not self._observations:
            return
        outcome = self._outcome(error, items)
        for observation in reversed(self._observations):  # as contexts are left
            try:
                observation.ended(outcome)
            except Exception as failure:  # noqa: BLE001 - as above
                blame(observation, failure)

    def _outcome(self, error: BaseException | None, items: int | None) -> Outcome:
        model, dimensions, failed = _described(self._result)
        return Outcome(
            seconds=time.monotonic() - self._began,
            **self._counts,
            waited=self._waited,
            items=self._operation.items if items is None else items,
            failed=failed,
            model=model,
            dimensions=dimensions,
            error_type=None if error is None else type(error).__name__,
            status=error.status if isinstance(error, StatusError) else None,
            error_item=error.index if isinstance(error, StatusError) else None,
        )

    def __enter__(self) -> Self:
        self._token = self.begin()
        return self

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        with suppress(ValueError):  # a coroutine that was dropped is closed in another context
            _current.reset(self._token)
        self.end(error)

    def stream(
        self, begin: Callable[[contextvars.Context], Generator[T, None, None]], count: Callable[[T], int]
    ) -> Generator[T, None, None]:
        """What ``begin`` yields, as one operation. Its requests are made in a context of their own, which ``begin`` is given.

        The code of the caller that runs between two results, or that gives the items, keeps its own. ``count`` says how many
        items a result has.
        """
        context, items = contextvars.copy_context(), 0
        context.run(self.begin)
        try:
            with closing(begin(context)) as results:
                for result in results:
                    items += count(result)
                    yield result
        except GeneratorExit:  # who iterates has enough
            raise
        except BaseException as error:
            context.run(self.end, error, items=items)
            raise
        finally:
            context.run(self.end, items=items)

    async def stream_async(
        self, begin: Callable[[contextvars.Context], AsyncGenerator[T, None]], count: Callable[[T], int]
    ) -> AsyncGenerator[T, None]:
        """The same on the running event loop."""
        context, items = contextvars.copy_context(), 0
        context.run(self.begin)
        try:
            async with aclosing(begin(context)) as results:
                async for result in results:
                    items += count(result)
                    yield result
        except GeneratorExit:
            raise
        except BaseException as error:
            context.run(self.end, error, items=items)
            raise
        finally:
            context.run(self.end, items=items)


def _described(result: Any) -> tuple[str | None, int | None, int]:
    """Model, width of vectors and number of failures of a result, as far as it has them."""
    model, failed = getattr(result, "model", None), getattr(result, "failed", ())
    return (
        model if isinstance(model, str) else None,
        _width(result),
        len(failed) if isinstance(failed, tuple) else 0,
    )


def _width(result: Any) -> int | None:
    if isinstance(result, Embeddings):
        bits = 8 if result.embedding_type in {"binary", "ubinary", "bit"} else 1
        return int(result.vectors.shape[1]) * bits if len(result) else None
    if isinstance(result, (DocumentEmbeddings, MultiVectors)):
        arrays = result.documents if isinstance(result, DocumentEmbeddings) else result.vectors
        packed = isinstance(result, DocumentEmbeddings) and result.embedding_type in {"binary", "ubinary"}
        return int(arrays[0].shape[1]) * (8 if packed else 1) if arrays else None
    return None
