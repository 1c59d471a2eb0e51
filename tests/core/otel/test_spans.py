"""Spans and metrics of calls: what they say, whose children they are, and what is never in them."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import pickle
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

trace = pytest.importorskip("opentelemetry.trace")
metrics_sdk = pytest.importorskip("opentelemetry.sdk.metrics")

# ruff: noqa: E402 - what is below needs the extra
from opentelemetry import context
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import ragbridge.otel
from ragbridge import Elastic, InvalidRequestError, Jina, RagbridgeError, RateLimit, ServiceError, testing
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.otel import OtelObserver, RagbridgeInstrumentor, instrument, names, uninstrument
from ragbridge.otel.instruments import instruments_of
from ragbridge.testing import ScriptedTransport, VirtualClock

TEXTS = [f"text {number}" for number in range(8)]


class Seen:
    """What an application's providers have got."""

    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = metrics_sdk.MeterProvider([self.reader])
        self.tracer = self.tracers.get_tracer("the application")

    @property
    def spans(self):
        """Those of ragbridge that have ended."""
        return [
            span
            for span in self.exporter.get_finished_spans()
            if span.instrumentation_scope.name == "ragbridge"
        ]

    @property
    def span(self):
        (span,) = self.spans
        return span

    def points(self, name=None):
        """Each data point of a metric, or of all, as its attributes and its figure."""
        data = self.reader.get_metrics_data()
        found = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return [
            (dict(point.attributes), getattr(point, "sum", getattr(point, "value", None)))
            for metric in found
            if name in {None, metric.name}
            for point in metric.data.data_points
        ]


@pytest.fixture
def seen():
    testing.reset()
    seen = Seen()
    instrument(seen.tracers, seen.meters)
    yield seen
    uninstrument()


def events_of(span):
    return [(event.name, dict(event.attributes)) for event in span.events]


def test_an_embedding_follows_the_conventions(seen):
    """Name, kind and attributes of docs/gen-ai/client-embeddings.md at 88eccb1."""
    jina = Jina("a-key", transport=ScriptedTransport(), limits=None, batch_size=4)
    jina.embed(TEXTS, model="jina-embeddings-v3", role="document", dimensions=256)
    span = seen.span
    assert (span.name, span.kind) == ("embeddings jina-embeddings-v3", SpanKind.CLIENT)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "jina",
        "gen_ai.request.model": "jina-embeddings-v3",
        "gen_ai.response.model": "jina-embeddings-v3",
        "gen_ai.usage.input_tokens": 16,
        "gen_ai.embeddings.dimension.count": 256,
        "gen_ai.request.encoding_formats": ("base64",),
        "server.address": "api.jina.ai",
        "server.port": 443,
        "ragbridge.method": "embed",
        "ragbridge.items": 8,
        "ragbridge.role": "document",
        "ragbridge.task": "retrieval.passage",
        "ragbridge.requests": 2,
        "ragbridge.retries": 0,
        "ragbridge.refusals": 0,
        "ragbridge.wait.duration": 0.0,
    }
    assert span.status.status_code is StatusCode.UNSET
    ((attributes, tokens),) = seen.points("gen_ai.client.embeddings.operation.input_tokens")
    assert tokens == 16
    assert attributes["gen_ai.response.model"] == "jina-embeddings-v3"
    assert len(seen.points("gen_ai.client.embeddings.duration")) == 1


def test_samplers_see_what_they_decide_by(seen):
    """Operation, provider, model and server are there when a span begins."""
    asked = []

    class Sampler(trace.NoOpTracer):
        def start_span(self, name, context=None, kind=None, attributes=None, **more):
            asked.append(set(attributes))
            return super().start_span(name, context)

    class Provider(trace.TracerProvider):
        def get_tracer(self, *arguments, **options):
            return Sampler()

    jina = Jina("k", transport=ScriptedTransport(), observers=[OtelObserver(Provider())], limits=None)
    jina.embed(["a"], role="query")
    assert {
        names.OPERATION_NAME,
        names.PROVIDER_NAME,
        names.REQUEST_MODEL,
        names.SERVER_ADDRESS,
        names.SERVER_PORT,
    } <= asked[0]


