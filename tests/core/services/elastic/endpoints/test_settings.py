"""Settings of inference endpoints: the body they make, and what Elasticsearch would refuse, in its own words."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import jsonschema
import pytest
from beside import read
from judge import Judge

import ragbridge.elastic
from ragbridge import ConfigurationError
from ragbridge.chunking import NoneChunker, RecursiveChunker, SegmenterChunker, SentenceChunker, WordChunker
from ragbridge.client.secret import Secret
from ragbridge.elastic import (
    E5,
    ELASTIC_RERANK,
    ELSER,
    AdaptiveAllocations,
    Cohere,
    ElasticInferenceService,
    ElasticsearchService,
    JinaAI,
    OpenAI,
)
from ragbridge.rules.endpoints import TASK_TYPES
from ragbridge.services.elastic.endpoints.settings.config import build_config, secrets_of

KEY = "jina_0123456789abcdef"

PATHS = (read("specs/elasticsearch-inference.openapi.json") or {"paths": {}})["paths"]
"""What Elasticsearch publishes, examples included: for the ring ``shared``."""
PUT = "PUT /_inference/{{task_type}}/{{{}_inference_id}}"


def jinaai(**settings: Any) -> dict[str, Any]:
    """A body for ``jinaai`` with other service settings; None leaves one out."""
    service = {"model_id": "jina-embeddings-v3", "api_key": KEY, **settings}
    return {
        "service": "jinaai",
        "service_settings": {key: service[key] for key in service if service[key] is not None},
    }


def own(**settings: Any) -> dict[str, Any]:
    """The same for ``elasticsearch``."""
    service = {"model_id": "my-model", "num_threads": 1, "num_allocations": 1, **settings}
    return {
        "service": "elasticsearch",
        "service_settings": {key: service[key] for key in service if service[key] is not None},
    }


def eis(**settings: Any) -> dict[str, Any]:
    """The same for ``elastic``."""
    return {"service": "elastic", "service_settings": {"model_id": "jina-embeddings-v3", **settings}}


EXAMPLES = {
    "PutJinaAiRequestExample1": ("text_embedding", JinaAI("jina-embeddings-v3", api_key="JinaAi-Api-key")),
    "PutJinaAiRequestExample2": (
        "rerank",
        JinaAI(
            "jina-reranker-v2-base-multilingual", api_key="JinaAI-Api-key", top_n=10, return_documents=True
        ),
    ),
    "PutJinaAiRequestExample3": ("embedding", JinaAI("jina-embeddings-v4", api_key="JinaAi-Api-key")),
    "PutJinaAiRequestExample4": (
        "embedding",
        JinaAI("jina-embeddings-v3", api_key="JinaAi-Api-key", multimodal_model=False),
    ),
    "PutElasticsearchRequestExample1": (
        "sparse_embedding",
        ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4)),
    ),
    "PutElasticsearchRequestExample2": (
        "rerank",
        ElasticsearchService(ELASTIC_RERANK, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4)),
    ),
    "PutElasticsearchRequestExample3": (
        "text_embedding",
        ElasticsearchService(E5, num_threads=1, num_allocations=1),
    ),
    "PutElasticsearchRequestExample4": (
        "text_embedding",
        ElasticsearchService("msmarco-MiniLM-L12-cos-v5", num_threads=1, num_allocations=1),
    ),
    "PutElasticsearchRequestExample5": (
        "text_embedding",
        ElasticsearchService(E5, num_threads=1, adaptive_allocations=AdaptiveAllocations(3, 10)),
    ),
    "PutElasticsearchRequestExample6": ("sparse_embedding", ElasticsearchService(deployment_id=ELSER)),
}
"""Elastic's own examples, by their name in the OpenAPI description, as typed settings say them."""


def published() -> dict[str, dict[str, Any]]:
    """The bodies of the examples, as the description has them."""
    found = {}
    for service in ("jinaai", "elasticsearch"):
        body = PATHS[f"/_inference/{{task_type}}/{{{service}_inference_id}}"]["put"]["requestBody"]
        for name, example in body["content"]["application/json"]["examples"].items():
            found[name] = json.loads(example["value"])
    return found


@pytest.mark.shared
@pytest.mark.skipif(not PATHS, reason="no API description beside the repository")
def test_all_published_examples_are_known() -> None:
    """Each example of the description for these services is tested here."""
    assert set(published()) == set(EXAMPLES)


