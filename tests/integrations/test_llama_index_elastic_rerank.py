"""``ElasticRerank`` keeps LlamaIndex's contract for node postprocessors."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core import QueryBundle
from llama_index.core.async_utils import asyncio_run
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from pydantic import ValidationError

from llama_index.postprocessor.ragbridge import ElasticRerank
from ragbridge import AuthenticationError, Elastic

ENDPOINT = ".jina-reranker-v3"
QUERY = "what causes ocean tides?"
TEXTS = [
    "Bicycles have two wheels and a chain.",
    "The moon pulls the water of the oceans, which makes the tides.",
    "A sourdough bread rises slowly, overnight.",
    "The ocean is deep and cold.",
]


@pytest.fixture
def nodes():
    return [
        NodeWithScore(node=TextNode(text=text, metadata={"number": number}), score=number / 10)
        for number, text in enumerate(TEXTS)
    ]


@pytest.fixture(params=["sync", "async"])
def rerank(request):
    """Reranks by one of the two faces."""
    if request.param == "sync":
        return lambda reranker, nodes, **query: reranker.postprocess_nodes(nodes, **query)
    return lambda reranker, nodes, **query: asyncio.run(reranker.apostprocess_nodes(nodes, **query))


def test_best_first_with_new_scores_on_untouched_nodes(rerank, nodes):
    """The best ``top_n`` nodes come first, in new objects with the reranker's scores; what came in is as it was."""
    before = [node.model_dump() for node in nodes]
    found = rerank(ElasticRerank(inference_id=ENDPOINT, url="local"), nodes, query_str=QUERY)
    ranking = Elastic("local").rerank(QUERY, TEXTS, inference_id=ENDPOINT, top_n=2)
    assert [(node.text, node.score) for node in found] == [(TEXTS[row.index], row.score) for row in ranking]
    assert found[0].node is nodes[1].node
    assert found[0] is not nodes[1]
    assert [node.model_dump() for node in nodes] == before


def test_what_is_sent(rerank, nodes, wire):
    """One request with the plain texts of all nodes, and no documents asked back, which some services refuse."""
    reranker = ElasticRerank(inference_id=ENDPOINT, url=wire.url, top_n=3)
    assert len(rerank(reranker, nodes, query_bundle=QueryBundle(QUERY))) == 3
    ((body),) = wire.bodies
    assert (body["query"], body["input"], body["top_n"]) == (QUERY, TEXTS, 3)
    assert "return_documents" not in body


def test_metadata_is_ranked_only_on_request(nodes, wire):
    """By default the text alone is ranked; ``metadata_mode`` puts the metadata that is meant for it in front."""
    for mode in (MetadataMode.NONE, MetadataMode.EMBED, "embed"):
        reranker = ElasticRerank(inference_id=ENDPOINT, url=wire.url, metadata_mode=mode)
        reranker.postprocess_nodes(nodes[:1], query_str=QUERY)
    with_metadata = [f"number: 0\n\n{TEXTS[0]}"]
    assert [body["input"] for body in wire.bodies] == [[TEXTS[0]], with_metadata, with_metadata]


def test_retrieval_score_is_kept_on_request(rerank, nodes):
    """``keep_retrieval_score`` keeps it in the metadata of a copy, where neither embeddings nor models read it."""
    reranker = ElasticRerank(inference_id=ENDPOINT, url="local", keep_retrieval_score=True)
    best = rerank(reranker, nodes, query_str=QUERY)[0]
    assert best.metadata == {"number": 1, "retrieval_score": 0.1}
    assert best.node.get_content(MetadataMode.LLM) == nodes[1].node.get_content(MetadataMode.LLM)
    assert nodes[1].metadata == {"number": 1}


def test_events_frame_every_call(rerank, nodes, events):
    """Start and end events come in pairs, also for no nodes, and the callback tells query, endpoint, nodes and top_n."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    reranker = ElasticRerank(inference_id=ENDPOINT, url="local", callback_manager=manager)
    found = rerank(reranker, nodes, query_str=QUERY)
    assert rerank(reranker, [], query_str=QUERY) == []
    assert [event.class_name() for event in events] == [
        "ReRankStartEvent",
        "RagbridgeCallEvent",
        "ReRankEndEvent",
        "ReRankStartEvent",
        "ReRankEndEvent",
    ]
    start, call, end = events[:3]
    assert (call.operation, call.requests, call.error_type) == ("rerank", 1, None)
    assert call.span_id == start.span_id == end.span_id
    assert (start.query.query_str, start.nodes, start.top_n, start.model_name) == (QUERY, nodes, 2, ENDPOINT)
    assert end.nodes == found
    (first, last), _ = debug.get_event_pairs(CBEventType.RERANKING)
    assert first.payload == {
        EventPayload.NODES: nodes,
        EventPayload.MODEL_NAME: ENDPOINT,
        EventPayload.QUERY_STR: QUERY,
        EventPayload.TOP_K: 2,
    }
    assert last.payload == {EventPayload.NODES: found}


def test_a_failure_drops_the_span(rerank, nodes, serve, events):
    """After a failure there is a start, the callback's exception and the framework's span drop, and no end."""
    wire = serve(api_keys=["another"])
    reranker = ElasticRerank(inference_id=ENDPOINT, url=wire.url, api_key="VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6")
    with pytest.raises(AuthenticationError):
        rerank(reranker, nodes, query_str=QUERY)
    assert [event.class_name() for event in events] == [
        "ReRankStartEvent",
        "RagbridgeCallEvent",
        "SpanDropEvent",
    ]


def test_empty_input_sends_nothing(rerank, wire):
    """No nodes, no request."""
    assert rerank(ElasticRerank(inference_id=ENDPOINT, url=wire.url), [], query_str=QUERY) == []
    assert wire.bodies == []


def test_a_missing_query_and_no_nodes_to_return_are_refused(rerank, nodes):
    """Nodes without a query cannot be ranked, and ``top_n`` is one or more."""
    with pytest.raises(ValueError, match="query_bundle="):
        rerank(ElasticRerank(inference_id=ENDPOINT, url="local"), nodes)
    with pytest.raises(ValidationError, match="top_n"):
        ElasticRerank(inference_id=ENDPOINT, url="local", top_n=0)


async def test_awaited_calls_stay_within_the_concurrency_on_any_loop(nodes, wire):
    """Reranking is awaited, not pushed to threads: many calls at once open ``concurrency`` requests."""
    wire.hold = 0.01
    reranker = ElasticRerank(inference_id=ENDPOINT, url=wire.url, concurrency=2)
    found = await asyncio.gather(*(reranker.apostprocess_nodes(nodes, query_str=QUERY) for _ in range(8)))
    assert (len(wire.bodies), wire.most) == (8, 2)
    local = reranker.model_copy(update={"url": "local"})
    assert asyncio_run(local.apostprocess_nodes(nodes, query_str=QUERY)) == found[0]
