"""What reranking sends, what it refuses before sending, and what it reads."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import RERANKER

from ragbridge import (
    ConfigurationError,
    Image,
    InvalidRequestError,
    Jina,
    Limiter,
    RagbridgeError,
    RateLimit,
    ResponseError,
    Retry,
)
from ragbridge.flow import Response
from ragbridge.models import MODELS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
RERANKERS = [model for model in (*MODELS.values(), RERANKER) if "rerank" in model.products]


def score_of(document):
    """The number in a document: what the stand-in below ranks by."""
    text = document.get("text", "0") if isinstance(document, dict) else document
    return float(text.split()[0])


def judge(request, *, shape="missing", width=4):
    """A reranker that goes by the number in each document."""
    body = json.loads(request.body)
    documents = body["documents"]
    order = sorted(range(len(documents)), key=lambda index: -score_of(documents[index]))
    rows = []
    for index in order[: body.get("top_n")]:
        row = {"index": index, "relevance_score": score_of(documents[index])}
        if shape == "string":
            row["document"] = str(documents[index])
        elif shape == "object":
            row["document"] = {"text": str(documents[index])}
        if body.get("return_embeddings"):
            row["embedding"] = [float(index)] * width
        rows.append(row)
    answer = {
        "model": body["model"],
        "object": "list",
        "usage": {"total_tokens": len(documents)},
        "results": rows,
    }
    return Response(200, {}, json.dumps(answer).encode())


@pytest.fixture
def reranker(scripted, invented):
    """``reranker(*outcomes)``: a client, and the transport that it sends through; then ``judge`` answers."""

    def make(*outcomes, limits=None, attempts=1, answer=judge, **settings):
        transport = scripted(*outcomes, default=answer)
        retry = Retry(attempts=attempts, initial=0.0)
        jina = Jina(base_url="http://x", limits=limits, retry=retry, transport=transport, **settings)
        return jina, transport

    return make


def bodies(transport):
    return [json.loads(request.body) for request in transport.requests]


@pytest.mark.parametrize("model", RERANKERS, ids=lambda model: model.name)
def test_a_request_holds_what_was_asked_and_nothing_else(reranker, model):
    """Documents are sent once and never asked back, whatever the model."""
    jina, transport = reranker()
    jina.rerank("q", ["1", {"text": "2", "id": 7}], model=model.name)
    assert bodies(transport) == [
        {"model": model.name, "query": "q", "documents": ["1", "2"], "return_documents": False}
    ]
    assert transport.requests[0].url == "http://x/v1/rerank"


@pytest.mark.parametrize("model", RERANKERS, ids=lambda model: model.name)
@pytest.mark.parametrize("option", [{"max_doc_length": 70}, {"return_embeddings": True}])
def test_options_go_to_the_models_that_have_them(reranker, model, option):
    """What a model does not have is refused before anything is sent, by the option's name."""
    jina, transport = reranker()
    if option.keys() <= model.options:
        jina.rerank("q", ["1"], model=model.name, **option)
        assert option.items() <= bodies(transport)[0].items()
    else:
        with pytest.raises(ConfigurationError, match=next(iter(option))):
            jina.rerank("q", ["1"], model=model.name, **option)
        assert transport.requests == []


IMAGES = [
    (Image(PNG), {"image": base64.b64encode(PNG).decode()}),
    ({"image": "https://y/cat.png"}, {"image": "https://y/cat.png"}),
    ({"image": base64.b64encode(PNG).decode(), "id": 3}, {"image": base64.b64encode(PNG).decode()}),
    ({"url": "https://y/cat.png"}, {"image": "https://y/cat.png"}),
]


@pytest.mark.parametrize(("document", "sent"), IMAGES)
def test_m0_ranks_images_by_texts_and_texts_by_images(reranker, document, sent):
    """An image may be the query or a document, in any form, and travels as an image."""
    jina, transport = reranker()
    jina.rerank("q", ["1", document], model="jina-reranker-m0")
    jina.rerank(document, ["1"], model="jina-reranker-m0")
    assert [body["documents"] for body in bodies(transport)] == [["1", sent], ["1"]]
    assert [body["query"] for body in bodies(transport)] == ["q", sent]


@pytest.mark.parametrize(
    "model",
    [model for model in RERANKERS if "image" not in model.modalities],
    ids=lambda model: model.name,
)
def test_images_are_refused_by_models_that_read(reranker, model):
    """The message names a model that sees."""
    jina, transport = reranker()
    for query, documents in (("q", [Image(PNG)]), (Image(PNG), ["1"])):
        with pytest.raises(ConfigurationError, match="jina-reranker-m0"):
            jina.rerank(query, documents, model=model.name)
    assert transport.requests == []


