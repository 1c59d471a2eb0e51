"""Pages of a cache: by an explicit age, and never a failure of the site's."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import fields, replace

import pytest

from ragbridge import ConfigurationError, Jina, Page, ReaderOptions, Retry, Usage
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

URL = "https://example.com/bees?a=1#top"
PAGES = {URL: "<title>Bees</title><p>Bees collect nectar.</p>", "https://example.com/2": "# Two\n\nText"}
OTHER = URL.replace("#top", "#end")
DAY = 86_400


def client(cache, *outcomes, **options):
    transport = ScriptedTransport(*outcomes, default=Engine(pages=PAGES))
    given = {
        "limits": None,
        "clock": VirtualClock(),
        "retry": Retry(attempts=1),
        "cache": cache,
        "concurrency": 1,
    }
    return Jina("k", base_url="http://x", transport=transport, **{**given, **options}), transport


async def each(jina, **options):
    return [page async for page in jina.aread_each([*PAGES], **options)]


CALLS = {
    "read": lambda jina, **options: [jina.read(URL, **options)],
    "aread": lambda jina, **options: [asyncio.run(jina.aread(URL, **options))],
    "html": lambda jina, **options: [jina.read(URL, html=PAGES[URL], return_format="html", **options)],
    "read_many": lambda jina, **options: jina.read_many([*PAGES], **options),
    "aread_many": lambda jina, **options: asyncio.run(jina.aread_many([*PAGES], **options)),
    "read_each": lambda jina, **options: [*jina.read_each([*PAGES], **options)],
    "aread_each": lambda jina, **options: asyncio.run(each(jina, **options)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_page_is_read_once_where_an_age_is_given(call, tmp_path):
    """It is the same page, and ``usage`` says that nothing was paid."""
    first = CALLS[call](client(tmp_path / "x.db")[0], max_age=DAY)
    jina, transport = client(tmp_path / "x.db")
    again = CALLS[call](jina, max_age=DAY)
    assert transport.requests == []
    assert [replace(page, usage=Usage()) for page in again] == [
        replace(page, usage=Usage()) for page in first
    ]
    assert {page.usage for page in again} == {Usage(cached=1)}
    assert {page.usage.requests for page in first} == {1}


@pytest.mark.parametrize("call", CALLS)
def test_without_an_age_nothing_is_kept(call):
    """Pages change."""
    cache = {}
    CALLS[call](client(cache)[0])
    assert cache == {}


def aged(cache, seconds):
    """Have the pages of a cache been read so long ago."""
    for name, value in cache.items():
        read_at, page = json.loads(value)
        assert abs(time.time() - read_at) < 600
        cache[name] = json.dumps([read_at - seconds, page]).encode()


@pytest.mark.parametrize(("seconds", "requests"), [(0, 0), (DAY / 2, 0), (DAY + 60, 1), (-DAY - 60, 1)])
def test_a_page_that_is_too_old_is_read_again(seconds, requests):
    """And then kept as new. One from the future is no newer."""
    cache = {}
    client(cache)[0].read(URL, max_age=DAY)
    aged(cache, seconds)
    jina, transport = client(cache)
    jina.read(URL, max_age=DAY)
    jina.read(URL, max_age=DAY)
    assert len(transport.requests) == requests
    assert len(cache) == 1


def test_every_field_of_a_page_comes_back():
    """Each of those that are kept, with a value of its own."""
    left = {"warning", "screenshot_url", "pageshot_url"}
    row = {
        "url": "url", "title": "title", "content": "content", "description": "description", "html": "html", "text": "text",
        "publishedTime": "published", "links": {"a": "http://a", "b": "http://b"}, "images": {"c": "http://c"},
        "chunks": ["one", "two"], "numPages": 3, "metadata": {"lang": "de"}, "usage": {"tokens": 7},
        "imageUrl": "http://p", "favicon": "data:,", "source": "S", "external": {"icon": {"http://i": {"sizes": "32x32"}}},
    }  # fmt: skip
    answer = Response(200, {}, json.dumps({"code": 200, "status": 20000, "data": row}).encode())
    cache = {}
    jina, transport = client(cache, answer)
    first, again = (jina.read(URL, max_age=DAY) for _ in range(2))
    assert len(transport.requests) == 1
    assert replace(again, usage=first.usage) == first
    blank = Page(url="")
    assert {
        field.name for field in fields(Page) if getattr(again, field.name) == getattr(blank, field.name)
    } == left


@pytest.mark.parametrize("field", ["warning", "screenshotUrl", "pageshotUrl"])
def test_what_will_not_hold_is_not_kept(field):
    """A failure of the site's, and addresses that end after some hours."""
    row = {"url": URL, "content": "x", field: "https://storage.example/x?signature=1"}
    answer = Response(200, {}, json.dumps({"data": row}).encode())
    cache = {}
    client(cache, answer)[0].read(URL, max_age=DAY)
    assert cache == {}


def test_another_page_and_another_way_to_read_it_are_told_apart():
    """The whole address counts, each option, and where the reader is."""
    cache = {}
    reads = [
        ({}, URL, {}),
        ({}, OTHER, {}),
        ({}, URL, {"return_format": "text"}),
        ({}, URL, {"options": ReaderOptions(set_cookie="a=b")}),
        ({}, URL, {"options": ReaderOptions(remove_selector="b")}),
        ({}, URL, {"html": "<p>x</p>"}),
        ({}, URL, {"html": "<p>y</p>"}),
        ({"reader_url": "http://reader.example/r"}, URL, {}),
        ({"cache_version": "2"}, URL, {}),
    ]
    for settings, url, options in reads:
        for requests in (1, 0):
            jina, transport = client(cache, **settings)
            jina.read(url, max_age=DAY, **options)
            assert len(transport.requests) == requests
    assert len(cache) == len(reads)


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "day", True])
def test_an_age_that_is_none_is_refused(wrong):
    """On each method, before anything is sent."""
    for call in CALLS.values():
        jina, transport = client({})
        with pytest.raises(ConfigurationError, match=r"max_age=.* must be a number of seconds, or None"):
            call(jina, max_age=wrong)
        assert transport.requests == []


def test_an_age_without_a_cache_is_refused():
    """It would be ignored."""
    for call in CALLS.values():
        with pytest.raises(ConfigurationError, match=r"max_age=60 .* the client has none: set cache="):
            call(client(None)[0], max_age=60)


@pytest.mark.parametrize("value", [b"", b"7", b"[]", b'["x", []]', b"[NaN, []]", b"[0, null]", b"\xff"])
def test_what_a_cache_spoilt_is_read_again(value):
    """Nothing of it reaches the caller."""
    cache = {}
    jina, transport = client(cache)
    for _ in range(2):
        assert "collect nectar" in jina.read(URL, max_age=10 * time.time()).content
        (name,) = cache
        cache[name] = value
    assert len(transport.requests) == 2


def test_a_kept_page_is_the_page_that_was_read():
    """With its links, its chunks and what it says of itself, in values of the same types."""
    html = "<title>T</title><meta name=a content=b><link rel=icon href=/i type=x><h1>A</h1><a href=/l>l</a><h2>B</h2>"
    options = ReaderOptions(markdown_chunking="h2", links_summary=True)
    cache: dict[str, bytes] = {}
    first, second = (client(cache)[0].read(URL, html=html, options=options, max_age=DAY) for _ in range(2))
    assert (first.chunks, first.external[0].relation) == (
        ("# A\n\n[l](https://example.com/l)", "## B"),
        "icon",
    )
    assert second.usage.cached == 1
    assert replace(second, usage=first.usage) == first
