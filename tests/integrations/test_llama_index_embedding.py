"""``JinaEmbedding`` keeps LlamaIndex's contract for embeddings."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle

import httpx
import numpy as np
import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.async_utils import asyncio_run
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.rate_limiter import TokenBucketRateLimiter
from llama_index.core.schema import Document, MetadataMode, TextNode
from llama_index.core.storage.kvstore import SimpleKVStore
from pydantic import ValidationError

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from ragbridge import AuthenticationError, ConfigurationError, Jina, RateLimit, Retry
from ragbridge.local import Faults

KEY = "jina_sekret_0123456789"
NOT_DEFAULT = {
    "model_name": "jina-embeddings-v3",
    "base_url": "local",
    "task": "text-matching",
    "dimensions": 64,
    "truncate": True,
    "normalized": False,
    "late_chunking": True,
    "limits": RateLimit(500, None, 3, window=6.0),
    "retry": Retry(attempts=2),
    "timeout": 9.0,
    "concurrency": 5,
    "batch_size": 7,
    "embed_batch_size": 99,
}
CHANGES_VECTORS = ("base_url", "task", "dimensions", "truncate", "normalized", "late_chunking")


@pytest.fixture
def local():
    return JinaEmbedding(base_url="local", dimensions=64)


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


@pytest.mark.parametrize("kind", ["query", "text", "batch", "aquery", "atext", "abatch"])
def test_role_and_settings_on_the_wire(wire, kind, monkeypatch):
    """Each of the six ways sends the task of its role, all settings, and the key of the environment."""
    monkeypatch.setenv("JINAAI_API_KEY", KEY)
    model = JinaEmbedding(
        model="jina-embeddings-v3", base_url=wire.url, dimensions=64, truncate=True, normalized=False
    )
    vectors = embed(kind, model, ["the sea"])
    role = "retrieval.query" if "query" in kind else "retrieval.passage"
    assert wire.bodies == [
        {
            "model": "jina-embeddings-v3",
            "task": role,
            "dimensions": 64,
            "truncate": True,
            "normalized": False,
            "embedding_type": "base64",
            "input": ["the sea"],
        }
    ]
    assert wire.keys == [f"Bearer {KEY}"]
    assert len(vectors) == 1
    assert len(vectors[0]) == 64
    assert {type(number) for number in vectors[0]} == {float}


def test_task_replaces_the_roles(wire):
    """A task of one's own is sent for queries and texts alike."""
    model = JinaEmbedding(base_url=wire.url, task="text-matching")
    model.get_query_embedding("a")
    model.get_text_embedding("b")
    assert [body["task"] for body in wire.bodies] == ["text-matching"] * 2


@pytest.mark.parametrize("kind", ["batch", "abatch"])
def test_one_batch_of_the_framework_is_one_call_of_the_core(serve, kind):
    """300 texts are three requests of 128, 128 and 44, and rows that come shuffled find their texts."""
    wire = serve(faults=Faults(rate=1.0, kinds=("shuffle",)))
    texts = [f"text number {number}" for number in range(300)]
    found = embed(kind, JinaEmbedding(base_url=wire.url, dimensions=64, limits=None), texts)
    assert sorted(len(body["input"]) for body in wire.bodies) == [44, 128, 128]
    expected = Jina(base_url="local").embed(texts, role="document", dimensions=64).vectors
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["batch", "abatch"])
def test_empty_input_sends_nothing(wire, kind):
    """No texts, no request."""
    assert embed(kind, JinaEmbedding(base_url=wire.url), []) == []
    assert wire.bodies == []


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_many_batches_of_the_framework_stay_within_the_concurrency(wire, concurrency):
    """LlamaIndex starts all batches at once; no more requests than ``concurrency`` are open."""
    wire.hold = 0.01
    model = JinaEmbedding(
        base_url=wire.url, limits=None, concurrency=concurrency, embed_batch_size=2, dimensions=32
    )
    assert len(await model.aget_text_embedding_batch(["a text"] * 24)) == 24
    assert len(wire.bodies) == 12
    assert wire.most == concurrency


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_event_loops_in_a_row_and_inside_one_another(wire):
    """One object serves two ``asyncio.run``, LlamaIndex's own ``asyncio_run`` in a running loop, and plain calls."""
    model = JinaEmbedding(base_url=wire.url, dimensions=64, limits=None)

    async def outer():
        return asyncio_run(model.aget_text_embedding("the sea"))

    found = [
        asyncio.run(model.aget_text_embedding("the sea")),
        asyncio.run(model.aget_text_embedding("the sea")),
        asyncio.run(outer()),
        model.get_text_embedding("the sea"),
    ]
    assert found.count(found[0]) == 4
    model = outer = None
    gc.collect()  # LlamaIndex closes its own loop with whatever is open on it: the warning about that belongs here


