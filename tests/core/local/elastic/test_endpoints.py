"""Endpoints: what creating one answers, what Elasticsearch refuses in its words, changing and deleting."""

from __future__ import annotations

import json
import threading

import pytest
from beside import read

from ragbridge.flow import Request
from ragbridge.local import Engine

PATHS = (read("specs/elasticsearch-inference.openapi.json") or {"paths": {}})["paths"]
"""What Elasticsearch publishes, examples included: for the ring ``shared``."""
PUT = "PUT /_inference/{{task_type}}/{{{}_inference_id}}"
JINA = {"model_id": "jina-embeddings-v3", "api_key": "jina_secret"}
RERANK = {"model_id": "jina-reranker-v3", "api_key": "jina_secret"}
NODES = {"num_threads": 1, "num_allocations": 1}


def config(service, settings, **more):
    return {"service": service, "service_settings": settings, **more}


def examples(service):
    """Request and answer of each of the published examples; the answer is None where none is published."""
    if not PATHS:
        return []
    operation = PATHS[f"/_inference/{{task_type}}/{{{service}_inference_id}}"]["put"]
    requests = operation["requestBody"]["content"]["application/json"]["examples"]
    answers = operation["responses"]["200"]["content"]["application/json"]["examples"]
    return [
        pytest.param(
            json.loads(one["value"]),
            json.loads(answers[name.replace("Request", "Response")]["value"])
            if name.replace("Request", "Response") in answers
            else None,
            id=name,
        )
        for name, one in requests.items()
    ]


def task_of(model):
    if "rerank" in model:
        return "rerank"
    return "sparse_embedding" if "elser" in model else "text_embedding"


@pytest.mark.shared
@pytest.mark.parametrize(("body", "published"), examples("jinaai"))
def test_published_examples_of_jinaai(ask, body, published):
    """The specification's examples are answered word for word as it says."""
    path = f"/_inference/{published['task_type']}/{published['inference_id']}"
    assert ask("PUT", path, body) == (200, published)
    assert ask("GET", path) == (200, {"endpoints": [published]})


@pytest.mark.shared
@pytest.mark.parametrize(("body", "_published"), examples("elasticsearch"))
def test_published_examples_of_elasticsearch(ask, body, _published):
    """The specification's examples create endpoints that show what was asked for."""
    settings = body["service_settings"]
    task = task_of(settings.get("model_id", settings.get("deployment_id")))
    status, made = ask("PUT", f"/_inference/{task}/example", body)
    assert status == 200
    assert settings.items() <= made["service_settings"].items()


CHUNKED = {"chunking_settings": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}}
"""What Elasticsearch adds where no chunking is asked for."""
LIMITED = {"rate_limit": {"requests_per_minute": 2000}}
DEFAULTS = {**LIMITED, "embedding_type": "float", "similarity": "dot_product"}
"""What it adds to the settings of ``jinaai``."""


@pytest.mark.parametrize(
    ("task", "settings", "more", "added", "chunked"),
    [
        ("text_embedding", JINA, {}, {**DEFAULTS, "dimensions": 1024}, CHUNKED),
        ("text_embedding", {**JINA, "similarity": "cosine", "dimensions": 32}, {}, DEFAULTS, CHUNKED),
        (
            "text_embedding",
            JINA,
            {"chunking_settings": {"strategy": "none"}, "task_settings": {"input_type": "search"}},
            {**DEFAULTS, "dimensions": 1024},
            {},
        ),
        (
            "embedding",
            {**JINA, "model_id": "jina-embeddings-v4"},
            {},
            {**DEFAULTS, "dimensions": 2048, "multimodal_model": True},
            CHUNKED,
        ),
        ("embedding", {**JINA, "multimodal_model": False}, {}, {**DEFAULTS, "dimensions": 1024}, CHUNKED),
        ("rerank", RERANK, {"task_settings": {"top_n": 3, "return_documents": False}}, LIMITED, {}),
    ],
)
def test_what_an_endpoint_of_jinaai_shows(ask, judge, task, settings, more, added, chunked):
    """It shows what it was made with and what Elasticsearch adds, but no key, as its description says."""
    shown = {key: value for key, value in settings.items() if key != "api_key"}
    body = config("jinaai", settings, **more)
    endpoint = {
        **config("jinaai", {**added, **shown}, **more),
        **chunked,
        "inference_id": "made",
        "task_type": task,
    }
    judge.body(PUT.format("jinaai"), body)
    assert ask("PUT", f"/_inference/{task}/made", body) == (200, endpoint)
    assert ask("GET", f"/_inference/{task}/made") == (200, {"endpoints": [endpoint]})
    judge.answer(PUT.format("jinaai"), endpoint)


