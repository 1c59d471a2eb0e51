"""``JinaReaderLoader``: pages of the web as documents, one by one."""

from __future__ import annotations

import logging
import pickle
import threading

import pytest
from langchain_core.document_loaders import BaseLoader

from langchain_ragbridge import JinaReaderLoader
from ragbridge import ConfigurationError, InvalidRequestError, Jina, QuotaExhaustedError, ReaderOptions, Retry
from ragbridge.flow import Request, Response
from ragbridge.local import Answer, Engine
from ragbridge.transport.in_process import InProcessTransport

PAGES = {
    "https://example.com/sea": "<title>The sea</title><meta name=description content='About it.'>"
    "<p>It is wide. <a href='/bread'>Bread</a>",
    "https://example.com/bread": "<title>Bread</title><p>It is baked.",
    "https://example.com/bare": "Nothing but text.",
}
URLS = list(PAGES)
MISSING = "https://example.com/missing?signature=s3cret"


class Recording(InProcessTransport):
    """The embedded engine in this process, which remembers the requests that came."""

    def __init__(self, **settings):
        super().__init__(Engine(pages=PAGES, **settings))
        self.requests: list[Request] = []

    def _handle(self, request):
        self.requests.append(request)
        return super()._handle(request)


@pytest.fixture
def transport():
    return Recording()


@pytest.fixture
def client(transport):
    return Jina(base_url="local", transport=transport, retry=Retry(attempts=1))


@pytest.fixture
def load(client):
    """``load(urls, **settings)``: what the loader loads."""
    return lambda urls, **settings: JinaReaderLoader(client=client, urls=urls, **settings).load()


async def test_pages_become_documents(client):
    """Content and metadata, by all four ways of loading; what a page lacks is left out of its metadata."""
    loader = JinaReaderLoader(client=client, urls=URLS)
    assert isinstance(loader, BaseLoader)
    sea, bread, bare = loader.load()
    assert "It is wide." in sea.page_content
    assert sea.metadata == {
        "source": URLS[0],
        "url": URLS[0],
        "title": "The sea",
        "description": "About it.",
    }
    assert (bread.metadata["title"], bare.page_content) == ("Bread", "Nothing but text.")
    assert "description" not in bread.metadata
    documents = [sea, bread, bare]
    assert list(loader.lazy_load()) == await loader.aload() == documents
    assert [document async for document in loader.alazy_load()] == documents


def test_one_address_is_enough(load):
    """A single address needs no list; the source is the address as it was given."""
    (document,) = load("https://www.example.com/sea/")
    assert document.metadata["source"] == "https://www.example.com/sea/"


def test_options_reach_the_reader(load, transport):
    """And what they ask for comes along in the metadata."""
    options = ReaderOptions(return_format=["markdown", "html"], links_summary=True, no_cache=True)
    (document,) = load(URLS[:1], options=options)
    assert transport.requests[0].headers["x-no-cache"] == "true"
    assert "<p>" in document.metadata["html"]
    assert document.metadata["links"] == [{"text": "Bread", "url": URLS[1]}]


async def test_loading_is_lazy(client, transport):
    """Nothing is read before the first document is asked for, and not everything for the first one, on both faces."""
    loader = JinaReaderLoader(client=client, urls=URLS * 20)
    documents = loader.lazy_load()
    assert transport.requests == []
    next(documents)
    assert 0 < len(transport.requests) < 20
    documents.close()
    before = len(transport.requests)
    documents = loader.alazy_load()
    await anext(documents)
    assert before < len(transport.requests) < before + 20
    await documents.aclose()


def test_pages_are_read_side_by_side():
    """``concurrency`` of them: each waits here for the others."""
    together = threading.Barrier(3, timeout=20)

    class Meeting(Recording):
        def _handle(self, request):
            together.wait()
            return super()._handle(request)

    client = Jina(base_url="local", transport=Meeting(), concurrency=3)
    assert len(JinaReaderLoader(client=client, urls=URLS * 2).load()) == 6


