"""``JinaRerank`` keeps LlamaIndex's contract for node postprocessors."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.core.async_utils import asyncio_run
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.llms import MockLLM
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from pydantic import ValidationError

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import AuthenticationError, ConfigurationError, Jina
from ragbridge.local import Faults

KEY = "jina_sekret_0123456789"
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
    found = rerank(JinaRerank(base_url="local"), nodes, query_str=QUERY)
    ranking = Jina(base_url="local").rerank(QUERY, TEXTS, top_n=2)
    assert [(node.text, node.score) for node in found] == [
        (TEXTS[row.index], pytest.approx(row.score)) for row in ranking
    ]
    assert found[0].node is nodes[1].node
    assert found[0] is not nodes[1]
    assert [node.model_dump() for node in nodes] == before


def test_what_is_sent(rerank, nodes, serve, monkeypatch):
    """One request with the plain texts, no documents asked back, the environment's key; shuffled rows find their nodes."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    wire = serve(faults=Faults(rate=1.0, kinds=("shuffle",)))
    reranker = JinaRerank(model_name="jina-reranker-v3", base_url=wire.url, top_n=3, max_doc_length=512)
    found = rerank(reranker, nodes, query_bundle=QueryBundle(QUERY))
    assert wire.bodies == [
        {
            "model": "jina-reranker-v3",
            "query": QUERY,
            "documents": TEXTS,
            "top_n": 3,
            "max_doc_length": 512,
            "return_documents": False,
        }
    ]
    assert wire.keys == [f"Bearer {KEY}"]
    assert found[0].text == TEXTS[1]
    assert [node.score for node in found] == sorted((node.score for node in found), reverse=True)


def test_metadata_is_ranked_only_on_request(nodes, wire):
    """By default the text alone is ranked; ``metadata_mode`` puts the metadata that is meant for it in front."""
    for mode in (MetadataMode.NONE, MetadataMode.EMBED, "embed"):
        JinaRerank(base_url=wire.url, metadata_mode=mode).postprocess_nodes(nodes[:1], query_str=QUERY)
    with_metadata = [f"number: 0\n\n{TEXTS[0]}"]
    assert [body["documents"] for body in wire.bodies] == [[TEXTS[0]], with_metadata, with_metadata]


def test_retrieval_score_is_kept_on_request(rerank, nodes):
    """``keep_retrieval_score`` keeps it in the metadata of a copy, where neither embeddings nor models read it."""
    reranker = JinaRerank(base_url="local", keep_retrieval_score=True)
    best = rerank(reranker, nodes, query_str=QUERY)[0]
    assert best.metadata == {"number": 1, "retrieval_score": 0.1}
    assert best.node_id == nodes[1].node_id
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert best.node.get_content(mode) == nodes[1].node.get_content(mode)
    assert nodes[1].metadata == {"number": 1}


def test_top_n_beyond_the_list_returns_all(rerank, nodes):
    """More nodes asked for than there are: all of them, ranked."""
    assert len(rerank(JinaRerank(base_url="local", top_n=50), nodes, query_str=QUERY)) == len(nodes)


