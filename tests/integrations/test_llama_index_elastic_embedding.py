"""``ElasticEmbedding`` and ``ElasticSparseEmbedding`` keep LlamaIndex's contracts for embeddings."""

from __future__ import annotations

import asyncio
import json

import httpx
import numpy as np
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.async_utils import asyncio_run
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.embeddings.base_sparse import BaseSparseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import TextNode
from llama_index.core.storage.kvstore import SimpleKVStore

from llama_index.embeddings.ragbridge import ElasticEmbedding
from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding
from ragbridge import ConfigurationError, Elastic, Retry, token_index
from ragbridge.local import Faults

DENSE, SPARSE = ".jina-embeddings-v5-text-nano", ".elser-2-elastic"
TEXTS = [
    "The moon pulls the water of the oceans, which makes the tides.",
    "A sourdough bread rises slowly, overnight.",
    "Bicycles have two wheels and a chain.",
]
KINDS = ["query", "text", "batch", "aquery", "atext", "abatch"]


@pytest.fixture
def answering():
    """``answering(kind, answer)``: an embedding whose requests all get this answer, sync and async."""

    def make(kind, answer):
        transport = httpx.MockTransport(
            lambda request: httpx.Response(200, json=answer, headers={"x-elastic-product": "Elasticsearch"})
        )
        clients = {
            "http_client": httpx.Client(transport=transport),
            "async_http_client": httpx.AsyncClient(transport=transport),
        }
        return kind(inference_id="x", client=Elastic("http://es:9200", retry=Retry(attempts=1), **clients))

    return make


def embed(kind, model, texts):
    """``texts`` by one of the framework's six ways."""
    ways = {
        "query": lambda: [model.get_query_embedding(text) for text in texts],
        "text": lambda: [model.get_text_embedding(text) for text in texts],
        "batch": lambda: model.get_text_embedding_batch(texts),
        "aquery": lambda: [asyncio.run(model.aget_query_embedding(text)) for text in texts],
        "atext": lambda: [asyncio.run(model.aget_text_embedding(text)) for text in texts],
        "abatch": lambda: asyncio.run(model.aget_text_embedding_batch(texts)),
    }
    return ways[kind]()


def bodies(wire):
    """What was sent to be embedded."""
    return [body for body in wire.bodies if body]