@pytest.mark.shared
@pytest.mark.skipif(not PATHS, reason="no API description beside the repository")
@pytest.mark.parametrize("name", EXAMPLES)
def test_published_examples(name: str) -> None:
    """Typed settings make the published body; the body itself is accepted and stays as it is."""
    task_type, settings = EXAMPLES[name]
    example = published()[name]
    assert build_config("my-endpoint", task_type, settings) == example
    assert build_config("my-endpoint", task_type, example) == example


NODES = {"num_threads": 2, "num_allocations": 1}
SCALING = {"enabled": True, "min_number_of_allocations": 2, "max_number_of_allocations": 6}
BODIES: dict[str, tuple[str, JinaAI | ElasticsearchService, dict[str, Any]]] = {
    "jinaai-text": (
        "text_embedding",
        JinaAI("jina-embeddings-v3", api_key=KEY, dimensions=512, similarity="cosine", embedding_type="bit"),
        jinaai(dimensions=512, similarity="cosine", embedding_type="bit"),
    ),
    "jinaai-limit": (
        "text_embedding",
        JinaAI("jina-clip-v2", api_key=KEY, requests_per_minute=90, input_type="search", late_chunking=False),
        {
            **jinaai(model_id="jina-clip-v2", rate_limit={"requests_per_minute": 90}),
            "task_settings": {"input_type": "search", "late_chunking": False},
        },
    ),
    "jinaai-pictures": (
        "embedding",
        JinaAI("jina-embeddings-v4", api_key=KEY, multimodal_model=True),
        jinaai(model_id="jina-embeddings-v4", multimodal_model=True),
    ),
    "jinaai-rerank": (
        "rerank",
        JinaAI("jina-reranker-v3", api_key=KEY, top_n=3, return_documents=False),
        {**jinaai(model_id="jina-reranker-v3"), "task_settings": {"top_n": 3, "return_documents": False}},
    ),
    "elasticsearch-elser": (
        "sparse_embedding",
        ElasticsearchService(ELSER, num_threads=2, adaptive_allocations=AdaptiveAllocations(2, 6)),
        own(model_id=".elser_model_2", num_threads=2, num_allocations=None, adaptive_allocations=SCALING),
    ),
    "elasticsearch-e5": (
        "text_embedding",
        ElasticsearchService(E5, **NODES),
        own(model_id=".multilingual-e5-small", **NODES),
    ),
    "elasticsearch-uploaded": (
        "text_embedding",
        ElasticsearchService("harbour-MiniLM", **NODES),
        own(model_id="harbour-MiniLM", **NODES),
    ),
    "elasticsearch-rerank": (
        "rerank",
        ElasticsearchService(
            ELASTIC_RERANK,
            **NODES,
            long_document_strategy="chunk",
            max_chunks_per_doc=7,
            return_documents=True,
        ),
        {
            **own(model_id=".rerank-v1", long_document_strategy="chunk", max_chunks_per_doc=7, **NODES),
            "task_settings": {"return_documents": True},
        },
    ),
    "openai": (
        "text_embedding",
        OpenAI(
            "jina-embeddings-v3",
            api_key=KEY,
            url="https://jina.example.com/v1/embeddings",
            organization_id="mine",
            dimensions=512,
            similarity="cosine",
            requests_per_minute=600,
            user="me",
            headers={"x-team": "search"},
        ),
        {
            "service": "openai",
            "service_settings": {
                "model_id": "jina-embeddings-v3",
                "api_key": KEY,
                "url": "https://jina.example.com/v1/embeddings",
                "organization_id": "mine",
                "dimensions": 512,
                "similarity": "cosine",
                "rate_limit": {"requests_per_minute": 600},
            },
            "task_settings": {"user": "me", "headers": {"x-team": "search"}},
        },
    ),
    "cohere": (
        "text_embedding",
        Cohere(
            "embed-v4.0",
            api_key=KEY,
            embedding_type="int8",
            similarity="cosine",
            input_type="ingest",
            truncate="end",
        ),
        {
            "service": "cohere",
            "service_settings": {
                "model_id": "embed-v4.0",
                "api_key": KEY,
                "embedding_type": "int8",
                "similarity": "cosine",
            },
            "task_settings": {"input_type": "ingest", "truncate": "END"},
        },
    ),
}
"""Task type, typed settings, and the body that they make."""


