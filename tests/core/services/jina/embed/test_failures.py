"""What a call keeps when the service refuses some of its items, and what it pays for."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading

import numpy as np
import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Elastic,
    Image,
    InvalidRequestError,
    Jina,
    QuotaExhaustedError,
    ResponseError,
    Retry,
)
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

MODEL = "jina-embeddings-v3"
EMPTY = Response(200, {}, b'{"data": []}')


def texts_of(request):
    """The texts of a request."""
    return json.loads(request.body)["input"]


class Picky(ScriptedTransport):
    """The embedded engine, which refuses requests that hold a bad text, and says no place."""

    def __init__(self, *bad, answer=None, **options):
        super().__init__(default=Engine())
        self.bad = set(bad)
        self.answer = answer or Response(422, {}, b'{"detail": "something is wrong"}')
        self.accepted = []

    def send(self, request):
        texts = texts_of(request)
        if self.bad.intersection(texts):
            self.requests.append(request)
            return self.answer
        self.accepted += texts
        return super().send(request)

    async def send_async(self, request):
        return self.send(request)


def client(transport, **options):
    """A client of one request at a time."""
    given = {"limits": None, "concurrency": 1, "retry": Retry(attempts=5), "clock": VirtualClock()}
    return Jina("k", base_url="http://x", transport=transport, **{**given, **options})


TEXTS = [f"text {number}" for number in range(1000)]


@pytest.mark.parametrize("face", ["embed", "aembed"])
async def test_one_refused_text_of_a_thousand_costs_nothing_but_refusals(face):
    """The text is named, all others have their vectors, and none is sent twice in an accepted request."""
    transport = Picky("")
    texts = [*TEXTS[:440], "", *TEXTS[441:]]
    jina = client(transport, concurrency=8)
    result = getattr(jina, face)(texts, model=MODEL, dimensions=32, on_error="report")
    result = await result if face == "aembed" else result
    ((failure),) = result.failed
    assert (failure.index, failure.error.index) == (440, 440)
    assert "texts[440]" in str(failure.error)
    assert sorted(transport.accepted) == sorted(text for text in texts if text)
    assert np.isnan(result.vectors[440]).all()
    right = Jina(base_url="local").embed([TEXTS[441], TEXTS[999]], model=MODEL, dimensions=32).vectors
    assert np.allclose(result.vectors[[441, 999]], right)
    assert np.isfinite(np.delete(result.vectors, 440, axis=0)).all()


def test_by_default_the_error_names_the_text_and_has_the_rest():
    """``partial`` holds what was done by then, in the order of the caller's list."""
    transport = Picky("text 300")
    with pytest.raises(InvalidRequestError, match=r"texts\[300\]") as raised:
        client(transport).embed(TEXTS, model=MODEL, dimensions=32)
    partial = raised.value.partial
    assert partial.indices == tuple(range(300))
    right = Jina(base_url="local").embed(TEXTS[:300], model=MODEL, dimensions=32).vectors
    assert np.allclose(partial.result.vectors, right)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert copy.partial.indices == partial.indices


def test_answers_under_way_are_part_of_what_was_done():
    """A refusal of one text waits for the answers that are paid for already, on either face."""
    transport = Picky("text 0")
    with pytest.raises(InvalidRequestError) as raised:
        client(transport, concurrency=8, batch_size=1).embed(TEXTS[:8], model=MODEL)
    assert len(raised.value.partial.indices) == len(transport.accepted)


def test_an_empty_balance_keeps_what_was_paid():
    """Eight paid requests, then no balance: their vectors are in the error."""
    broke = Response(403, {}, b'{"detail": {"code": "AUTHZ_INSUFFICIENT_BALANCE", "message": "empty"}}')
    with pytest.raises(QuotaExhaustedError) as raised:
        client(Picky("text 999", answer=broke)).embed(TEXTS, model=MODEL, on_error="report")
    assert raised.value.partial.indices == tuple(range(896))
    assert raised.value.partial.result.vectors.shape == (896, 1024)


