"""Late chunking through LlamaIndex: documents are embedded as wholes, and never mixed."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.schema import Document, MetadataMode, NodeRelationship, RelatedNodeInfo, TextNode

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from ragbridge import ConfigurationError, Jina

MODEL = "jina-embeddings-v3"
DOCUMENTS = {
    "Berlin": [
        "Berlin is the capital of Germany. ",
        "The city has 3.8 million people. ",
        "It lies on a river. ",
    ],
    "bread": ["A sourdough bread rises slowly. ", "It lies overnight. "],
    "tides": ["The moon pulls the water of the oceans. "],
}


def nodes_of(documents):
    """Nodes as a splitter makes them, without places."""
    return [
        TextNode(text=chunk, relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=name)})
        for name, chunks in documents.items()
        for chunk in chunks
    ]


def run(asynchronous, model, nodes, **options):
    return asyncio.run(model.acall(nodes, **options)) if asynchronous else model(nodes, **options)


def vectors(nodes):
    return np.array([node.embedding for node in nodes])


@pytest.fixture
def late():
    return JinaEmbedding(model=MODEL, base_url="local", dimensions=64, late_chunking=True)


@pytest.fixture(scope="module")
def expected():
    """What the core gives for ``DOCUMENTS``, in the order of ``nodes_of``."""
    found = Jina(base_url="local").embed_documents(
        list(DOCUMENTS.values()), model=MODEL, dimensions=64, late_chunking=True
    )
    return np.concatenate(found.documents)


both_faces = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@both_faces
@pytest.mark.parametrize(("batch_size", "embed_batch_size"), [(1, 1), (2, 3), (128, 2048)])
def test_batches_have_no_influence(asynchronous, batch_size, embed_batch_size, expected):
    """Whatever the batches, each document is embedded as a whole and alone."""
    model = JinaEmbedding(
        model=MODEL, base_url="local", dimensions=64, late_chunking=True,
        batch_size=batch_size, embed_batch_size=embed_batch_size,
    )  # fmt: skip
    nodes = nodes_of(DOCUMENTS)
    assert run(asynchronous, model, nodes) is nodes
    assert (vectors(nodes) == expected).all()


@both_faces
def test_chunks_of_one_document_influence_one_another_and_documents_do_not(asynchronous, late):
    """Another neighbour changes a chunk's vector; another document beside it does not."""
    changed = DOCUMENTS | {"Berlin": [*DOCUMENTS["Berlin"][:2], "It lies in Prussia. "]}
    nodes, others = nodes_of(DOCUMENTS), nodes_of(changed)
    run(asynchronous, late, nodes)
    run(asynchronous, late, others)
    same = (vectors(nodes) == vectors(others)).all(axis=1)
    assert same.tolist() == [False, False, False, True, True, True]
    plain = JinaEmbedding(model=MODEL, base_url="local", dimensions=64)
    differs = (vectors(nodes) != vectors(plain(nodes_of(DOCUMENTS)))).any(axis=1)
    assert differs.tolist() == [True, True, True, True, True, False]


@both_faces
def test_a_request_holds_one_document_as_embeddings_see_it(asynchronous, wire):
    """Nodes of documents that come mixed are grouped; metadata for embeddings are in the text, others are not."""
    model = JinaEmbedding(model=MODEL, base_url=wire.url, late_chunking=True, normalized=False)
    nodes = nodes_of(DOCUMENTS)
    for node in nodes:
        node.metadata = {"of": node.ref_doc_id, "path": "x"}
        node.excluded_embed_metadata_keys = ["path"]
    mixed = nodes[::2] + nodes[1::2]
    assert run(asynchronous, model, mixed) == mixed
    asked = {tuple(body.pop("input")) for body in wire.bodies}
    groups = [[node for node in mixed if node.ref_doc_id == name] for name in DOCUMENTS]
    assert asked == {tuple(node.get_content(MetadataMode.EMBED) for node in group) for group in groups}
    body = {
        "task": "retrieval.passage",
        "normalized": False,
        "late_chunking": True,
        "embedding_type": "base64",
    }
    assert wire.bodies == [{"model": MODEL} | body] * 3