def test_a_ranking_is_told_by_the_open_proposal(seen):
    """Candidates and top_n; its duration is a metric of ours."""
    Jina("k", transport=ScriptedTransport(), limits=None).rerank("a question", TEXTS, top_n=3)
    span = seen.span
    assert span.name == "rerank jina-reranker-v3"
    assert span.attributes["gen_ai.rerank.candidate.count"] == 8
    assert span.attributes["gen_ai.rerank.top_n"] == 3
    ((attributes, _),) = seen.points("ragbridge.operation.duration")
    assert attributes["gen_ai.operation.name"] == "rerank"


def test_what_made_a_call_slow_is_in_its_events(seen):
    """A busy service, a limit that is reached, its pause, the wait."""
    jina = Jina(
        "k", transport=ScriptedTransport(503, 429), clock=VirtualClock(), limits=RateLimit(100, None, 1)
    )
    jina.embed(["a"], role="query")
    span = seen.span
    assert [name for name, _ in events_of(span)] == [
        "ragbridge.retry",
        "ragbridge.refused",
        "ragbridge.pause",
        "ragbridge.retry",
        "ragbridge.wait",
    ]
    told = dict(events_of(span))
    assert told["ragbridge.wait"]["ragbridge.wait.cause"] == "paused"
    assert told["ragbridge.wait"]["ragbridge.wait.duration"] == span.attributes["ragbridge.wait.duration"] > 0
    assert span.attributes["ragbridge.wait.causes"] == ("paused",)
    classes = {
        attributes["ragbridge.status_class"]: figure
        for attributes, figure in seen.points("ragbridge.requests")
    }
    assert classes == {"5xx": 1, "4xx": 1, "2xx": 1}
    assert [figure for _, figure in seen.points("ragbridge.retries")] == [1, 1]
    assert [figure for _, figure in seen.points("ragbridge.refusals")] == [1]
    assert [
        attributes["ragbridge.wait.cause"] for attributes, _ in seen.points("ragbridge.limiter.wait.duration")
    ] == ["paused"]


def test_a_failure_is_an_error_by_its_class(seen):
    """And says which item it is about; the service's words stay with the caller."""
    refusal = Response(422, {}, json.dumps({"detail": "text 3 is a secret"}).encode())
    with pytest.raises(InvalidRequestError):
        Jina("k", transport=ScriptedTransport(refusal), limits=None).embed(["a secret"], role="query")
    span = seen.span
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.attributes["error.type"] == "InvalidRequestError"
    assert span.attributes["http.response.status_code"] == 422
    assert span.attributes["ragbridge.error.item"] == 0
    ((attributes, _),) = seen.points("gen_ai.client.embeddings.duration")
    assert attributes["error.type"] == "InvalidRequestError"


def test_the_engine_is_no_server(seen):
    """In-process calls name no address."""
    Jina(base_url="local").models()
    assert "server.address" not in seen.span.attributes


# --- Whose children


@pytest.fixture
def noting(seen):
    """A transport that makes a span for each request, as HTTP instrumentations do."""

    class Noting(ScriptedTransport):
        def send(self, request):
            with seen.tracer.start_as_current_span("POST"):
                return super().send(request)

        async def send_async(self, request):
            with seen.tracer.start_as_current_span("POST"):
                await asyncio.sleep(0)
                return ScriptedTransport.send(self, request)

    return Noting


def parents(seen):
    """The name of each span with the name of its parent."""
    spans = {span.context.span_id: span for span in seen.exporter.get_finished_spans()}
    return sorted(
        (span.name.split()[0], spans[span.parent.span_id].name.split()[0] if span.parent else None)
        for span in spans.values()
    )


@pytest.mark.parametrize("face", ["sync", "async"])
def test_spans_nest_from_threads_and_tasks(seen, noting, face):
    """The call's parent is the caller's span; the requests' is the call's; and the caller's is current afterwards."""
    jina = Jina("k", transport=noting(), limits=None, batch_size=2, concurrency=3)

    async def main():
        with seen.tracer.start_as_current_span("outer") as outer:
            await asyncio.gather(jina.aembed(TEXTS, role="document"), jina.arerank("a", TEXTS))
            assert trace.get_current_span() is outer

    if face == "async":
        asyncio.run(main())
    else:
        with seen.tracer.start_as_current_span("outer") as outer:
            jina.embed(TEXTS, role="document")
            jina.rerank("a", TEXTS)
            assert trace.get_current_span() is outer
    assert parents(seen) == [
        *[("POST", "embeddings")] * 4,
        ("POST", "rerank"),
        ("embeddings", "outer"),
        ("outer", None),
        ("rerank", "outer"),
    ]


