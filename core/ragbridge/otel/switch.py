"""OpenTelemetry for every client of this process: by a call, by an agent, or by a variable of the environment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ragbridge.observers.registry import is_observing, observe
from ragbridge.otel.observer import OtelObserver

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ragbridge.observers.registry import Observing

_lock = threading.Lock()
_observing: Observing | None = None


def instrument(
    tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> None:
    """Make spans and metrics of every call of every client of this process, from now on. A second call changes nothing.

    Args:
        tracer_provider: Where spans go; None for the application's own provider, whenever it is set.
        meter_provider: Where metrics go; None likewise.
    """
    global _observing  # noqa: PLW0603 - one for the process
    with _lock:
        if _observing is None or not is_observing(_observing):
            _observing = observe(OtelObserver(tracer_provider, meter_provider))


def uninstrument() -> None:
    """Take back what ``instrument`` did."""
    global _observing  # noqa: PLW0603 - one for the process
    with _lock:
        if _observing is not None:
            _observing.stop()
            if isinstance(_observing.observer, OtelObserver):
                _observing.observer.stop()
            _observing = None


class RagbridgeInstrumentor:
    """What ``opentelemetry-instrument`` finds by the entry point ``ragbridge`` of ``opentelemetry_instrumentor``."""

    def instrument(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        **options: Any,  # noqa: ARG002 - distributions pass what concerns other instrumentations
    ) -> None:
        """Call ``ragbridge.otel.instrument``."""
        instrument(tracer_provider, meter_provider)

    def uninstrument(self, **options: Any) -> None:  # noqa: ARG002 - as above
        """Call ``ragbridge.otel.uninstrument``."""
        uninstrument()
