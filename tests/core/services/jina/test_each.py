"""``Jina.read_each`` and ``Jina.segment_many``: many addresses and texts, one request each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading

import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    Jina,
    Page,
    QuotaExhaustedError,
    RateLimit,
    ReaderOptions,
    RequestError,
    Retry,
)
from ragbridge.flow import Response

URLS = [f"https://example.com/{number}?signature=s3cret" for number in range(12)]
ONCE = Retry(attempts=1)


def page(request):
    url = json.loads(request.body)["url"]
    return Response(200, {}, json.dumps({"code": 200, "data": {"url": url, "content": url}}).encode())


def refuse(status):
    return Response(status, {}, json.dumps({"code": status, "message": "No", "data": None}).encode())


def make(transport, **settings):
    return Jina(transport=transport, **{"base_url": "http://x", "limits": None, "retry": ONCE, **settings})


async def collected(pages):
    return [page async for page in pages]


@pytest.fixture(params=["sync", "async"])
def read_each(request):
    """``read_each(jina, urls, **options)``: all that comes, by either face."""

    def call(jina, urls, **options):
        if request.param == "sync":
            return list(jina.read_each(urls, **options))
        return asyncio.run(collected(jina.aread_each(urls, **options)))

    return call


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_pages_come_in_the_callers_order(scripted, read_each, concurrency):
    """Whatever the concurrency, and with the options for each of them."""
    transport = scripted(*[page] * len(URLS))
    jina = make(transport, concurrency=concurrency)
    pages = read_each(jina, URLS, options=ReaderOptions(no_cache=True))
    assert [found.content for found in pages] == URLS
    assert {request.headers["x-no-cache"] for request in transport.requests} == {"true"}
    assert read_each(jina, []) == []


def test_a_page_that_cannot_be_read_gives_its_error_in_its_place(scripted, read_each):
    """The others are read all the same; the error names the address, without its query, and its place."""
    transport = scripted(page, refuse(422), RequestError("connection reset"), page)
    first, refused, broken, last = read_each(make(transport, concurrency=1), URLS[:4])
    assert [first.content, last.content] == [URLS[0], URLS[3]]
    assert isinstance(refused, InvalidRequestError)
    assert isinstance(broken, RequestError)
    assert refused.index == 1
    assert "urls[1] (https://example.com/1): No" in str(refused)
    assert "urls[2] (https://example.com/2): connection reset" in str(broken)
    assert "s3cret" not in str(refused) + str(broken)


@pytest.mark.parametrize(("status", "error"), [(402, QuotaExhaustedError), (401, AuthenticationError)])
def test_what_no_page_can_be_read_with_ends_the_job(scripted, read_each, status, error):
    """An empty balance and a wrong key are raised, and no further page is asked for."""
    transport = scripted(page, *[refuse(status)] * 20)
    with pytest.raises(error):
        read_each(make(transport, concurrency=1), URLS)
    assert len(transport.requests) == 2


@pytest.mark.parametrize("urls", ["https://a", ["https://a", ""], [7]])
def test_addresses_that_are_none_are_refused_by_the_call_itself(scripted, urls):
    """Not by the first step of the iteration, which may come much later."""
    jina = make(scripted())
    with pytest.raises(ConfigurationError, match="urls"):
        jina.read_each(urls)
    with pytest.raises(ConfigurationError, match="urls"):
        jina.aread_each(urls)


def test_no_more_is_read_than_is_asked_for_and_under_way(scripted):
    """Nothing before the first page is asked for, then as many as may be in flight, then one for each page taken."""
    transport = scripted(*[page] * len(URLS))
    with contextlib.closing(make(transport, concurrency=3).read_each(URLS)) as pages:
        assert transport.requests == []
        assert isinstance(next(pages), Page)
        assert len(transport.requests) <= 3
        next(pages)
        assert len(transport.requests) <= 4
    assert len(transport.requests) <= 4


async def test_no_more_is_read_than_is_asked_for_and_under_way_on_a_loop(scripted):
    """The same by the asynchronous face; and nothing is left running once the iterator is closed."""
    transport = scripted(*[page] * len(URLS))
    async with contextlib.aclosing(make(transport, concurrency=3).aread_each(URLS)) as pages:
        assert transport.requests == []
        await anext(pages)
        assert len(transport.requests) <= 3
    assert len(transport.requests) <= 3
    assert len(asyncio.all_tasks()) == 1


def test_pages_are_read_side_by_side(scripted):
    """The first page comes when three requests are under way: each of them waits for the others."""
    together = threading.Barrier(3, timeout=20)

    def respond(request):
        together.wait()
        return page(request)

    pages = make(scripted(*[respond] * 6), concurrency=3).read_each(URLS[:6])
    assert [found.content for found in pages] == URLS[:6]


def test_closing_frees_the_quota(scripted):
    """A page that waits for its turn when the iterator is closed gives its place up."""
    jina = make(scripted(*[page] * 3), limits=RateLimit(1, None, 2), concurrency=2)
    with contextlib.closing(jina.read_each(URLS)) as pages:
        assert isinstance(next(pages), Page)
    assert not [thread for thread in threading.enumerate() if thread.name == "ragbridge" and lives(thread)]


def lives(thread):
    thread.join(20)
    return thread.is_alive()


def segments(request):
    content = json.loads(request.body)["content"]
    body = {"chunks": [content[:3], content[3:]], "num_chunks": 2, "num_tokens": 2, "usage": {"tokens": 0}}
    return Response(200, {}, json.dumps(body).encode())


async def test_texts_are_segmented_in_their_order(scripted):
    """One request each, none for an empty text, by either face."""
    texts = [f"text {number}" for number in range(9)] + [""]
    transport = scripted(*[segments] * 18)
    jina = make(transport, concurrency=4)
    found = jina.segment_many(texts, tokenizer="gpt2", max_chunk_length=5)
    assert ["".join(chunk.text for chunk in each) for each in found] == texts
    assert found == await jina.asegment_many(texts, tokenizer="gpt2", max_chunk_length=5)
    assert len(transport.requests) == 18
    sent = json.loads(transport.requests[0].body)
    assert (sent["tokenizer"], sent["max_chunk_length"]) == ("gpt2", 5)
    assert jina.segment_many([]) == ()


def test_a_text_that_is_refused_is_named(scripted):
    """By its place in the caller's list."""
    jina = make(scripted(segments, refuse(422)), concurrency=1)
    with pytest.raises(InvalidRequestError, match=r"texts\[1\]: No") as raised:
        jina.segment_many(["a text", "another", "a third"])
    assert raised.value.index == 1


@pytest.mark.parametrize(
    ("texts", "says"), [("a text", "texts is one str"), (["a", 7], r"texts\[1\] is int")]
)
def test_what_is_no_text_is_refused(scripted, texts, says):
    """Before anything is sent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        make(transport).segment_many(texts)
    assert transport.requests == []
