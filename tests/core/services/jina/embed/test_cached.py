"""Vectors that are in a cache are not paid again, whatever happens to a job."""

from __future__ import annotations

import asyncio
import json
import threading

import numpy as np
import pytest

from ragbridge import Elastic, Image, Jina, QuotaExhaustedError, RagbridgeError, ResponseError, Retry
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

MODEL = "jina-embeddings-v3"
TEXTS = [f"text {number}" for number in range(300)]


def sent(transport):
    """All texts that were sent."""
    return [text for request in transport.requests for text in json.loads(request.body)["input"]]


def client(cache, transport=None, **options):
    given = {"limits": None, "batch_size": 16, "clock": VirtualClock(), "retry": Retry(attempts=1)}
    transport = transport or ScriptedTransport(default=Engine())
    return Jina("k", base_url="http://x", transport=transport, cache=cache, **{**given, **options}), transport


CALLS = {
    "embed": lambda jina: jina.embed(TEXTS, model=MODEL, dimensions=64),
    "aembed": lambda jina: asyncio.run(jina.aembed(TEXTS, model=MODEL, dimensions=64)),
    "bits": lambda jina: jina.embed(TEXTS, model=MODEL, embedding_type="ubinary"),
    "late": lambda jina: jina.embed(TEXTS, model=MODEL, late_chunking=True),
    "documents": lambda jina: jina.embed_documents([TEXTS[:100], [], TEXTS[100:]], model=MODEL),
    "late documents": lambda jina: jina.embed_documents(
        [TEXTS[:100], [], TEXTS[100:]], model=MODEL, late_chunking=True
    ),
    "multi-vectors": lambda jina: jina.embed_multivector(TEXTS[:40], role="document"),
    "with tokens": lambda jina: jina.embed_multivector(
        TEXTS[:40], model="jina-embeddings-v4", role="document", return_tokens=True
    ),
    "images": lambda jina: jina.embed(["a", Image(b"\x89PNG\r\n\x1a\n" + bytes(30))], model="jina-clip-v2"),
    "classes": lambda jina: jina.classify(TEXTS[:40], labels={"kind": ["x", "y"], "tone": ["u", "v"]}),
}


def same(one, other):
    """Whether two results hold the same numbers, to the bit."""
    if hasattr(one, "results"):
        return one.results == other.results
    if getattr(one, "tokens", None) != getattr(other, "tokens", None):
        return False
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("call", CALLS)
def test_a_second_run_sends_nothing(call, tmp_path):
    """And gives the same numbers, to the bit; ``usage`` says what was known."""
    path = tmp_path / "vectors.db"
    jina, transport = client(path)
    first = CALLS[call](jina)
    assert transport.requests
    again, silent = client(path)
    second = CALLS[call](again)
    assert silent.requests == []
    assert same(first, second)
    assert second.usage.tokens == second.usage.requests == 0
    assert second.usage.cached > 0
    assert first.usage.cached == 0


def test_what_is_missing_is_sent_in_full_requests():
    """Known texts leave no gaps in requests."""
    cache = {}
    jina, _ = client(cache)
    jina.embed(TEXTS[::2], model=MODEL, dimensions=64)
    jina, transport = client(cache, concurrency=1)
    result = jina.embed(TEXTS, model=MODEL, dimensions=64)
    assert sent(transport) == TEXTS[1::2]
    assert [len(json.loads(request.body)["input"]) for request in transport.requests] == [16] * 9 + [6]
    assert result.usage.cached == 150
    right = Jina(base_url="local").embed(TEXTS, model=MODEL, dimensions=64)
    assert np.allclose(result.vectors, right.vectors)


@pytest.mark.parametrize("face", ["embed", "aembed"])
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_job_that_fails_keeps_what_it_paid_for(face, concurrency):
    """The next run asks for the rest alone."""
    broke = Response(403, {}, b'{"detail": {"code": "AUTHZ_INSUFFICIENT_BALANCE", "message": "empty"}}')
    answered = []

    class Broke(ScriptedTransport):
        def send(self, request):
            texts = json.loads(request.body)["input"]
            if "text 200" in texts:
                return broke
            answered.extend(texts)
            return super().send(request)

        async def send_async(self, request):
            return self.send(request)

    cache = {}
    jina, _ = client(cache, Broke(default=Engine()), concurrency=concurrency)
    run = asyncio.run if face == "aembed" else list
    with pytest.raises(QuotaExhaustedError):
        run(getattr(jina, face)(TEXTS, model=MODEL))
    for thread in threading.enumerate():  # requests under way end on their own, and what they bring is kept
        if thread.name == "ragbridge":
            thread.join(30)
    jina, transport = client(cache)
    result = jina.embed(TEXTS, model=MODEL)
    assert not set(sent(transport)) & set(answered)
    assert result.usage.cached == len(answered)


def test_query_and_document_never_meet():
    """Nor do two widths, two models, or a version that the caller tells apart."""
    cache = {}
    jina, _ = client(cache)
    for options in (
        {"role": "query"},
        {"role": "document"},
        {"role": "query", "dimensions": 64},
        {"task": "separation"},
    ):
        assert jina.embed(["sea"], model=MODEL, **options).usage.cached == 0
        assert jina.embed(["sea"], model=MODEL, **options).usage.cached == 1
    assert jina.embed(["sea"], role="query").usage.cached == 0
    other, _ = client(cache, cache_version="2")
    assert other.embed(["sea"], role="query").usage.cached == 0


