"""What users of the frameworks see: calls under their own traces, tokens in LlamaIndex's events, tags on Haystack's spans."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

trace = pytest.importorskip("opentelemetry.trace")
pytest.importorskip("opentelemetry.sdk.trace")

# ruff: noqa: E402 - what is below needs the extra
from haystack import Document, Pipeline, tracing
from haystack.utils import Secret
from langchain_core.documents import Document as Passage
from llama_index.core.schema import NodeWithScore, TextNode
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from langchain_ragbridge import JinaEmbeddings, JinaRerank
from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank as NodeRerank
from ragbridge import Jina, testing
from ragbridge.otel import instrument, uninstrument
from ragbridge.testing import ScriptedTransport

KEY = "sesame-open-4711"
TEXTS = ["zanzibar wharf", "another wharf"]


class Seen:
    def __init__(self):
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("the application")

    def told(self):
        """Of each span of ours: its name, its parent's name, and the framework. No text and no key is in any span."""
        spans = {span.context.span_id: span for span in self.exporter.get_finished_spans()}
        shown = repr([(span.name, span.attributes, span.events) for span in spans.values()])
        assert KEY not in shown
        assert "wharf" not in shown
        return [
            (
                span.name.split()[0],
                spans[span.parent.span_id].name,
                span.attributes.get("ragbridge.framework"),
            )
            for span in spans.values()
            if span.instrumentation_scope.name == "ragbridge"
        ]


@pytest.fixture
def seen():
    testing.reset()
    seen = Seen()
    instrument(seen.provider)
    yield seen
    uninstrument()


@pytest.fixture
def client():
    """A ready client, as those who share one give it to every adapter."""
    return Jina(KEY, transport=ScriptedTransport(), limits=None)


@pytest.fixture(params=["sync", "async"])
def under(request, seen):
    """Runs a function, or the coroutine function beside it, under a span of the application's."""

    def run(blocking, awaited):
        async def main():
            with seen.tracer.start_as_current_span("application"):
                await awaited()

        if request.param == "async":
            asyncio.run(main())
        else:
            with seen.tracer.start_as_current_span("application"):
                blocking()

    return run


def test_langchain_embeddings_and_rerankers_are_in_the_callers_trace(under, seen, client):
    """Though LangChain has no callbacks for either."""
    embeddings, reranker = JinaEmbeddings(client=client), JinaRerank(client=client, top_n=1)
    passages = [Passage(page_content=text) for text in TEXTS]

    def blocking():
        embeddings.embed_documents(TEXTS)
        embeddings.embed_query(TEXTS[0])
        reranker.compress_documents(passages, TEXTS[0])

    async def awaited():
        await embeddings.aembed_documents(TEXTS)
        await embeddings.aembed_query(TEXTS[0])
        await reranker.acompress_documents(passages, TEXTS[0])

    under(blocking, awaited)
    assert seen.told() == [
        ("embeddings", "application", "langchain"),
        ("embeddings", "application", "langchain"),
        ("rerank", "application", "langchain"),
    ]


def test_llama_index_has_tokens_in_its_events(under, seen, client, events):
    """One event a call, within the span of the framework's own events; and spans of OpenTelemetry as elsewhere."""
    model, reranker = JinaEmbedding(client=client), NodeRerank(client=client, top_n=1)
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]

    def blocking():
        model.get_text_embedding_batch(TEXTS)
        reranker.postprocess_nodes(nodes, query_str=TEXTS[0])

    async def awaited():
        await model.aget_text_embedding_batch(TEXTS)
        await reranker.apostprocess_nodes(nodes, query_str=TEXTS[0])

    under(blocking, awaited)
    embedded, ranked = (event for event in events if event.class_name() == "RagbridgeCallEvent")
    assert (embedded.operation, embedded.tokens, embedded.requests) == ("embed", 4, 1)
    assert (ranked.operation, ranked.tokens, ranked.model) == ("rerank", 6, "jina-reranker-v3")
    (start,) = (event for event in events if event.class_name() == "EmbeddingStartEvent")
    assert embedded.span_id == start.span_id
    shown = repr([embedded.model_dump(), ranked.model_dump()])
    assert "wharf" not in shown
    assert KEY not in shown
    assert seen.told() == [
        ("embeddings", "application", "llama_index"),
        ("rerank", "application", "llama_index"),
    ]


class OtelSpan(tracing.Span):
    def __init__(self, span):
        self.span = span

    def set_tag(self, key, value):
        self.span.set_attribute(key, value)


class OtelTracer(tracing.Tracer):
    """Haystack's tracer over OpenTelemetry, as the package ``opentelemetry-haystack`` has it."""

    def __init__(self, tracer):
        self.tracer = tracer

    @contextlib.contextmanager
    def trace(self, operation_name, tags=None, parent_span=None):
        with self.tracer.start_as_current_span(operation_name) as span:
            yield OtelSpan(span)

    def current_span(self):
        span = trace.get_current_span()
        return OtelSpan(span) if span.get_span_context().is_valid else None


@pytest.fixture
def traced(seen):
    tracing.enable_tracing(OtelTracer(seen.tracer))
    yield seen
    tracing.disable_tracing()


def test_haystack_spans_have_tags_without_content(under, traced, client):
    """Of pipelines and of ``run_async``: each component's span says its tokens, and is the call's parent."""
    pipeline = Pipeline()
    pipeline.add_component("query", JinaTextEmbedder(client=client))
    pipeline.add_component("documents", JinaDocumentEmbedder(client=client))
    pipeline.add_component("ranker", JinaRanker(client=client))
    documents = [Document(content=text) for text in TEXTS]
    data = {
        "query": {"text": TEXTS[0]},
        "documents": {"documents": documents},
        "ranker": {"query": TEXTS[0], "documents": documents},
    }
    under(lambda: pipeline.run(data), lambda: pipeline.run_async(data))
    told = traced.told()
    assert sorted(told) == [
        ("embeddings", "haystack.component.run", "haystack"),
        ("embeddings", "haystack.component.run", "haystack"),
        ("rerank", "haystack.component.run", "haystack"),
    ]
    tagged = [
        dict(span.attributes)
        for span in traced.exporter.get_finished_spans()
        if span.name == "haystack.component.run"
    ]
    assert sorted(tags["ragbridge.tokens"] for tags in tagged) == [2, 4, 6]
    assert all(tags["ragbridge.requests"] == 1 for tags in tagged)


def test_an_adapter_that_makes_its_client_says_its_framework_too(seen):
    """With settings in place of a ready client."""
    with seen.tracer.start_as_current_span("application"):
        JinaEmbeddings(base_url="local", jina_api_key=KEY).embed_query(TEXTS[0])
        NodeRerank(base_url="local").postprocess_nodes(
            [NodeWithScore(node=TextNode(text=TEXTS[0]))], query_str=TEXTS[1]
        )
        JinaTextEmbedder(base_url="local", api_key=Secret.from_token(KEY)).run(TEXTS[0])
        Jina(base_url="local").balance()
    assert [framework for _, _, framework in seen.told()] == ["langchain", "llama_index", "haystack", None]