SCALING = {"enabled": True, "min_number_of_allocations": 2, "max_number_of_allocations": 6}


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        (
            "sparse_embedding",
            {"model_id": ".elser_model_2", "num_threads": 2, "adaptive_allocations": SCALING},
        ),
        ("text_embedding", {**NODES, "model_id": ".multilingual-e5-small"}),
        ("text_embedding", {**NODES, "model_id": "harbour-MiniLM"}),
        ("rerank", {**NODES, "model_id": ".rerank-v1", "long_document_strategy": "chunk"}),
    ],
)
def test_what_an_endpoint_of_elasticsearch_shows(ask, judge, task, settings):
    """It shows what was asked for, in an answer that its description knows."""
    body = config("elasticsearch", settings)
    judge.body(PUT.format("elasticsearch"), body)
    status, made = ask("PUT", f"/_inference/{task}/made", body)
    assert status == 200
    assert settings.items() <= made["service_settings"].items()
    judge.answer(PUT.format("elasticsearch"), made)


def test_an_existing_deployment(ask):
    """Over a deployment that runs, an endpoint shows the deployment's model and allocations."""
    body = config("elasticsearch", {"deployment_id": ".elser_model_2"})
    status, made = ask("PUT", "/_inference/sparse_embedding/use_existing_deployment", body)
    assert (status, made["service_settings"]) == (
        200,
        {
            "num_allocations": 2,
            "num_threads": 1,
            "model_id": ".elser_model_2",
            "deployment_id": ".elser_model_2",
        },
    )


def test_a_deployment_of_an_endpoint(ask, refused):
    """An endpoint's deployment serves others, which cannot change it."""
    settings = {**NODES, "model_id": ".multilingual-e5-small"}
    ask("PUT", "/_inference/text_embedding/owner", config("elasticsearch", settings))
    body = config("elasticsearch", {"deployment_id": "owner", "model_id": ".multilingual-e5-small"})
    assert ask("PUT", "/_inference/text_embedding/guest", body)[0] == 200
    change = {"service_settings": {"num_allocations": 3}}
    status, _, reason = refused("PUT", "/_inference/guest/_update", change)
    assert (status, "using inference endpoint [owner]" in reason) == (409, True)
    assert ask("PUT", "/_inference/owner/_update", change)[1]["service_settings"]["num_allocations"] == 3


@pytest.mark.parametrize(
    ("service", "task", "settings", "shown"),
    [
        ("jinaai", "rerank", RERANK, {"service_settings": {"rate_limit": {"requests_per_minute": 2000}}}),
        ("jinaai", "text_embedding", {**JINA, "embedding_type": "bit"}, {"similarity": "l2_norm"}),
        ("jinaai", "text_embedding", {**JINA, "dimensions": 64}, {"dimensions": 64}),
        ("jinaai", "text_embedding", {**JINA, "similarity": "COSINE"}, {"similarity": "cosine"}),
        ("jinaai", "text_embedding", {**JINA, "max_input_tokens": 500}, {"max_input_tokens": 500}),
        ("jinaai", "embedding", {**JINA, "model_id": "jina-clip-v2"}, {"multimodal_model": True}),
        ("elasticsearch", "rerank", {**NODES, "model_id": ".rerank-v1"}, {"return_documents": True}),
        ("elasticsearch", "text_embedding", {**NODES, "model_id": "mine"}, {"similarity": "cosine"}),
        ("elastic", "text_embedding", {"model_id": "jina-embeddings-v3"}, {"dimensions": 1024}),
        ("elastic", "sparse_embedding", {"model_id": "elser_model_2"}, {"model_id": "elser_model_2"}),
        ("elastic", "rerank", {"model_id": "jina-reranker-v3"}, {"model_id": "jina-reranker-v3"}),
        ("elastic", "embedding", {"model_id": "jina-clip-v2"}, {"similarity": "cosine"}),
    ],
)
def test_defaults(ask, service, task, settings, shown):
    """What a request leaves open is filled in as Elasticsearch does, and the key is never shown."""
    status, made = ask("PUT", f"/_inference/{task}/made", config(service, settings))
    assert status == 200
    flat = {**made, **made["service_settings"], **made.get("task_settings", {})}
    for name, value in shown.items():
        assert flat[name] == value if name != "service_settings" else value.items() <= flat[name].items()
    assert "jina_secret" not in json.dumps(ask("GET", "/_inference")[1])
    assert ("chunking_settings" in made) == (task != "rerank")


