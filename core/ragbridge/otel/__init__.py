"""Traces and metrics of OpenTelemetry (extra ``otel``): one span a call, by the conventions for generative AI.

::

    import ragbridge.otel

    ragbridge.otel.instrument()                       # every client of this process; or RAGBRIDGE_OTEL=1
    Jina(observers=[ragbridge.otel.OtelObserver()])   # one client

``opentelemetry-instrument`` finds it by itself. ``ragbridge.otel.names`` lists the names and says what they follow.
"""

try:
    import opentelemetry.metrics
    import opentelemetry.trace  # noqa: F401 - asked for first, so that the message names the extra
except ImportError as error:
    raise ImportError(
        f'ragbridge.otel needs opentelemetry-api ({error}): pip install "ragbridge[otel]"'
    ) from error

from ragbridge.ground.public import publish as _publish
from ragbridge.otel.observer import OtelObserver
from ragbridge.otel.switch import RagbridgeInstrumentor, instrument, uninstrument

__all__ = ["OtelObserver", "RagbridgeInstrumentor", "instrument", "uninstrument"]

_publish(__name__, [OtelObserver, RagbridgeInstrumentor, instrument, uninstrument])