@pytest.mark.parametrize("name", BODIES)
def test_typed_settings_make_a_body_that_elasticsearch_knows(name: str, judge: Judge) -> None:
    """What is sent is what the settings say, and its description knows it; the body itself stays as it is."""
    task_type, settings, body = BODIES[name]
    chunking = {"strategy": "word", "max_chunk_size": 40, "overlap": 10}
    assert build_config("my-endpoint", task_type, settings) == body
    assert build_config("my-endpoint", task_type, body) == body
    judge.body(PUT.format(body["service"]), body)
    if task_type != "rerank":
        judge.body(PUT.format(body["service"]), build_config("my-endpoint", task_type, settings, chunking))


@pytest.mark.parametrize(
    ("service", "body"),
    [
        ("jinaai", {**jinaai(), "task_setting": {}}),
        ("jinaai", jinaai(similarity="dot")),
        ("jinaai", jinaai(model_id=None)),
        ("elasticsearch", own(threads=1)),
        ("elasticsearch", {**own(), "chunking_settings": {"max_size": 40}}),
        ("elasticsearch", jinaai()),
    ],
)
def test_the_description_refuses_other_bodies(service: str, body: dict[str, Any], judge: Judge) -> None:
    """A name that is not there, a wrong choice and a missing setting do not pass: the test above means something."""
    with pytest.raises(jsonschema.ValidationError):
        judge.body(PUT.format(service), body)


def test_a_deployment_is_named_alone() -> None:
    """Over a deployment that runs, nothing else has to be said (the description's fields would require more)."""
    body = {"service": "elasticsearch", "service_settings": {"deployment_id": "elser-at-night"}}
    settings = ElasticsearchService(deployment_id="elser-at-night")
    assert build_config("my-endpoint", "sparse_embedding", settings) == body
    assert build_config("my-endpoint", "sparse_embedding", body) == body


def test_every_setting_has_its_place() -> None:
    """Each typed setting stands where Elasticsearch reads it, under its name; what is None is left out."""
    embedding = JinaAI(
        "jina-embeddings-v4",
        api_key=KEY,
        dimensions=256,
        similarity="cosine",
        embedding_type="bit",
        max_input_tokens=8192,
        multimodal_model=True,
        requests_per_minute=500,
        input_type="ingest",
        late_chunking=True,
    )
    assert build_config("e", "embedding", embedding) == {
        "service": "jinaai",
        "service_settings": {
            "model_id": "jina-embeddings-v4",
            "api_key": KEY,
            "dimensions": 256,
            "similarity": "cosine",
            "embedding_type": "bit",
            "max_input_tokens": 8192,
            "multimodal_model": True,
            "rate_limit": {"requests_per_minute": 500},
        },
        "task_settings": {"input_type": "ingest", "late_chunking": True},
    }
    reranking = ElasticsearchService(
        ELASTIC_RERANK,
        num_threads=2,
        num_allocations=3,
        adaptive_allocations=AdaptiveAllocations(0, 5, enabled=False),
        long_document_strategy="chunk",
        max_chunks_per_doc=4,
        return_documents=False,
    )
    assert build_config("e", "rerank", reranking) == {
        "service": "elasticsearch",
        "service_settings": {
            "model_id": ".rerank-v1",
            "num_threads": 2,
            "num_allocations": 3,
            "adaptive_allocations": {
                "enabled": False,
                "min_number_of_allocations": 0,
                "max_number_of_allocations": 5,
            },
            "long_document_strategy": "chunk",
            "max_chunks_per_doc": 4,
        },
        "task_settings": {"return_documents": False},
    }
    own = ElasticsearchService(
        "uploaded", num_threads=1, num_allocations=1, similarity="cosine", element_type="byte"
    )
    assert build_config("e", "text_embedding", own)["service_settings"] == {
        "model_id": "uploaded",
        "num_threads": 1,
        "num_allocations": 1,
        "similarity": "cosine",
        "element_type": "byte",
    }
    hosted = ElasticInferenceService(
        "jina-embeddings-v3",
        dimensions=512,
        similarity="l2_norm",
        max_input_tokens=8192,
        max_batch_size=8,
    )
    assert build_config("e", "text_embedding", hosted) == {
        "service": "elastic",
        "service_settings": {
            "model_id": "jina-embeddings-v3",
            "dimensions": 512,
            "similarity": "l2_norm",
            "max_input_tokens": 8192,
            "max_batch_size": 8,
        },
    }