def test_cache_key_follows_what_changes_vectors_and_not_the_key():
    """The ingestion cache's hash differs for each setting that changes vectors, and for a client of another service."""
    nodes = [TextNode(text="the sea")]
    v3 = {"api_key": KEY, "model": "jina-embeddings-v3"}
    makes = [JinaEmbedding(**v3, **{name: NOT_DEFAULT[name]}) for name in CHANGES_VECTORS]
    makes += [JinaEmbedding(**v3), JinaEmbedding(api_key=KEY), JinaEmbedding(client=Jina(base_url="local"))]
    hashes = [get_transformation_hash(nodes, model) for model in makes]
    assert len(set(hashes)) == len(makes)
    assert get_transformation_hash(nodes, JinaEmbedding(api_key="another")) == hashes[-2]


def test_the_key_is_nowhere(serve, events):
    """Neither texts about the object, nor its dumps and pickles, nor events, callbacks and errors hold the key."""
    wire = serve(api_keys=[KEY])
    debug = LlamaDebugHandler(print_trace_on_end=False)
    model = JinaEmbedding(api_key=KEY, base_url=wire.url, callback_manager=CallbackManager([debug]))
    model.get_text_embedding_batch(["a", "b"])
    asyncio.run(model.aget_query_embedding("c"))
    told = [
        repr(model),
        str(model),
        model.to_dict(),
        model.to_json(),
        model.model_dump(),
        model.model_dump_json(),
    ]
    told += [
        pickle.dumps(model),
        [event.model_dump() for event in events],
        debug.get_events(),
        model.__getstate__(),
    ]
    told += [model.to_payload(), JinaEmbedding(client=Jina(KEY, base_url=wire.url)).to_dict()]
    for wrong in ({"jina_api_key": KEY}, {"api_key": [KEY, 7]}, {"api_key": KEY + " "} | {"limits": "gold"}):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - whatever it says, not the key
            JinaEmbedding(**wrong)
        told.append(str(caught.value))
    stranger = KEY[::-1]
    with pytest.raises(AuthenticationError) as refused:
        JinaEmbedding(api_key=stranger, base_url=wire.url).get_text_embedding("a")
    told += [str(refused.value), refused.value.body]
    assert len(events) >= 4
    assert [text for text in map(str, told) if KEY in text or stranger in text] == []


def test_unpickled_takes_the_key_of_its_own_process(wire, monkeypatch):
    """A pickle carries no key; its copy uses the environment's, and without one says so when it is used."""
    model = JinaEmbedding(api_key=KEY, base_url=wire.url)
    data = pickle.dumps(model)
    keyless = pickle.loads(pickle.dumps(JinaEmbedding(api_key=KEY)))
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        keyless.get_text_embedding("a")
    monkeypatch.setenv("JINA_API_KEY", "other")
    pickle.loads(data).get_text_embedding("a")
    model.get_text_embedding("a")
    assert wire.keys == ["Bearer other", f"Bearer {KEY}"]


def test_pickling_leaves_the_object_whole(local):
    """What cannot be pickled, such as LlamaIndex's rate limiter, is missing in the copy, not in the original."""
    limiter = TokenBucketRateLimiter(requests_per_minute=1000)
    local.rate_limiter = limiter
    assert pickle.loads(pickle.dumps(local)).rate_limiter is None
    assert local.rate_limiter is limiter
    assert len(local.get_text_embedding("a")) == 64


