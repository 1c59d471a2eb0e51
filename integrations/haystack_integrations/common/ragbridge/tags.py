"""What Haystack's tracing is told of calls: tags without content on the component's span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haystack.tracing.tracer import Span, tracer

if TYPE_CHECKING:
    from ragbridge.observers import Event, Operation, Outcome


class Tagging:
    """An observer that sets tags on the span of the component that calls. Components use it where Haystack traces."""

    def started(self, operation: Operation) -> Tags | None:
        """The span that is current now is the component's."""
        span = tracer.current_span()
        return None if span is None else Tags(span, operation)


class Tags:
    """The tags of one call."""

    __slots__ = ("_operation", "_span")

    def __init__(self, span: Span, operation: Operation) -> None:
        self._span = span
        self._operation = operation

    def event(self, event: Event) -> None:
        """The figures of the outcome are enough."""

    def ended(self, outcome: Outcome) -> None:
        """Set the tags; what is not known has none."""
        tags = {
            "ragbridge.method": self._operation.name,
            "ragbridge.model": outcome.model or self._operation.model,
            "ragbridge.tokens": outcome.tokens,
            "ragbridge.requests": outcome.requests,
            "ragbridge.retries": outcome.retries,
            "ragbridge.waited": outcome.waited,
            "ragbridge.cached": outcome.cached,
            "ragbridge.error_type": outcome.error_type,
        }
        self._span.set_tags({name: value for name, value in tags.items() if value is not None})


TAGGING = Tagging()
