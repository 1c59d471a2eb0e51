"""``elastic.endpoints``: what it sends, what it makes of answers, and what happens where answers fail."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    RagbridgeError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
)
from ragbridge.chunking import SentenceChunker
from ragbridge.elastic import (
    E5,
    ELASTIC_RERANK,
    ELSER,
    AdaptiveAllocations,
    Deletion,
    Elastic,
    ElasticInferenceService,
    ElasticsearchService,
    Endpoint,
    JinaAI,
)
from ragbridge.local import Engine
from ragbridge.testing import Response, ScriptedTransport

KEY = "jina_0123456789abcdef"
SENTENCES = {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}

EMBEDDINGS = {
    "inference_id": "jinaai-embeddings",
    "task_type": "text_embedding",
    "service": "jinaai",
    "service_settings": {
        "model_id": "jina-embeddings-v3",
        "rate_limit": {"requests_per_minute": 2000},
        "dimensions": 1024,
        "embedding_type": "float",
        "similarity": "dot_product",
    },
    "chunking_settings": SENTENCES,
}
RERANK = {
    "inference_id": "jinaai-rerank",
    "task_type": "rerank",
    "service": "jinaai",
    "service_settings": {
        "model_id": "jina-reranker-v2-base-multilingual",
        "rate_limit": {"requests_per_minute": 2000},
    },
    "task_settings": {"top_n": 10, "return_documents": True},
}
DEPLOYED = {
    "inference_id": "use_existing_deployment",
    "task_type": "sparse_embedding",
    "service": "elasticsearch",
    "service_settings": {
        "num_allocations": 2,
        "num_threads": 1,
        "model_id": ".elser_model_2",
        "deployment_id": ".elser_model_2",
    },
    "chunking_settings": SENTENCES,
}
"""Elastic's own examples of answers."""


def answer(body: Any, status: int = 200) -> Response:
    return Response(status, {"x-elastic-product": "Elasticsearch"}, json.dumps(body).encode())


def refusal(status: int, kind: str, reason: str) -> Response:
    error = {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason}
    return answer({"error": error, "status": status}, status)


@pytest.fixture
def client(scripted: Any, clock: Any) -> Any:
    """``client(outcome, ...)``: an ``Elastic`` that gets these answers, and the transport that keeps its requests."""

    def make(*outcomes: object) -> tuple[Elastic, Any]:
        transport = scripted(*outcomes)
        return Elastic("http://es:9200", api_key="a2V5", transport=transport, clock=clock), transport

    return make


def sent(transport: Any) -> list[tuple[str, str, Any]]:
    """Method, path and body of each request."""
    return [
        (
            request.method,
            request.url.removeprefix("http://es:9200"),
            json.loads(request.body) if request.body else None,
        )
        for request in transport.requests
    ]