def test_chunking_settings(ask):
    """Chunking settings are shown as Elasticsearch does: a group by its separators."""
    chunking = {"strategy": "RECURSIVE", "max_chunk_size": 100, "separator_group": "plaintext"}
    body = config("jinaai", JINA, chunking_settings=chunking)
    _, made = ask("PUT", "/_inference/text_embedding/made", body)
    assert made["chunking_settings"]["strategy"] == "recursive"
    assert len(made["chunking_settings"]["separators"]) == 2


SPARSE = "/_inference/sparse_embedding/made"
DENSE = "/_inference/text_embedding/made"
RANKED = "/_inference/rerank/made"


@pytest.mark.parametrize(
    ("path", "body", "kind", "reason"),
    [
        (DENSE, b"", "parse_exception", "request body is required"),
        (DENSE, b"{", "x_content_parse_exception", "request body is not JSON"),
        (DENSE, {}, "status_exception", "missing the [service] setting"),
        (
            "/_inference/made",
            config("jinaai", JINA),
            "status_exception",
            "missing required setting [task_type]",
        ),
        ("/_inference/word/made", config("jinaai", JINA), "status_exception", "Unknown task_type [word]"),
        (
            DENSE,
            config("jinaai", JINA, task_type="rerank"),
            "status_exception",
            "Cannot resolve conflicting task_type parameter in the request URL [text_embedding] and the request body [rerank]",
        ),
        (
            "/_inference/text_embedding/-Made",
            config("jinaai", JINA),
            "action_request_validation_exception",
            "Invalid inference_id; '-Made' can contain lowercase alphanumeric",
        ),
        (
            "/_inference/sparse_embedding/.elser-2-elasticsearch",
            config("elasticsearch", {**NODES, "model_id": ".elser_model_2"}),
            "status_exception",
            "[.elser-2-elasticsearch] is a reserved inference ID. Cannot create a new inference endpoint with a reserved ID.",
        ),
        (DENSE, config("mistral", JINA), "status_exception", "Unknown service [mistral]"),
        (
            SPARSE,
            config("jinaai", JINA),
            "status_exception",
            "The [jinaai] service does not support task type [sparse_embedding]",
        ),
        (DENSE, {"service": "jinaai"}, "status_exception", "Missing required field [service_settings]"),
        (
            DENSE,
            config("jinaai", {}),
            "validation_exception",
            (
                "Validation Failed: 1: [service_settings] does not contain the required setting [model_id];"
                "2: [service_settings] does not contain the required setting [api_key];"
            ),
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "dimensions": 0}),
            "validation_exception",
            "[service_settings] Invalid value [0]. [dimensions] must be a positive integer",
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "similarity": "dot"}),
            "validation_exception",
            "[service_settings] Invalid value [dot] received. [similarity] must be one of [cosine, dot_product, l2_norm]",
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "rate_limit": {"requests_per_minute": 0}}),
            "validation_exception",
            "[rate_limit] Invalid value [0]. [requests_per_minute] must be a positive long",
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "apikey": "jina_other"}),
            "status_exception",
            "Configuration contains settings [apikey] unknown to the [jinaai] service",
        ),
        (DENSE, config("jinaai", JINA, tasks={}), "status_exception", "contains settings [tasks] unknown"),
        (
            RANKED,
            config("jinaai", RERANK, chunking_settings={"strategy": "none"}),
            "status_exception",
            "contains settings [chunking_settings] unknown to the [jinaai] service",
        ),
        (
            RANKED,
            config("jinaai", RERANK, task_settings={"top_n": 0}),
            "validation_exception",
            "[task_settings] Invalid value [0]. [top_n] must be a positive integer",
        ),
        (
            DENSE,
            config("jinaai", JINA, chunking_settings={"strategy": "sentence", "max_chunk_size": 9}),
            "validation_exception",
            (
                "Validation Failed: 1: [chunking_settings] Invalid value [9.0]. [max_chunk_size] must be greater than or equal "
                "to [20.0];"
            ),
        ),
        (
            DENSE,
            config("jinaai", JINA, chunking_settings={"max_chunk_size": 100}),
            "illegal_argument_exception",
            "Can't generate Chunker without ChunkingStrategy provided",
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "model_id": "jina-none"}),
            "status_exception",
            "Could not complete inference endpoint creation as validation call to service threw an exception.",
        ),
        (
            DENSE,
            config("jinaai", {**JINA, "dimensions": 4096}),
            "status_exception",
            "Could not complete inference endpoint creation",
        ),
        (
            SPARSE,
            config("elasticsearch", NODES),
            "illegal_argument_exception",
            "Error parsing service settings, model_id must be provided",
        ),
        (
            SPARSE,
            config("elasticsearch", {"model_id": ".elser_model_2"}),
            "validation_exception",
            (
                "Validation Failed: 1: [service_settings] does not contain the required setting [num_threads];2: "
                "[service_settings] does not contain one of the required settings [num_allocations, adaptive_allocations];"
            ),
        ),
        (
            SPARSE,
            config("elasticsearch", {**NODES, "num_threads": 3, "model_id": ".elser_model_2"}),
            "action_request_validation_exception",
            "[threads_per_allocation] must be a power of 2 less than or equal to 32",
        ),
        (
            SPARSE,
            config(
                "elasticsearch",
                {
                    "num_threads": 1,
                    "model_id": ".elser_model_2",
                    "adaptive_allocations": {
                        "enabled": True,
                        "min_number_of_allocations": 4,
                        "max_number_of_allocations": 1,
                    },
                },
            ),
            "validation_exception",
            "[min_number_of_allocations] must not be larger than [max_number_of_allocations]",
        ),
        (
            SPARSE,
            config(
                "elasticsearch",
                {**NODES, "model_id": ".elser_model_2"},
                chunking_settings={"strategy": "word", "max_chunk_size": 301, "overlap": 10},
            ),
            "illegal_argument_exception",
            "ELSER based models do not support chunk sizes larger than 300. Requested chunk size: 301",
        ),
        (
            SPARSE,
            config("elasticsearch", {**NODES, "model_id": ".elser_model_9"}),
            "illegal_argument_exception",
            "Was [.elser_model_9]. You may need to load it into the cluster using eland.",
        ),
        (
            RANKED,
            config("elasticsearch", {**NODES, "model_id": ".rerank-v1", "max_chunks_per_doc": 2}),
            "validation_exception",
            "The [max_chunks_per_doc] setting requires [long_document_strategy] to be set to [chunk]",
        ),
        (
            SPARSE,
            config("elasticsearch", {"deployment_id": ".elser_model_2", "model_id": "other"}),
            "status_exception",
            "Deployment [.elser_model_2] uses model [.elser_model_2] which does not match the model [other] in the request",
        ),
        (
            DENSE,
            config("elastic", {"model_id": "jina-embeddings-v3", "rate_limit": {"requests_per_minute": 1}}),
            "validation_exception",
            "[service_settings] rate limit settings are not permitted for service [elastic] and task type [text_embedding]",
        ),
        (
            RANKED,
            config("elastic", {"model_id": "jina-reranker-v3"}, task_settings={"return_documents": True}),
            "status_exception",
            "contains settings [return_documents] unknown to the [elastic] service",
        ),
        (
            "/_inference/chat_completion/made",
            config("elastic", {"model_id": "rainbow-sprinkles"}),
            "status_exception",
            "not offered by the embedded engine",
        ),
    ],
)
def test_refusals(refused, path, body, kind, reason):
    """Creating an endpoint with wrong settings is refused with 400 and Elasticsearch's sentence, and shows no key."""
    status, found, said = refused("PUT", path, body)
    assert (status, found) == (400, kind)
    assert reason in said
    assert "jina_" not in said


