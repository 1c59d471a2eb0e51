"""An observer that makes one span of each call, and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context, metrics, trace
from opentelemetry.trace import SpanKind, StatusCode

from ragbridge.ground.public import __version__
from ragbridge.observers.events import (
    Answered,
    Cached,
    Failed,
    Paused,
    Refused,
    Retrying,
    Split,
    Waited,
)
from ragbridge.otel import names
from ragbridge.otel.instruments import instruments_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from ragbridge.observers.events import Event, Operation, Outcome
    from ragbridge.otel.instruments import Instruments


class OtelObserver:
    """Makes spans and metrics of OpenTelemetry: ``Jina(observers=[OtelObserver()])``.

    One span a call, whatever it takes; spans of HTTP instrumentations are its children. No text and no key is in it.

    Args:
        tracer_provider: Where spans go; None for the application's own provider, whenever it is set.
        meter_provider: Where metrics go; None likewise.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._own = tracer_provider is not None or meter_provider is not None
        self._tracer = trace.get_tracer("ragbridge", __version__, tracer_provider)
        self._instruments = instruments_of(meter_provider)
        self._instruments.watched.add(self)

    def __reduce__(self) -> tuple[type[OtelObserver], tuple[()]]:
        if self._own:
            raise TypeError(
                "an OtelObserver with a provider of its own cannot be pickled: leave the providers out, and set "
                "those of each process"
            )
        return OtelObserver, ()

    def started(self, operation: Operation) -> OtelObservation | None:
        """Begin the span, and make it the current one."""
        if context.get_value("suppress_instrumentation") or (not self._own and _nobody_listens()):
            return None
        name = names.OPERATIONS.get(operation.name)
        base = _base(operation, name)
        asked = {**base, **_asked(operation)}
        title = f"{name or operation.name} {operation.model}" if operation.model else name or operation.name
        span = self._tracer.start_span(title, kind=SpanKind.CLIENT, attributes=asked)
        return OtelObservation(span, self._instruments, base, embeds=name == names.EMBEDDINGS)

    def stop(self) -> None:
        """Say nothing more of quotas."""
        self._instruments.watched.discard(self)