@pytest.mark.parametrize(
    ("inference_id", "task_type", "settings", "service", "task"),
    [
        (
            "jinaai-embeddings",
            "text_embedding",
            JinaAI("jina-embeddings-v3", api_key=KEY),
            {"model_id": "jina-embeddings-v3", "api_key": KEY},
            None,
        ),
        (
            "jinaai-rerank",
            "rerank",
            JinaAI("jina-reranker-v2-base-multilingual", api_key=KEY, top_n=10, return_documents=True),
            {"model_id": "jina-reranker-v2-base-multilingual", "api_key": KEY},
            {"top_n": 10, "return_documents": True},
        ),
        (
            "my-elser-model",
            "sparse_embedding",
            ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4)),
            {
                "model_id": ".elser_model_2",
                "num_threads": 1,
                "adaptive_allocations": {
                    "enabled": True,
                    "min_number_of_allocations": 1,
                    "max_number_of_allocations": 4,
                },
            },
            None,
        ),
        (
            "my-elastic-rerank",
            "rerank",
            ElasticsearchService(ELASTIC_RERANK, num_threads=1, num_allocations=1),
            {"model_id": ".rerank-v1", "num_threads": 1, "num_allocations": 1},
            None,
        ),
        (
            "my-e5-model",
            "text_embedding",
            ElasticsearchService(E5, num_threads=1, num_allocations=1),
            {"model_id": ".multilingual-e5-small", "num_threads": 1, "num_allocations": 1},
            None,
        ),
        (
            "use_existing_deployment",
            "sparse_embedding",
            ElasticsearchService(deployment_id=ELSER),
            {"deployment_id": ".elser_model_2"},
            None,
        ),
        (
            "my-eis",
            "text_embedding",
            ElasticInferenceService("jina-embeddings-v5-text-small"),
            {"model_id": "jina-embeddings-v5-text-small"},
            None,
        ),
    ],
)
def test_create_sends_elastics_examples(client, inference_id, task_type, settings, service, task) -> None:
    """Each flow of Elastic's guides is one request, with the task type in the address and the settings in the body."""
    elastic, transport = client(answer({**EMBEDDINGS, "inference_id": inference_id}))
    made = elastic.endpoints.create(inference_id, task_type, settings)
    assert made.inference_id == inference_id
    body = {"service": settings.service, "service_settings": service}
    if task is not None:
        body["task_settings"] = task
    assert sent(transport) == [("PUT", f"/_inference/{task_type}/{inference_id}", body)]
    assert transport.requests[0].headers["content-type"] == "application/json"


def test_create_sends_chunking_and_timeout(client) -> None:
    """A chunker gives its settings; the answer is waited for longer than Elasticsearch waits for the model."""
    elastic, transport = client(answer(EMBEDDINGS), answer(EMBEDDINGS))
    settings = ElasticInferenceService("jina-embeddings-v3")
    elastic.endpoints.create(
        "e", "text_embedding", settings, chunking_settings=SentenceChunker(100, 0), timeout=600
    )
    elastic.endpoints.create("e", "text_embedding", settings, timeout=0.5)
    (_, first, body), (_, second, _) = sent(transport)
    assert body["chunking_settings"] == {
        "strategy": "sentence",
        "max_chunk_size": 100,
        "sentence_overlap": 0,
    }
    assert (first, second) == (
        "/_inference/text_embedding/e?timeout=600s",
        "/_inference/text_embedding/e?timeout=500ms",
    )
    assert transport.requests[0].timeout > 600
    assert transport.requests[1].timeout >= Elastic.TIMEOUT


@pytest.mark.parametrize(
    ("body", "model", "dimensions", "similarity", "cap"),
    [
        (EMBEDDINGS, "jina-embeddings-v3", 1024, "dot_product", 2048),
        (RERANK, "jina-reranker-v2-base-multilingual", None, None, 2048),
        (DEPLOYED, ".elser_model_2", None, None, 10),
    ],
)
def test_what_an_answer_says(client, body, model, dimensions, similarity, cap) -> None:
    """Every field of Elastic's examples is there, and what the rest of ragbridge needs of it."""
    elastic, transport = client(answer({"endpoints": [body]}))
    found = elastic.endpoints.get(body["inference_id"])
    assert sent(transport) == [("GET", f"/_inference/{body['inference_id']}", None)]
    assert found == Endpoint(
        body["inference_id"],
        body["task_type"],
        body["service"],
        body["service_settings"],
        body.get("task_settings", {}),
        body.get("chunking_settings", {}),
    )
    assert (found.model, found.dimensions, found.similarity, found.batch_cap) == (
        model,
        dimensions,
        similarity,
        cap,
    )
    assert pickle.loads(pickle.dumps(found)) == found


def test_batch_caps() -> None:
    """16 for the Elastic Inference Service unless the endpoint says otherwise; unknown services have none."""
    assert Endpoint("e", "text_embedding", "elastic").batch_cap == 16
    assert Endpoint("e", "text_embedding", "elastic", {"max_batch_size": 8}).batch_cap == 8
    assert Endpoint("e", "text_embedding", "cohere").batch_cap == 96
    assert Endpoint("e", "text_embedding", "mistral").batch_cap is None


