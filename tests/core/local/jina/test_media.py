"""Pictures, PDF, sound, films and groups of them in ``/v1/embeddings`` and ``/v1/rerank`` of the embedded engine."""

from __future__ import annotations

import base64
import json
import tracemalloc

import numpy as np
import pytest

from ragbridge.flow import Request
from ragbridge.local import Engine

CLIP = "jina-clip-v2"
V4 = "jina-embeddings-v4"
OMNI = "jina-embeddings-v5-omni-small"
URL = "https://example.com/cat.png"


def vectors(answer):
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)


def encoded(content):
    return base64.b64encode(content).decode()


@pytest.fixture
def picture(png):
    return encoded(png(600, 600))


def test_the_same_bytes_have_the_same_vector(embed, png, picture):
    """Whatever way its bytes come, a picture has one vector of unit length; other bytes have another."""
    ways = [
        {"image": picture},
        {"image": f"data:image/png;base64,{picture}"},
        {"bytes": picture},
        {"image": picture[:20] + "\n" + picture[20:]},
    ]
    found = vectors(embed([*ways, {"image": encoded(png(600, 600, b"other"))}], model=CLIP))
    assert (found[:4] == found[0]).all()
    assert abs(found[4] @ found[0]) < 0.5
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_an_address_is_digested(embed):
    """A picture at an address has the vector of the address, which nobody opens."""
    found = vectors(embed([{"image": URL}, {"url": URL}, {"image": URL + "?2"}], model=CLIP))
    assert (found[0] == found[1]).all()
    assert not np.allclose(found[0], found[2], atol=0.1)


def test_the_models_name_says_so(embed, picture):
    """Answers in which a digest stands in for something say it; texts alone are embedded as ever."""
    mixed = embed(["a cat", {"image": picture}], model=CLIP)
    assert mixed["model"] == f"{CLIP} (embedded: wordllama-l2-supercat-256, images by digest)"
    assert "digest" not in embed(["a cat"], model=CLIP)["model"]
    assert (vectors(mixed)[0] == vectors(embed(["a cat"], model=CLIP))[0]).all()


@pytest.mark.parametrize(
    ("model", "tokens"), [("jina-clip-v1", 9000), ("jina-clip-v2", 16000), ("jina-embeddings-v4", 4840)]
)
def test_pictures_are_billed_by_tiles(embed, picture, model, tokens):
    """A picture of 600 x 600 costs what the service publishes for it, beside the text's tokens."""
    usage = embed([{"image": picture}, "a cat"], model=model)["usage"]
    assert usage["image_tokens"] == tokens
    assert usage["total_tokens"] == tokens + usage["prompt_tokens"]


@pytest.mark.parametrize("dimensions", [64, 256, 1024])
def test_widths(embed, picture, dimensions):
    """A picture's vector is cut and padded like a text's."""
    found = vectors(embed([{"image": picture}], model=CLIP, dimensions=dimensions))
    whole = vectors(embed([{"image": picture}], model=CLIP))[:, :dimensions]
    assert found.shape == (1, dimensions)
    assert np.allclose(found, whole / np.linalg.norm(whole), atol=1e-6)


def test_pdf(embed):
    """A PDF alone gives one vector for each page, one at an address; pages differ."""
    pdf = b"%PDF-1.4 /Type /Pages /Kids [] /Type /Page /Type/Page endobj"
    found = vectors(embed({"pdf": encoded(pdf)}, model=V4))
    assert found.shape == (2, 2048)
    assert not np.allclose(found[0], found[1], atol=0.1)
    assert len(embed({"pdf": "https://example.com/x.pdf"}, model=V4)["data"]) == 1
    assert embed({"pdf": encoded(pdf)}, model=V4)["usage"]["image_tokens"] > 0


def test_a_group_has_one_vector(embed, picture):
    """All parts of an omni group give one vector: the mean of theirs."""
    parts = ["a cat", {"image": picture}, {"audio": "AAAA"}, {"video": URL}]
    single = vectors(embed(parts, model=OMNI))
    answer = embed(["other", {"content": [{"text": "a cat"}, *parts[1:]]}], model=OMNI)
    mean = single.mean(axis=0)
    assert np.allclose(vectors(answer)[1], mean / np.linalg.norm(mean), atol=1e-5)
    assert {"audio_tokens", "video_tokens", "image_tokens"} <= set(answer["usage"])


