"""The official ``elasticsearch`` client judges the embedded engine's ``_inference``: each method, sync and async.

The installed major is the judge: 9.x in the plain run, 8.19 where the lowest versions are installed (``make
test-lowest``). The two majors cannot be installed side by side: their ``elastic-transport`` differs. What 8.19 has no
method or argument for goes through ``body=`` or ``perform_request``, as its users do it.
"""

from __future__ import annotations

import inspect
import itertools

import elasticsearch
import numpy as np
import pytest
from elasticsearch import AsyncElasticsearch, Elasticsearch

from ragbridge.local import Engine
from ragbridge.server import running

MAJOR = elasticsearch.__version__[0]
SINCE_9_4 = pytest.mark.skipif(
    elasticsearch.__version__ < (9, 4), reason="8.19 has no such method or argument"
)
JINA = {"model_id": "jina-embeddings-v3", "api_key": "jina_secret"}
NODES = {"num_threads": 1, "num_allocations": 1}


@pytest.fixture(scope="module")
def url():
    with running(Engine()) as address:
        yield address


@pytest.fixture(params=[Elasticsearch, AsyncElasticsearch], ids=["sync", "async"])
async def es(request, url):
    """``await es("inference.get", ...)``: a method of the official client, sync or async."""
    # A client's own retries would hide what the engine answers.
    client = request.param(url, request_timeout=30, max_retries=0, retry_on_status=())

    async def call(name, **arguments):
        method = client
        for part in name.split("."):
            method = getattr(method, part)
        found = method(**arguments)
        return await found if inspect.isawaitable(found) else found

    yield call
    closed = client.close()
    if closed is not None:
        await closed


_numbers = itertools.count()


@pytest.fixture
def name():
    """An id that no other test uses."""
    return f"endpoint-{next(_numbers)}"


@pytest.fixture
async def embedding(es, name):
    """A new endpoint of Jina's embeddings."""
    await es(
        "inference.put_jinaai",
        task_type="text_embedding",
        jinaai_inference_id=name,
        service="jinaai",
        service_settings=JINA,
    )
    return name


async def test_info_and_ping(es):
    """The client takes the engine for Elasticsearch, and the name says what it is."""
    info = await es("info")
    assert info["name"] == "ragbridge-embedded-engine"
    assert info.meta.headers["x-elastic-product"] == "Elasticsearch"
    assert await es("ping")


async def test_media_type(es):
    """An answer speaks the client's version of the interface."""
    answer = await es("inference.get")
    assert answer.meta.mimetype == "application/vnd.elasticsearch+json"
    assert f"compatible-with={MAJOR}" in answer.meta.headers["content-type"]


async def test_put(es, name):
    """``put`` creates an endpoint of any service, here one of the Elastic Inference Service."""
    config = {"service": "elastic", "service_settings": {"model_id": "jina-embeddings-v5-text-nano"}}
    made = await es("inference.put", task_type="text_embedding", inference_id=name, inference_config=config)
    assert made["service_settings"] == {
        "model_id": "jina-embeddings-v5-text-nano",
        "similarity": "cosine",
        "dimensions": 768,
    }


async def test_put_with_the_task_in_the_body(es, name):
    """The task type may stand in the body in place of the path."""
    config = {"service": "jinaai", "task_type": "text_embedding", "service_settings": JINA}
    made = await es("inference.put", inference_id=name, inference_config=config)
    assert made["task_type"] == "text_embedding"


async def test_put_jinaai(es, name):
    """``put_jinaai`` answers with defaults filled in, and without the key."""
    made = await es(
        "inference.put_jinaai",
        task_type="text_embedding",
        jinaai_inference_id=name,
        service="jinaai",
        service_settings=JINA,
        timeout="30s",
    )
    assert made.body == {
        "inference_id": name,
        "task_type": "text_embedding",
        "service": "jinaai",
        "service_settings": {
            "model_id": "jina-embeddings-v3",
            "rate_limit": {"requests_per_minute": 2000},
            "dimensions": 1024,
            "embedding_type": "float",
            "similarity": "dot_product",
        },
        "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
    }


