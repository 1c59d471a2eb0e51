"""Inference: shapes and numbers of the answers, and what a request may say."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine

JINA = {"model_id": "jina-embeddings-v3", "api_key": "jina_secret"}
NODES = {"num_threads": 1, "num_allocations": 1}
ELSER = "/_inference/.elser-2-elasticsearch"
RERANK = "/_inference/.rerank-v1-elasticsearch"
HOSTED_RERANK = "/_inference/.jina-reranker-v3"
E5 = "/_inference/.multilingual-e5-small-elasticsearch"
CLIP = "/_inference/.jina-clip-v2"


def picture(content=b"pixels"):
    value = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return {"type": "image", "format": "base64", "value": value}


def make(ask, task, service, settings, **more):
    status, made = ask(
        "PUT", f"/_inference/{task}/made", {"service": service, "service_settings": settings, **more}
    )
    assert status == 200, made
    return "/_inference/made"


@pytest.mark.parametrize(
    ("task", "service", "settings", "name", "width", "range_"),
    [
        ("text_embedding", "jinaai", JINA, "text_embedding", 1024, (-1, 1)),
        ("text_embedding", "jinaai", {**JINA, "dimensions": 100}, "text_embedding", 100, (-1, 1)),
        (
            "text_embedding",
            "jinaai",
            {**JINA, "embedding_type": "bit"},
            "text_embedding_bits",
            128,
            (-128, 127),
        ),
        ("embedding", "jinaai", {**JINA, "embedding_type": "binary"}, "embeddings_bits", 128, (-128, 127)),
        ("embedding", "jinaai", JINA, "embeddings", 1024, (-1, 1)),
        (
            "text_embedding",
            "elasticsearch",
            {**NODES, "model_id": "mine", "element_type": "byte"},
            "text_embedding_bytes",
            256,
            (-128, 127),
        ),
        ("text_embedding", "elasticsearch", {**NODES, "model_id": "mine"}, "text_embedding", 256, (-1, 1)),
        (
            "text_embedding",
            "elastic",
            {"model_id": "jina-embeddings-v5-text-nano"},
            "text_embedding",
            768,
            (-1, 1),
        ),
    ],
)
def test_dense(ask, task, service, settings, name, width, range_):
    """A vector for each input, in order, of the endpoint's width and type."""
    path = make(ask, task, service, settings)
    status, answer = ask("POST", path, {"input": ["one", "two", "one"]})
    assert (status, list(answer)) == (200, [name])
    rows = np.array([row["embedding"] for row in answer[name]])
    assert rows.shape == (3, width)
    assert range_[0] <= rows.min() < rows.max() <= range_[1]
    assert (rows[0] == rows[2]).all()
    assert (rows[0] != rows[1]).any()
    if range_ == (-128, 127):
        assert rows.dtype.kind == "i"


def test_the_same_numbers_as_jina(ask):
    """An endpoint of Jina's gives what Jina's own interface gives for the same model."""
    path = make(ask, "text_embedding", "jinaai", {**JINA, "dimensions": 64})
    rows = ask("POST", path, {"input": "a text"})[1]["text_embedding"]
    body = {"model": "jina-embeddings-v3", "input": ["a text"], "dimensions": 64}
    response = Engine().handle(Request("POST", "/v1/embeddings", {}, json.dumps(body).encode())).response
    assert rows[0]["embedding"] == json.loads(response.body)["data"][0]["embedding"]


def test_input_types(ask, refused):
    """``input_type`` is read in any case; the server's own types and others are refused."""
    for word in ("search", "Ingest", " CLUSTERING ", "classification", "unspecified", None):
        assert ask("POST", E5, {"input": "a text", "input_type": word})[0] == 200
    for word in ("internal_search", "internal_ingest", "query", 7):
        status, kind, reason = refused("POST", E5, {"input": "a text", "input_type": word})
        assert (status, kind) == (400, "x_content_parse_exception")
        assert "failed to parse field [input_type]" in reason


def test_late_chunking(ask):
    """With late chunking the texts of a request lend their context to one another, whether endpoint or request asks."""
    path = make(ask, "text_embedding", "jinaai", JINA)
    texts = ["Berlin is a city", "It has many people"]
    plain = ask("POST", path, {"input": texts})[1]
    late = ask("POST", path, {"input": texts, "task_settings": {"late_chunking": True}})[1]
    assert plain != late
    ask("PUT", "/_inference/made/_update", {"task_settings": {"late_chunking": True}})
    assert ask("POST", path, {"input": texts})[1] == late
    assert ask("POST", path, {"input": texts, "task_settings": {"late_chunking": False}})[1] == plain