REFUSED = [
    ({"top_n": 0}, "top_n"),
    ({"top_n": True}, "top_n"),
    ({"model": "jina-embeddings-v3"}, "cannot rerank"),
    ({"max_doc_length": 0}, "8192"),
    ({"max_doc_length": 9000}, "8192"),
    ({"max_documents_per_call": 1}, "from 2"),
    ({"max_documents_per_call": 0, "model": "jina-reranker-m0"}, "from 1"),
    ({"max_documents_per_call": 2.5}, "max_documents_per_call"),
    ({"documents": "abc"}, "list"),
    ({"documents": Image(PNG)}, "list"),
    ({"documents": {"text": "a"}}, "list"),
    ({"documents": ["1", 3]}, r"documents\[1\]"),
    ({"documents": ["1", {"title": "x"}]}, r"documents\[1\]"),
    ({"documents": ["1", {"text": 5}]}, r"documents\[1\]"),
    (
        {"documents": ["1", {"text": "2", "image": "https://y"}], "model": "jina-reranker-m0"},
        "one or the other",
    ),
    ({"documents": ["1", "half \ud800 a pair"]}, r"documents\[1\].*character 5"),
    ({"query": 5}, "query"),
    ({"query": "\ud800"}, "query"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_what_is_wrong_is_refused_before_sending(reranker, arguments, says):
    """Each argument is named, with what would be right."""
    jina, transport = reranker()
    with pytest.raises(ConfigurationError, match=says):
        jina.rerank(**{"query": "q", "documents": ["1"], **arguments})
    assert transport.requests == []


@pytest.mark.parametrize("shape", ["missing", "string", "object"])
def test_answers_with_and_without_documents_are_read_alike(reranker, shape):
    """The caller gets his own objects back, whatever the service makes of them."""
    jina, _ = reranker(lambda request: judge(request, shape=shape))
    given = ["1", {"text": "3", "id": 7}, "2"]
    ranking = jina.rerank("q", given, return_documents=True)
    assert [row.document for row in ranking] == [given[1], given[2], given[0]]
    assert ranking.results[0].document is given[1]
    assert ranking.met == {0, 1, 2}


def test_a_ranking_is_best_first_whatever_the_order_of_the_answer(reranker):
    """Rows are mapped by index and sorted by score; equal scores stand in the caller's order."""
    results = [row(2, 0.5), row(1, 0.25), row(0, 0.5)]
    answer = {"model": "r", "usage": {"total_tokens": 9}, "results": results}
    jina, _ = reranker(Response(200, {}, json.dumps(answer).encode()))
    ranking = jina.rerank("q", ["1", "2", "3"])
    assert [(found.index, found.score, found.document) for found in ranking] == [
        (0, 0.5, None),
        (2, 0.5, None),
        (1, 0.25, None),
    ]
    assert (ranking.model, ranking.usage.tokens, ranking.usage.requests) == ("r", 9, 1)


def test_top_n_beyond_the_list_is_all_of_it(reranker):
    """As the service takes it."""
    jina, transport = reranker()
    assert len(jina.rerank("q", ["1", "2"], top_n=10)) == 2
    assert bodies(transport)[0]["top_n"] == 10


def test_documents_may_come_from_a_generator(reranker):
    """They are looked at once."""
    jina, _ = reranker()
    ranking = jina.rerank("q", (str(n) for n in range(3)), return_documents=True)
    assert [row.document for row in ranking] == ["2", "1", "0"]


def test_embeddings_have_the_width_that_the_service_gives_them(reranker):
    """Pages say 256 and measurements 512: neither is expected."""
    for width in (256, 512):
        jina, _ = reranker(lambda request, width=width: judge(request, width=width))
        ranking = jina.rerank("q", ["1", "2"], return_embeddings=True)
        assert [row.embedding.shape for row in ranking] == [(width,)] * 2
        assert ranking.results[0].embedding.dtype == np.float32
        assert ranking.results[0].embedding[0] == 1.0


def test_scores_below_zero_are_scores(reranker):
    """Listwise models give cosines."""
    jina, _ = reranker()
    assert [row.score for row in jina.rerank("q", ["-0.5", "-0.1"])] == [-0.1, -0.5]


def row(index, score=0.5, **more):
    return {"index": index, "relevance_score": score, **more}


WRONG = [
    [],
    [row(0)],
    [row(0), row(0)],
    [row(0), row(2)],
    [row(0), row(-1)],
    [row(0), row(True)],
    [row(0), row(1, None)],
    [row(0), row(1, "0.5")],
    [row(0), row(1, float("nan"))],
    [row(0), row(1, 10**400)],
    [row(0), [1]],
    "x",
    None,
]
VECTORS = [None, [], "abc", [1.0, None], [1.0, float("inf")], [10**400], [1e39], [True]]


@pytest.mark.parametrize("results", WRONG)
def test_a_wrong_ranking_is_an_error(reranker, results):
    """A row that is missing, double, unknown or without a finite score is never passed on."""
    answer = Response(200, {}, json.dumps({"results": results}).encode())
    jina, _ = reranker(answer)
    with pytest.raises(ResponseError, match=r"results|index|score"):
        jina.rerank("q", ["1", "2"])


@pytest.mark.parametrize("vector", VECTORS)
def test_a_wrong_embedding_is_an_error(reranker, vector):
    """Whoever asked for vectors gets finite ones of one width, or is told."""
    results = [row(0, embedding=[1.0, 2.0]), row(1, embedding=vector)]
    jina, _ = reranker(Response(200, {}, json.dumps({"results": results}).encode()))
    with pytest.raises(ResponseError, match="embedding"):
        jina.rerank("q", ["1", "2"], return_embeddings=True)


def test_embeddings_of_several_widths_are_an_error(reranker):
    """One array could not hold them."""
    results = [row(0, embedding=[1.0, 2.0]), row(1, embedding=[1.0])]
    jina, _ = reranker(Response(200, {}, json.dumps({"results": results}).encode()))
    with pytest.raises(ResponseError, match="widths"):
        jina.rerank("q", ["1", "2"], return_embeddings=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "relevance_score", "embedding", "results"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["results", "usage", "model"]), JSON) | JSON, st.integers(0, 30))