def test_a_blocking_call_on_a_busy_loop_is_its_callers_child(seen, noting):
    """Beside tasks of the same loop, each under a span of its own."""
    jina = Jina("k", transport=noting(), limits=RateLimit(None, None, 2), batch_size=2, clock=VirtualClock())

    async def one(name, ask):
        with seen.tracer.start_as_current_span(name):
            await ask()

    async def blocking():
        jina.embed(TEXTS[:4], role="document")

    async def main():
        await asyncio.gather(
            one("a", lambda: jina.aembed(TEXTS[:4], role="document")),
            one("b", blocking),
            one("c", lambda: jina.aembed(TEXTS[:4], role="document")),
        )

    asyncio.run(main())
    assert [parent for name, parent in parents(seen) if name == "embeddings"] == ["a", "b", "c"]
    assert parents(seen).count(("POST", "embeddings")) == 6


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_keeps_its_span_from_the_code_around_it(seen, noting, face):
    """Spans of who gives the items, and of who takes the results, are the caller's own."""
    jina = Jina("k", transport=noting(), limits=None, batch_size=2)

    def items():
        for text in TEXTS[:4]:
            with seen.tracer.start_as_current_span("source"):
                yield text

    def take():
        with seen.tracer.start_as_current_span("taken"):
            pass

    async def main():
        with seen.tracer.start_as_current_span("outer"):
            async for _ in jina.aembed_stream(list(items()), role="document", window=2):
                take()

    if face == "async":
        asyncio.run(main())
    else:
        with seen.tracer.start_as_current_span("outer"):
            for _ in jina.embed_stream(list(items()), role="document", window=2):
                take()
    found = parents(seen)
    assert found.count(("taken", "outer")) == 4
    assert found.count(("POST", "embeddings")) == 2
    assert found.count(("embeddings", "outer")) == 1


def test_a_stream_that_is_collected_leaves_no_span_open(seen, caplog):
    """Nor a word of OpenTelemetry's in the log."""
    jina = Jina("k", transport=ScriptedTransport(), limits=None, batch_size=2)
    pairs = jina.embed_stream(TEXTS, role="document", window=2)
    next(pairs)
    del pairs
    assert seen.span.attributes["ragbridge.streamed"]
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_cancelled_call_ends_its_span(seen, caplog):
    """In a busy loop, with others that go on."""

    class Slow(ScriptedTransport):
        async def send_async(self, request):
            began.set()
            await asyncio.sleep(3600)

    began = None

    async def main():
        nonlocal began
        began = asyncio.Event()
        slow = Jina("k", transport=Slow(), limits=None)
        quick = Jina("k", transport=ScriptedTransport(), limits=None)
        with seen.tracer.start_as_current_span("outer"):
            task = asyncio.ensure_future(slow.aembed(["a"], role="query"))
            await began.wait()
            await quick.aembed(["a"], role="query")
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await slow.aclose()

    asyncio.run(main())
    assert [span.attributes.get("error.type") for span in seen.spans] == [None, "CancelledError"]
    assert {parent for name, parent in parents(seen) if name == "embeddings"} == {"outer"}
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_coroutine_that_is_dropped_ends_its_span_in_silence(seen, caplog):
    """Whoever collects it has another context."""

    async def main():
        waiting = Jina("k", transport=ScriptedTransport(), limits=None).aembed(["a"], role="query")
        contextvars.copy_context().run(waiting.send, None)
        waiting.close()

    asyncio.run(main())
    assert seen.span.attributes["error.type"] == "GeneratorExit"
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_suppressed_instrumentation_makes_nothing(seen):
    """As other instrumentations do it."""
    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        Jina(base_url="local").models()
    finally:
        context.detach(token)
    assert seen.spans == []


# --- Quotas


def test_gauges_show_what_is_left_of_quotas(seen):
    """Tokens, requests and the line, by host and product; of two keys the sum."""
    for key in ("one", "two"):
        jina = Jina(
            key, transport=ScriptedTransport(), limits=RateLimit(100, 1000, 2), base_url="http://gauged:81"
        )
        jina.embed(["two words"], role="query")
    where = {"server.address": "gauged", "server.port": 81, "ragbridge.product": "embeddings"}
    assert seen.points("ragbridge.limiter.tokens.available") == [(where, 2 * 1000 - 4)]
    assert seen.points("ragbridge.limiter.requests.available") == [(where, 2 * 100 - 2)]
    assert seen.points("ragbridge.limiter.waiting") == [(where, 0)]
    uninstrument()
    assert seen.points("ragbridge.limiter.waiting") == []