def test_a_process_pool_works_with_the_same_settings(wire, monkeypatch):
    """``IngestionPipeline(num_workers=2)`` splits and embeds with the settings and the key of the parent."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    monkeypatch.setattr(
        "multiprocessing.cpu_count", lambda: 1
    )  # one process is a process, and starts in half the time
    parser = RagbridgeNodeParser(
        strategy="sentence", max_chunk_size=20, sentence_overlap=0, deterministic_ids=True
    )
    model = JinaEmbedding(model="jina-embeddings-v3", base_url=wire.url, dimensions=32, late_chunking=True)
    documents = [Document(id_=name, text=f"The {name} is wide and deep. " * 5) for name in ("sea", "sky")]
    pipeline = IngestionPipeline(transformations=[parser, model], disable_cache=True)
    with pytest.warns(UserWarning, match="CPU"):
        found = pipeline.run(documents=documents, num_workers=2)
    here = pipeline.run(documents=documents)
    assert len(found) > 2
    assert len(wire.bodies) == 4
    assert sorted(wire.bodies[:2], key=str) == sorted(wire.bodies[2:], key=str)
    assert set(wire.keys) == {f"Bearer {KEY}"}
    assert [(node.id_, node.text, node.embedding) for node in found] == [
        (node.id_, node.text, node.embedding) for node in here
    ]


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, two models, a client with settings of a connection, and a foreign cache are refused at construction."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaEmbedding(base_ulr="local")
    with pytest.raises(ConfigurationError, match="model_name='b'"):
        JinaEmbedding(model="a", model_name="b")
    with pytest.raises(ConfigurationError, match="give base_url, timeout to it"):
        JinaEmbedding(client=client, base_url="local", timeout=3)
    with pytest.raises(ConfigurationError, match="embeddings_cache=.*: cache= keeps vectors"):
        JinaEmbedding(client=client, embeddings_cache=SimpleKVStore())
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        JinaEmbedding()
    with pytest.raises(ConfigurationError, match="gold"):
        JinaEmbedding(api_key=KEY, limits="gold")
    with pytest.raises(ConfigurationError, match="1024 at most"):
        JinaEmbedding(client=client, dimensions=4096)


def test_a_setting_that_is_changed_later_holds(wire):
    """Fields can be assigned like those of any LlamaIndex component, those of the connection included."""
    model = JinaEmbedding(api_key=KEY)
    model.base_url = wire.url
    model.dimensions = 32
    assert len(model.get_text_embedding("a")) == 32
    assert len(model.model_copy(update={"base_url": "local"}).get_text_embedding("a")) == 32
    assert len(wire.bodies) == 1


def test_a_ready_client_is_used_and_never_replaced_silently():
    """With ``client=``, requests go through it; where it cannot be stored, restoring asks for it."""
    bodies = []

    def answer(request):
        bodies.append(json.loads(request.content))
        return httpx.Response(402, json={"detail": "no balance"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    model = JinaEmbedding(client=Jina(KEY, http_client=http))
    with pytest.raises(Exception, match="no balance"):
        model.get_text_embedding("a")
    assert len(bodies) == 1
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(model)
    with pytest.raises(ConfigurationError, match="client=Jina"):
        JinaEmbedding.from_dict(model.to_dict())
    assert JinaEmbedding.from_dict(model.to_dict(), client=model.client).client is model.client
    copy = pickle.loads(pickle.dumps(JinaEmbedding(client=Jina(base_url="local"))))
    assert len(copy.get_text_embedding("a")) == 1024


@pytest.mark.parametrize("kind", ["query", "text", "batch", "aquery", "atext", "abatch"])
def test_events_name_the_model(local, events, kind):
    """Every way emits start and end events and the callback event, with model, task and width."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    local.callback_manager = CallbackManager([debug])
    (vector,) = embed(kind, local, ["the sea"])
    start, end = [e for e in events if isinstance(e, EmbeddingStartEvent | EmbeddingEndEvent)]
    expected = {
        "class_name": "JinaEmbedding",
        "model_name": "jina-embeddings-v5-text-small",
        "embed_batch_size": 2048,
        "task": None,
        "dimensions": 64,
        "late_chunking": False,
    }
    assert start.model_dict == expected
    assert (end.chunks, end.embeddings) == (["the sea"], [vector])
    ((first, last),) = debug.get_event_pairs(CBEventType.EMBEDDING)
    assert first.payload == {EventPayload.SERIALIZED: expected}
    assert last.payload[EventPayload.EMBEDDINGS] == [vector]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_nodes_are_embedded_as_embeddings_see_them(local, wire, asynchronous):
    """As a transformation it embeds text with the metadata that is meant for embeddings, and no other."""
    local.base_url = wire.url
    node = TextNode(
        text="the sea", metadata={"title": "Water", "path": "x"}, excluded_embed_metadata_keys=["path"]
    )
    found = await local.acall([node]) if asynchronous else local([node])
    assert wire.bodies[0]["input"] == [node.get_content(MetadataMode.EMBED)] == ["title: Water\n\nthe sea"]
    assert len(found[0].embedding) == 64


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_index_finds_what_is_asked_for(local, asynchronous):
    """A ``VectorStoreIndex`` over the embedded engine returns the passage about the query first."""
    texts = [
        "The moon pulls the water of the oceans, which makes the tides.",
        "A sourdough bread rises slowly, overnight.",
        "Bicycles have two wheels and a chain.",
    ]
    index = VectorStoreIndex([TextNode(text=text) for text in texts], embed_model=local)
    retriever = index.as_retriever(similarity_top_k=2)
    query = "what causes ocean tides?"
    found = await retriever.aretrieve(query) if asynchronous else retriever.retrieve(query)
    assert found[0].text == texts[0]
    assert len(found) == 2


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert JinaEmbedding.class_name() == "JinaEmbedding"