@pytest.mark.parametrize(
    ("given", "model", "field", "kind"),
    [
        ([{"image": "AAAA"}], "jina-embeddings-v3", "input.0", "value_error"),
        ([{"audio": "AAAA"}], CLIP, "input.0", "value_error"),
        ([{"image": "no base64!"}], CLIP, "input.0.image", "value_error"),
        ([{"image": "file:///etc/passwd"}], CLIP, "input.0.image", "value_error"),
        ([{"image": ""}], CLIP, "input.0.image", "value_error"),
        ([{"image": 5}], CLIP, "input.0.image", "string_type"),
        (["a", {"pdf": "AAAA"}], V4, "input.1", "value_error"),
        ({"pdf": "AAAA"}, "jina-embeddings-v3", "input", "value_error"),
        ([{"content": []}], OMNI, "input.0.content", "too_short"),
        ([{"content": [{"pdf": "AAAA"}]}], OMNI, "input.0.content.0", "value_error"),
        ([{"content": [{"text": "a"}]}], V4, "input.0", "value_error"),
        ([{"other": "a"}], CLIP, "input.0", "value_error"),
    ],
)
def test_validation(embed, given, model, field, kind):
    """What a model does not take is answered with 422 that names the item."""
    answer = embed(given, model=model)
    assert answer["status"] == 422
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]


def test_late_chunking_takes_texts_only(embed, picture):
    """Late chunking over pictures is refused."""
    answer = embed(["a", {"image": picture}], model=V4, late_chunking=True)
    assert [error["field"] for error in answer["errors"]] == ["late_chunking"]


def test_a_long_text_beside_a_picture_is_named(embed, picture):
    """The index in the refusal of a long text is the item's, whatever stands before it."""
    answer = embed([{"image": picture}, "word " * 9000], model=CLIP)
    assert "index 1" in answer["detail"]["message"]


def test_rerank_pictures(rerank, picture):
    """A picture is nearest to itself; texts among pictures keep the score that they have alone."""
    documents = [{"image": picture}, {"image": URL}, "a cat", {"text": "the dog"}]
    by_picture = rerank({"image": picture}, documents, model="jina-reranker-m0")
    assert (by_picture["results"][0]["index"], by_picture["results"][0]["document"]) == (0, documents[0])
    assert by_picture["results"][0]["relevance_score"] == pytest.approx(1, abs=1e-5)
    scores = {
        row["index"]: row["relevance_score"]
        for row in rerank("cat", documents, model="jina-reranker-m0")["results"]
    }
    alone = rerank("cat", ["a cat"], model="jina-reranker-m0")["results"][0]["relevance_score"]
    assert scores[2] == pytest.approx(alone, abs=1e-6)
    assert "images by digest" in by_picture["model"]


def test_text_rerankers_take_no_pictures(rerank, picture):
    """Only m0 does."""
    answer = rerank("cat", ["a", {"image": picture}])
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [("documents.1", "value_error")]


def test_embeddings_of_a_ranking(rerank):
    """Listwise rerankers add a unit vector of 512 numbers to each result on request, the others ignore it."""
    results = rerank("cat", ["a cat", "a dog"], return_embeddings=True)["results"]
    found = np.array([result["embedding"] for result in results])
    assert found.shape == (2, 512)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    v2 = rerank("cat", ["a cat"], return_embeddings=True, model="jina-reranker-v2-base-multilingual")
    assert "embedding" not in v2["results"][0]


def test_a_large_pdf_is_not_copied_for_each_page():
    """20 MB in 400 pages take less than 100 MB beside the request, and give 400 vectors, each its own."""
    page = b"<< /Type /Page >>"
    pdf = b"%PDF-1.7 " + (page + b"x" * (20 * 2**20 // 400 - len(page))) * 400
    body = {"model": V4, "input": {"pdf": encoded(pdf)}, "embedding_type": "base64"}
    request = Request("POST", "http://h/v1/embeddings", {}, json.dumps(body).encode())
    engine = Engine()
    engine.load()
    tracemalloc.start()
    try:
        answer = json.loads(engine.handle(request).response.body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len({row["embedding"] for row in answer["data"]}) == 400
    assert peak < 100 * 2**20


def test_a_pdf_of_too_many_pages(embed):
    """What has more pages than the engine embeds is refused, since each would be a vector of the answer."""
    for pages, status in ((2000, 200), (2001, 422)):
        pdf = encoded(b"<< /Type /Page >>" * pages)
        assert embed({"pdf": pdf}, model=V4, dimensions=64)["status"] == status