async def test_put_elasticsearch(es, name):
    """``put_elasticsearch`` creates ELSER with adaptive allocations."""
    settings = {
        "model_id": ".elser_model_2",
        "num_threads": 1,
        "adaptive_allocations": {
            "enabled": True,
            "min_number_of_allocations": 1,
            "max_number_of_allocations": 4,
        },
    }
    made = await es(
        "inference.put_elasticsearch",
        task_type="sparse_embedding",
        elasticsearch_inference_id=name,
        service="elasticsearch",
        service_settings=settings,
    )
    assert made["service_settings"] == settings


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_put_elser(es, name):
    """``put_elser``, which is deprecated, still makes an ELSER endpoint."""
    made = await es(
        "inference.put_elser",
        task_type="sparse_embedding",
        elser_inference_id=name,
        service="elser",
        service_settings=NODES,
    )
    assert (made["service"], made["service_settings"]["model_id"]) == ("elasticsearch", ".elser_model_2")


async def test_other_services(es, name):
    """Services that the engine does not have are refused by name."""
    with pytest.raises(elasticsearch.BadRequestError, match=r"Unknown service \[mistral\]"):
        await es(
            "inference.put_mistral",
            task_type="text_embedding",
            mistral_inference_id=name,
            service="mistral",
            service_settings={"model": "mistral-embed", "api_key": "sk"},
        )


async def test_a_jina_server_on_premises(es, name):
    """By ``openai`` and ``cohere`` with the address of a route, as Jina's pages have it; the embedded model answers."""
    key = {"api_key": "sk"}
    made = await es(
        "inference.put_openai",
        task_type="text_embedding",
        openai_inference_id=name,
        service="openai",
        service_settings={
            "model_id": "jina-embeddings-v3",
            "url": "https://jina.example.com/v1/embeddings",
            **key,
        },
    )
    assert (made["service"], made["service_settings"]["dimensions"]) == ("openai", 1024)
    made = await es(
        "inference.put_cohere",
        task_type="rerank",
        cohere_inference_id=f"{name}-rerank",
        service="cohere",
        service_settings={"model_id": "jina-reranker-v3", "url": "https://jina.example.com/v1/rerank", **key},
    )
    ranked = await es("inference.rerank", inference_id=f"{name}-rerank", query="a", input=["a", "b"])
    assert (made["service"], len(ranked["rerank"])) == ("cohere", 2)


async def test_get(es, embedding):
    """``get`` shows one endpoint, those of a task type, or all, the preconfigured ones among them."""
    (one,) = (await es("inference.get", inference_id=embedding))["endpoints"]
    assert one["inference_id"] == embedding
    assert "jina_secret" not in str(one)
    every = {each["inference_id"] for each in (await es("inference.get"))["endpoints"]}
    assert {embedding, ".elser-2-elastic", ".rerank-v1-elasticsearch", ".jina-reranker-v3"} <= every
    rerankers = (await es("inference.get", task_type="rerank", inference_id="_all"))["endpoints"]
    assert {each["task_type"] for each in rerankers} == {"rerank"}
    (typed,) = (await es("inference.get", task_type="text_embedding", inference_id=embedding))["endpoints"]
    assert typed == one


async def test_delete(es, embedding):
    """``delete`` removes an endpoint; ``dry_run`` only says what it would do."""
    assert not (await es("inference.delete", inference_id=embedding, dry_run=True))["acknowledged"]
    assert (await es("inference.delete", inference_id=embedding, task_type="text_embedding"))["acknowledged"]
    with pytest.raises(elasticsearch.NotFoundError, match="Inference endpoint not found"):
        await es("inference.get", inference_id=embedding)


async def test_delete_an_endpoint_in_use(es, embedding):
    """An endpoint that an ingest pipeline refers to is deleted by force alone: 409 otherwise."""
    pipeline = f"pipeline-of-{embedding}"
    processors = [{"inference": {"model_id": embedding, "input_output": []}}]
    await es("ingest.put_pipeline", id=pipeline, processors=processors)
    with pytest.raises(elasticsearch.ConflictError, match=pipeline):
        await es("inference.delete", inference_id=embedding)
    planned = await es("inference.delete", inference_id=embedding, dry_run=True)
    assert planned["pipelines"] == [pipeline]
    assert (await es("inference.delete", inference_id=embedding, force=True))["acknowledged"]
    assert (await es("ingest.delete_pipeline", id=pipeline))["acknowledged"]