def test_what_the_service_said_is_told(ask):
    """Where the test request fails, the error says under ``caused_by`` what the service said."""
    _, answer = ask("PUT", DENSE, config("jinaai", {**JINA, "model_id": "jina-none"}))
    assert "Model jina-none not found" in answer["error"]["caused_by"]["reason"]


def test_a_deployment_for_another_task(refused):
    """A deployment does what its model does."""
    status, _, said = refused("PUT", DENSE, config("elasticsearch", {"deployment_id": ".elser_model_2"}))
    assert status == 400
    assert said == (
        "Deployed model [.elser_model_2] with type [sparse_embedding] does not match the requested task type "
        "[text_embedding]"
    )


@pytest.mark.parametrize(
    "name", [".elser-2-elasticsearch", ".multilingual-e5-small-elasticsearch", ".rerank-v1-elasticsearch"]
)
def test_endpoints_of_the_cluster_scale_down_to_nothing(ask, name):
    """Elasticsearch's own are there without anybody having made them, with the allocations that it gives them."""
    (found,) = ask("GET", f"/_inference/{name}")[1]["endpoints"]
    assert found["service"] == "elasticsearch"
    assert found["service_settings"]["num_threads"] == 1
    assert found["service_settings"]["adaptive_allocations"] == {
        "enabled": True,
        "min_number_of_allocations": 0,
        "max_number_of_allocations": 32,
    }