def test_list_and_get_by_task_type(client) -> None:
    """All endpoints, those of one task type, and one that must be of a task type."""
    elastic, transport = client(
        answer({"endpoints": [EMBEDDINGS, RERANK]}),
        answer({"endpoints": [RERANK]}),
        answer({"endpoints": [RERANK]}),
    )
    assert [one.inference_id for one in elastic.endpoints.list()] == ["jinaai-embeddings", "jinaai-rerank"]
    assert len(elastic.endpoints.list("rerank")) == 1
    elastic.endpoints.get(".a b/ä", "rerank")
    assert [path for _, path, _ in sent(transport)] == [
        "/_inference",
        "/_inference/rerank/_all",
        "/_inference/rerank/.a%20b%2F%C3%A4",
    ]


def test_a_key_in_an_answer_is_dropped(client) -> None:
    """Should a server ever show a key, it goes no further."""
    leaky = {**EMBEDDINGS, "service_settings": {"model_id": "m", "api_key": KEY}}
    elastic, _ = client(answer({"endpoints": [leaky]}))
    assert KEY not in repr(elastic.endpoints.get("e"))


def test_update_sends_what_is_to_change(client) -> None:
    """Settings that may be changed stand where Elasticsearch reads them; the answer is the endpoint as it is now."""
    elastic, transport = client(*[answer(EMBEDDINGS)] * 3)
    elastic.endpoints.update(
        "e",
        api_key=KEY,
        requests_per_minute=100,
        max_input_tokens=512,
        task_settings={"input_type": "search"},
    )
    elastic.endpoints.update("e", "sparse_embedding", num_allocations=3)
    assert elastic.endpoints.update("e", task_settings={"top_n": 3}).dimensions == 1024
    assert sent(transport) == [
        (
            "PUT",
            "/_inference/e/_update",
            {
                "service_settings": {
                    "api_key": KEY,
                    "rate_limit": {"requests_per_minute": 100},
                    "max_input_tokens": 512,
                },
                "task_settings": {"input_type": "search"},
            },
        ),
        (
            "PUT",
            "/_inference/sparse_embedding/e/_update",
            {"service_settings": {"num_allocations": 3}},
        ),
        ("PUT", "/_inference/e/_update", {"task_settings": {"top_n": 3}}),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Request body is empty"),
        ({"num_allocations": 0}, "[service_settings] Invalid value [0]. [num_allocations] must be a positive"),
        ({"max_input_tokens": 1.5}, "cannot be converted to a [Integer]"),
        ({"requests_per_minute": -1}, "[rate_limit] Invalid value [-1]. [requests_per_minute] must be a positive long"),
        ({"num_allocations": 1, "api_key": KEY}, "an endpoint has one kind"),
        ({"task_settings": {}}, "task_settings={} must be an object that is not empty"),
        ({"task_settings": [1]}, "task_settings=[1] must be an object"),
        ({"task_settings": {"a": float("nan")}}, "cannot be written as JSON"),
        ({"task_settings": {"a": "\ud800"}}, "half of a surrogate pair"),
    ],
)  # fmt: skip
def test_updates_that_cannot_be(client, changes, message) -> None:
    """They are refused before anything is sent, and without showing a key."""
    elastic, transport = client()
    with pytest.raises(ConfigurationError) as caught:
        elastic.endpoints.update("e", **changes)
    assert message in str(caught.value)
    assert KEY not in str(caught.value)
    assert transport.requests == []