def test_a_refusal_of_everything_is_no_fault_of_the_items():
    """Where nothing is accepted, the error is raised after a few refusals, and not reported a thousand times."""
    transport = Picky(*TEXTS)
    with pytest.raises(InvalidRequestError, match="something is wrong"):
        client(transport).embed(TEXTS, model=MODEL, on_error="report")
    assert len(transport.requests) < 40


def test_several_refused_texts_are_all_named():
    """And nothing but they."""
    bad = [3, 64, 65, 127, 128, 511, 999]
    transport = Picky(*(TEXTS[place] for place in bad))
    result = client(transport).embed(TEXTS, model=MODEL, dimensions=32, on_error="report")
    assert [failure.index for failure in result.failed] == bad


def test_a_service_that_names_the_text_is_asked_once_more():
    """For the others."""
    refusal = Response(422, {}, b'{"detail": "x", "errors": [{"field": "input.2", "message": "empty"}]}')
    transport = Picky("text 2", answer=refusal)
    result = client(transport).embed(TEXTS[:8], model=MODEL, on_error="report")
    assert [failure.index for failure in result.failed] == [2]
    assert [len(texts_of(request)) for request in transport.requests] == [8, 2, 5]


def test_a_chunk_that_is_refused_is_named_in_its_document():
    """Other documents are whole; ``partial`` has whole documents alone."""
    documents = [["a", "b"], ["c", "bad", "d"], [], ["e"]]
    result = client(Picky("bad")).embed_documents(documents, model=MODEL, on_error="report")
    ((failure),) = result.failed
    assert failure.index == 1
    assert "documents[1][1]" in str(failure.error)
    assert [len(vectors) for vectors in result.documents] == [2, 3, 0, 1]
    assert np.isnan(result.documents[1][1]).all()
    assert np.isfinite(result.documents[1][[0, 2]]).all()
    with pytest.raises(InvalidRequestError) as raised:
        client(Picky("bad"), batch_size=2).embed_documents(documents, model=MODEL)
    assert raised.value.partial.indices == (0, 2)
    assert [len(vectors) for vectors in raised.value.partial.result.documents] == [2, 0]


def test_late_chunking_loses_a_document_whole():
    """Its chunks are embedded in the light of one another, so none can be left out."""
    documents = [["a", "b"], ["c", "bad", "d"], ["e"]]
    result = client(Picky("bad")).embed_documents(
        documents, model=MODEL, late_chunking=True, on_error="report"
    )
    assert {failure.index for failure in result.failed} == {1}
    assert "documents[1]" in str(result.failed[0].error)
    assert np.isnan(result.documents[1]).all()
    assert np.isfinite(result.documents[2]).all()


def test_every_product_reports():
    """Multi-vectors and classes as vectors."""
    jina = client(Picky("bad"))
    found = jina.embed_multivector(["a", "bad", "b"], role="document", on_error="report")
    assert [len(vectors) > 0 for vectors in found.vectors] == [True, False, True]
    assert [failure.index for failure in found.failed] == [1]
    classes = jina.classify(["a", "bad", "b"], labels=["x", "y"], on_error="report")
    assert [row.index for row in classes.results] == [0, 2]
    assert [failure.index for failure in classes.failed] == [1]


def test_packed_bits_of_a_failed_row_are_zeros():
    """Bytes have no NaN; ``failed`` says which rows they are."""
    result = client(Picky("bad")).embed(
        ["a", "bad"], model=MODEL, embedding_type="ubinary", on_error="report"
    )
    assert not result.vectors[1].any()
    assert [failure.index for failure in result.failed] == [1]


def test_on_error_is_checked():
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="on_error='skip' must be 'raise' or 'report'"):
        client(Picky()).embed(["a"], on_error="skip")


# --- Equal items


@pytest.mark.parametrize("embedding_type", ["float", "ubinary"])
def test_equal_texts_are_sent_once(embedding_type):
    """Five hundred equal texts cost one, and the order is kept."""
    transport = Picky()
    texts = ["same"] * 250 + ["other"] + ["same"] * 250
    done = []
    result = client(transport).embed(texts, model=MODEL, embedding_type=embedding_type, progress=done.append)
    assert transport.accepted == ["same", "other"]
    assert sum(done) == 501
    assert (result.vectors[[0, 249, 500]] == result.vectors[1]).all()
    assert (result.vectors[250] != result.vectors[0]).any()