def test_sparse(ask):
    """A sparse vector weighs the words of the text, heaviest first; a text without words has one as well."""
    texts = ["the platypus and the pond", "", "!?", "x " * 2000]
    rows = ask("POST", ELSER, {"input": texts})[1]["sparse_embedding"]
    weights = list(rows[0]["embedding"].values())
    assert set(rows[0]["embedding"]) == {"the", "platypus", "and", "pond"}
    assert weights == sorted(weights, reverse=True)
    assert all(row["embedding"] and min(row["embedding"].values()) > 0 for row in rows)
    assert [row["is_truncated"] for row in rows] == [False, False, False, True]


def test_rerank(ask):
    """Relevance sorts, ``top_n`` cuts, and the index points into the request."""
    body = {"query": "bread", "input": ["a fish", "a loaf of bread", "the sea"], "top_n": 2}
    rows = ask("POST", HOSTED_RERANK, body)[1]["rerank"]
    assert [list(row) for row in rows] == [["index", "relevance_score"]] * 2
    assert rows[0]["index"] == 1
    assert rows[0]["relevance_score"] > rows[1]["relevance_score"]


@pytest.mark.parametrize(
    ("endpoint", "request_", "root", "count", "texts"),
    [
        ({}, {}, {}, 3, False),
        ({"top_n": 1, "return_documents": True}, {}, {}, 1, True),
        ({"top_n": 1, "return_documents": True}, {"top_n": 2, "return_documents": False}, {}, 2, False),
        ({"top_n": 1}, {"top_n": 2}, {"top_n": 3, "return_documents": True}, 3, True),
    ],
)
def test_whose_settings_win(ask, endpoint, request_, root, count, texts):
    """A request's own fields win over its task settings, which win over the endpoint's."""
    path = make(ask, "rerank", "jinaai", {**JINA, "model_id": "jina-reranker-v3"}, task_settings=endpoint)
    body = {"query": "one", "input": ["one", "two", "three"], "task_settings": request_, **root}
    rows = ask("POST", path, body)[1]["rerank"]
    assert (len(rows), "text" in rows[0]) == (count, texts)


def test_texts_come_back_from_the_cluster(ask):
    """Elastic Rerank gives texts back unless it is told not to."""
    body = {"query": "one", "input": "one"}
    assert ask("POST", RERANK, body)[1]["rerank"][0]["text"] == "one"
    assert "text" not in ask("POST", RERANK, {**body, "return_documents": False})[1]["rerank"][0]


def test_pictures(ask, refused):
    """Pictures, alone or fused with text, have vectors that depend on their bytes alone; text models take none."""
    inputs = [
        {"content": picture()},
        {"content": picture(b"others")},
        {"content": [picture(), {"type": "text", "value": "red"}]},
        {"content": {"type": "text", "value": "red"}},
    ]
    rows = np.array([row["embedding"] for row in ask("POST", CLIP, {"input": inputs})[1]["embeddings"]])
    assert rows.shape == (4, 1024)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    alone = ask("POST", CLIP, {"input": {"content": picture()}})[1]["embeddings"][0]["embedding"]
    assert alone == rows[0].tolist()
    assert (rows[0] != rows[1]).any()
    path = make(ask, "embedding", "jinaai", {**JINA, "multimodal_model": False})
    assert "only accepts texts" in refused("POST", path, {"input": inputs})[2]
    assert ask("POST", path, {"input": ["red", "blue"]})[0] == 200


