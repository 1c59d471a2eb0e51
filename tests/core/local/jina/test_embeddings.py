"""``/v1/embeddings`` of the embedded engine: what its vectors promise, and Jina's validation."""

from __future__ import annotations

import base64

import numpy as np
import pytest

TEXTS = ["The capital of France is Paris.", "Bananas are rich in potassium.", "Paris lies on the Seine."]


def vectors(answer):
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)


def test_unit_length(embed):
    """Vectors have unit length, whatever the text and the width."""
    for dimensions in (32, 256, 700, 1024):
        found = vectors(embed([*TEXTS, "", " ", "\x00", "日本語", "x" * 5000], dimensions=dimensions))
        assert found.shape == (8, dimensions)
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_similar_texts_are_near(embed):
    """Texts about one thing are nearer to each other than to another."""
    found = vectors(embed(TEXTS))
    assert found[0] @ found[2] > found[0] @ found[1] + 0.1


@pytest.mark.parametrize(
    ("model", "width"),
    [
        ("jina-embeddings-v3", 1024),
        ("jina-embeddings-v5-text-nano", 768),
        ("jina-embeddings-v4", 2048),
        ("jina-embeddings-v2-base-en", 768),
        ("jina-code-embeddings-0.5b", 896),
        ("jina-ai/jina-clip-v2", 1024),
    ],
)
def test_default_width_is_the_asked_models(embed, model, width):
    """Without ``dimensions`` vectors are as wide as the asked model's."""
    assert vectors(embed(TEXTS, model=model)).shape == (3, width)


def test_padding_keeps_cosines(embed):
    """Vectors wider than the embedded model's end in zeros, and their cosines are those of its own width."""
    own, padded = vectors(embed(TEXTS, dimensions=256)), vectors(embed(TEXTS, dimensions=1024))
    assert not padded[:, 256:].any()
    assert np.allclose(padded @ padded.T, own @ own.T, atol=1e-6)


def test_narrow_vectors_begin_like_wide_ones(embed):
    """A narrower vector is the wide one cut and normalised again."""
    wide, narrow = vectors(embed(TEXTS)), vectors(embed(TEXTS, dimensions=64))
    cut = wide[:, :64] / np.linalg.norm(wide[:, :64], axis=1, keepdims=True)
    assert np.allclose(narrow, cut, atol=1e-6)


def test_a_text_has_one_vector(embed):
    """A text's vector does not depend on what else is in the request, nor on how often it was seen."""
    alone = vectors(embed(TEXTS[1]))[0]
    assert (vectors(embed(TEXTS))[1] == alone).all()
    assert (vectors(embed([TEXTS[1]] * 3)) == alone).all()


def test_not_normalized(embed):
    """``normalized=false`` gives the mean of the token vectors; models without the option ignore it."""
    raw, unit = vectors(embed(TEXTS, normalized=False)), vectors(embed(TEXTS))
    assert (np.abs(np.linalg.norm(raw, axis=1) - 1) > 0.01).all()
    assert np.allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), unit, atol=1e-6)
    v4 = vectors(embed(TEXTS, model="jina-embeddings-v4", normalized=False))
    assert np.allclose(np.linalg.norm(v4, axis=1), 1, atol=1e-5)


def test_base64_is_little_endian_float32(embed):
    """``base64`` decodes to the very vectors of ``float``."""
    found = embed(TEXTS, embedding_type="base64")
    decoded = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in found["data"]]
    assert np.allclose(decoded, vectors(embed(TEXTS)), atol=1e-8)


def test_bits(embed):
    """``ubinary`` packs the signs, most significant bit first; ``binary`` is the same minus 128."""
    signs = vectors(embed(TEXTS, dimensions=64)) > 0
    ubinary = [row["embedding"] for row in embed(TEXTS, dimensions=64, embedding_type="ubinary")["data"]]
    binary = [row["embedding"] for row in embed(TEXTS, dimensions=64, embedding_type="binary")["data"]]
    assert (np.unpackbits(np.array(ubinary, dtype=np.uint8), axis=1) == signs).all()
    assert (np.array(binary) + 128 == np.array(ubinary)).all()


def test_answer_shape(embed):
    """The answer has the service's keys, its items their indices, and the model's name says what embedded."""
    answer = embed(TEXTS)
    assert answer["object"] == "list"
    assert answer["model"] == "jina-embeddings-v3 (embedded: wordllama-l2-supercat-256)"
    assert [(row["object"], row["index"]) for row in answer["data"]] == [
        ("embedding", 0),
        ("embedding", 1),
        ("embedding", 2),
    ]


def test_usage_is_the_tokenizers_count(embed):
    """Usage adds up over the texts, and an empty text counts as one token."""
    alone = [embed(text)["usage"]["total_tokens"] for text in TEXTS]
    assert all(5 <= tokens <= 12 for tokens in alone)
    assert embed([*TEXTS, ""])["usage"]["total_tokens"] == sum(alone) + 1