def test_equal_chunks_of_late_chunking_are_sent_as_often_as_they_stand_there():
    """Their place matters."""
    transport = Picky()
    client(transport).embed(["same"] * 3, model=MODEL, late_chunking=True)
    assert transport.accepted == ["same"] * 3


def test_an_image_is_equal_to_nothing_without_a_cache():
    """Two of them are two; texts beside them are compared."""
    transport = ScriptedTransport(default=Engine())
    image = Image(b"\x89PNG\r\n\x1a\n" + bytes(30))
    result = client(transport).embed(["a", image, "a", image], model="jina-clip-v2")
    (body,) = map(texts_of, transport.requests)
    assert len(body) == 3
    assert (result.vectors[0] == result.vectors[2]).all()


def test_a_refused_text_is_refused_in_each_of_its_places():
    """Each place is named."""
    result = client(Picky("bad")).embed(["bad", "a", "bad"], model=MODEL, on_error="report")
    assert [failure.index for failure in result.failed] == [0, 2]


# --- Broken promises


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data": []}', "0 rows for 1 items"),
        (b'{"data": [{"index": 0, "embedding": [1, 2]}]}', "2 dimensions where 1024"),
        (b'{"data": [{"index": 0, "embedding": {"sea": 1.5}}]}', "dict"),
    ],
)
def test_a_broken_promise_that_repeats_is_paid_twice(body, said):
    """And no third time: a service that means it would be paid for each attempt."""
    transport = ScriptedTransport(*[Response(200, {}, body)] * 5)
    with pytest.raises(ResponseError, match=said):
        client(transport).embed(["a"], model=MODEL)
    assert len(transport.requests) == 2


def test_damage_on_the_way_is_asked_for_again():
    """What is no JSON is damaged, however often."""
    cut = Response(200, {}, b'{"data": [')
    transport = ScriptedTransport(*[cut] * 4, default=Engine())
    assert len(client(transport).embed(["a"], model=MODEL).vectors) == 1
    assert len(transport.requests) == 5


def test_elasticsearch_reports_as_well():
    """Dense and sparse."""
    elastic = Elastic(
        "http://es", api_key="k", transport=Picky("bad"), concurrency=1, retry=Retry(attempts=1)
    )
    texts = [f"text {number}" for number in range(6)] + ["bad"]
    dense = elastic.embed(texts, inference_id=".multilingual-e5-small-elasticsearch", on_error="report")
    assert [failure.index for failure in dense.failed] == [6]
    assert np.isfinite(dense.vectors[:6]).all()
    sparse = elastic.sparse_embed(texts, inference_id=".elser-2-elasticsearch", on_error="report")
    assert [failure.index for failure in sparse.failed] == [6]
    assert sparse.vectors[6] == {}
    assert sparse.vectors[5]


# --- What was paid, and what is too long


TOO_LONG = Response(400, {}, b'{"detail": {"code": "INPUT_TOKEN_LIMIT_EXCEEDED", "message": "too long"}}')


class Narrow(Picky):
    """Takes a few texts in one request, and says of more that they are too long; counts what it bills."""

    def __init__(self, *bad, most=10**6):
        super().__init__(*bad, answer=TOO_LONG)
        self.most = most
        self.billed = 0

    def send(self, request):
        if len(texts_of(request)) > self.most:
            self.requests.append(request)
            return self.answer
        response = super().send(request)
        if response.status == 200:
            self.billed += json.loads(response.body)["usage"]["total_tokens"]
        return response


def test_parts_that_were_paid_before_the_error_are_in_its_bill():
    """Of a request that was sent in halves, ``partial`` has the usage as well as the rows."""
    transport = Narrow("text 6")
    with pytest.raises(InvalidRequestError) as raised:
        client(transport).embed(TEXTS[:8], model=MODEL)
    partial = raised.value.partial
    assert partial.indices
    assert partial.result.usage.tokens == transport.billed > 0


