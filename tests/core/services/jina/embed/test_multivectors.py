"""One vector for each token: where it is asked for, how it is read, how such vectors are compared."""

from __future__ import annotations

import base64
import json
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    MultiVectors,
    Pdf,
    ResponseError,
    Retry,
    Usage,
    maxsim,
)
from ragbridge.flow import Response

V4 = "jina-embeddings-v4"
NEWER = "jina-embeddings-v9"
MISSING = Response(404, {}, b'{"detail": "Not Found"}')
UNKNOWN = Response(
    404, {}, b'{"detail": "Model x not found", "code": "RESOURCE_NOT_FOUND", "request_id": "r1"}'
)


def b64(numbers):
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


def row(index, tokens, write=b64, **more):
    return {"object": "embeddings", "index": index, "embeddings": [write(token) for token in tokens], **more}


def answer(rows, **more):
    content = {"model": "m", "object": "list", "usage": {"total_tokens": 9}, "data": rows, **more}
    return Response(200, {}, json.dumps(content).encode())


def numbered(request):
    """For each input as many tokens as it has words, each vector full of the number that the input starts with."""
    body = json.loads(request.body)
    rows = [
        row(index, [[float(text.split()[0])] * 128] * len(text.split()))
        for index, text in enumerate(body["input"])
    ]
    return answer(list(reversed(rows)))


def client(scripted, *outcomes, **settings):
    transport = scripted(*outcomes)
    plain = {"base_url": "http://x", "limits": None, "retry": Retry(attempts=1), "transport": transport}
    return Jina(**{**plain, **settings}), transport


def paths(transport):
    return [request.url.removeprefix("http://x/v1") for request in transport.requests]


GOOD = np.arange(6 * 128, dtype=np.float32).reshape(6, 128) / 7


@pytest.mark.parametrize("write", [b64, lambda token: token.tolist()], ids=["base64", "numbers"])
@pytest.mark.parametrize("face", ["embed_multivector", "aembed_multivector"])
async def test_rows_of_tokens_are_read_in_the_order_of_the_inputs(scripted, write, face):
    """Base64 for each token, or numbers: float32 arrays, whatever the order of the answer."""
    rows = [row(1, GOOD[2:], write), row(0, GOOD[:2], write)]
    jina, _ = client(scripted, answer(rows))
    result = getattr(jina, face)(["a", "b"], role="document")
    result = await result if face.startswith("a") else result
    assert [vectors.shape for vectors in result] == [(2, 128), (4, 128)]
    assert np.array_equal(np.concatenate(result.vectors), GOOD)
    assert {vectors.dtype for vectors in result} == {np.dtype(np.float32)}
    assert all(vectors.flags.writeable for vectors in result)
    assert (result.model, result.usage) == ("m", Usage(9, 1))
    assert result.tokens is None


@pytest.mark.parametrize("face", ["embed_multivector", "aembed_multivector"])
async def test_batches_keep_the_order_and_tell_of_progress(scripted, face):
    """Requests side by side, results as asked."""
    jina, transport = client(scripted, *[numbered] * 5, batch_size=4)
    told = []
    result = getattr(jina, face)(
        (f"{n} " + "w " * (n % 3) for n in range(18)), role="query", progress=told.append
    )
    result = await result if face.startswith("a") else result
    assert [vectors[0, 0] for vectors in result] == list(range(18))
    assert [len(vectors) for vectors in result] == [n % 3 + 1 for n in range(18)]
    assert (sorted(told), result.usage.requests, len(transport.requests)) == ([2, 4, 4, 4, 4], 5, 5)


def test_no_input_sends_nothing(scripted):
    """An empty list is an empty result, under the name that was asked for."""
    jina, transport = client(scripted)
    result = jina.embed_multivector([], role="query")
    assert (result.vectors, result.model, result.usage, transport.requests) == (
        (),
        "jina-colbert-v2",
        Usage(),
        [],
    )