def test_deletion(client) -> None:
    """Options stand in the address where they are asked for; the answer names what refers to the endpoint."""
    report = {"acknowledged": False, "pipelines": ["b", "a"], "indexes": ["docs"], "error_message": "in use"}
    elastic, transport = client(
        answer({"acknowledged": True, "pipelines": []}), answer(report), answer({"acknowledged": True})
    )
    assert elastic.endpoints.delete("e") == Deletion(acknowledged=True)
    assert elastic.endpoints.delete("e", dry_run=True) == Deletion(False, ("a", "b"), ("docs",), "in use")
    elastic.endpoints.delete("e", task_type="rerank", force=True)
    assert sent(transport) == [
        ("DELETE", "/_inference/e", None),
        ("DELETE", "/_inference/e?dry_run=true", None),
        ("DELETE", "/_inference/rerank/e?force=true", None),
    ]


def test_a_used_endpoint_is_kept(client) -> None:
    """A conflict is told as Elasticsearch tells it, and not tried again."""
    reason = "Inference endpoint e is referenced by pipelines: [a]. Ensure that no pipelines are using it"
    elastic, transport = client(refusal(409, "status_exception", reason))
    with pytest.raises(InvalidRequestError, match="referenced by pipelines") as caught:
        elastic.endpoints.delete("e")
    assert caught.value.status == 409
    assert len(transport.requests) == 1


def test_exists(client) -> None:
    """Yes, no by Elasticsearch's own 404, and an error where it is somebody else's or another one."""
    elastic, _ = client(
        answer({"endpoints": [EMBEDDINGS]}),
        refusal(404, "resource_not_found_exception", "Inference endpoint not found [e]"),
        Response(404, {}, b"<html>nothing here</html>"),
        refusal(403, "security_exception", "action is unauthorized"),
    )
    assert elastic.endpoints.exists("e") is True
    assert elastic.endpoints.exists("e") is False
    with pytest.raises(InvalidRequestError, match="nothing here"):
        elastic.endpoints.exists("e")
    with pytest.raises(AuthenticationError):
        elastic.endpoints.exists("e")


@pytest.mark.parametrize("inference_id", ["", "_all", "*", "a*", "_region_policy", 5, None])
def test_ids_that_name_no_endpoint(client, inference_id) -> None:
    """Neither a pattern nor a route of another kind can be read or deleted by accident."""
    elastic, transport = client()
    for call in (
        elastic.endpoints.get,
        elastic.endpoints.delete,
        elastic.endpoints.exists,
        lambda one: elastic.endpoints.update(one, num_allocations=1),
    ):
        with pytest.raises(ConfigurationError, match="inference_id"):
            call(inference_id)
    assert transport.requests == []


def test_task_types_are_checked(client) -> None:
    """A task type that is none is refused before anything is sent."""
    elastic, transport = client()
    calls = [
        lambda: elastic.endpoints.list("reranking"),
        lambda: elastic.endpoints.get("e", "reranking"),
        lambda: elastic.endpoints.delete("e", task_type="reranking"),
        lambda: elastic.endpoints.create("e", "reranking", ElasticInferenceService("m")),
    ]
    for call in calls:
        with pytest.raises(
            ConfigurationError, match=r"Unknown task_type \[reranking\]: task_type must be one of"
        ):
            call()
    assert transport.requests == []


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "30s", True])
def test_a_timeout_is_a_number_of_seconds(client, timeout) -> None:
    """Anything else is refused before anything is sent."""
    elastic, transport = client()
    with pytest.raises(ConfigurationError, match="timeout="):
        elastic.endpoints.create("e", "rerank", ElasticInferenceService("m"), timeout=timeout)
    assert transport.requests == []


UNCERTAIN = [
    (RequestError("no answer within 40 s"), RequestError),
    (refusal(504, "status_exception", "timed out waiting for the model"), ServiceError),
    (refusal(408, "status_exception", "timed out"), ServiceError),
    (Response(502, {}, b"<html>Bad gateway</html>"), ServiceError),
    (Response(200, {"x-elastic-product": "Elasticsearch"}, b'{"inference_id": "e", "task'), ResponseError),
]