def test_a_request_that_is_too_long_as_a_whole_is_halved():
    """Where the longest text is taken by itself, the others are not asked about one by one."""
    transport = Narrow(most=4)
    result = client(transport, batch_size=512).embed(TEXTS[:512], model=MODEL, dimensions=32)
    assert np.isfinite(result.vectors).all()
    assert sorted(transport.accepted) == sorted(TEXTS[:512])
    assert len(transport.requests) < 512


@pytest.mark.parametrize("place", [b"", b', "errors": [{"field": "input.0", "message": "no"}]'])
def test_any_number_of_texts_of_one_request_may_be_refused(place):
    """Each is named, however many they are: 500 that are too long, or the first of the rest again and again."""
    transport = Narrow(*TEXTS[512:])
    if place:
        transport.answer = Response(422, {}, b'{"detail": "x"' + place + b"}")
    result = client(transport, batch_size=512).embed(TEXTS, model=MODEL, dimensions=32, on_error="report")
    assert [failure.index for failure in result.failed] == [*range(512, 1000)]
    assert sorted(transport.accepted) == sorted(TEXTS[:512])


class Slow(Picky):
    """Refuses ``text 0`` when the other requests are under way; these are answered when they are let go."""

    def __init__(self, answer, others, *, lets_go):
        super().__init__("text 0", answer=answer)
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.others = others
        self.lets_go = lets_go

    def send(self, request):
        if "text 0" in texts_of(request):
            for _ in range(self.others):
                assert self.begun.acquire(timeout=30)
            if self.lets_go:
                threading.Timer(0.2, self.go.set).start()
            return self.answer
        self.begun.release()
        assert self.go.wait(30)
        return super().send(request)


BROKE = Response(403, {}, b'{"detail": {"code": "AUTHZ_INSUFFICIENT_BALANCE", "message": "empty"}}')


def test_an_empty_balance_waits_for_the_answers_that_were_paid_for():
    """They are in the error, and in the cache, before the caller has the error."""
    cache = {}
    jina = client(Slow(BROKE, 3, lets_go=True), concurrency=4, batch_size=1, cache=cache)
    with pytest.raises(QuotaExhaustedError) as raised:
        jina.embed(TEXTS[:4], model=MODEL)
    assert raised.value.partial.indices == (1, 2, 3)
    assert len(cache) == 3


def test_nobody_is_told_after_the_error(monkeypatch):
    """Answers that come later than anybody waits are not reported to a caller that went on."""
    monkeypatch.setattr("ragbridge.transport.thread_driver.LINGER", 0)
    done, transport = [], Slow(None, 3, lets_go=False)
    with pytest.raises(InvalidRequestError):
        client(transport, concurrency=4, batch_size=1).embed(TEXTS[:4], model=MODEL, progress=done.append)
    threads = [thread for thread in threading.enumerate() if thread.name == "ragbridge"]
    transport.go.set()
    for thread in threads:
        thread.join(30)
    assert done == []


@pytest.mark.parametrize("face", ["embed", "aembed"])
def test_a_wrong_key_is_told_at_once(face, monkeypatch):
    """Nothing that is under way with it can be worth the wait."""
    monkeypatch.setattr("ragbridge.transport.thread_driver.LINGER", 3600)
    monkeypatch.setattr("ragbridge.transport.async_driver.LINGER", 3600)
    done = threading.Event()

    class Slow(ScriptedTransport):
        def send(self, request):
            if "text 7" in texts_of(request):
                return Response(401, {}, b'{"detail": "wrong key"}')
            done.wait(60)
            return super().send(request)

        async def send_async(self, request):
            if "text 7" in texts_of(request):
                return Response(401, {}, b'{"detail": "wrong key"}')
            await asyncio.Event().wait()
            raise AssertionError

    jina = client(Slow(default=Engine()), concurrency=8, batch_size=1)
    run = asyncio.run if face == "aembed" else list
    with pytest.raises(AuthenticationError):
        run(getattr(jina, face)(TEXTS[:8], model=MODEL))
    assert not done.is_set()
    done.set()