@pytest.mark.parametrize("kind", KINDS)
def test_roles_on_the_wire_and_floats_back(wire, kind):
    """Each of the six ways says what its texts are for, and gives Python floats."""
    (vector,) = embed(kind, ElasticEmbedding(inference_id=DENSE, url=wire.url), ["the sea"])
    assert wire.bodies == [{"input": ["the sea"], "input_type": "search" if "query" in kind else "ingest"}]
    assert {type(number) for number in vector} == {float}
    role = "query" if "query" in kind else "document"
    expected = Elastic("local").embed(["the sea"], inference_id=DENSE, role=role)
    assert vector == expected.vectors[0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_vectors_have_numbers_for_tokens(wire, kind):
    """Whichever way: the core's own numbers with Elasticsearch's weights, and no role, which sparse endpoints refuse."""
    (vector,) = embed(kind, ElasticSparseEmbedding(inference_id=SPARSE, url=wire.url), ["the sea is deep"])
    assert wire.bodies == [{"input": ["the sea is deep"]}]
    expected = Elastic("local").sparse_embed(["the sea is deep"], inference_id=SPARSE)
    assert vector == {token_index(token): weight for token, weight in expected[0].items()}
    assert [type(part) for part in next(iter(vector.items()))] == [int, float]


def test_an_input_type_of_ones_own_replaces_the_roles(wire):
    """It is sent for queries and texts alike."""
    model = ElasticEmbedding(inference_id=DENSE, url=wire.url, input_type="clustering")
    model.get_query_embedding("a")
    model.get_text_embedding("b")
    assert [body["input_type"] for body in wire.bodies] == ["clustering"] * 2


def test_the_task_type_and_the_timeout_are_in_the_address():
    """``task_type`` chooses the route, ``inference_timeout`` is what Elasticsearch waits."""
    seen = []

    def answer(request):
        seen.append(str(request.url))
        headers = {"x-elastic-product": "Elasticsearch"}
        return httpx.Response(200, json={"embeddings": [{"embedding": [1.0, 0.5]}]}, headers=headers)

    client = Elastic("http://es:9200", http_client=httpx.Client(transport=httpx.MockTransport(answer)))
    model = ElasticEmbedding(inference_id="mine", client=client, task_type="embedding", inference_timeout=90)
    assert model.get_text_embedding("a") == [1.0, 0.5]
    assert seen == ["http://es:9200/_inference/embedding/mine?timeout=90s"]


@pytest.mark.parametrize("kind", ["batch", "abatch"])
@pytest.mark.parametrize(
    ("made", "sizes"), [(ElasticEmbedding, [2, 16, 16, 16]), (ElasticSparseEmbedding, [2, 16, 16, 16])]
)
def test_one_batch_of_the_framework_is_as_many_requests_as_the_service_takes(serve, kind, made, sizes):
    """50 texts are four requests of 16 at most, which is what the Elastic Inference Service takes, in their order."""
    wire = serve(faults=Faults(rate=0.2, kinds=("status503", "reset")), seed=3)
    endpoint = DENSE if made is ElasticEmbedding else SPARSE
    texts = [f"text number {number}" for number in range(50)]
    model = made(inference_id=endpoint, url=wire.url, retry=Retry(attempts=9, initial=0.01))
    found = embed(kind, model, texts)
    assert {len(body["input"]) for body in bodies(wire)} == set(sizes)
    assert found == embed("batch", made(inference_id=endpoint, url="local"), texts)


@pytest.mark.parametrize("kind", ["batch", "abatch"])
def test_empty_input_sends_nothing(wire, kind):
    """No texts, no request."""
    assert embed(kind, ElasticEmbedding(inference_id=DENSE, url=wire.url), []) == []
    assert embed(kind, ElasticSparseEmbedding(inference_id=SPARSE, url=wire.url), []) == []
    assert wire.bodies == []


@pytest.mark.parametrize(("made", "endpoint"), [(ElasticEmbedding, DENSE), (ElasticSparseEmbedding, SPARSE)])
async def test_many_batches_of_the_framework_stay_within_the_concurrency(wire, made, endpoint):
    """LlamaIndex starts all batches at once; no more requests than ``concurrency`` are open."""
    wire.hold = 0.01
    model = made(inference_id=endpoint, url=wire.url, concurrency=3, embed_batch_size=2)
    assert len(await model.aget_text_embedding_batch(["a text"] * 24)) == 24
    assert (len(wire.bodies), wire.most) == (12, 3)


def test_event_loops_in_a_row_and_inside_one_another():
    """One object serves two ``asyncio.run``, LlamaIndex's own ``asyncio_run`` in a running loop, and plain calls."""
    for model in (
        ElasticEmbedding(inference_id=DENSE, url="local"),
        ElasticSparseEmbedding(inference_id=SPARSE, url="local"),
    ):

        async def outer(model=model):
            return asyncio_run(model.aget_text_embedding("the sea"))

        found = [
            asyncio.run(model.aget_text_embedding("the sea")),
            asyncio.run(model.aget_text_embedding("the sea")),
            asyncio.run(outer()),
            model.get_text_embedding("the sea"),
        ]
        assert found.count(found[0]) == 4


@pytest.mark.parametrize("kind", ["batch", "abatch"])
@pytest.mark.parametrize(
    ("ending", "numbers", "floats"),
    [("", [0.5, -1], [0.5, -1.0]), ("_bytes", [127, -128], [127.0, -128.0]), ("_bits", [5 - 128], None)],
)
def test_bytes_and_bits_are_floats_as_well(answering, kind, ending, numbers, floats):
    """Bytes as whole numbers, bits as one number of two for each: whatever compares vectors by cosine may have them."""
    model = answering(ElasticEmbedding, {f"text_embedding{ending}": [{"embedding": numbers}]})
    (found,) = embed(kind, model, ["a"])
    assert {type(number) for number in found} == {float}
    assert found == ([-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 1.0] if floats is None else floats)


def test_sparse_similarity_is_that_of_the_tokens():
    """What shares no token is not alike; numbers instead of tokens change nothing."""
    model = ElasticSparseEmbedding(inference_id=SPARSE, url="local")
    query = model.get_query_embedding("ocean tides")
    found = [model.similarity(query, vector) for vector in model.get_text_embedding_batch(TEXTS)]
    assert found[0] > 0
    assert found[1:] == [0.0, 0.0]


def test_qdrant_gets_numbers_and_weights_apart():
    """Its store wants two functions, each of which gives two columns; documents and queries have the same numbers."""
    model = ElasticSparseEmbedding(inference_id=SPARSE, url="local")
    indices, values = model.sparse_doc_fn(TEXTS)
    assert [dict(zip(*row, strict=True)) for row in zip(indices, values, strict=True)] == (
        model.get_text_embedding_batch(TEXTS)
    )
    assert model.sparse_query_fn(TEXTS) == (indices, values)
    assert model.sparse_doc_fn([]) == ([], [])


def test_a_foreign_cache_is_refused():
    """LlamaIndex's cache of vectors knows texts alone, neither role nor endpoint."""
    with pytest.raises(ConfigurationError, match="embeddings_cache=.*: cache= keeps vectors"):
        ElasticEmbedding(inference_id=DENSE, url="local", embeddings_cache=SimpleKVStore())


@pytest.mark.parametrize("kind", KINDS)
def test_events_name_the_endpoint(events, kind):
    """Every way emits start and end events with the endpoint's id and what vectors depend on."""
    dense, sparse = (
        ElasticEmbedding(inference_id=DENSE, url="local"),
        ElasticSparseEmbedding(inference_id=SPARSE, url="local"),
    )
    (vector,), (weights,) = embed(kind, dense, ["the sea"]), embed(kind, sparse, ["the sea"])
    seen = [event for event in events if event.class_name().endswith(("StartEvent", "EndEvent"))]
    assert [event.class_name() for event in seen] == [
        "EmbeddingStartEvent",
        "EmbeddingEndEvent",
        "SparseEmbeddingStartEvent",
        "SparseEmbeddingEndEvent",
    ]
    told = {"class_name": "ElasticEmbedding", "model_name": DENSE, "embed_batch_size": 2048}
    assert seen[0].model_dict == told | {"task_type": "text_embedding", "input_type": None}
    assert seen[2].model_dict["model_name"] == SPARSE
    assert (seen[1].embeddings, seen[3].embeddings) == ([vector], [weights])


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_index_finds_what_is_asked_for(asynchronous):
    """A pipeline embeds nodes, and a ``VectorStoreIndex`` over them returns the passage about the query first."""
    model = ElasticEmbedding(inference_id=DENSE, url="local")
    nodes = [TextNode(text=text, metadata={"place": place}) for place, text in enumerate(TEXTS)]
    nodes = await IngestionPipeline(transformations=[model], disable_cache=True).arun(nodes=nodes)
    retriever = VectorStoreIndex(nodes, embed_model=model).as_retriever(similarity_top_k=2)
    query = "what causes ocean tides?"
    found = await retriever.aretrieve(query) if asynchronous else retriever.retrieve(query)
    assert [found[0].text, found[0].metadata, len(found)] == [TEXTS[0], {"place": 0}, 2]


def test_they_are_what_the_framework_looks_for():
    """Whatever takes LlamaIndex's embeddings takes these."""
    assert issubclass(ElasticEmbedding, BaseEmbedding)
    assert issubclass(ElasticSparseEmbedding, BaseSparseEmbedding)
    assert np.isclose(
        np.linalg.norm(ElasticEmbedding(inference_id=DENSE, url="local").get_text_embedding("a")), 1
    )
    assert json.dumps(ElasticSparseEmbedding(inference_id=SPARSE, url="local").get_text_embedding("a sea"))