def test_an_unknown_deployment(refused):
    """A deployment that does not run is not found."""
    status, kind, said = refused("PUT", SPARSE, config("elasticsearch", {"deployment_id": "none"}))
    assert (status, kind) == (404, "resource_not_found_exception")
    assert said == "No known trained model with deployment with id [none]"


def test_an_id_is_taken_once(refused, ask):
    """A second endpoint of the same id is refused, whatever its service; once deleted, the id is free."""
    assert ask("PUT", DENSE, config("jinaai", JINA))[0] == 200
    status, kind, reason = refused("PUT", RANKED, config("jinaai", RERANK))
    assert (status, kind) == (400, "resource_already_exists_exception")
    assert reason == "Inference endpoint [made] already exists"
    ask("DELETE", "/_inference/made")
    assert ask("PUT", RANKED, config("jinaai", RERANK))[0] == 200


def test_many_threads_create_one_endpoint():
    """Of many requests at once for one id, exactly one succeeds."""
    engine = Engine()
    body = json.dumps(config("jinaai", JINA)).encode()
    statuses = []

    def create():
        statuses.append(engine.handle(Request("PUT", f"http://x{DENSE}", {}, body)).response.status)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[400] * 15]


def test_get_by_task_type(ask, refused):
    """The task type of the path must be the endpoint's; ``_all`` and ``*`` name every one of it."""
    names = [one["inference_id"] for one in ask("GET", "/_inference/rerank/*")[1]["endpoints"]]
    assert ".rerank-v1-elasticsearch" in names
    assert names == sorted(names)
    assert ask("GET", "/_inference/rerank/_all")[1]["endpoints"]
    assert refused("GET", "/_inference/rerank/.elser-2-elastic")[2] == (
        "Requested task type [rerank] does not match the inference endpoint's task type [sparse_embedding]"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"service_settings": {"model_id": "other"}}, "contains settings [model_id] unknown"),
        ({"service_settings": {"dimensions": 12}}, "contains settings [dimensions] unknown"),
        ({"chunking_settings": {"strategy": "none"}}, "Request contained fields which cannot be updated"),
        ({"task_settings": {"top_n": 1}}, "contains settings [top_n] unknown"),
        (
            {"task_type": "rerank", "task_settings": {}},
            "Task type must match the task type of the existing endpoint",
        ),
        ({}, "must contain"),
    ],
)
def test_update_changes_little(ask, refused, change, reason):
    """Only a few settings can be changed, and a refused change leaves the endpoint as it was."""
    _, made = ask("PUT", DENSE, config("jinaai", JINA))
    status, _, said = refused("PUT", "/_inference/made/_update", change)
    assert (status, reason in said) == (400, True)
    assert ask("GET", "/_inference/made")[1]["endpoints"] == [made]


