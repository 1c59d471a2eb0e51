"""Services ``openai`` and ``cohere`` in the embedded engine, which asks no server."""

from __future__ import annotations

import pytest

pytest.importorskip("model2vec")

OPENAI = {
    "service": "openai",
    "service_settings": {
        "model_id": "jina-embeddings-v3",
        "api_key": "k",
        "url": "https://jina.example.com/v1/embeddings",
    },
}
COHERE = {
    "service": "cohere",
    "service_settings": {
        "model_id": "jina-reranker-v3",
        "api_key": "k",
        "url": "https://jina.example.com/v1/rerank",
    },
    "task_settings": {"top_n": 1},
}


def test_a_server_of_ones_own_is_an_endpoint(ask):
    """Shown with Elasticsearch's defaults and without its key; the embedded model answers for it."""
    status, made = ask("PUT", "/_inference/text_embedding/mine", OPENAI)
    assert (status, made["service_settings"]) == (
        200,
        {
            "dimensions": 1024,
            "model_id": "jina-embeddings-v3",
            "url": "https://jina.example.com/v1/embeddings",
            "similarity": "dot_product",
            "rate_limit": {"requests_per_minute": 3000},
        },
    )
    _, answer = ask("POST", "/_inference/text_embedding/mine", {"input": ["a", "b"]})
    assert [len(row["embedding"]) for row in answer["text_embedding"]] == [1024, 1024]


def test_it_ranks(ask):
    """With the task settings of the endpoint, before which those of a request come."""
    status, made = ask("PUT", "/_inference/rerank/mine", COHERE)
    assert (status, made["service_settings"]["rate_limit"]) == (200, {"requests_per_minute": 10_000})
    _, answer = ask("POST", "/_inference/rerank/mine", {"query": "a", "input": ["a", "b"]})
    assert len(answer["rerank"]) == 1
    _, answer = ask("POST", "/_inference/rerank/mine", {"query": "a", "input": ["a", "b"], "top_n": 2})
    assert len(answer["rerank"]) == 2


@pytest.mark.parametrize(
    ("kind", "shown", "name"),
    [("int8", "byte", "_bytes"), ("binary", "bit", "_bits"), ("float", "float", "")],
)
def test_vectors_are_of_the_type_that_is_set(ask, kind, shown, name):
    """Called as fields of vectors call them."""
    body = {
        "service": "cohere",
        "service_settings": {"model": "any", "api_key": "k", "embedding_type": kind, "dimensions": 64},
    }
    _, made = ask("PUT", "/_inference/text_embedding/mine", body)
    assert made["service_settings"]["embedding_type"] == shown
    assert made["service_settings"]["model_id"] == "any"
    _, answer = ask("POST", "/_inference/text_embedding/mine", {"input": "a", "input_type": "search"})
    assert [*answer] == [f"text_embedding{name}"]


def test_openai_is_not_told_what_texts_are_for(ask, refused):
    """Elasticsearch refuses the option for services that embed both alike."""
    ask("PUT", "/_inference/text_embedding/mine", OPENAI)
    body = {"input": "a", "input_type": "ingest"}
    assert refused("POST", "/_inference/text_embedding/mine", body) == (
        400,
        "validation_exception",
        "Validation Failed: 1: Invalid input_type [ingest]. The input_type option is not supported by this service;",
    )


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("rerank", OPENAI, "The [openai] service does not support task type [rerank]"),
        (
            "completion",
            OPENAI,
            "Task type [completion] is not offered by the embedded engine: it has no chat model",
        ),
        (
            "rerank",
            {"service": "cohere", "service_settings": {"api_key": "k"}},
            "Validation Failed: 1: The [service_settings.model_id] field is required for the Cohere V2 API.;",
        ),
        (
            "rerank",
            {
                "service": "cohere",
                "service_settings": {"api_key": "k", "model_id": "m", "url": "https://www.abc^.com"},
            },
            "Validation Failed: 1: [service_settings] Invalid url [https://www.abc^.com] received for field [url];",
        ),
    ],
)
def test_their_rules_are_elasticsearchs(refused, path, body, reason):
    """In its words."""
    assert refused("PUT", f"/_inference/{path}/mine", body)[::2] == (400, reason)


def test_what_may_change(ask, refused):
    """A key, a limit, a length; the address of a server may not, and ``service`` is refused in Elasticsearch's words."""
    ask("PUT", "/_inference/text_embedding/mine", OPENAI)
    change = {
        "service_settings": {"api_key": "n", "rate_limit": {"requests_per_minute": 7}, "max_input_tokens": 9}
    }
    _, changed = ask("PUT", "/_inference/mine/_update", change)
    assert changed["service_settings"]["rate_limit"] == {"requests_per_minute": 7}
    assert changed["service_settings"]["max_input_tokens"] == 9
    _, _, reason = refused("PUT", "/_inference/mine/_update", {"service_settings": {"url": "https://a.b/c"}})
    assert reason == "Configuration contains settings [url] unknown to the [openai] service"
    status, _, reason = refused("PUT", "/_inference/mine/_update", {"service": "cohere", **change})
    assert (status, reason) == (
        400,
        "Request contained fields which cannot be updated, remove these fields and try again [{service=cohere}]",
    )