@pytest.mark.parametrize(
    ("task_type", "model"),
    [
        ("sparse_embedding", "elser_model_2"),
        *(("text_embedding", f"jina-{name}") for name in ("embeddings-v3", "embeddings-v5-text-small", "embeddings-v5-text-nano", "clip-v2")),
        *(("embedding", f"jina-embeddings-v5-omni-{size}") for size in ("nano", "small")),
        *(("rerank", f"jina-reranker-{name}") for name in ("v2-base-multilingual", "v3", "v3.5", "m0")),
    ],
)  # fmt: skip
def test_every_hosted_model(task_type: str, model: str) -> None:
    """An endpoint of the Elastic Inference Service is made of the model's id alone."""
    body = {"service": "elastic", "service_settings": {"model_id": model}}
    assert build_config("mine", task_type, ElasticInferenceService(model)) == body


def test_other_services_are_left_to_elasticsearch() -> None:
    """A body for a service without typed settings is sent as it is, and not changed."""
    body = {"service": "mistral", "service_settings": {"api_key": "k", "anything": [1]}}
    given = copy.deepcopy(body)
    assert build_config("mine", "text_embedding", body, {"strategy": "none"}) == {
        **given,
        "chunking_settings": {"strategy": "none"},
    }
    assert body == given


MISSING = "[service_settings] does not contain the required setting [{}]"
TYPE = "field [{}] is not of the expected type. The value [{}] cannot be converted to a [{}]"
CHOICE = "[{}] Invalid value [{}] received. [{}] must be one of [{}]"
POSITIVE = "[{}] Invalid value [{}]. [{}] must be a positive integer"
UNKNOWN = "Configuration contains settings [{}] unknown to the [{}] service"
SIMILARITIES = "cosine, dot_product, l2_norm"


