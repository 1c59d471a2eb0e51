"""``ragbridge.testing``: what those who test their own code can rely on."""

from __future__ import annotations

import asyncio
import doctest
import json
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ragbridge
from ragbridge import (
    ConfigurationError,
    Elastic,
    InvalidRequestError,
    Jina,
    RateLimit,
    RequestError,
    Retry,
    StatusError,
    testing,
)
from ragbridge.local import Engine, Faults
from ragbridge.testing import Request, Response, ScriptedTransport, VirtualClock, vector_of

TEXTS = ["The sea is deep.", "An onion has layers.", "The sea is wide."]


def client(*outcomes, **options):
    """A client whose requests are answered by a script."""
    return Jina("a-key", transport=ScriptedTransport(*outcomes), clock=VirtualClock(), **options)


def test_the_examples_of_the_module_work():
    """As they stand in its docstring."""
    assert doctest.testmod(testing).failed == 0


def test_importing_it_loads_nothing_heavy():
    """A test suite that uses it pays for no HTTP library, no NumPy and no engine."""
    code = "import sys, ragbridge.testing; print([n for n in ('asyncio', 'httpx', 'numpy', 'ragbridge.local.engine') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("face", ["sync", "async"])
def test_vectors_tell_their_text(face):
    """Each row is the vector of its text, whatever the requests that the texts were sent in."""
    transport = ScriptedTransport()
    jina = Jina("a-key", transport=transport, batch_size=2, limits=None)
    texts = [f"text {number}" for number in range(9)]
    result = (
        jina.embed(texts, dimensions=64) if face == "sync" else asyncio.run(jina.aembed(texts, dimensions=64))
    )
    assert result.vectors.tolist() == [vector_of(text, 64) for text in texts]
    assert len(transport.requests) == 5
    assert sorted(text for body in transport.bodies for text in body["input"]) == texts


@pytest.mark.parametrize(
    ("model", "options", "asked", "width"),
    [
        ("jina-embeddings-v5-text-small", {}, {}, 1024),
        ("jina-embeddings-v5-text-nano", {}, {}, 768),
        ("jina-embeddings-v5-text-small", {}, {"dimensions": 128}, 128),
        ("jina-embeddings-v5-text-small", {"dimensions": 16}, {}, 1024),
        ("a-model-of-ones-own", {"dimensions": 16}, {}, 16),
        ("a-model-of-ones-own", {}, {}, 8),
    ],
)
def test_vectors_have_the_width_of_the_request_or_of_the_model_or_of_the_transport(
    model, options, asked, width
):
    """In this order; a model that the table does not know has eight dimensions."""
    jina = Jina("a-key", transport=ScriptedTransport(**options))
    assert jina.embed(["a text"], model=model, **asked).vectors.shape == (1, width)


@given(st.text(), st.text(), st.integers(1, 64))
def test_equal_texts_have_equal_vectors_and_different_ones_have_not(one, other, width):
    """They are of length 1, and float32 holds them as they are."""
    vector = vector_of(one, width)
    assert vector == vector_of(one, width)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
    assert np.asarray(vector, np.float32).tolist() == vector
    if one != other:
        assert vector_of(one, 64) != vector_of(other, 64)


@pytest.mark.parametrize("kind", ["binary", "ubinary"])
def test_packed_vectors_have_a_bit_for_each_dimension(kind):
    """Set where the number is positive, in either way of writing the bytes."""
    jina = client(limits=None)
    packed = jina.embed(["a text"], model="jina-embeddings-v3", embedding_type=kind).vectors[0]
    bits = np.unpackbits(packed).tolist()
    assert bits == [number > 0 for number in vector_of("a text", 1024)]


def test_rerank_prefers_documents_with_the_words_of_the_query():
    """Scores are shares of the query's words; equals stay in the order of the documents."""
    ranking = client().rerank("deep sea", TEXTS)
    assert [(row.index, row.score) for row in ranking.results] == [(0, 1.0), (2, 0.5), (1, 0.0)]
    assert [row.index for row in client().rerank("deep sea", TEXTS, top_n=1)] == [0]


def test_rerank_gives_the_embeddings_that_are_asked_for():
    """One for each document, the same that embeddings have."""
    (best,) = client().rerank("sea", TEXTS, top_n=1, return_embeddings=True).results
    assert best.embedding.tolist() == vector_of(TEXTS[0], len(best.embedding))


def test_elasticsearch_is_answered_in_its_own_form():
    """Embeddings and reranking by inference endpoints."""
    transport = ScriptedTransport()
    elastic = Elastic("http://cluster", api_key="a-key", transport=transport)
    result = elastic.embed(TEXTS, inference_id="mine")
    assert result.vectors.tolist() == [vector_of(text) for text in TEXTS]
    ranking = elastic.rerank("deep sea", TEXTS, inference_id="mine-too")
    assert [row.index for row in ranking.results] == [0, 2, 1]


def test_outcomes_are_used_once_and_in_order():
    """A status, an exception, an answer, a function; then right answers."""
    own = Response(200, {"content-type": "application/json"}, b'{"results": "none"}')
    cut = Response(200, {"content-type": "application/json"}, b'{"results": ')
    transport = ScriptedTransport(503, RequestError("broken"), own, lambda _: cut, 200, None)
    jina = Jina("a-key", transport=transport, clock=VirtualClock(), retry=Retry(attempts=5, initial=0.0))
    assert len(jina.rerank("sea", TEXTS).results) == 3
    assert len(transport.requests) == 5
    assert len(jina.rerank("sea", TEXTS).results) == 3