@pytest.mark.parametrize(("outcome", "kind"), UNCERTAIN)
def test_a_lost_answer_to_create_is_not_asked_for_again(client, outcome, kind) -> None:
    """A second request would meet the endpoint that the first has made: the error says how to find out instead."""
    elastic, transport = client(outcome)
    with pytest.raises(kind, match=r"the endpoint may exist nevertheless.*endpoints.get\('e'\)"):
        elastic.endpoints.create("e", "text_embedding", ElasticInferenceService("m"))
    assert len(transport.requests) == 1


@pytest.mark.parametrize(("outcome", "kind"), UNCERTAIN)
def test_a_lost_answer_to_delete_is_not_asked_for_again(client, outcome, kind) -> None:
    """A second request would meet a 404; a dry run, which does nothing, may be asked for again."""
    elastic, transport = client(outcome)
    with pytest.raises(kind, match=r"may have been deleted: check with endpoints.exists\('e'\)"):
        elastic.endpoints.delete("e")
    assert len(transport.requests) == 1
    elastic, transport = client(outcome, answer({"acknowledged": False, "pipelines": []}))
    assert elastic.endpoints.delete("e", dry_run=True).acknowledged is False


def unsent() -> RequestError:
    error = RequestError("connection refused")
    error.sent = False
    return error


@pytest.mark.parametrize(
    "outcome",
    [unsent(), refusal(503, "status_exception", "no master"), refusal(429, "status_exception", "busy")],
)
def test_what_surely_was_not_done_is_asked_for_again(client, outcome) -> None:
    """Where no connection came about, or the server turned the request away, another attempt does no harm."""
    elastic, transport = client(outcome, answer(EMBEDDINGS))
    assert elastic.endpoints.create("e", "text_embedding", ElasticInferenceService("m")).dimensions == 1024
    assert len(transport.requests) == 2


def test_errors_that_are_certain_give_no_hint(scripted, clock) -> None:
    """After the last attempt of what was never begun, nobody is sent to look for an endpoint."""
    for outcome in (unsent(), refusal(503, "status_exception", "no master")):
        elastic = Elastic(
            "http://es:9200",
            retry=Retry(attempts=1),
            transport=scripted(outcome),
            clock=clock,
        )
        with pytest.raises(RagbridgeError) as caught:
            elastic.endpoints.create("e", "text_embedding", ElasticInferenceService("m"))
        assert "may exist nevertheless" not in str(caught.value)


def test_reading_and_updating_are_asked_for_again(client) -> None:
    """They do the same when they are done twice."""
    lost = RequestError("broken")
    elastic, _ = client(lost, answer({"endpoints": [EMBEDDINGS]}), lost, answer(EMBEDDINGS))
    assert elastic.endpoints.get("e").dimensions == 1024
    assert elastic.endpoints.update("e", num_allocations=2).dimensions == 1024


@pytest.mark.parametrize("call", ["create", "update"])
def test_a_key_that_an_error_repeats_is_not_shown(client, call) -> None:
    """Elasticsearch repeats whole requests in some messages: the upstream key is removed from all of an error."""
    secret = "not-like-a-key-of-jina"
    reason = f"Request contained fields which cannot be updated [{{service_settings={{api_key={secret}}}}}]"
    elastic, _ = client(refusal(400, "status_exception", reason))
    calls = {
        "create": lambda: elastic.endpoints.create("e", "rerank", JinaAI("m", api_key=secret)),
        "update": lambda: elastic.endpoints.update("e", api_key=secret),
    }
    with pytest.raises(InvalidRequestError) as caught:
        calls[call]()
    error = caught.value
    assert secret not in str(error) + error.body + repr(error) + repr(error.__dict__)
    assert "cannot be updated" in error.message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"endpoints": []},
        {"endpoints": [EMBEDDINGS, RERANK]},
        {"endpoints": {"a": 1}},
        {"endpoints": ["e"]},
        {"endpoints": [{**EMBEDDINGS, "inference_id": None}]},
        {"endpoints": [{**EMBEDDINGS, "service": ""}]},
        {"endpoints": [{**EMBEDDINGS, "service_settings": []}]},
        {"endpoints": [{**EMBEDDINGS, "chunking_settings": "sentence"}]},
    ],
    ids=str,
)
def test_answers_that_are_no_endpoint(scripted, clock, body) -> None:
    """An answer of another shape is an error, not half an endpoint."""
    elastic = Elastic(
        "http://es:9200", retry=Retry(attempts=1), transport=scripted(answer(body)), clock=clock
    )
    with pytest.raises(ResponseError):
        elastic.endpoints.get("e")