async def test_a_page_that_cannot_be_read_is_named(client):
    """By its address, without its query, and place; the pages before it have come."""
    loader = JinaReaderLoader(client=client, urls=[URLS[0], MISSING, URLS[1]])
    documents = loader.lazy_load()
    assert next(documents).metadata["source"] == URLS[0]
    with pytest.raises(InvalidRequestError, match=r"urls\[1\] \(https://example.com/missing\)") as raised:
        next(documents)
    assert raised.value.index == 1
    with pytest.raises(InvalidRequestError, match=r"urls\[1\]"):
        await loader.aload()


async def test_the_others_can_be_loaded_all_the_same(client, caplog):
    """``continue_on_failure`` leaves such pages out and says so in the log; sources stay with their pages."""
    loader = JinaReaderLoader(client=client, urls=[URLS[0], MISSING, URLS[1]], continue_on_failure=True)
    with caplog.at_level(logging.WARNING, "ragbridge"):
        documents = loader.load()
    assert [document.metadata["source"] for document in documents] == URLS[:2]
    assert [document.metadata["title"] for document in documents] == ["The sea", "Bread"]
    (record,) = caplog.records
    assert "https://example.com/missing" in record.getMessage()
    assert documents == await loader.aload()


async def test_an_empty_balance_ends_the_load(caplog):
    """Even with ``continue_on_failure``: no page can be read."""

    class Broke(Recording):
        def _handle(self, request):
            answer = super()._handle(request)
            return answer if len(self.requests) == 1 else Answer(Response(402, {}, b'{"code": 402}'))

    transport = Broke()
    client = Jina(base_url="local", transport=transport, concurrency=1)
    loader = JinaReaderLoader(client=client, urls=URLS, continue_on_failure=True)
    with pytest.raises(QuotaExhaustedError):
        loader.load()
    assert len(transport.requests) == 2
    transport.requests.clear()
    with pytest.raises(QuotaExhaustedError):
        await loader.aload()
    assert caplog.records == []


def test_it_works_without_a_key(serve, monkeypatch):
    """With ``limits="keyless"`` none is needed, and none is sent although the machine has one."""
    wire = serve(pages=PAGES)
    monkeypatch.setenv("JINA_API_KEY", "k3y")
    loader = JinaReaderLoader(urls=URLS[:1], base_url=wire.url, limits="keyless")
    assert len(loader.load()) == 1
    assert wire.keys == [None]
    loader.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "urls: Field required"),
        ({"urls": ["https://a", ""]}, r"urls\[1\]"),
        ({"urls": ["https://a"], "options": {"timeout": 999}}, "timeout=999"),
        ({"urls": ["https://a"], "options": {"timeouts": 9}}, "timeouts"),
        ({"urls": ["https://a"], "mode": "crawl"}, "mode: no such setting"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings, says):
    """When the loader is made, long before it loads."""
    with pytest.raises(ConfigurationError, match=says):
        JinaReaderLoader(base_url="local", **settings)


def test_no_address_loads_nothing(load, transport):
    """And sends nothing."""
    assert load([]) == []
    assert transport.requests == []


def test_cookies_are_shown_nowhere():
    """Nor is the proxy's address; dumps bring every other option back, pickles all of them."""
    options = ReaderOptions(
        set_cookie="s3cret=1", proxy_url="http://u:s3cret@p", engine="direct", viewport=(9, 9)
    )
    loader = JinaReaderLoader(base_url="local", urls=URLS, options=options, continue_on_failure=True)
    shown = [repr(loader), str(loader.model_dump()), loader.model_dump_json()]
    assert not [text for text in shown if "s3cret" in text]
    again = JinaReaderLoader(**loader.model_dump())
    assert again.options == ReaderOptions(engine="direct", viewport=(9, 9))
    assert (list(again.urls), again.continue_on_failure) == (URLS, True)
    assert pickle.loads(pickle.dumps(loader)).options == options