async def test_update(es, embedding):
    """``update`` changes the rate limit and task settings and takes a new key without showing it."""
    config = {
        "service_settings": {"rate_limit": {"requests_per_minute": 7}, "api_key": "jina_new"},
        "task_settings": {"input_type": "search"},
    }
    changed = await es(
        "inference.update", inference_id=embedding, inference_config=config, task_type="text_embedding"
    )
    assert changed["service_settings"]["rate_limit"] == {"requests_per_minute": 7}
    assert changed["task_settings"] == {"input_type": "search"}
    assert "jina_new" not in str(changed)
    (kept,) = (await es("inference.get", inference_id=embedding))["endpoints"]
    assert kept == changed.body


async def test_inference(es, embedding):
    """``inference`` embeds without naming the task type, and ranks with a query."""
    answer = await es(
        "inference.inference", inference_id=embedding, input=["one", "two"], input_type="search"
    )
    assert np.array([row["embedding"] for row in answer["text_embedding"]]).shape == (2, 1024)
    ranking = await es(
        "inference.inference",
        task_type="rerank",
        inference_id=".rerank-v1-elasticsearch",
        input=["a fish", "a cat and a dog"],
        query="dog",
    )
    assert [row["index"] for row in ranking["rerank"]] == [1, 0]


async def test_text_embedding(es, embedding):
    """``text_embedding`` gives a vector for each text, similar ones for similar texts."""
    texts = ["How do I bake bread?", "Baking a loaf at home", "Interest rates rose again"]
    answer = await es(
        "inference.text_embedding",
        inference_id=embedding,
        input=texts,
        input_type="ingest",
        task_settings={"late_chunking": False},
        timeout="10s",
    )
    vectors = np.array([row["embedding"] for row in answer["text_embedding"]])
    cosines = vectors @ vectors[0]
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert cosines[1] > cosines[2]


async def test_text_embedding_of_one_text(es):
    """One text is a list of one; E5 has 384 dimensions."""
    answer = await es(
        "inference.text_embedding", inference_id=".multilingual-e5-small-elasticsearch", input="a text"
    )
    (row,) = answer["text_embedding"]
    assert len(row["embedding"]) == 384


async def test_text_embedding_in_bits(es, name):
    """An endpoint of type ``bit`` answers eight dimensions in each signed byte."""
    await es(
        "inference.put_jinaai",
        task_type="text_embedding",
        jinaai_inference_id=name,
        service="jinaai",
        service_settings={**JINA, "embedding_type": "bit", "dimensions": 256},
    )
    answer = await es("inference.text_embedding", inference_id=name, input=["a text"])
    (row,) = answer["text_embedding_bits"]
    assert len(row["embedding"]) == 32
    assert all(-128 <= number <= 127 for number in row["embedding"])


async def test_sparse_embedding(es):
    """``sparse_embedding`` weighs a text's words: rare ones more than common ones."""
    answer = await es(
        "inference.sparse_embedding", inference_id=".elser-2-elasticsearch", input=["the platypus", ""]
    )
    first, empty = answer["sparse_embedding"]
    assert first["is_truncated"] is False
    assert first["embedding"]["platypus"] > first["embedding"]["the"]
    assert empty["embedding"]


async def test_rerank(es):
    """``rerank`` sorts by relevance, cuts at ``top_n`` and gives texts back only where they are wanted."""
    texts = ["a fish in the sea", "how to bake bread", "bread and butter"]
    body = {"query": "baking bread", "input": texts, "top_n": 2, "return_documents": False}
    answer = await es("inference.rerank", inference_id=".rerank-v1-elasticsearch", body=body)
    scores = [row["relevance_score"] for row in answer["rerank"]]
    assert answer["rerank"][0]["index"] == 1
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert "text" not in answer["rerank"][0]
    whole = await es(
        "inference.rerank", inference_id=".rerank-v1-elasticsearch", input=texts, query="baking bread"
    )
    assert {row["index"]: row["text"] for row in whole["rerank"]} == dict(enumerate(texts))


@SINCE_9_4
async def test_rerank_options(es):
    """``top_n`` and ``return_documents`` are arguments of the newer client."""
    answer = await es(
        "inference.rerank",
        inference_id=".rerank-v1-elasticsearch",
        input=["one", "two"],
        query="two",
        top_n=1,
        return_documents=True,
    )
    assert [(row["index"], row["text"]) for row in answer["rerank"]] == [(1, "two")]