class OtelObservation:
    """One call: its span, and what metrics of it are told by."""

    __slots__ = ("_base", "_causes", "_embeds", "_instruments", "_span", "_token")

    def __init__(self, span: Span, instruments: Instruments, base: dict[str, Any], *, embeds: bool) -> None:
        self._span = span
        self._instruments = instruments
        self._base = base
        self._embeds = embeds
        self._causes: dict[str, None] = {}
        self._token = context.attach(trace.set_span_in_context(span))

    def event(self, event: Event) -> None:
        """Count what happened; what makes calls slow is an event of the span, too."""
        counters = self._instruments
        match event:
            case Answered():
                counters.requests.add(1, self._with(event.product, event.status))
                if event.tokens:
                    counters.tokens.add(event.tokens, self._base)
            case Failed():
                counters.requests.add(1, self._with(event.product, event.status, event.error_type))
            case Waited():
                self._waited(event)
            case Refused():
                counters.requests.add(1, self._with(event.product, 429, "RateLimitError"))
                told = {names.PRODUCT: event.product, names.REASON: event.reason or "unknown"}
                counters.refusals.add(1, {**self._base, **told})
                self._span.add_event(
                    names.EVENT_REFUSED, _known({**told, names.RETRY_AFTER: event.retry_after})
                )
            case Retrying():
                told = _known({names.ERROR_TYPE: event.error_type, names.STATUS_CODE: event.status})
                counters.retries.add(1, {**self._base, **told})
                self._span.add_event(
                    names.EVENT_RETRY, {**told, names.ATTEMPT: event.attempt, names.DELAY: event.delay}
                )
            case Paused():
                self._span.add_event(
                    names.EVENT_PAUSE, {names.PRODUCT: event.product, names.PAUSE_DURATION: event.seconds}
                )
            case Split():
                self._span.add_event(names.EVENT_SPLIT, {names.ITEMS: event.items, names.PARTS: event.parts})
            case Cached():
                self._span.add_event(names.EVENT_CACHED, {names.ITEMS: event.items})

    def _waited(self, event: Waited) -> None:
        told = {names.PRODUCT: event.product, names.CAUSE: event.cause or "line"}
        self._causes[event.cause or "line"] = None
        self._instruments.waits.record(event.seconds, {**self._base, **told})
        self._span.add_event(names.EVENT_WAIT, {**told, names.WAIT_DURATION: event.seconds})

    def ended(self, outcome: Outcome) -> None:
        """End the span, and let the caller's be the current one again."""
        span, instruments = self._span, self._instruments
        if span.is_recording():
            span.set_attributes(self._described(outcome))
            if outcome.error_type is not None:
                span.set_status(StatusCode.ERROR)
        told = _known({names.RESPONSE_MODEL: outcome.model, names.ERROR_TYPE: outcome.error_type})
        attributes = {**self._base, **told}
        if self._embeds:
            instruments.embeddings.record(outcome.seconds, attributes)
            if outcome.tokens:
                instruments.embedded_tokens.record(outcome.tokens, attributes)
        else:
            instruments.operations.record(outcome.seconds, attributes)
        span.end()
        if (
            trace.get_current_span() is span
        ):  # else it is ended elsewhere, such as by who collects a coroutine
            context.detach(self._token)

    def _described(self, outcome: Outcome) -> Mapping[str, Any]:
        return _known(
            {
                names.RESPONSE_MODEL: outcome.model,
                names.INPUT_TOKENS: outcome.tokens or None,
                names.DIMENSION_COUNT: outcome.dimensions,
                names.ITEMS: outcome.items,
                names.REQUESTS: outcome.requests,
                names.RETRIES: outcome.retries,
                names.REFUSALS: outcome.refusals,
                names.CACHED: outcome.cached or None,
                names.FAILED: outcome.failed or None,
                names.WAIT_DURATION: outcome.waited,
                names.WAIT_CAUSES: [*self._causes] or None,
                names.ERROR_TYPE: outcome.error_type,
                names.STATUS_CODE: outcome.status,
                names.ERROR_ITEM: outcome.error_item,
            }
        )

    def _with(self, product: str, status: int | None, error_type: str | None = None) -> dict[str, Any]:
        told = {names.PRODUCT: product, names.STATUS_CLASS: f"{status // 100}xx" if status else "none"}
        return {**self._base, **told, **_known({names.ERROR_TYPE: error_type})}


def _nobody_listens() -> bool:
    """Whether the application has set no provider, so that all would be made for nobody. Asked at each call: it may do so later."""
    if not isinstance(trace.get_tracer_provider(), (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        return False
    return type(metrics.get_meter_provider()).__name__ in {"_ProxyMeterProvider", "NoOpMeterProvider"}


def _base(operation: Operation, name: str | None) -> dict[str, Any]:
    """What spans and metrics of a call have alike: few values each."""
    return _known(
        {
            names.OPERATION_NAME: name,
            names.PROVIDER_NAME: operation.provider,
            names.REQUEST_MODEL: operation.model,
            names.SERVER_ADDRESS: operation.server_address if operation.server_port else None,
            names.SERVER_PORT: operation.server_port,
            names.METHOD: operation.name,
            names.FRAMEWORK: operation.framework,
        }
    )


def _asked(operation: Operation) -> dict[str, Any]:
    """What else a span says of a call as it begins."""
    ranks = operation.name == "rerank"
    return _known(
        {
            names.ITEMS: operation.items,
            names.DIMENSION_COUNT: operation.dimensions,
            names.ENCODING_FORMATS: operation.encoding_format and [operation.encoding_format],
            names.CANDIDATE_COUNT: operation.items if ranks else None,
            names.TOP_N: operation.top_n,
            names.TASK: operation.task,
            names.ROLE: operation.role,
            names.LATE_CHUNKING: operation.late_chunking or None,
            names.STREAMED: operation.streamed or None,
        }
    )


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