def test_tokens_come_along_where_they_are_asked_for(scripted):
    """One text for each vector."""
    rows = [row(0, GOOD[:2], tokenized_input=["a", "b"]), row(1, GOOD[:1], tokenized_input=["c"])]
    jina, transport = client(scripted, answer(rows))
    result = jina.embed_multivector(["a b", "c"], model=V4, role="document", return_tokens=True)
    assert result.tokens == (("a", "b"), ("c",))
    assert json.loads(transport.requests[0].body)["return_tokenized_input"] is True


def test_pages_of_a_pdf_are_inputs_of_their_own(scripted):
    """As many as the service found."""
    jina, transport = client(scripted, answer([row(n, GOOD[: n + 1]) for n in (2, 0, 1)]))
    result = jina.embed_multivector(Pdf("https://x.example/a.pdf"), model=V4, role="document")
    assert [len(vectors) for vectors in result] == [1, 2, 3]
    assert json.loads(transport.requests[0].body)["input"] == {"pdf": "https://x.example/a.pdf"}


WRONG = {
    "a row is missing": [row(0, GOOD[:2])],
    "a double index": [row(0, GOOD[:2])] * 2,
    "an index too large": [row(0, GOOD[:2]), row(2, GOOD[:2])],
    "no tokens": [row(0, GOOD[:2]), row(1, [])],
    "one vector for each text": [{"index": n, "embedding": b64(GOOD[n])} for n in range(2)],
    "a vector that is no list": [row(0, GOOD[:2]), {"index": 1, "embeddings": b64(GOOD[0])}],
    "another width": [row(0, GOOD[:2]), row(1, GOOD[:2, :64])],
    "tokens of several widths": [row(0, GOOD[:2]), row(1, [GOOD[0], GOOD[1, :64]])],
    "half a float": [row(0, GOOD[:2]), row(1, ["AAAA"], str)],
    "no base64": [row(0, GOOD[:2]), row(1, ["?" * 684], str)],
    "empty vectors": [row(0, GOOD[:2]), row(1, [""], str)],
    "NaN": [row(0, GOOD[:2]), row(1, [[math.nan] * 128])],
    "infinity as a number": [row(0, GOOD[:2]), row(1, [[math.inf] * 128], list)],
    "text": [row(0, GOOD[:2]), row(1, [["1"] * 128], list)],
    "null": [row(0, GOOD[:2]), row(1, [None], lambda token: token)],
    "a row that is no object": [row(0, GOOD[:2]), 7],
    "no list": None,
}


@pytest.mark.parametrize("model", ["jina-colbert-v2", V4])
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_is_an_error_and_never_a_row(scripted, model, what):
    """Whatever stands there instead of what was promised."""
    jina, _ = client(scripted, answer(WRONG[what]))
    with pytest.raises(ResponseError):
        jina.embed_multivector(["a", "b"], model=model, role="document")


@pytest.mark.parametrize("tokens", [None, ["a"], ["a", 1], "ab"], ids=repr)
def test_tokens_that_do_not_fit_their_vectors_are_an_error(scripted, tokens):
    """Too few, no texts, or none at all."""
    jina, _ = client(scripted, answer([row(0, GOOD[:2], tokenized_input=tokens)]))
    with pytest.raises(ResponseError, match="tokenized_input"):
        jina.embed_multivector(["a"], model=V4, role="query", return_tokens=True)


@pytest.mark.parametrize("model", ["jina-colbert-v2", V4])
def test_vectors_of_another_width_than_the_models_own_are_an_error(scripted, model):
    """The table knows how wide a token's vector is, of models for tokens alone as of v4."""
    jina, _ = client(scripted, answer([row(0, GOOD[:, :64])]))
    with pytest.raises(ResponseError, match="64 dimensions where 128"):
        jina.embed_multivector(["a"], model=model, role="query")


def test_answers_of_one_job_with_different_widths_are_an_error(scripted):
    """Where the table does not know a width, the answers must agree at least."""
    jina, _ = client(scripted, answer([row(0, GOOD)]), answer([row(0, GOOD[:, :64])]), batch_size=1)
    with pytest.raises(ResponseError, match=r"\[64, 128\]"):
        jina.embed_multivector(["a", "b"], model=NEWER, role="query")