def test_any_answer_is_a_ranking_or_a_typed_error(answer, cut):
    """No KeyError, no TypeError: whatever a gateway makes of an answer."""
    body = json.dumps(answer).encode()

    class Gateway:
        def send(self, request):
            return Response(200, {}, body[: len(body) - cut] if cut % 3 == 0 else body)

    jina = Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), transport=Gateway())
    try:
        ranking = jina.rerank("q", ["1", "2"], return_embeddings=True)
    except RagbridgeError:
        return
    assert sorted(row.index for row in ranking) == [0, 1]


def test_a_refused_document_is_named_by_the_callers_index(reranker):
    """Also in a later call, where the service counts from zero."""
    refusal = {"detail": "x", "errors": [{"field": "documents.1.text", "message": "too bad"}]}
    refused = Response(422, {}, json.dumps(refusal).encode())
    jina, _ = reranker(judge, refused, concurrency=1)
    with pytest.raises(InvalidRequestError, match=r"documents\[4\]: .*too bad") as caught:
        jina.rerank("q", [str(n) for n in range(6)], model="jina-reranker-m0", max_documents_per_call=3)
    assert caught.value.index == 4


def test_an_unknown_model_is_no_fault_of_a_document(reranker):
    """The message stays the service's own."""
    jina, _ = reranker(Response(404, {}, b'{"detail": "Model x not found"}'))
    with pytest.raises(InvalidRequestError) as caught:
        jina.rerank("q", ["1"], model="x")
    assert (caught.value.message, caught.value.index) == ("Model x not found (POST http://x/v1/rerank)", None)


def test_the_query_is_booked_with_each_document_where_that_fits(reranker):
    """The dearer reading of the bill is the safe one; the cheaper one where only that fits."""
    booked = []

    class Watched(Limiter):
        def reserve(self, tokens, *, variance=0.0):
            booked.append(tokens)
            return super().reserve(tokens, variance=variance)

    for capacity in (10_000, 150):
        limiter = Watched(RateLimit(100, capacity, 2))
        jina, _ = reranker(limits=limiter, count_tokens=lambda text: len(text))
        jina.rerank("q" * 100, ["1", "2"], model="jina-reranker-v3")
    dear, cheap = booked
    assert dear > 200
    assert 100 < cheap < 150


def test_an_image_is_booked_with_what_it_may_cost(reranker):
    """768 tokens each: what the model sees of an image at most."""
    booked = []

    class Watched(Limiter):
        def reserve(self, tokens, *, variance=0.0):
            booked.append(tokens)
            return super().reserve(tokens, variance=variance)

    jina, _ = reranker(limits=Watched(RateLimit(100, 100_000, 2)))
    jina.rerank("q", ["1", Image(PNG), Image(PNG)], model="jina-reranker-m0")
    assert 2 * 768 < booked[0] < 2 * 768 + 100