def test_events_frame_every_call(rerank, nodes, events):
    """Start and end events come in pairs, also for no nodes, and the callback tells query, model, nodes and top_n."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    reranker = JinaRerank(base_url="local", callback_manager=CallbackManager([debug]))
    found = rerank(reranker, nodes, query_str=QUERY)
    assert rerank(reranker, [], query_str=QUERY) == []
    names = [event.class_name() for event in events]
    assert names == [
        "ReRankStartEvent",
        "RagbridgeCallEvent",
        "ReRankEndEvent",
        "ReRankStartEvent",
        "ReRankEndEvent",
    ]
    start, call, end = events[:3]
    assert (call.operation, call.requests, call.error_type) == ("rerank", 1, None)
    assert call.span_id == start.span_id == end.span_id
    assert (start.query.query_str, start.nodes, start.top_n, start.model_name) == (
        QUERY,
        nodes,
        2,
        "jina-reranker-v3",
    )
    assert end.nodes == found
    assert events[4].nodes == []
    (first, last), _ = debug.get_event_pairs(CBEventType.RERANKING)
    assert first.payload == {
        EventPayload.NODES: nodes,
        EventPayload.MODEL_NAME: "jina-reranker-v3",
        EventPayload.QUERY_STR: QUERY,
        EventPayload.TOP_K: 2,
    }
    assert last.payload == {EventPayload.NODES: found}


def test_empty_input_sends_nothing(rerank, wire):
    """No nodes, no request."""
    assert rerank(JinaRerank(base_url=wire.url), [], query_str=QUERY) == []
    assert wire.bodies == []


def test_a_failure_drops_the_span(rerank, nodes, serve, events):
    """After a failure there is a start, the callback's exception and the framework's span drop, and no end."""
    wire = serve(api_keys=[KEY])
    debug = LlamaDebugHandler(print_trace_on_end=False)
    reranker = JinaRerank(
        api_key="wrong_key_98765", base_url=wire.url, callback_manager=CallbackManager([debug])
    )
    with pytest.raises(AuthenticationError):
        rerank(reranker, nodes, query_str=QUERY)
    assert [event.class_name() for event in events] == [
        "ReRankStartEvent",
        "RagbridgeCallEvent",
        "SpanDropEvent",
    ]
    ((_, last),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert isinstance(last.payload[EventPayload.EXCEPTION], AuthenticationError)
    assert "wrong_key_98765" not in str([event.model_dump() for event in events])


def test_a_missing_query_is_refused(rerank, nodes):
    """Nodes without a query cannot be ranked."""
    with pytest.raises(ValueError, match="query_bundle="):
        rerank(JinaRerank(base_url="local"), nodes)


def test_unpickled_takes_the_key_of_its_own_process(nodes, wire, monkeypatch):
    """A pickle carries no key; its copy uses the environment's, and without one says so when it is used."""
    data = pickle.dumps(JinaRerank(api_key=KEY, base_url=wire.url))
    keyless = pickle.loads(pickle.dumps(JinaRerank(api_key=KEY)))
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        keyless.postprocess_nodes(nodes, query_str=QUERY)
    monkeypatch.setenv("JINA_API_KEY", "other")
    pickle.loads(data).postprocess_nodes(nodes, query_str=QUERY)
    assert wire.keys == ["Bearer other"]


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, two models, no nodes to return, and a client with settings of a connection are refused at construction."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaRerank(base_ulr="local")
    with pytest.raises(ConfigurationError, match="model_name='b'"):
        JinaRerank(model="a", model_name="b")
    with pytest.raises(ValidationError, match="top_n"):
        JinaRerank(client=client, top_n=0)
    with pytest.raises(ConfigurationError, match="give base_url to it"):
        JinaRerank(client=client, base_url="local")
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        JinaRerank()
    with pytest.raises(ConfigurationError, match="max_doc_length"):
        JinaRerank(client=client, model="jina-reranker-m0", max_doc_length=512)
    with pytest.raises(ConfigurationError, match="client=Jina"):
        JinaRerank.from_dict(JinaRerank(client=client).to_dict())


async def test_loops_inside_one_another(nodes):
    """One object serves the running loop and LlamaIndex's own ``asyncio_run`` inside it."""
    reranker = JinaRerank(base_url="local")
    found = await reranker.apostprocess_nodes(nodes, query_str=QUERY)
    assert asyncio_run(reranker.apostprocess_nodes(nodes, query_str=QUERY)) == found


async def test_concurrent_calls_stay_within_the_concurrency(nodes, wire):
    """Reranking is awaited, not pushed to threads: many calls at once open ``concurrency`` requests."""
    wire.hold = 0.01
    reranker = JinaRerank(base_url=wire.url, limits=None, concurrency=2)
    await asyncio.gather(*(reranker.apostprocess_nodes(nodes, query_str=QUERY) for _ in range(8)))
    assert (len(wire.bodies), wire.most) == (8, 2)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_retrieve_and_rerank(asynchronous):
    """A query engine over the embedded engine retrieves, reranks and answers from what the reranker put first."""
    jina = Jina(base_url="local")
    index = VectorStoreIndex(
        [TextNode(text=text) for text in TEXTS], embed_model=JinaEmbedding(client=jina, dimensions=64)
    )
    engine = index.as_query_engine(
        llm=MockLLM(), similarity_top_k=4, node_postprocessors=[JinaRerank(client=jina, top_n=2)]
    )
    answer = await engine.aquery(QUERY) if asynchronous else engine.query(QUERY)
    expected = jina.rerank(QUERY, TEXTS, top_n=2)
    assert [node.text for node in answer.source_nodes] == [TEXTS[row.index] for row in expected]
    assert [node.score for node in answer.source_nodes] == pytest.approx([row.score for row in expected])


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert JinaRerank.class_name() == "JinaRerank"