def test_reranking_pictures(ask, refused):
    """A multimodal reranker of the Elastic Inference Service takes pictures; others take only texts."""
    body = {"query": picture(), "input": [{"type": "text", "value": "a cat"}, picture()]}
    rows = ask("POST", "/_inference/.jina-reranker-m0", body)[1]["rerank"]
    assert rows[0]["index"] == 1
    assert rows[0]["relevance_score"] == pytest.approx(1, abs=1e-5)
    assert refused("POST", HOSTED_RERANK, body)[:2] == (400, "x_content_parse_exception")


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (E5, {}, "Validation Failed: 1: Field [input] cannot be null;"),
        (E5, {"input": []}, "Validation Failed: 1: Field [input] cannot be an empty array;"),
        (
            E5,
            {"input": "one", "query": "two"},
            "Validation Failed: 1: Field [query] cannot be specified for task type [text_embedding];",
        ),
        (
            E5,
            {"input": "one", "top_n": 1},
            "Validation Failed: 1: Field [top_n] cannot be specified for task type [text_embedding];",
        ),
        (
            ELSER,
            {"input": "one", "return_documents": True},
            "Validation Failed: 1: Field [return_documents] cannot be specified for task type [sparse_embedding];",
        ),
        (
            ELSER,
            {"input": "one", "input_type": "search"},
            "Validation Failed: 1: Field [input_type] cannot be specified for task type [sparse_embedding];",
        ),
        (
            RERANK,
            {"input": "one"},
            "Validation Failed: 1: Field [query] cannot be null for task type [rerank];",
        ),
        (
            RERANK,
            {"input": "one", "query": ""},
            "Validation Failed: 1: Field [query] cannot be empty for task type [rerank];",
        ),
        (
            HOSTED_RERANK,
            {"input": "one", "query": "two", "return_documents": False},
            "Invalid return_documents [false]. The return_documents option is not supported by this service",
        ),
        (RERANK, {"input": "one", "query": "two", "top_n": 0}, "[top_n] must be a positive integer"),
        (
            RERANK,
            {"input": "one", "query": "two", "top_n": "1"},
            "top_n doesn't support values of type: VALUE_STRING",
        ),
        (E5, {"input": "one", "model": "two"}, "unknown field [model]"),
        (E5, {"input": ["one", 2]}, "input doesn't support values of type: VALUE_NUMBER"),
        (
            E5,
            {"input": "one", "task_settings": {"late": 1}},
            "contains settings [late] unknown to the [elasticsearch]",
        ),
        (
            E5,
            {"input": "one", "timeout": "soon"},
            "failed to parse setting [timeout] with value [soon] as a time value",
        ),
        (CLIP, {"input": {"content": []}}, "Field [content] cannot be an empty array"),
        (
            CLIP,
            {"input": {"content": {"type": "audio", "value": "x"}}},
            "does not accept input of type [audio]",
        ),
        (CLIP, {"input": {"content": {"type": "image", "value": "x"}}}, "failed to parse field [content]"),
        (CLIP, {"input": {"text": "one"}}, "failed to parse field [input]"),
        (
            "/_inference/rerank/.elser-2-elastic",
            {"input": "one", "query": "two"},
            "Incompatible task_type, the requested type [rerank] does not match the model type [sparse_embedding]",
        ),
    ],
)
def test_refusals(refused, path, body, reason):
    """A wrong request is refused with 400 and Elasticsearch's sentence."""
    status, _, said = refused("POST", path, body)
    assert status == 400
    assert reason in said


def test_unknown_endpoint(refused):
    """An endpoint that is not there is not found, on every route."""
    shown = (404, "resource_not_found_exception", "Inference endpoint not found [none]")
    assert refused("POST", "/_inference/none", {"input": "one"}) == shown
    assert refused("POST", "/_inference/rerank/none", {"input": "one"}) == shown
    assert refused("POST", "/_inference/completion/none/_stream", {"input": "one"}) == shown


def test_streams(refused):
    """Nothing here answers piece by piece."""
    status, _, reason = refused("POST", f"{E5}/_stream", {"input": "one"})
    assert (status, reason) == (405, "Streaming is not allowed for service [elasticsearch].")
    status, _, reason = refused("POST", "/_inference/.elser-2-elastic/_stream", {"input": "one"})
    assert (status, "Supported tasks: [chat_completion]" in reason) == (405, True)


def test_too_long_for_jina(ask, refused):
    """Jina's service refuses a text beyond the model's context; models on the cluster cut it off."""
    text = "word " * 9000
    path = make(ask, "text_embedding", "jinaai", JINA)
    assert "exceeds the limit of 8192 tokens" in refused("POST", path, {"input": ["one", text]})[2]
    assert ask("POST", E5, {"input": text})[0] == 200


@pytest.mark.parametrize(
    "path", ["/_sql", "/_cat/indices", "/books/_explain/1", "/_search/scroll", "/_security/role/a"]
)
def test_not_offered(refused, path):
    """Routes that the engine lacks answer 501, name the part and say what this is."""
    status, kind, reason = refused("POST", path, {})
    assert (status, kind) == (501, "unsupported_operation_exception")
    assert reason.startswith(f"[POST {path}] is not offered: this is the embedded engine of ragbridge")


def test_any_base_address(ask):
    """What stands before ``_inference`` in the path does not matter, and ``pretty`` only indents."""
    assert ask("GET", "/proxy/_inference/.elser-2-elastic?pretty") == ask(
        "GET", "/_inference/.elser-2-elastic"
    )