def test_the_former_route_is_asked_where_the_service_does_not_know_this_one(scripted):
    """On 404, with the same body; what was found is remembered by the client, for later calls."""
    jina, transport = client(scripted, MISSING, numbered, numbered)
    jina.embed_multivector(["1 a"], role="query")
    jina.embed_multivector(["2 a"], role="query")
    assert paths(transport) == ["/embeddings", "/multi-vector", "/multi-vector"]
    assert transport.requests[0].body == transport.requests[1].body


def test_the_present_route_is_enough_where_it_answers(scripted):
    """No other is tried."""
    jina, transport = client(scripted, numbered, numbered)
    jina.embed_multivector(["1 a"], role="query")
    jina.embed_multivector(["2 a"], role="query")
    assert paths(transport) == ["/embeddings"] * 2


def test_a_model_that_neither_route_knows_is_the_first_ones_error(scripted):
    """A missing model answers 404 as a missing route does: the more telling answer is shown, and nothing is remembered."""
    jina, transport = client(scripted, UNKNOWN, MISSING, numbered)
    with pytest.raises(InvalidRequestError, match="Model x not found") as raised:
        jina.embed_multivector(["1 a"], role="query")
    assert (raised.value.code, raised.value.request_id) == ("RESOURCE_NOT_FOUND", "r1")
    jina.embed_multivector(["1 a"], role="query")
    assert paths(transport) == ["/embeddings", "/multi-vector", "/embeddings"]


def test_an_error_of_the_former_route_is_its_own(scripted):
    """It was found, and refuses what was sent: by its place in the caller's list."""
    refusal = Response(
        422, {}, b'{"detail": "x", "errors": [{"field": "input.0", "message": "Invalid value"}]}'
    )
    jina, _ = client(scripted, MISSING, refusal)
    with pytest.raises(InvalidRequestError, match=r"texts\[0\].*Invalid value") as raised:
        jina.embed_multivector(["1 a"], role="query")
    assert raised.value.status == 422


def test_v4_has_one_route(scripted):
    """Its token vectors never were elsewhere: a 404 is an error."""
    jina, transport = client(scripted, MISSING, multivector_path="/elsewhere")
    with pytest.raises(InvalidRequestError):
        jina.embed_multivector(["a"], model=V4, role="query")
    assert paths(transport) == ["/embeddings"]


@pytest.mark.parametrize("given", ["/multi-vector", "multi-vector", "/v1/multi-vector", "/multi-vector/"])
def test_a_route_that_is_given_is_the_only_one(scripted, given):
    """With and without slash and version; no fall-back."""
    jina, transport = client(scripted, numbered, MISSING, multivector_path=given)
    jina.embed_multivector(["1 a"], role="query")
    with pytest.raises(InvalidRequestError):
        jina.embed_multivector(["1 a"], role="query")
    assert paths(transport) == ["/multi-vector"] * 2


@pytest.mark.parametrize("wrong", ["", "/", "a?b", "a#b", 3])
def test_a_route_that_is_none_is_named(wrong):
    """At construction."""
    with pytest.raises(ConfigurationError, match="multivector_path"):
        Jina(base_url="http://x", multivector_path=wrong)


def test_the_embedded_engine_ranks_by_tokens():
    """All of it runs without a key: the text that shares words is the best match."""
    jina = Jina(base_url="local")
    query = jina.embed_multivector(["boats in the harbour"], role="query")
    texts = ["Bread needs time.", "The harbour is full of boats.", "Numbers are infinite."]
    documents = jina.embed_multivector(texts, role="document")
    assert int(np.argmax(maxsim(query.vectors[0], documents))) == 1