@pytest.mark.parametrize("make", [Jina, Elastic])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 503])
def test_a_status_is_an_error_of_either_service(make, status):
    """It reaches the caller with the status and the transport's message."""
    where = {"url": "http://cluster", "api_key": "a-key"} if make is Elastic else {"api_key": "a-key"}
    service = make(
        **where,
        transport=ScriptedTransport(*[status] * 5),
        clock=VirtualClock(),
        limits=None,
        retry=Retry(attempts=1),
    )
    options = {"inference_id": "mine"} if make is Elastic else {}
    with pytest.raises(StatusError, match="as the script says") as raised:
        service.embed(["a text"], **options)
    assert raised.value.status == status


def test_what_has_no_right_answer_is_said_at_once():
    """A request that nobody scripted is not retried."""
    jina = client()
    with pytest.raises(ConfigurationError, match=r"POST https://api\.jina\.ai/v1/classify: script one"):
        jina.classify(["a"], labels=["x", "y"])
    assert jina.usage.retries == 0


def test_an_engine_answers_what_is_not_scripted():
    """All products; an outcome of the script comes before."""
    transport = ScriptedTransport(503, default=Engine())
    jina = Jina("a-key", transport=transport, clock=VirtualClock())
    assert jina.rerank("How deep is the sea?", TEXTS).results[0].index == 0
    assert len(jina.classify(["a fish"], labels=["sea", "kitchen"]).results) == 1
    assert len(transport.requests) == 3


def test_an_engine_that_breaks_connections_breaks_them_here_as_well():
    """Its faults are errors as they are of a socket."""
    engine = Engine(faults=Faults(rate=1.0, kinds=["reset"]))
    jina = Jina("a-key", transport=ScriptedTransport(default=engine), retry=Retry(attempts=1))
    with pytest.raises(RequestError, match="the connection broke"):
        jina.embed(["a text"])


def test_a_function_gives_the_right_answers():
    """In place of the transport's own."""
    body = {"model": "m", "usage": {"total_tokens": 1}, "results": [{"index": 0, "relevance_score": 0.25}]}

    def answer(request: Request) -> Response:
        return Response(200, {}, json.dumps(body).encode())

    jina = Jina("a-key", transport=ScriptedTransport(422, default=answer))
    with pytest.raises(InvalidRequestError):
        jina.rerank("sea", ["a"])
    assert jina.rerank("sea", ["a"]).results[0].score == 0.25


def test_hours_of_waiting_take_no_time():
    """The clock tells how long the pauses would have been; both faces wait by it."""
    script = [Response(503, {"retry-after": "100"}), Response(503, {"retry-after": "50"})]
    clock = VirtualClock()
    jina = Jina("a-key", transport=ScriptedTransport(*script, None, script[0]), clock=clock, limits=None)
    jina.embed(["a text"])
    assert [int(seconds // 50) for seconds in clock.slept] == [2, 1]
    asyncio.run(jina.aembed(["a text"]))
    assert [int(seconds // 50) for seconds in clock.slept] == [2, 1, 2]
    before = clock.now()
    assert before == pytest.approx(sum(clock.slept))
    clock.advance(10)
    assert clock.now() == before + 10


def test_a_wait_without_an_end_is_an_error():
    """A test that would hang fails instead."""
    with pytest.raises(RuntimeError, match="without an end"):
        VirtualClock().wait(threading.Event(), float("inf"))
    event = threading.Event()
    event.set()
    VirtualClock().wait(event, float("inf"))


def test_reset_forgets_what_clients_share():
    """A client made afterwards has a whole quota and fresh estimates; one that exists goes on as it was."""

    def make():
        return Jina("a-key", transport=ScriptedTransport(), limits=RateLimit(100, 100_000))

    before = make()
    before.embed(["a text"])
    assert make()._channel.limiter("embeddings") is before._channel.limiter("embeddings")
    estimates = before._channel.tokens("jina-embeddings-v5-text-small")
    assert estimates.calibrated
    testing.reset()
    after = make()
    assert after._channel.limiter("embeddings") is not before._channel.limiter("embeddings")
    assert after._channel.limiter("embeddings").idle
    assert not after._channel.tokens("jina-embeddings-v5-text-small").calibrated
    assert len(before.embed(["a text"]).vectors) == 1


def test_reset_forgets_what_the_engine_of_this_process_holds():
    """An index, an endpoint and a trained classifier behind ``"local"`` are gone for clients new and old; weights stay."""
    elastic, jina = Elastic("local"), Jina(base_url="local")
    elastic.create_index("docs", {"title": {"type": "keyword"}})
    classifier = jina.classifiers.train([("the sea", "water"), ("a loaf", "bread")], iterations=2)
    testing.reset()
    for either in (elastic, Elastic("local")):
        with pytest.raises(InvalidRequestError, match=r"no such index \[docs\]"):
            either.search("docs", query={"match_all": {}})
    assert classifier.classifier_id not in [
        row.classifier_id for row in Jina(base_url="local").classifiers.list()
    ]


def test_request_and_response_are_those_of_flows():
    """One type each, whichever public module it is taken from."""
    assert testing.Request is ragbridge.flow.Request
    assert testing.Response is ragbridge.flow.Response