def test_hits_need_no_ticket():
    """A quota that is used up does not stop what is known."""
    from ragbridge import RateLimit

    cache = {}
    client(cache)[0].embed(TEXTS, model=MODEL)
    jina, _ = client(cache, limits=RateLimit(1, 100, 1))
    assert jina.embed(TEXTS, model=MODEL).usage.cached == 300
    assert jina.usage.requests == 0


class Broken(dict):
    """A mapping that fails, or holds nonsense."""

    def __init__(self, nonsense=None):
        super().__init__()
        self.nonsense = nonsense

    def __getitem__(self, key):
        if self.nonsense is None:
            raise OSError("disk is gone")
        return self.nonsense

    def __contains__(self, key):
        return True

    def get(self, key, default=None):
        return self[key]

    def __setitem__(self, key, value):
        raise OSError("disk is full")


@pytest.mark.parametrize("nonsense", [None, b"", b"abc", bytes(8), b"\xff" * 4096, "text", 5])
@pytest.mark.parametrize("call", ["embed", "bits", "multi-vectors", "classes"])
def test_a_broken_cache_costs_a_warning_and_nothing_else(nonsense, call, caplog):
    """Whatever it holds: what is no vector of this call is asked for."""
    jina, _ = client(Broken(nonsense))
    right = CALLS[call](Jina(base_url="local"))
    result = CALLS[call](jina)
    if hasattr(result, "results"):
        assert result.results == right.results
    else:
        assert all(np.allclose(*pair) for pair in zip(result, right, strict=True))
    assert sum(record.levelname == "WARNING" for record in caplog.records) == 1


def test_an_error_of_ours_from_a_cache_ends_the_job():
    """Whoever must not lose a record raises one."""

    class Strict(dict):
        def __setitem__(self, key, value):
            raise RagbridgeError("the journal is full")

    with pytest.raises(RagbridgeError, match="the journal is full"):
        client(Strict())[0].embed(["a"], model=MODEL)


def test_streams_use_the_cache(tmp_path):
    """A stream that was left half-way goes on where it was."""
    path = tmp_path / "vectors.db"
    jina, _ = client(path, concurrency=2)
    pairs = jina.embed_stream(TEXTS, model=MODEL, window=64)
    for _ in range(100):
        next(pairs)
    pairs.close()
    jina, transport = client(path)
    found = list(jina.embed_stream(TEXTS, model=MODEL, window=64))
    assert [item for item, _ in found] == TEXTS
    assert not set(sent(transport)) & set(TEXTS[:100])
    right = Jina(base_url="local").embed(TEXTS, model=MODEL).vectors
    assert np.allclose([vector for _, vector in found], right)


ENDPOINT = ".multilingual-e5-small-elasticsearch"


def elastic(cache, transport=None):
    """A client of an endpoint whose width nobody says."""
    return Elastic(
        "http://es",
        api_key="k",
        transport=transport or ScriptedTransport(default=Engine()),
        cache=cache,
        retry=Retry(attempts=1),
    )


@pytest.mark.parametrize("damage", [b"", b"\xff", b"\0" + bytes(8), b"\0" + b"\xff" * 4 * 384])
def test_a_damaged_value_is_paid_again_alone(damage):
    """It neither decides how wide vectors are, nor takes the others with it."""
    cache, texts = {}, ["a", "b", "c", "d"]
    first = elastic(cache).embed(texts, inference_id=ENDPOINT)
    cache[next(iter(cache))] = damage
    second = elastic(cache).embed(texts, inference_id=ENDPOINT)
    assert second.usage.cached == 3
    assert np.array_equal(first.vectors, second.vectors)


def test_a_model_of_another_width_behind_the_same_name_is_told():
    """The error says how the two are told apart."""
    cache = {}
    elastic(cache).embed(["a"], inference_id=ENDPOINT)
    for key in cache:
        cache[key] = b"\0" + bytes(4 * 8)
    with pytest.raises(
        ResponseError, match=r"384 dimensions where those in the cache have 8: .*cache_version"
    ):
        elastic(cache).embed(["a", "b"], inference_id=ENDPOINT)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_that_ends_keeps_the_answers_under_way(face):
    """An empty balance ends it; what other requests bring, of later windows as well, is in the cache by then."""
    broke = Response(402, {}, b'{"detail": "Insufficient balance"}')
    under_way, refused, answered = threading.Event(), threading.Event(), []

    class Broke(ScriptedTransport):
        def send(self, request):
            texts = json.loads(request.body)["input"]
            if texts[0] == "text 0":
                assert under_way.wait(30)
                refused.set()
                return broke
            under_way.set()
            assert refused.wait(30)
            answered.extend(texts)
            return super().send(request)

        async def send_async(self, request):
            return await asyncio.to_thread(self.send, request)

    cache = {}
    jina, _ = client(cache, Broke(default=Engine()), concurrency=4)

    async def gather():
        return [pair async for pair in jina.aembed_stream(TEXTS, model=MODEL, window=32)]

    with pytest.raises(QuotaExhaustedError):
        asyncio.run(gather()) if face == "async" else list(jina.embed_stream(TEXTS, model=MODEL, window=32))
    assert answered
    assert len(cache) == len(answered)