def test_who_waits_shows_while_it_waits(seen):
    """Other than counters, which know of a wait when it is over."""
    limits = RateLimit(60, None, 1)
    held, release = threading.Event(), threading.Event()

    class Held(ScriptedTransport):
        def send(self, request):
            held.set()
            release.wait(30)
            return super().send(request)

    jina = Jina("k", transport=Held(), limits=limits, base_url="http://waiting", concurrency=2)
    threads = [threading.Thread(target=jina.embed, args=(["a"],), kwargs={"role": "query"}) for _ in range(2)]
    threads[0].start()
    held.wait(30)
    threads[1].start()
    limiter = jina._channel.limiter("embeddings")
    while not limiter.line_length and threads[1].is_alive():
        threads[1].join(0.001)
    assert [figure for _, figure in seen.points("ragbridge.limiter.waiting")] == [1]
    release.set()
    for thread in threads:
        thread.join()
    assert [figure for _, figure in seen.points("ragbridge.limiter.waiting")] == [0]


# --- Never a text, never a key

KEY = "sesame-open-4711"
TEXT = "zanzibar-wharf"


def everything(seen, caplog):
    """All that was recorded, as one text."""
    spans = [
        (span.name, dict(span.attributes), events_of(span), span.status.description) for span in seen.spans
    ]
    logged = [{**vars(record), "exc": record.exc_text} for record in caplog.records]
    return repr((spans, seen.points(), logged)) + caplog.text


JINA = {
    "embed": lambda jina: jina.embed([TEXT], role="query"),
    "embed_stream": lambda jina: [*jina.embed_stream([TEXT], role="query")],
    "embed_documents": lambda jina: jina.embed_documents([[TEXT]]),
    "embed_multivector": lambda jina: jina.embed_multivector([TEXT], role="query"),
    "rerank": lambda jina: jina.rerank(TEXT, [TEXT]),
    "classify": lambda jina: jina.classify([TEXT], labels=[TEXT, "b"]),
    "train": lambda jina: jina.classifiers.train([(TEXT, "a"), ("loan", TEXT)]),
    "segment": lambda jina: jina.segment(TEXT),
    "read": lambda jina: jina.read(f"https://example.com/{TEXT}?q={TEXT}"),
    "read_each": lambda jina: [*jina.read_each([f"https://example.com/{TEXT}"])],
    "search": lambda jina: jina.search(TEXT),
    "ground": lambda jina: jina.ground(TEXT),
    "submit_batch": lambda jina: jina.submit_batch([TEXT]),
    "submit_bulk": lambda jina: jina.submit_bulk(f"text\n{TEXT}\n".encode(), model="jina-embeddings-v3"),
}
ELASTIC = {
    "embed": lambda elastic: elastic.embed([TEXT], inference_id=".jina-embeddings-v5-text-nano"),
    "sparse_embed": lambda elastic: elastic.sparse_embed([TEXT], inference_id=".elser-2-elastic"),
    "rerank": lambda elastic: elastic.rerank(TEXT, [TEXT], inference_id=".jina-reranker-v3"),
    "bulk": lambda elastic: elastic.bulk("docs", [{"content": TEXT}]),
    "search": lambda elastic: elastic.search("docs", query={"match": {"content": TEXT}}),
    "esql": lambda elastic: elastic.esql(f'FROM docs | WHERE content == "{TEXT}"'),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("status", [200, 422, 503], ids=str)
def test_no_text_and_no_key_is_recorded_of_any_product(seen, caplog, status):
    """Not even where the service repeats them in its refusal: in its message, its code and its headers."""
    caplog.set_level(logging.DEBUG)
    engine = Engine()

    def answer(request):
        if status == 200:
            return engine.handle(request).response
        words = f"{TEXT} {KEY} is not welcome"
        body = {"detail": words, "code": words, "error": {"type": words, "reason": words}, "status": status}
        return Response(
            status, {"x-request-id": words, "x-elastic-product": "Elasticsearch"}, json.dumps(body).encode()
        )

    plain = {"limits": None, "clock": VirtualClock()}
    clients = (
        (Jina(KEY, base_url="http://service", transport=ScriptedTransport(default=answer), **plain), JINA),
        (
            Elastic("http://service", api_key=KEY, transport=ScriptedTransport(default=answer), **plain),
            ELASTIC,
        ),
    )
    for client, products in clients:
        for ask in products.values():
            with contextlib.suppress(RagbridgeError):
                ask(client)
    recorded = everything(seen, caplog)
    assert len(seen.spans) >= len(JINA) + len(ELASTIC)
    assert KEY not in recorded
    assert TEXT not in recorded


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8", categories=["L", "N", "S"]), min_size=6, max_size=30),
    outcomes=st.lists(st.sampled_from([200, 422, 429, 503, 402, 401]), max_size=4),
)
def test_no_drawn_text_is_recorded_whatever_happens(text, outcomes):
    """Texts of any script, on drawn scripts of outcomes."""
    seen = Seen()
    observer = OtelObserver(seen.tracers, seen.meters)
    transport = ScriptedTransport(*outcomes)
    text = f"<{text}>"
    jina = Jina(
        "a-key-1234",
        transport=transport,
        observers=[observer],
        clock=VirtualClock(),
        limits=RateLimit(99, None, 1),
    )
    with contextlib.suppress(RagbridgeError):
        jina.rerank(text, [text, "b"])
    spans = [
        (span.name, dict(span.attributes), events_of(span), span.status.description) for span in seen.spans
    ]
    assert len(spans) == 1
    recorded = repr((spans, seen.points()))
    assert text not in recorded
    assert "a-key-1234" not in recorded