def test_update(ask, refused):
    """Rate limit, longest input and task settings can be changed; others stay."""
    ask("PUT", DENSE, config("jinaai", JINA, task_settings={"late_chunking": True}))
    change = {
        "service_settings": {"max_input_tokens": 100, "rate_limit": {"requests_per_minute": 5}},
        "task_settings": {"input_type": "INGEST"},
    }
    status, changed = ask("PUT", "/_inference/text_embedding/made/_update", change)
    assert status == 200
    assert changed["service_settings"]["max_input_tokens"] == 100
    assert changed["task_settings"] == {"late_chunking": True, "input_type": "ingest"}
    assert refused("PUT", "/_inference/none/_update", change)[0] == 404


def test_delete(ask, refused):
    """Preconfigured endpoints are deleted by force alone; what is not there is not found."""
    assert "Use the force=true query parameter" in refused("DELETE", "/_inference/.elser-2-elastic")[2]
    assert ask("DELETE", "/_inference/.elser-2-elastic?force=true")[1]["acknowledged"]
    assert refused("GET", "/_inference/.elser-2-elastic")[0] == 404
    assert refused("DELETE", "/_inference/none")[:2] == (404, "resource_not_found_exception")
    assert refused("DELETE", "/_inference/.elser-2-elasticsearch?dry_run=maybe")[0] == 400


def test_a_pipeline_keeps_its_endpoint(ask, refused):
    """However deep in a pipeline an endpoint is referred to, deleting it is a conflict until the pipeline is gone."""
    ask("PUT", DENSE, config("jinaai", JINA))
    inner = {"processor": {"inference": {"model_id": "made"}}, "field": "parts"}
    assert ask("PUT", "/_ingest/pipeline/deep", {"processors": [{"foreach": inner}]})[0] == 200
    assert ask("GET", "/_ingest/pipeline/deep")[1]["deep"]["processors"]
    status, _, reason = refused("DELETE", "/_inference/made")
    assert (status, "is referenced by pipelines: [deep]" in reason) == (409, True)
    dry = ask("DELETE", "/_inference/made?dry_run")[1]
    assert (dry["acknowledged"], dry["pipelines"]) == (False, ["deep"])
    ask("DELETE", "/_ingest/pipeline/deep")
    assert refused("GET", "/_ingest/pipeline/deep")[0] == 404
    assert ask("DELETE", "/_inference/made")[1]["acknowledged"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_inference/_region_policy", 501),
        ("GET", "/_inference?timeouts=1s", 400),
        ("POST", "/_inference/.elser-2-elastic?timeout=soon", 400),
    ],
)
def test_wrong_requests(refused, method, path, status):
    """Parameters that there are not, and what only a cluster can answer, are refused in Elasticsearch's shape."""
    assert refused(method, path, {"input": "a text"})[0] == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/_inference/made", "DELETE, GET, POST, PUT"),
        ("HEAD", "/_inference/rerank/made", "DELETE, GET, POST, PUT"),
        ("POST", "/_inference", "GET"),
        ("GET", "/_inference/rerank/made/_update?pretty=true", "PUT"),
        ("DELETE", "/_inference/rerank/made/_stream", "POST"),
        ("POST", "/_ingest/pipeline/a", "DELETE, GET, PUT"),
    ],
)
def test_wrong_methods(ask, method, path, allowed):
    """A path that has a route for other methods is 405, in a sentence that names them."""
    sentence = f"Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{allowed}]"
    assert ask(method, path, {"input": "a text"}) == (405, {"error": sentence, "status": 405})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_inference/a/b/c"),
        ("PUT", "/_inference/a/b/c/_update"),
        ("GET", "/_ingest/pipeline/a/b"),
        ("POST", "/_ingest"),
    ],
)
def test_no_route(ask, method, path):
    """A path without a route for any method is 400, in Elasticsearch's sentence and shape."""
    assert ask(method, path) == (400, {"error": f"no handler found for uri [{path}] and method [{method}]"})


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"service": "jinaai", "task_settings": {}}, "service=jinaai"),
        ({"inference_id": "x"}, "inference_id=x"),
        ({"api_kye": "secret"}, "api_kye=..."),
    ],
)
def test_what_an_update_cannot_change(ask, refused, change, shown):
    """It is refused by Elasticsearch's sentence, which shows the fields, but nothing that might be a key."""
    ask("PUT", DENSE, config("jinaai", JINA))
    assert refused("PUT", "/_inference/made/_update", change)[2] == (
        f"Request contained fields which cannot be updated, remove these fields and try again [{{{shown}}}]"
    )
