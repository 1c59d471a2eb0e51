"""What LlamaIndex's instrumentation is told of calls: tokens, requests, retries and waits, as an event of its dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbridge.observers import Event, Operation, Outcome

try:
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.instrumentation.events.base import BaseEvent  # type: ignore[attr-defined]
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error


dispatcher = get_dispatcher(__name__)


class RagbridgeCallEvent(BaseEvent):
    """A call of ragbridge has ended, within the span that is current. It holds no text and no key.

    Attributes:
        operation: The method of the core: ``"embed"``, ``"rerank"``, ...
        model: The model's name, as the service gave it where it did.
        tokens: Tokens billed.
        requests: Requests sent.
        retries: Requests that were sent again.
        waited: Seconds that requests waited for quotas.
        cached: Items whose results were in the cache.
        seconds: How long the call took.
        error_type: The class of the error; None for a success.
    """

    operation: str
    model: str | None
    tokens: int
    requests: int
    retries: int
    waited: float
    cached: int
    seconds: float
    error_type: str | None

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized events; public, never changed."""
        return "RagbridgeCallEvent"


class Dispatching:
    """An observer that gives LlamaIndex's dispatcher an event for each call."""

    def started(self, operation: Operation) -> Call:
        """Adapters use it where somebody listens when a call begins."""
        return Call(operation)


class Call:
    """One call."""

    __slots__ = ("_operation",)

    def __init__(self, operation: Operation) -> None:
        self._operation = operation

    def event(self, event: Event) -> None:
        """The figures of the outcome are enough."""

    def ended(self, outcome: Outcome) -> None:
        """Tell the dispatcher."""
        dispatcher.event(
            RagbridgeCallEvent(
                operation=self._operation.name,
                model=outcome.model or self._operation.model,
                tokens=outcome.tokens,
                requests=outcome.requests,
                retries=outcome.retries,
                waited=outcome.waited,
                cached=outcome.cached,
                seconds=outcome.seconds,
                error_type=outcome.error_type,
            )
        )


DISPATCHING = Dispatching()