# --- On and off


def test_instrument_twice_is_once_and_can_be_taken_back(seen):
    """And again afterwards."""
    jina = Jina(base_url="local")
    instrument(seen.tracers, seen.meters)
    jina.models()
    uninstrument()
    uninstrument()
    jina.models()
    RagbridgeInstrumentor().instrument(
        tracer_provider=seen.tracers, meter_provider=seen.meters, skip_dep_check=True
    )
    jina.models()
    testing.reset()
    jina.models()
    instrument(seen.tracers, seen.meters)
    jina.models()
    assert len(seen.spans) == 3


@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("true", True), ("0", False), ("", False), ("maybe", False), (None, False)]
)
def test_the_environment_is_asked_with_the_first_client(monkeypatch, caplog, value, on):
    """Not at import; what it may not say is a warning."""
    testing.reset()
    if value is None:
        monkeypatch.delenv("RAGBRIDGE_OTEL", raising=False)
    else:
        monkeypatch.setenv("RAGBRIDGE_OTEL", value)
    Jina(base_url="local")
    observing = ragbridge.otel.switch._observing
    assert (observing is not None and ragbridge.otel.switch.is_observing(observing)) is on
    assert bool(caplog.records) is (value == "maybe")
    uninstrument()
    testing.reset()


def test_without_opentelemetry_the_variable_is_a_warning(monkeypatch, caplog):
    """A job does not end by it."""
    testing.reset()
    monkeypatch.setenv("RAGBRIDGE_OTEL", "1")
    monkeypatch.setitem(sys.modules, "ragbridge.otel", None)
    assert Jina(base_url="local").models()
    (record,) = [record for record in caplog.records if "RAGBRIDGE_OTEL" in record.getMessage()]
    assert record.levelname == "WARNING"
    testing.reset()


def test_an_observer_travels_without_providers_of_its_own():
    """In another process it uses that process's providers."""
    observer = pickle.loads(pickle.dumps(OtelObserver()))
    assert isinstance(observer, OtelObserver)
    with pytest.raises(TypeError, match="leave the providers out"):
        pickle.dumps(OtelObserver(TracerProvider()))
    assert instruments_of(None) is instruments_of(None)


def test_a_failed_retry_is_told_with_its_error(seen):
    """The last error of several is the span's."""
    jina = Jina("k", transport=ScriptedTransport(*[503] * 9), clock=VirtualClock(), limits=None)
    with pytest.raises(ServiceError):
        jina.embed(["a"], role="query")
    assert seen.span.attributes["ragbridge.retries"] == 4
    assert seen.span.attributes["error.type"] == "ServiceError"