@pytest.mark.parametrize(
    ("task_type", "body", "messages"),
    [
        ("text_embedding", {"service": "jinaai"}, ["Missing required field [service_settings]"]),
        ("text_embedding", {"service_settings": {}}, ["Missing required field [service]"]),
        ("text_embedding", {"service": "jinaai", "service_settings": 1}, [TYPE.format("service_settings", 1, "Map")]),
        # jinaai
        ("text_embedding", jinaai(model_id=None, api_key=None), [MISSING.format("model_id"), MISSING.format("api_key")]),
        ("rerank", jinaai(model_id=""), ["[service_settings] Invalid value empty string. [model_id] must be a non-empty string"]),
        ("text_embedding", jinaai(model_id=3), [TYPE.format("model_id", 3, "String")]),
        ("text_embedding", jinaai(similarity="euclid"), [CHOICE.format("service_settings", "euclid", "similarity", SIMILARITIES)]),
        ("text_embedding", jinaai(embedding_type="int8"), [CHOICE.format("service_settings", "int8", "embedding_type", "binary, bit, float")]),
        ("text_embedding", jinaai(dimensions=0), [POSITIVE.format("service_settings", 0, "dimensions")]),
        ("text_embedding", jinaai(dimensions=256.0), [TYPE.format("dimensions", 256.0, "Integer")]),
        ("text_embedding", jinaai(dimensions=2**31), [TYPE.format("dimensions", 2**31, "Integer")]),
        ("text_embedding", jinaai(dimensions=True), [TYPE.format("dimensions", "true", "Integer")]),
        ("text_embedding", jinaai(max_input_tokens=-1), [POSITIVE.format("service_settings", -1, "max_input_tokens")]),
        ("text_embedding", jinaai(rate_limit={"requests_per_minute": 0}), ["[rate_limit] Invalid value [0]. [requests_per_minute] must be a positive long"]),
        ("text_embedding", jinaai(rate_limit={"requests_per_minute": "9"}), ["field [requests_per_minute] is not of one of the expected types. The value [9] cannot be converted to one of [Integer, Long]"]),
        ("text_embedding", jinaai(rate_limit={"per_day": 9}), [UNKNOWN.format("per_day", "jinaai")]),
        ("text_embedding", jinaai(rate_limit=500), [TYPE.format("rate_limit", 500, "Map")]),
        ("text_embedding", jinaai(multimodal_model=False), [UNKNOWN.format("multimodal_model", "jinaai")]),
        ("embedding", jinaai(multimodal_model="no"), [TYPE.format("multimodal_model", "no", "Boolean")]),
        ("rerank", jinaai(dimensions=8, similarity="cosine"), [UNKNOWN.format("dimensions, similarity", "jinaai")]),
        ("text_embedding", {**jinaai(), "task_settings": {"input_type": "internal_search"}}, [CHOICE.format("task_settings", "internal_search", "input_type", "classification, clustering, ingest, search")]),
        ("text_embedding", {**jinaai(), "task_settings": {"late_chunking": 1}}, [TYPE.format("late_chunking", 1, "Boolean")]),
        ("text_embedding", {**jinaai(), "task_settings": {"top_n": 3}}, [UNKNOWN.format("top_n", "jinaai")]),
        ("rerank", {**jinaai(), "task_settings": {"top_n": 0, "return_documents": "yes"}}, [POSITIVE.format("task_settings", 0, "top_n"), TYPE.format("return_documents", "yes", "Boolean")]),
        ("rerank", {**jinaai(), "chunking_settings": {"strategy": "none"}}, [UNKNOWN.format("chunking_settings", "jinaai")]),
        ("text_embedding", {**jinaai(), "model": "x"}, [UNKNOWN.format("model", "jinaai")]),
        ("sparse_embedding", jinaai(), ["The [jinaai] service does not support task type [sparse_embedding]", "text_embedding, rerank, embedding"]),
        # elasticsearch
        ("text_embedding", own(model_id=None), ["Error parsing service settings, model_id must be provided"]),
        ("text_embedding", own(num_threads=None), [MISSING.format("num_threads")]),
        ("text_embedding", own(num_threads=0), [POSITIVE.format("service_settings", 0, "num_threads")]),
        ("text_embedding", own(num_threads=3), ["must be a power of 2 less than or equal to 32", "num_threads is 3"]),
        ("text_embedding", own(num_threads=64), ["must be a power of 2 less than or equal to 32"]),
        ("text_embedding", own(num_allocations=None), ["[service_settings] does not contain one of the required settings [num_allocations, adaptive_allocations]"]),
        ("text_embedding", own(num_allocations=0), [POSITIVE.format("service_settings", 0, "num_allocations")]),
        ("text_embedding", own(adaptive_allocations={"enabled": True}), ["[number_of_allocations] cannot be set if adaptive allocations is enabled"]),
        ("text_embedding", own(adaptive_allocations={"min_number_of_allocations": -1}), ["[min_number_of_allocations] must be a non-negative integer or null"]),
        ("text_embedding", own(adaptive_allocations={"max_number_of_allocations": 0}), ["[max_number_of_allocations] must be a positive integer or null"]),
        ("text_embedding", own(adaptive_allocations={"min_number_of_allocations": 3, "max_number_of_allocations": 2}), ["[min_number_of_allocations] must not be larger than [max_number_of_allocations]"]),
        ("text_embedding", own(adaptive_allocations={"enabled": "yes", "max": 2}), [TYPE.format("enabled", "yes", "Boolean"), "[adaptive_allocations] does not allow the setting [max]"]),
        ("text_embedding", own(adaptive_allocations=2), [TYPE.format("adaptive_allocations", 2, "Map")]),
        ("text_embedding", own(deployment_id="d"), ["[num_threads] comes from the deployment", "[num_allocations] comes from the deployment"]),
        ("text_embedding", own(similarity="euclid"), [CHOICE.format("service_settings", "euclid", "similarity", SIMILARITIES)]),
        ("text_embedding", own(element_type="bit"), [CHOICE.format("service_settings", "bit", "element_type", "byte, float")]),
        ("text_embedding", own(model_id=E5, similarity="cosine"), [UNKNOWN.format("similarity", "elasticsearch")]),
        ("text_embedding", own(model_id=ELSER), ["[.elser_model_2] is for task type [sparse_embedding], not for [text_embedding]"]),
        ("rerank", own(model_id=E5), ["[.multilingual-e5-small] is for task type [text_embedding]"]),
        ("rerank", own(model_id=ELASTIC_RERANK, max_chunks_per_doc=2), ["The [max_chunks_per_doc] setting requires [long_document_strategy] to be set to [chunk]"]),
        ("rerank", own(model_id=ELASTIC_RERANK, long_document_strategy="truncate", max_chunks_per_doc=2), ["The [max_chunks_per_doc] setting requires [long_document_strategy] to be set to [chunk]"]),
        ("rerank", own(model_id=ELASTIC_RERANK, long_document_strategy="cut"), [CHOICE.format("service_settings", "cut", "long_document_strategy", "chunk, truncate")]),
        ("rerank", own(long_document_strategy="chunk"), [UNKNOWN.format("long_document_strategy", "elasticsearch")]),
        ("text_embedding", {**own(), "task_settings": {"return_documents": True}}, [UNKNOWN.format("return_documents", "elasticsearch")]),
        ("completion", own(), ["The [elasticsearch] service does not support task type [completion]"]),
        # elastic
        ("text_embedding", {"service": "elastic", "service_settings": {}}, [MISSING.format("model_id")]),
        ("rerank", eis(rate_limit={"requests_per_minute": 9}), ["[service_settings] rate limit settings are not permitted for service [elastic] and task type [rerank]"]),
        ("rerank", eis(similarity="cosine"), [UNKNOWN.format("similarity", "elastic")]),
        ("sparse_embedding", eis(dimensions=5), [UNKNOWN.format("dimensions", "elastic")]),
        ("text_embedding", eis(similarity="x"), [CHOICE.format("service_settings", "x", "similarity", SIMILARITIES)]),
        ("text_embedding", eis(max_batch_size=0), [POSITIVE.format("service_settings", 0, "max_batch_size")]),
        ("rerank", {**eis(), "task_settings": {"return_documents": False}}, [UNKNOWN.format("return_documents", "elastic")]),
        ("text_embedding", {**eis(), "task_settings": {"input_type": "search"}}, [UNKNOWN.format("input_type", "elastic")]),
    ],
)  # fmt: skip
def test_what_elasticsearch_refuses(task_type: str, body: dict[str, Any], messages: list[str]) -> None:
    """It is refused before anything is sent, with Elasticsearch's messages, all of them at once."""
    given = copy.deepcopy(body)
    with pytest.raises(ConfigurationError) as caught:
        build_config("mine", task_type, body)
    for message in messages:
        assert message in str(caught.value)
    assert KEY not in str(caught.value)
    assert body == given


