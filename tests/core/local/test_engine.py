"""Routes, keys and odd bodies."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.models import MODELS

EMBED = {"model": "jina-embeddings-v3", "input": "a"}


@pytest.mark.parametrize("base", ["", "https://api.jina.ai", "http://localhost:1/proxy/jina"])
def test_the_path_decides(base):
    """Any host and any prefix will do, with or without a slash at the end."""
    for end in ("", "/", "?x=1"):
        answer = Engine().handle(
            Request("POST", f"{base}/v1/embeddings{end}", {}, json.dumps(EMBED).encode())
        )
        assert answer.response.status == 200


def test_models(ask):
    """The list of models is the table, and each can be asked for, with and without the publisher."""
    listed = json.loads(ask(Engine(), "/v1/models", method="GET").response.body)
    assert [model["id"] for model in listed["data"]] == list(MODELS)
    for name in ("jina-embeddings-v3", "jina-ai/jina-embeddings-v3"):
        one = json.loads(ask(Engine(), f"/v1/models/{name}", method="GET").response.body)
        assert (one["id"], one["context_length"], one["dimensions"]) == ("jina-embeddings-v3", 8192, 1024)
        assert one["pricing"]["prompt"] == "0"
        assert one["input_modalities"] == ["text"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/v1/models", 200),
        ("GET", "/v1/models/none", 404),
        ("GET", "/live", 200),
        ("GET", "/ready", 200),
        ("POST", "/v1/embeddings/extra", 404),
        ("POST", "/v2/embeddings", 404),
        ("GET", "/v1/embeddings", 405),
        ("POST", "/v1/models", 405),
        ("DELETE", "/v1/rerank", 405),
        ("PUT", "/v1/batch/x", 405),
        ("GET", "/v1/batch/x", 404),
        ("GET", "/v1/classify", 405),
    ],
)
def test_routes(ask, method, path, status):
    """Routes answer to their methods; whatever is refused is refused in JSON with a ``detail``."""
    response = ask(Engine(), path, EMBED, method=method).response
    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert status == 200 or json.loads(response.body)["detail"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AUTH_MISSING_API_KEY"),
        ({"authorization": "jina_right"}, "AUTH_INVALID_FORMAT"),
        ({"authorization": "Basic jina_right"}, "AUTH_INVALID_FORMAT"),
        ({"authorization": "Bearer "}, "AUTH_INVALID_FORMAT"),
        ({"Authorization": "Bearer jina_wrong"}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "Bearer \ud800"}, "AUTH_INVALID_API_KEY"),
        ({"AUTHORIZATION": "bearer jina_right"}, None),
        ({"Authorization": "Bearer jina_other"}, None),
    ],
)
def test_keys(headers, code):
    """Where keys are demanded, exactly those open the door, and the refusal says what is wrong with the header."""
    engine = Engine(api_keys=["jina_right", "jina_other"])
    response = engine.handle(Request("POST", "/v1/embeddings", headers, json.dumps(EMBED).encode())).response
    assert response.status == (200 if code is None else 401)
    assert json.loads(response.body).get("code") == code
    assert b"jina_wrong" not in response.body


def test_health_and_models_need_no_key(ask):
    """Health and the list of models are open, as on the service."""
    engine = Engine(api_keys={"jina_right"})
    assert ask(engine, "/health", method="GET").response.status == 200
    assert ask(engine, "/v1/models", method="GET").response.status == 200


@pytest.mark.parametrize("keys", ["jina_right", [], [""], [None]])
def test_keys_that_would_open_to_anybody(keys):
    """A string, no key and an empty key are refused as settings."""
    with pytest.raises(ConfigurationError, match="api_keys"):
        Engine(api_keys=keys)


def test_model_that_is_no_directory(tmp_path):
    """A model's name is not looked up at a hub: only a directory with a model will do."""
    for model in ("minishlab/potion-base-8M", tmp_path):
        with pytest.raises(ConfigurationError, match="model="):
            Engine(model=model).load()