@pytest.mark.parametrize("body", [{}, {"acknowledged": "yes"}, {"acknowledged": True, "pipelines": "a"}, {"acknowledged": True, "indexes": [1]}])  # fmt: skip
def test_answers_that_are_no_deletion(client, body) -> None:
    """Nor is a deletion guessed at."""
    elastic, _ = client(answer(body))
    with pytest.raises(ResponseError):
        elastic.endpoints.delete("e")


async def test_a_life_over_the_embedded_engine() -> None:
    """Create, read, list, update, use and delete, by both faces alike."""
    elastic = Elastic("local")
    made = elastic.endpoints.create(
        "mine", "text_embedding", JinaAI("jina-embeddings-v3", api_key=KEY, dimensions=256)
    )
    assert (made.task_type, made.service, made.dimensions) == ("text_embedding", "jinaai", 256)
    assert "api_key" not in made.service_settings
    assert made.chunking_settings == SENTENCES
    assert await elastic.endpoints.aget("mine") == elastic.endpoints.get("mine") == made
    assert made in await elastic.endpoints.alist("text_embedding")
    assert made not in elastic.endpoints.list("rerank")
    with pytest.raises(InvalidRequestError):
        await elastic.endpoints.acreate("mine", "text_embedding", JinaAI("jina-embeddings-v3", api_key=KEY))
    changed = await elastic.endpoints.aupdate("mine", requests_per_minute=7)
    assert changed.service_settings["rate_limit"] == {"requests_per_minute": 7}
    assert elastic.embed(["a text"], inference_id="mine").vectors.shape == (1, 256)
    assert (await elastic.endpoints.adelete("mine", dry_run=True)).acknowledged is False
    assert await elastic.endpoints.aexists("mine")
    assert (await elastic.endpoints.adelete("mine")).acknowledged
    assert not elastic.endpoints.exists("mine")
    with pytest.raises(InvalidRequestError, match="not found"):
        elastic.endpoints.get("mine")


@pytest.mark.parametrize(("creating", "deleting"), [(0, 1), (1, 0)])
def test_an_endpoint_made_anew_is_known_anew(creating: int, deleting: int) -> None:
    """Whether another client has deleted or created it, requests are as large as the new service takes them."""
    engine = ScriptedTransport(default=Engine())
    clients = [Elastic("local", transport=engine), Elastic("local", transport=engine)]
    for settings, sizes in (
        (JinaAI("jina-embeddings-v3", api_key=KEY), [17]),
        (ElasticInferenceService("jina-embeddings-v3"), [1, 16]),
        (ElasticsearchService(E5, num_threads=1, num_allocations=1), [7, 10]),
    ):
        engine.requests.clear()
        clients[creating].endpoints.create("mine", "text_embedding", settings)
        clients[0].embed([f"text {n}" for n in range(17)], inference_id="mine", role="document")
        assert sorted(len(body["input"]) for body in engine.bodies if "input" in body) == sizes
        clients[deleting].endpoints.delete("mine")


def test_faces_agree(client) -> None:
    """The awaitable face sends what the blocking one does."""
    elastic, blocking = client(answer(EMBEDDINGS))
    elastic.endpoints.create("e", "text_embedding", JinaAI("m", api_key=KEY))
    other, awaited = client(answer(EMBEDDINGS))
    asyncio.run(other.endpoints.acreate("e", "text_embedding", JinaAI("m", api_key=KEY)))
    assert sent(blocking) == sent(awaited)