def test_a_repr_fits_on_a_line():
    """And shows no token."""
    result = MultiVectors((GOOD,), "m", Usage(9, 1), (("secret",),))
    assert repr(result) == "MultiVectors(inputs=1, model='m', usage=Usage(tokens=9, requests=1))"
    assert result.tolist() == [GOOD.tolist()]
    assert len(result) == 1


def plainly(query, documents):
    """The definition: for each token of the query the best dot product, added up."""
    return [
        sum(max(float(np.dot(token, other)) for other in document) for token in query)
        for document in documents
    ]


numbers = st.floats(-4, 4, width=16)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 4))
def test_maxsim_is_what_its_definition_says(data, width, tokens):
    """Of any number of documents of any length."""
    query = data.draw(arrays(np.float32, (tokens, width), elements=numbers))
    lengths = data.draw(st.lists(st.integers(1, 6), max_size=8))
    documents = [data.draw(arrays(np.float32, (length, width), elements=numbers)) for length in lengths]
    found = maxsim(query, documents)
    assert (found.shape, found.dtype) == ((len(documents),), np.float32)
    assert found == pytest.approx(plainly(query, documents), abs=1e-3)


def test_maxsim_does_not_depend_on_where_blocks_end(monkeypatch):
    """Documents and queries that are cut into blocks score as in one."""
    draw = np.random.default_rng(7)
    query = draw.standard_normal((9, 16), np.float32)
    documents = [draw.standard_normal((length, 16), np.float32) for length in (1, 7, 30, 2, 5, 5, 11)]
    whole = maxsim(query, documents)
    monkeypatch.setattr("ragbridge.values.multivectors.BLOCK_TOKENS", 10)
    monkeypatch.setattr("ragbridge.values.multivectors.BLOCK_QUERY_TOKENS", 4)
    assert maxsim(query, documents) == pytest.approx(whole, rel=1e-5)


def test_maxsim_takes_lists_and_answers_none_for_none():
    """Lists of numbers, half floats, a result as it is."""
    assert maxsim([[1, 0], [0, 1]], [[[1, 0]], [[0.5, 0.5], [0, 1]]]).tolist() == [1.0, 1.5]
    assert maxsim(
        np.eye(2, dtype=np.float16), MultiVectors((np.eye(2, dtype=np.float32),), "m")
    ).tolist() == [2.0]
    assert maxsim([[1.0]], []).shape == (0,)


@pytest.mark.parametrize(
    ("query", "documents", "says"),
    [
        ([1.0, 2.0], [], "query"),
        (np.empty((0, 2)), [], "query"),
        ([["a"]], [], "query"),
        ([[1.0], [1.0, 2.0]], [], "query"),
        ([[1.0, 2.0]], [[[1.0, 2.0]], [[1.0]]], r"documents\[1\] has 1 dimensions, but the query has 2"),
        ([[1.0, 2.0]], [[[1.0, 2.0]], np.empty((0, 2))], r"documents\[1\]"),
        ([[1.0, 2.0]], [[1.0, 2.0]], r"documents\[0\]"),
        (np.zeros((1, 16), np.uint8), [], "packed bits"),
        ([[1.0] * 16], [np.zeros((1, 16), np.int8)], "packed bits"),
        ([[1e300, 1.0]], [[[1.0, 0.0]]], "query holds numbers that are not finite"),
        ([[1.0, 0.0]], [[[math.nan, 0.0]]], r"documents\[0\] holds numbers that are not finite"),
    ],
    ids=str,
)
def test_maxsim_refuses_what_has_no_such_similarity(query, documents, says):
    """Named, rather than scored."""
    with pytest.raises(ConfigurationError, match=says):
        maxsim(query, documents)


def test_maxsim_holds_one_block_at_a_time():
    """Memory does not grow with the number of documents: similarities of all of them would take 200 MB here."""
    documents = [np.ones((128, 8), np.float32)] * 1600  # 204,800 tokens, one array
    query = np.ones((256, 8), np.float32)
    tracemalloc.start()
    scores = maxsim(query, documents)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scores.tolist() == [2048.0] * 1600
    assert peak < 100_000_000