def test_a_task_of_ones_own_is_sent(wire):
    """``task`` holds with late chunking as well."""
    model = JinaEmbedding(model=MODEL, base_url=wire.url, late_chunking=True, task="text-matching")
    model(nodes_of({"a": ["b"]}))
    assert [body["task"] for body in wire.bodies] == ["text-matching"]


def test_nodes_in_any_order_are_put_in_their_documents_order(wire):
    """Places tell the order: however nodes come, the same is asked, and each gets its own vector."""
    model = JinaEmbedding(model=MODEL, base_url=wire.url, late_chunking=True)
    documents = [Document(text="".join(chunks) * 3) for chunks in DOCUMENTS.values()]
    nodes = RagbridgeNodeParser(strategy="recursive", max_chunk_size=10, separators=["(?<=[.]) "])(documents)
    shuffled = [node.model_copy() for node in nodes]
    random.Random(1).shuffle(shuffled)
    model(nodes)
    model(shuffled)
    asked, again = (sorted(body["input"] for body in bodies) for bodies in (wire.bodies[:3], wire.bodies[3:]))
    assert asked == again
    assert sum(len(texts) for texts in asked) == len(nodes) > 9
    assert {node.id_: node.embedding for node in shuffled} == {node.id_: node.embedding for node in nodes}


@pytest.mark.parametrize("starts", [(20, 0, 0), (None, None, None), (40, None, 20)])
def test_places_that_do_not_tell_leave_the_order(wire, starts):
    """Unknown places, and those that begin anew (as after two of LlamaIndex's splitters), are not sorted by."""
    nodes = nodes_of({"Berlin": DOCUMENTS["Berlin"]})
    for node, start in zip(nodes, starts, strict=True):
        node.start_char_idx = start
    JinaEmbedding(model=MODEL, base_url=wire.url, late_chunking=True)(nodes)
    assert wire.bodies[0]["input"] == DOCUMENTS["Berlin"]


def test_nodes_without_a_document_are_documents_of_their_own(late):
    """Nothing says that they belong together, so they do not influence one another."""
    nodes = [TextNode(text="The sea."), Document(text="It is deep."), TextNode(text="The sea.")]
    late(nodes)
    plain = JinaEmbedding(model=MODEL, base_url="local", dimensions=64)
    assert (vectors(nodes) == plain.get_text_embedding_batch([node.text for node in nodes])).all()


@both_faces
def test_no_nodes_send_nothing(asynchronous, wire):
    """An empty list is an empty answer."""
    assert run(asynchronous, JinaEmbedding(model=MODEL, base_url=wire.url, late_chunking=True), []) == []
    assert wire.bodies == []


@pytest.mark.parametrize("way", ["text", "atext", "batch", "abatch", "index", "aindex"])
def test_strings_are_refused_and_the_right_way_is_named(way, late):
    """A string does not tell its document: all that embed strings say where nodes go instead."""
    ways = {
        "text": lambda: late.get_text_embedding("a"),
        "atext": lambda: asyncio.run(late.aget_text_embedding("a")),
        "batch": lambda: late.get_text_embedding_batch(["a", "b"]),
        "abatch": lambda: asyncio.run(late.aget_text_embedding_batch(["a", "b"])),
        "index": lambda: VectorStoreIndex([TextNode(text="a")], embed_model=late),
        "aindex": lambda: VectorStoreIndex([TextNode(text="a")], embed_model=late, use_async=True),
    }
    with pytest.raises(ConfigurationError, match=r"IngestionPipeline or VectorStoreIndex.from_documents"):
        ways[way]()


def test_queries_are_embedded_as_ever(late, wire):
    """A query is no document: it is sent alone, with the query's task and without late chunking."""
    model = JinaEmbedding(model=MODEL, base_url=wire.url, dimensions=64, late_chunking=True)
    found = model.get_query_embedding("the sea")
    assert asyncio.run(model.aget_query_embedding("the sea")) == found
    assert [body["task"] for body in wire.bodies] == ["retrieval.query"] * 2
    assert not any("late_chunking" in body for body in wire.bodies)


def test_models_without_it_are_refused():
    """At construction, with the models that have it; and before anything is sent where it is switched on later."""
    with pytest.raises(ConfigurationError, match="jina-embeddings-v3"):
        JinaEmbedding(base_url="local", late_chunking=True)
    model = JinaEmbedding(base_url="local")
    model.late_chunking = True
    with pytest.raises(ConfigurationError, match="jina-embeddings-v3"):
        model([TextNode(text="a")])