@pytest.mark.parametrize(
    ("settings", "task_type", "message"),
    [
        (JinaAI("m", api_key=KEY, top_n=2), "text_embedding", UNKNOWN.format("top_n", "jinaai")),
        (JinaAI("m", api_key=KEY, late_chunking=True), "rerank", UNKNOWN.format("late_chunking", "jinaai")),
        (ElasticsearchService(num_threads=1, num_allocations=1), "rerank", "model_id must be provided"),
        (
            ElasticsearchService(ELSER),
            "sparse_embedding",
            "one of the required settings [num_allocations, adaptive_allocations]",
        ),
        (
            ElasticsearchService(
                ELSER, num_threads=1, num_allocations=1, adaptive_allocations=AdaptiveAllocations()
            ),
            "sparse_embedding",
            "cannot be set if adaptive",
        ),
        (ElasticInferenceService("m", dimensions=3), "rerank", UNKNOWN.format("dimensions", "elastic")),
        (
            ElasticInferenceService("m"),
            "embeddings",
            "Unknown task_type [embeddings]: task_type must be one of",
        ),
        ("jinaai", "rerank", "settings is str: pass JinaAI(...)"),
        (
            {"service": 5, "service_settings": {}},
            "rerank",
            "service is int",
        ),
    ],
)
def test_typed_settings_are_checked_by_the_same_rules(settings: Any, task_type: Any, message: str) -> None:
    """A typed setting that the task type does not have, or that does not fit another, is refused."""
    with pytest.raises(ConfigurationError) as caught:
        build_config("mine", task_type, settings)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "inference_id", ["", "Mine", "my endpoint", "-a", "a-", ".elser-2-elastic", "ä", "a/b"]
)
def test_ids_that_no_new_endpoint_may_have(inference_id: str) -> None:
    """Elasticsearch's rule for ids is kept; those with a dot in front are its own."""
    with pytest.raises(ConfigurationError) as caught:
        build_config(inference_id, "text_embedding", eis())
    assert f"Invalid inference_id; '{inference_id}' can contain lowercase" in str(caught.value)
    assert ("are Elasticsearch's own" in str(caught.value)) == inference_id.startswith(".")


@pytest.mark.parametrize("inference_id", ["a", "0", "my-e5.model_1"])
def test_ids_that_are_allowed(inference_id: str) -> None:
    """Lower case letters, digits, hyphens, underscores and dots, with a letter or digit at both ends."""
    assert build_config(inference_id, "text_embedding", eis()) == eis()


def test_an_id_must_not_be_the_models() -> None:
    """An endpoint on the cluster cannot be called as its model is; with other services it can."""
    with pytest.raises(ConfigurationError, match="Inference endpoint IDs must be unique") as caught:
        build_config("my-model", "text_embedding", own())
    assert "[my-model] matches existing trained model ID(s) but must not." in str(caught.value)
    build_config("jina-embeddings-v3", "text_embedding", eis())