@SINCE_9_4
@pytest.mark.filterwarnings("ignore:This API is in technical preview")
async def test_embedding(es):
    """``embedding`` takes texts and pictures, alone or fused, one vector for each input."""
    picture = {"type": "image", "format": "base64", "value": "data:image/png;base64,iVBORw0KGgo="}
    text = {"type": "text", "value": "a red square"}
    answer = await es(
        "inference.embedding",
        inference_id=".jina-clip-v2",
        embedding={"input": [{"content": picture}, {"content": text}, {"content": [picture, text]}]},
    )
    vectors = np.array([row["embedding"] for row in answer["embeddings"]])
    assert vectors.shape == (3, 1024)
    assert len(np.unique(vectors[:, 0])) == 3


async def test_completion_and_streams(es, embedding):
    """There is no chat model, and an endpoint of embeddings does not stream."""
    with pytest.raises(elasticsearch.BadRequestError, match="Incompatible task_type"):
        await es("inference.completion", inference_id=embedding, input="hello")
    with pytest.raises(elasticsearch.ApiError, match="Streaming is not allowed") as failure:
        await es(
            "perform_request",
            method="POST",
            path=f"/_inference/completion/{embedding}/_stream",
            headers={"accept": "application/json", "content-type": "application/json"},
            body={"input": "hello"},
        )
    assert failure.value.status_code == 405


async def test_errors_are_the_clients_own(es, name):
    """An unknown endpoint is a ``NotFoundError``, a wrong request a ``BadRequestError`` with Elasticsearch's body."""
    with pytest.raises(elasticsearch.NotFoundError) as missing:
        await es("inference.text_embedding", inference_id=name, input="a text")
    reason = f"Inference endpoint not found [{name}]"
    shown = {"type": "resource_not_found_exception", "reason": reason}
    assert missing.value.body == {"error": {"root_cause": [shown], **shown}, "status": 404}
    with pytest.raises(elasticsearch.BadRequestError, match="cannot be an empty array"):
        await es("inference.sparse_embedding", inference_id=".elser-2-elasticsearch", input=[])


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("cat.indices", {}),
        ("cluster.stats", {}),
        ("open_point_in_time", {"index": "books", "keep_alive": "1m"}),
        ("sql.query", {"query": "SELECT 1"}),
    ],
)
async def test_not_offered(es, method, arguments):
    """What the engine lacks is answered with 501 and a sentence that says what this is."""
    with pytest.raises(elasticsearch.ApiError) as failure:
        await es(method, **arguments)
    assert failure.value.status_code == 501
    assert "this is the embedded engine of ragbridge" in failure.value.body["error"]["reason"]


async def test_no_index_exists(es):
    """An index that nobody made is not there."""
    assert not await es("indices.exists", index="books")


async def test_models_are_inferred_by_name(es):
    """What ``ElasticsearchEmbeddings`` of LangChain, LlamaIndex and the official client's own helpers ask for."""
    documents = [{"text_field": "the sea"}, {"text_field": "the sun"}]
    answer = await es("ml.infer_trained_model", model_id=".multilingual-e5-small", docs=documents)
    assert [len(row["predicted_value"]) for row in answer["inference_results"]] == [384, 384]


async def test_filter_path(es):
    """Answers hold what is asked for alone, whichever method it is."""
    answer = await es("inference.get", filter_path="endpoints.inference_id,endpoints.*.model_id")
    assert {"inference_id": ".elser-2-elastic", "service_settings": {"model_id": "elser_model_2"}} in answer[
        "endpoints"
    ]
    assert dict(await es("info", filter_path="version.num*")) == {"version": {"number": "9.5.0"}}


def test_keys():
    """A key that the engine does not know is the client's ``AuthenticationException``; a known one opens."""
    with running(Engine(api_keys=["right"])) as address:
        with (
            Elasticsearch(address, api_key="wrong", max_retries=0) as client,
            pytest.raises(elasticsearch.AuthenticationException),
        ):
            client.inference.get()
        with Elasticsearch(address, api_key="right", max_retries=0) as client:
            assert client.inference.get()["endpoints"]