@both_faces
def test_a_pipelines_vectors_are_what_an_index_uses(asynchronous, wire):
    """Splitter and embedding in an ``IngestionPipeline``, then an index of its nodes: nothing is embedded twice."""
    model = JinaEmbedding(model=MODEL, base_url=wire.url, dimensions=64, late_chunking=True)
    parser = RagbridgeNodeParser(strategy="sentence", max_chunk_size=20, sentence_overlap=0)
    documents = [Document(text="".join(chunks) * 5) for chunks in DOCUMENTS.values()]
    pipeline = IngestionPipeline(transformations=[parser, model])
    nodes = (
        asyncio.run(pipeline.arun(documents=documents)) if asynchronous else pipeline.run(documents=documents)
    )
    assert len(nodes) > len(documents) == len(wire.bodies)
    index = VectorStoreIndex(nodes, embed_model=model, use_async=asynchronous)
    assert len(wire.bodies) == len(documents)
    assert index.vector_store.data.embedding_dict == {node.id_: node.embedding for node in nodes}
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("what causes ocean tides?")
    assert found.node.ref_doc_id == documents[2].id_


def test_an_index_of_documents_with_the_embedding_among_its_transformations(late, wire):
    """``VectorStoreIndex.from_documents`` and ``insert`` run it by themselves."""
    late.base_url = wire.url
    parser = RagbridgeNodeParser(strategy="sentence", max_chunk_size=20, sentence_overlap=0)
    documents = [Document(text="".join(chunks) * 5) for chunks in DOCUMENTS.values()]
    index = VectorStoreIndex.from_documents(documents[:2], transformations=[parser, late], embed_model=late)
    index.insert(documents[2])
    assert [body["late_chunking"] for body in wire.bodies] == [True] * 3
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("what causes ocean tides?")
    assert found.node.ref_doc_id == documents[2].id_


class Events(BaseEventHandler):
    """Keeps every instrumentation event."""

    seen: list = []  # noqa: RUF012 - a pydantic field

    def handle(self, event, **kwargs):
        self.seen.append(event)


@both_faces
def test_events_tell_of_texts_and_vectors_in_the_order_of_the_nodes(asynchronous, late):
    """Start, end and callback event are emitted once, with what the nodes got."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    late.callback_manager = CallbackManager([debug])
    handler, root = Events(seen=[]), get_dispatcher()
    nodes = nodes_of(DOCUMENTS)[::-1]
    root.add_event_handler(handler)
    try:
        run(asynchronous, late, nodes)
    finally:
        root.event_handlers.remove(handler)
    start, end = [e for e in handler.seen if isinstance(e, EmbeddingStartEvent | EmbeddingEndEvent)]
    assert start.model_dict["late_chunking"] is True
    assert (end.chunks, end.embeddings) == ([n.text for n in nodes], [n.embedding for n in nodes])
    ((_, last),) = debug.get_event_pairs(CBEventType.EMBEDDING)
    assert last.payload == {EventPayload.CHUNKS: end.chunks, EventPayload.EMBEDDINGS: end.embeddings}


class Counting(BaseRateLimiter):
    """Lets everything through."""

    def __init__(self):
        self.asked = []

    def acquire(self, num_tokens=0):
        self.asked.append("sync")

    async def async_acquire(self, num_tokens=0):
        self.asked.append("async")


@both_faces
def test_the_frameworks_rate_limiter_is_asked(asynchronous, late):
    """Once for each call, as for each batch of strings."""
    late.rate_limiter = Counting()
    run(asynchronous, late, nodes_of(DOCUMENTS))
    assert late.rate_limiter.asked == ["async" if asynchronous else "sync"]


@both_faces
def test_progress_is_shown_when_asked_for(asynchronous, late, capsys):
    """``show_progress=True`` shows a bar of nodes; without it nothing is written."""
    run(asynchronous, late, nodes_of(DOCUMENTS))
    assert capsys.readouterr().err == ""
    run(asynchronous, late, nodes_of(DOCUMENTS), show_progress=True)
    assert "6/6" in capsys.readouterr().err
