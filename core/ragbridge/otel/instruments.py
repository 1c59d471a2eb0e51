"""The metrics: durations and tokens of calls, requests, retries, refusals and waits, and what is left of quotas."""

from __future__ import annotations

import weakref
from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opentelemetry import metrics

from ragbridge.ground.public import __version__
from ragbridge.limiter.limiter import shared_limiters
from ragbridge.otel import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from ragbridge.limiter.limiter import Limiter


class Instruments:
    """The instruments of one provider.

    Attributes:
        watched: Who makes metrics with them: while there is nobody, gauges say nothing.
    """

    def __init__(self, meter: Meter) -> None:
        self.watched: weakref.WeakSet[object] = weakref.WeakSet()
        self.embeddings = meter.create_histogram(
            names.EMBEDDINGS_DURATION,
            "s",
            "GenAI client embeddings operation duration.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self.embedded_tokens = meter.create_histogram(
            names.EMBEDDINGS_TOKENS,
            "{token}",
            "The number of input tokens used per embeddings operation.",
            explicit_bucket_boundaries_advisory=names.TOKENS,
        )
        self.operations = meter.create_histogram(
            names.OPERATION_DURATION,
            "s",
            "How long other calls take: rerankings, pages, searches.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self.waits = meter.create_histogram(
            names.LIMITER_WAIT,
            "s",
            "How long requests waited for a quota, those that did.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self.tokens = meter.create_counter(names.TOKENS_METRIC, "{token}", "Tokens billed.")
        self.requests = meter.create_counter(
            names.REQUESTS_METRIC, "{request}", "Requests that were answered or failed."
        )
        self.retries = meter.create_counter(
            names.RETRIES_METRIC, "{request}", "Requests that were sent again."
        )
        self.refusals = meter.create_counter(names.REFUSALS_METRIC, "{request}", "Requests refused with 429.")
        for name, unit, description, figure in (
            (names.TOKENS_AVAILABLE, "{token}", "Tokens that the quota still has room for now.", _tokens),
            (
                names.REQUESTS_AVAILABLE,
                "{request}",
                "Requests that the quota still has room for now.",
                _requests,
            ),
            (names.WAITING, "{request}", "Requests that wait for the quota.", _waiting),
        ):
            meter.create_observable_gauge(name, [self._gauge(figure)], unit, description)

    def _gauge(
        self, figure: Callable[[Limiter], float | None]
    ) -> Callable[[CallbackOptions], Iterable[metrics.Observation]]:
        """Reads one figure of every quota; of several keys of one account's product, their sum."""

        def read(_: CallbackOptions) -> Iterator[metrics.Observation]:
            if not self.watched:
                return
            sums: dict[tuple[str, str], float] = defaultdict(float)
            for host, product, limiter in shared_limiters():
                value = figure(limiter)
                if value is not None:
                    sums[host, product] += value
            for (host, product), value in sums.items():
                yield metrics.Observation(value, {**_server(host), names.PRODUCT: product})

        return read


def _server(host: str) -> dict[str, str | int]:
    address = urlsplit(f"//{host}")
    port = {} if address.port is None else {names.SERVER_PORT: address.port}
    return {names.SERVER_ADDRESS: address.hostname or "", **port}


def _tokens(limiter: Limiter) -> float | None:
    return limiter.available[1]


def _requests(limiter: Limiter) -> float | None:
    return limiter.available[0]


def _waiting(limiter: Limiter) -> float:
    return limiter.line_length


_instruments: weakref.WeakKeyDictionary[object, Instruments] = weakref.WeakKeyDictionary()


class _Global:
    """Stands for the provider that the application sets, now or later."""


_GLOBAL = _Global()


def instruments_of(provider: MeterProvider | None) -> Instruments:
    """The instruments of ``provider``, made once: OpenTelemetry warns of a second one with the same name.

    Args:
        provider: None for the application's own.
    """
    key = provider or _GLOBAL
    found = _instruments.get(key)
    if found is None:
        meter = metrics.get_meter("ragbridge", __version__, provider)
        found = _instruments[key] = Instruments(meter)
    return found
