"""LlamaIndex's spans and events are made where somebody listens, by whichever way, and are not where nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index_instrumentation.span import active_span_id
from pydantic import Field, PrivateAttr

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import Jina
from ragbridge.testing import ScriptedTransport

TEXTS = ["a wharf", "the sea", "a boat"]
NODES = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]


class Events(BaseEventHandler):
    """Every event."""

    seen: list[str] = Field(default_factory=list)

    def handle(self, event, **kwargs):
        self.seen.append(event.class_name())


class Spans(BaseSpanHandler):
    """Every span that begins."""

    _seen: list[str] = PrivateAttr(default_factory=list)  # its constructor knows no other fields

    @property
    def seen(self):
        return self._seen

    def new_span(self, id_, bound_args, instance=None, parent_span_id=None, tags=None, **kwargs):
        self._seen.append(id_.partition("-")[0])

    def prepare_to_exit_span(self, *args, **kwargs):
        """Nothing to be done."""

    def prepare_to_drop_span(self, *args, **kwargs):
        """Nothing to be done."""


@contextlib.contextmanager
def listening(handler, dispatcher):
    handlers = dispatcher.span_handlers if isinstance(handler, Spans) else dispatcher.event_handlers
    handlers.append(handler)
    try:
        yield handler.seen
    finally:
        handlers.remove(handler)


class Looking(ScriptedTransport):
    """Answers, and sees in which of the framework's spans it was asked."""

    def __init__(self):
        super().__init__()
        self.spans, self.sizes = [], []

    def send(self, request):
        self.spans.append((active_span_id.get() or "none").partition("-")[0])
        self.sizes.append(len(json.loads(request.body).get("input", ())))
        return super().send(request)


@pytest.fixture
def transport():
    return Looking()


@pytest.fixture
def model(transport):
    return JinaEmbedding(client=Jina("a-key", transport=transport, limits=None), embed_batch_size=2)


@pytest.fixture
def reranker(transport):
    return JinaRerank(client=Jina("a-key", transport=transport, limits=None))


def calls(model, reranker):
    """Each of the framework's ways, with the spans that it has where somebody handles spans."""
    batch = ["get_text_embedding_batch"] * 2  # ours, and the framework's own
    return [
        (lambda: model.get_query_embedding("a"), ["get_query_embedding", "_get_query_embedding"]),
        (
            lambda: asyncio.run(model.aget_query_embedding("a")),
            ["aget_query_embedding", "_aget_query_embedding"],
        ),
        (lambda: model.get_text_embedding("a"), ["get_text_embedding", "_get_text_embedding"]),
        (lambda: asyncio.run(model.aget_text_embedding("a")), ["aget_text_embedding"]),
        (lambda: model.get_text_embedding_batch(TEXTS), batch),
        (lambda: asyncio.run(model.aget_text_embedding_batch(TEXTS)), [f"a{name}" for name in batch]),
        (lambda: reranker.postprocess_nodes(NODES, query_str="a"), ["_postprocess_nodes"]),
        (lambda: asyncio.run(reranker.apostprocess_nodes(NODES, query_str="a")), ["_apostprocess_nodes"]),
    ]


def test_each_call_has_the_spans_that_its_framework_promises(model, reranker):
    """Those of public methods, and of what subclasses implement."""
    for call, names in calls(model, reranker):
        with listening(Spans(), get_dispatcher()) as seen:
            call()
        assert [name.partition(".")[2] for name in seen] == names


def test_each_call_has_its_events(model, reranker):
    """A pair for each batch, and one event for each call of the core within it."""
    embedded = ["EmbeddingStartEvent", "RagbridgeCallEvent", "EmbeddingEndEvent"]
    ranked = ["ReRankStartEvent", "RagbridgeCallEvent", "ReRankEndEvent"]
    for call, names in calls(model, reranker):
        with listening(Events(), get_dispatcher()) as seen:
            call()
        times = 2 if "batch" in names[0] else 1
        assert sorted(seen) == sorted((ranked if "nodes" in names[0] else embedded) * times)


def test_calls_without_a_listener_are_in_no_span(model, reranker, transport):
    """They give the same as those that are heard, and LlamaIndex keeps no trace of them, which nobody would read."""
    quiet = [call() for call, _ in calls(model, reranker)]
    assert set(transport.spans) == {"none"}
    assert model.callback_manager.trace_map == reranker.callback_manager.trace_map == {}
    transport.spans.clear()
    with listening(Events(), get_dispatcher()):
        assert [call() for call, _ in calls(model, reranker)] == quiet
    assert "none" not in transport.spans


def test_batches_without_a_listener_are_those_of_the_framework(model, transport):
    """``embed_batch_size`` is what is handed over at once, on both faces."""
    model.get_text_embedding_batch(TEXTS)
    asyncio.run(model.aget_text_embedding_batch(TEXTS))
    assert transport.sizes == [2, 1, 2, 1]


@pytest.mark.parametrize(
    "name",
    ["root", BaseEmbedding.__module__, JinaEmbedding.__module__],
)
@pytest.mark.parametrize("kind", [Spans, Events])
def test_whoever_listens_is_heard_from_the_next_call_on(model, transport, kind, name):
    """At the root, at the framework's own dispatcher or at ours; and no longer when it has gone."""
    dispatcher = get_dispatcher(name)
    model.get_query_embedding("a")
    with listening(kind(), dispatcher):
        model.get_query_embedding("a")
    model.get_query_embedding("a")
    assert [span == "none" for span in transport.spans] == [True, False, True]


def test_handlers_of_callbacks_are_told(model, reranker):
    """The older way, by a manager of the caller's."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    model.callback_manager = reranker.callback_manager = CallbackManager([debug])
    for call, _ in calls(model, reranker):
        call()
    assert len(debug.get_event_pairs(CBEventType.EMBEDDING)) == 4 + 2 * 2
    assert len(debug.get_event_pairs(CBEventType.RERANKING)) == 2


def test_what_a_subclass_implements_is_what_is_called(transport):
    """Whether or not anybody listens."""

    class Own(JinaEmbedding):
        def _get_query_embedding(self, query):
            return [float(len(query))]

        async def _aget_text_embeddings(self, texts):
            return [[float(len(text))] for text in texts]

    own = Own(client=Jina("a-key", transport=transport, limits=None))
    for _ in range(2):
        assert own.get_query_embedding("four") == [4.0]
        assert asyncio.run(own.aget_text_embedding_batch(["one", "seven"])) == [[3.0], [5.0]]
        own.callback_manager = CallbackManager([LlamaDebugHandler(print_trace_on_end=False)])
    with listening(Spans(), get_dispatcher()) as seen:
        own.get_query_embedding("four")
    assert seen == ["Own.get_query_embedding", "Own._get_query_embedding"]
