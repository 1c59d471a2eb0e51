"""Whether anybody listens to LlamaIndex's instrumentation: spans and events that nobody would see are not made.

One query costs LlamaIndex 200 us for them, of which much is checking each number of the vector again; the call itself costs
400. Handlers may come and go at any time, so each call asks. Where there is one, all is as LlamaIndex promises.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

try:
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.instrumentation import (  # type: ignore[attr-defined]
        DISPATCHER_SPAN_DECORATED_ATTR,  # pyright: ignore[reportPrivateImportUsage]
        Dispatcher,  # pyright: ignore[reportPrivateImportUsage]
    )
    from llama_index.core.instrumentation.event_handlers import NullEventHandler
    from llama_index.core.instrumentation.span_handlers import NullSpanHandler
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

F = TypeVar("F", bound=Callable[..., Any])


def is_heard(dispatcher: Dispatcher) -> bool:
    """Whether somebody handles the events or spans of ``dispatcher``: its own handlers, or those that it passes them on to.

    LlamaIndex's root has a handler for each that does nothing; neither counts.
    """
    listener: Any = dispatcher
    while listener is not None:
        for handler in listener.event_handlers:
            if type(handler) is not NullEventHandler:
                return True
        for handler in listener.span_handlers:
            if type(handler) is not NullSpanHandler:
                return True
        listener = listener.parent if listener.propagate else None
    return False


def is_called_back(manager: CallbackManager) -> bool:
    """Whether somebody is told of events in the older way."""
    return bool(manager.handlers)


def spanned(dispatcher: Dispatcher) -> Callable[[F], F]:
    """``dispatcher.span`` for a method, where anybody hears of it. LlamaIndex would make a span of the method by itself."""

    def decorate(method: F) -> F:
        span: Any = dispatcher.span(method)

        def chosen(self: object) -> Callable[..., Any]:
            bound: Callable[..., Any] = (span if is_heard(dispatcher) else method).__get__(self, type(self))
            return bound

        if inspect.iscoroutinefunction(method):

            async def awaited(self: object, *args: Any, **kwargs: Any) -> Any:
                return await chosen(self)(*args, **kwargs)

            return functools.wraps(method)(awaited)  # type: ignore[return-value]

        def called(self: object, *args: Any, **kwargs: Any) -> Any:
            return chosen(self)(*args, **kwargs)

        return functools.wraps(method)(called)  # type: ignore[return-value]

    return decorate


def without_span(method: F) -> F:
    """Have LlamaIndex make no span of ``method``: what it calls where anybody listens has one of the same name."""
    setattr(method, DISPATCHER_SPAN_DECORATED_ATTR, True)
    return method