# Old releases of model2vec leave files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_model2vec_directory(ask, tmp_path):
    """A directory that model2vec has saved serves instead, and answers carry its name."""
    import importlib.util
    from pathlib import Path

    from model2vec import StaticModel
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    package = Path(importlib.util.find_spec("wordllama").submodule_search_locations[0])
    table = load_file(package / "weights" / "l2_supercat_256.safetensors")["embedding.weight"][:, :64].copy()
    tokenizer = Tokenizer.from_file(str(package / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    model = StaticModel(vectors=table, tokenizer=tokenizer, normalize=True)
    model.save_pretrained(tmp_path / "mine")
    body = {"model": "jina-embeddings-v3", "input": ["a cat sat"], "dimensions": 64}
    answer = json.loads(ask(Engine(model=tmp_path / "mine"), "/v1/embeddings", body).response.body)
    assert answer["model"] == "jina-embeddings-v3 (embedded: mine)"
    expected = model.encode(["a cat sat"]).astype(float)[0]
    assert answer["data"][0]["embedding"] == pytest.approx(expected.tolist(), abs=2e-3)


def test_threads(ask):
    """Many threads get what one thread gets."""
    engine = Engine()
    bodies = [{**EMBED, "input": [f"text {number}", "shared text"], "dimensions": 32} for number in range(32)]
    expected = [ask(engine, "/v1/embeddings", body).response.body for body in bodies]
    found: dict[int, bytes] = {}

    def work(start: int) -> None:
        for number in range(start, 32, 4):
            found[number] = ask(engine, "/v1/embeddings", bodies[number]).response.body

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(32)] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "model", "input", "task", "dimensions", "embedding_type", "truncate", "normalized", "late_chunking",
    "query", "documents", "top_n", "return_documents", "max_doc_length", "return_multivector", "return_embeddings",
    "labels", "classifier_id", "access", "num_iters", "input_url", "url", "html", "q", "num", "page", "statement",
)  # fmt: skip
PATHS = (
    "/v1/embeddings", "/v1/multi-vector", "/v1/rerank", "/v1/classify", "/v1/train", "/v1/segment",
    "/v1/batch/embeddings", "/v1/bulk-embeddings", "/r/", "/s/", "/g/",
)  # fmt: skip
PAGES = {"https://example.com": "A page"}
GOOD = {
    "labels": st.lists(st.text(max_size=9), max_size=4),
    "model": st.sampled_from(sorted(MODELS)),
    "input": st.lists(st.text(max_size=9) | JSON, max_size=4),
    "query": st.text(max_size=9),
    "documents": st.lists(st.text(max_size=9), max_size=4),
}
BODIES = st.fixed_dictionaries(
    {}, optional={name: GOOD[name] | JSON if name in GOOD else JSON for name in FIELDS}
)


@settings(max_examples=80, deadline=None)
@given(body=BODIES | JSON, path=st.sampled_from(PATHS))
def test_any_json_is_answered(body, path):
    """Whatever JSON comes, the engine answers in JSON with a status of the service."""
    headers = {"accept": "application/json"}
    response = Engine(pages=PAGES).handle(Request("POST", path, headers, json.dumps(body).encode())).response
    assert response.status in {200, 400, 404, 422, 500}
    json.loads(response.body)


@settings(max_examples=60, deadline=None)
@given(
    path=st.text(st.sampled_from("/_:.?#%rsgv1abc[]é\n"), max_size=20),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
)
def test_any_path_is_answered(path, method):
    """Whatever path is asked for, there is an answer."""
    response = Engine(pages=PAGES).handle(Request(method, f"http://localhost/{path}", {}, b"")).response
    assert 200 <= response.status < 502


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"null",
        b"{",
        b'{"model": }',
        b"[" * 100_000,
        b"9" * 5000,
        b'{"model":"' + b"x" * 99,
    ],
)
def test_no_json_object(ask, body):
    """A body that is no JSON object is a validation error."""
    for path in ("/v1/embeddings", "/v1/rerank", "/v1/classify", "/v1/train", "/v1/batch/embeddings"):
        response = ask(Engine(), path, body).response
        assert response.status == 422
        assert json.loads(response.body)["errors"][0]["field"] == "body"


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=60))
def test_any_bytes_are_answered(body):
    """Whatever bytes come, the engine answers."""
    assert Engine().handle(Request("POST", "/v1/rerank", {}, body)).response.status == 422