@pytest.mark.parametrize(
    "chunker",
    [SentenceChunker(200, 0), WordChunker(100, 50), RecursiveChunker(50, separator_group="markdown"), NoneChunker()],
)  # fmt: skip
def test_chunkers_give_their_settings(chunker: Any) -> None:
    """An endpoint chunks as the chunker does: its settings stand in the body, by the chunker or by themselves."""
    config = build_config("mine", "text_embedding", eis(), chunker)
    assert config["chunking_settings"] == chunker.settings
    assert build_config("mine", "text_embedding", eis(), chunker.settings) == config
    assert build_config("mine", "text_embedding", {**eis(), "chunking_settings": chunker.settings}) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "word", "max_chunk_size": 9, "overlap": 1}, "must be greater than or equal to [10.0]"),
        ({"max_chunk_size": 100}, "Can't generate Chunker without ChunkingStrategy provided"),
        (WordChunker(5, 0), "[max_chunk_size] must be greater than or equal to [10.0]"),
        (WordChunker(100, 0), "[overlap] must be a positive integer"),
        (SegmenterChunker(None), "SegmenterChunker has no chunking_settings"),  # type: ignore[arg-type]
        (250, "chunking_settings is int: pass a chunker of ragbridge.chunking"),
        ("sentence", "chunking_settings is str"),
    ],
)
def test_chunking_settings_that_elasticsearch_refuses(settings: Any, message: str) -> None:
    """What only a chunker can do, or nobody, is refused before anything is sent."""
    with pytest.raises(ConfigurationError) as caught:
        build_config("mine", "text_embedding", eis(), settings)
    assert message in str(caught.value)


def test_chunking_settings_are_given_once() -> None:
    """In the body or beside it, not both."""
    with pytest.raises(ConfigurationError, match="give them once"):
        build_config(
            "mine", "text_embedding", {**eis(), "chunking_settings": {"strategy": "none"}}, NoneChunker()
        )


def test_an_empty_object_is_the_default() -> None:
    """``{}`` asks for Elasticsearch's default and is sent as it is."""
    assert build_config("mine", "text_embedding", eis(), {})["chunking_settings"] == {}


@pytest.mark.parametrize(
    "settings",
    [
        ElasticsearchService(ELSER, num_threads=1, num_allocations=1),
        ElasticsearchService(ELSER + "_linux-x86_64", num_threads=1, num_allocations=1),
        ElasticsearchService(deployment_id=ELSER),
        ElasticInferenceService("elser_model_2"),
    ],
)
def test_elser_refuses_large_chunks(settings: Any) -> None:
    """ELSER keeps the bound of 300 words in every version, whoever runs it; others warn, for old versions' sake."""
    build_config("mine", "sparse_embedding", settings, SentenceChunker(300, 1))
    with pytest.raises(
        ConfigurationError, match="ELSER based models do not support chunk sizes larger than 300"
    ):
        build_config("mine", "sparse_embedding", settings, SentenceChunker(301, 1))
    with pytest.warns(UserWarning, match=r"\[301\] is above 300"):
        build_config("mine", "text_embedding", eis(), SentenceChunker(301, 1))


def test_a_key_is_not_shown() -> None:
    """It is in the body alone: not in repr, str or a pickle; keys of equal settings are equal."""
    settings = JinaAI("jina-embeddings-v3", api_key=KEY)
    assert KEY not in repr(settings) + str(settings)
    assert settings.config["service_settings"]["api_key"] == KEY
    assert settings == JinaAI("jina-embeddings-v3", api_key=Secret(KEY))
    assert settings != JinaAI("jina-embeddings-v3", api_key="another")
    with pytest.raises(TypeError, match="a key is never pickled"):
        pickle.dumps(settings)
    with pytest.raises(ConfigurationError, match="api_key is int"):
        JinaAI("m", api_key=5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="api_key is empty"):
        JinaAI("m", api_key="")


def test_misspelt_and_mistyped_keys_are_not_shown() -> None:
    """An unknown setting is named without its value, and so is a key of another type."""
    for body in (jinaai(apikey=KEY), jinaai(api_key=[KEY])):
        with pytest.raises(ConfigurationError) as caught:
            build_config("mine", "text_embedding", body)
        assert KEY not in str(caught.value)


def test_settings_without_a_key_travel() -> None:
    """They are values: pickled, copied and compared."""
    for settings in (
        ElasticInferenceService("m", dimensions=5),
        ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=AdaptiveAllocations(0, 3)),
    ):
        assert pickle.loads(pickle.dumps(settings)) == settings