@pytest.mark.parametrize("given", ["a cat", {"text": "a cat"}, ["a cat"], [{"text": "a cat"}]])
def test_input_forms(embed, given):
    """A text may come as a string or an object, alone or in a list."""
    assert vectors(embed(given)).tolist() == vectors(embed(["a cat"])).tolist()


def test_aliases(embed):
    """The service's older names of fields are understood."""
    answer = embed(
        None, texts=TEXTS, encoding_format="ubinary", output_dimension=64, task_type="text-matching"
    )
    assert [len(row["embedding"]) for row in answer["data"]] == [8, 8, 8]


def test_too_long(embed):
    """A text beyond the model's context fails the whole request, with the code inside ``detail`` and the item named."""
    answer = embed(["short", "word " * 9000])
    assert answer["status"] == 400
    assert answer["detail"]["code"] == "INPUT_TOKEN_LIMIT_EXCEEDED"
    assert "index 1" in answer["detail"]["message"]
    assert "truncate" in answer["detail"]["message"]
    assert answer["detail"]["request_id"]


def test_truncate(embed):
    """With ``truncate`` a long text is cut to the context, and only that is billed."""
    answer = embed("word " * 9000, truncate=True)
    assert answer["usage"]["total_tokens"] == 8192
    assert embed("word " * 9000, model="jina-embeddings-v4")["status"] == 200


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"dimensions": 1025}, "dimensions", "less_than_equal"),
        ({"dimensions": 0}, "dimensions", "greater_than_equal"),
        ({"dimensions": "256"}, "dimensions", "int_type"),
        ({"dimensions": True}, "dimensions", "int_type"),
        ({"task": "clustering"}, "task", "literal_error"),
        ({"embedding_type": "int8"}, "embedding_type", "literal_error"),
        ({"truncate": "yes"}, "truncate", "bool_type"),
        ({"input": []}, "input", "too_short"),
        ({"input": None}, "input", "missing"),
        ({"input": 3}, "input", "list_type"),
        ({"input": [[1, 2]]}, "input.0", "string_type"),
        ({"input": ["a", None]}, "input.1", "string_type"),
        ({"input": ["a", {"image": "x"}]}, "input.1", "value_error"),
        ({"model": None}, "model", "missing"),
        ({"model": ["x"]}, "model", "string_type"),
    ],
)
def test_validation(embed, fields, field, kind):
    """A wrong field is answered with 422 that names it."""
    answer = embed("text", **fields)
    assert answer["status"] == 422
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]
    assert answer["request_id"]
    assert field in answer["detail"]


def test_all_problems_at_once(embed):
    """One answer reports every wrong field."""
    answer = embed(["a", 1, 2], dimensions=5000, task="retrieval")
    assert [error["field"] for error in answer["errors"]] == ["task", "dimensions", "input.1", "input.2"]


def test_fields_that_a_model_lacks_are_ignored(embed):
    """As on the service, a model without tasks and dimensions ignores them."""
    answer = embed(TEXTS, model="jina-embeddings-v2-base-en", task="anything", dimensions=5)
    assert vectors(answer).shape == (3, 768)


def test_list_of_embedding_types(embed):
    """A list of embedding types is answered with 500, as measured on the service."""
    assert embed(TEXTS, embedding_type=["float"])["status"] == 500


@pytest.mark.parametrize("model", ["no-such-model", "jina-reranker-v3", ""])
def test_unknown_model(embed, model):
    """A model that does not embed is not found."""
    answer = embed(TEXTS, model=model)
    assert (answer["status"], answer["code"]) == (400, "INPUT_MODEL_NOT_FOUND")


def test_late_chunking(embed):
    """Chunks of one request lend each other context; without the flag, or on a model that lacks it, they do not."""
    chunk, other, third = TEXTS
    plain, late = embed([chunk, other]), embed([chunk, other], late_chunking=True)
    changed = vectors(embed([chunk, third], late_chunking=True))
    assert not np.allclose(vectors(plain)[0], vectors(late)[0], atol=1e-3)
    assert not np.allclose(vectors(late)[0], changed[0], atol=1e-3)
    assert np.allclose(np.linalg.norm(vectors(late), axis=1), 1, atol=1e-5)
    v5 = {"model": "jina-embeddings-v5-text-small"}
    assert embed([chunk, other], late_chunking=True, **v5)["data"] == embed([chunk, other], **v5)["data"]


def test_late_chunking_needs_the_whole_document_in_context(embed):
    """Late chunks that do not fit into the context together are refused."""
    answer = embed(["word " * 5000, "word " * 5000], late_chunking=True)
    assert (answer["status"], answer["detail"]["code"]) == (400, "INPUT_TOKEN_LIMIT_EXCEEDED")


def test_half_a_surrogate_pair(embed):
    """Text that UTF-8 cannot hold is read with a replacement character."""
    assert vectors(embed("bad \ud800 text")).tolist() == vectors(embed("bad � text")).tolist()
