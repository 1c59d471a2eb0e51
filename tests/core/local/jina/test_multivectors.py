"""A vector for each token: ``/v1/multi-vector``, ColBERT and v4 on ``/v1/embeddings`` of the embedded engine."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from ragbridge.local import Engine, Faults

TEXTS = ["The capital of France is Paris.", "Bananas"]
COLBERT = {"model": "jina-colbert-v2"}
V4 = {"model": "jina-embeddings-v4", "return_multivector": True}


def matrices(answer):
    return [np.array(row["embeddings"], dtype=np.float32) for row in answer["data"]]


@pytest.mark.parametrize("fields", [COLBERT, V4, {"model": "jina-colbert-v1-en"}])
def test_a_unit_vector_for_each_token(embed, fields):
    """Each input has one row of 128 numbers and unit length for each of its tokens."""
    answer = embed(TEXTS, **fields)
    found = matrices(answer)
    assert [row["object"] for row in answer["data"]] == ["embeddings", "embeddings"]
    assert [matrix.shape[1] for matrix in found] == [128, 128]
    assert sum(len(matrix) for matrix in found) == answer["usage"]["total_tokens"]
    assert all(np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5) for matrix in found)


def test_the_route_of_2024(ask, embed):
    """``/v1/multi-vector`` gives what ``/v1/embeddings`` gives, and knows no other model."""
    body = {"model": "jina-colbert-v2", "input": TEXTS, "input_type": "query"}
    answer = json.loads(ask(Engine(), "/v1/multi-vector", body).response.body)
    assert answer["data"] == embed(TEXTS, **COLBERT)["data"]
    other = ask(Engine(), "/v1/multi-vector", {**body, "model": "jina-embeddings-v3"}).response
    assert (other.status, json.loads(other.body)["code"]) == (400, "INPUT_MODEL_NOT_FOUND")


def test_base64(embed):
    """``base64`` is one string a token."""
    found = embed(TEXTS, embedding_type="base64", **V4)["data"][0]["embeddings"]
    decoded = np.array([np.frombuffer(base64.b64decode(token), "<f4") for token in found])
    assert np.allclose(decoded, matrices(embed(TEXTS, **V4))[0], atol=1e-7)


@pytest.mark.parametrize("width", [64, 96, 128])
def test_widths_of_colbert(embed, width):
    """ColBERT v2 has three widths."""
    assert matrices(embed(TEXTS, dimensions=width, **COLBERT))[0].shape[1] == width


def test_similar_texts_are_near(embed):
    """MaxSim over the vectors ranks what answers a question before what does not."""
    query, right, wrong = matrices(
        embed(["What is the capital of France?", TEXTS[0], "Bananas are yellow."], **COLBERT)
    )
    assert (query @ right.T).max(axis=1).sum() > (query @ wrong.T).max(axis=1).sum()


def test_tokenized_input(embed):
    """v4 spells the tokens on request, one for each vector."""
    row = embed(TEXTS, return_tokenized_input=True, **V4)["data"][1]
    assert len(row["tokenized_input"]) == len(row["embeddings"])
    assert "anana" in "".join(row["tokenized_input"])
    assert "tokenized_input" not in embed(TEXTS, **V4)["data"][0]


def test_a_picture_is_one_token(embed):
    """In v4 a picture has one vector, and is spelled as what it is."""
    row = embed([{"image": "AAAA"}], return_tokenized_input=True, **V4)["data"][0]
    assert (np.array(row["embeddings"]).shape, row["tokenized_input"]) == ((1, 128), ["[digest]"])


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({**V4, "dimensions": 64}, "dimensions", "value_error"),
        ({**COLBERT, "dimensions": 65}, "dimensions", "literal_error"),
        ({**COLBERT, "dimensions": True}, "dimensions", "literal_error"),
        ({**COLBERT, "input_type": "passage"}, "input_type", "literal_error"),
        ({**V4, "return_multivector": "yes"}, "return_multivector", "bool_type"),
        (
            {"model": "jina-embeddings-v4", "return_tokenized_input": True},
            "return_tokenized_input",
            "value_error",
        ),
    ],
)
def test_validation(embed, fields, field, kind):
    """A wrong field is answered with 422 that names it."""
    answer = embed(TEXTS, **fields)
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]


def test_other_models_ignore_the_fields(embed):
    """A model without token vectors gives one vector a text, whatever is asked for."""
    assert embed(TEXTS, return_multivector=True)["data"][0]["object"] == "embedding"


@pytest.mark.parametrize("kind", ["nan", "missing", "offset", "width"])
def test_faults(ask, kind):
    """Faults strike token vectors as they strike vectors."""
    engine = Engine(faults=Faults(rate=1, kinds=[kind]))
    data = json.loads(ask(engine, "/v1/embeddings", {**COLBERT, "input": TEXTS}).response.body)["data"]
    found = {row["index"]: np.array(row["embeddings"], dtype=float) for row in data}
    match kind:
        case "nan":
            assert np.isnan(np.concatenate(list(found.values()))).any()
        case "missing":
            assert len(found) == 1
        case "offset":
            assert set(found) == {1, 2}
        case "width":
            assert sorted(matrix.shape[1] for matrix in found.values()) == [64, 128]