def test_secrets_are_found_in_any_body() -> None:
    """Whatever a service calls its keys, and however deep they stand."""
    body = {
        "service": "custom",
        "service_settings": {
            "api_key": "a", "secret_key": "b", "model_id": "m", "max_input_tokens": 3,
            "secret_parameters": {"anything": "c", "deeper": {"still": "d"}}, "service_account_json": "e",
        },
    }  # fmt: skip
    assert sorted(secrets_of(body)) == ["a", "b", "c", "d", "e"]


def test_task_types_are_elasticsearchs(judge: Judge) -> None:
    """The task types are those of its description."""
    assert set(TASK_TYPES) == judge.choices("inference._types.TaskType")


def test_the_public_module_names_what_it_has() -> None:
    """``ragbridge.elastic.__all__`` is sorted and complete."""
    names = ragbridge.elastic.__all__
    assert sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name)) == names
    public = {name for name in vars(ragbridge.elastic) if not name.startswith("_")}
    assert public - {"annotations"} == set(names)


def test_a_jina_server_on_premises_is_named_as_jina_documents_it() -> None:
    """``cohere`` with the whole address of the route; the published description has no ``url``, Elasticsearch's source has."""
    settings = Cohere(
        "jina-reranker-v2-base-multilingual", api_key=KEY, url="https://jina.example.com/v1/rerank", top_n=10
    )
    assert build_config("mine", "rerank", settings) == {
        "service": "cohere",
        "service_settings": {
            "model_id": "jina-reranker-v2-base-multilingual",
            "api_key": KEY,
            "url": "https://jina.example.com/v1/rerank",
        },
        "task_settings": {"top_n": 10},
    }


@pytest.mark.parametrize("kind", [OpenAI, Cohere])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "https://jina.example.com",
            "names a server: pass the whole address of its route, which ends with /v1/",
        ),
        ("https://jina.example.com/", "names a server"),
        ("jina.example.com/v1/rerank", "url must be an http"),
        (7, "url must be an http"),
        ("https://user:secret@jina.example.com/v1/rerank", "holds a user or a password"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(kind: Any, url: Any, says: str) -> None:
    """When it is written down, and without showing what may be a password."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        kind("a-model", api_key=KEY, url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("settings", [OpenAI("m", api_key=KEY), Cohere("m", api_key=KEY)])
def test_keys_of_other_services_are_kept_as_well(settings: Any) -> None:
    """In no repr, in no pickle; equal settings are equal."""
    assert KEY not in repr(settings)
    with pytest.raises(TypeError):
        pickle.dumps(settings)
    assert settings == type(settings)("m", api_key=KEY)


@pytest.mark.parametrize(
    ("task_type", "body", "says"),
    [
        ("rerank", {"service": "openai", "service_settings": {"model_id": "a", "api_key": "k"}},
         "service does not support task type"),
        ("text_embedding", {"service": "openai", "service_settings": {"model_id": "a"}},
         r"does not contain the required setting \[api_key\]"),
        ("text_embedding", {"service": "openai", "service_settings": {"api_key": "k", "url": "http://a b/c"}},
         r"required setting \[model_id\]; \[service_settings\] Invalid url"),
        ("rerank", {"service": "cohere", "service_settings": {"api_key": "k"}},
         r"The \[service_settings.model_id\] field is required for the Cohere V2 API."),
        ("rerank", {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"},
                    "task_settings": {"input_type": "search"}},
         r"settings \[input_type\] unknown to the \[cohere\] service"),
        ("text_embedding", {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m", "embedding_type": "x"}},
         r"\[embedding_type\] must be one of"),
        ("text_embedding", {**jinaai(), "task_settings": {"task": "retrieval.query"}},
         r"settings \[task\] unknown to the \[jinaai\] service \(what texts are for is set by 'input_type'"),
    ],
)  # fmt: skip
def test_other_services_have_their_rules(task_type: str, body: dict[str, Any], says: str) -> None:
    """In Elasticsearch's words, with a hint where a guide's name is no setting."""
    with pytest.raises(ConfigurationError, match=says):
        build_config("mine", task_type, body)


@pytest.mark.parametrize(
    "service_settings",
    [
        {
            "model_id": "m",
            "client_id": "i",
            "client_secret": "s",
            "scopes": ["a"],
            "token_url": "https://a.b/token",
        },
        {"model_id": "m", "api_key": "k", "organization_id": "o", "max_input_tokens": 8},
    ],
)
def test_what_openai_knows_beside_is_taken(service_settings: dict[str, Any]) -> None:
    """OAuth instead of a key, as the specification's example has it."""
    body = {"service": "openai", "service_settings": service_settings}
    assert build_config("mine", "text_embedding", body) == body
