"""Haystack's connector to the reader: pages, searches and groundings as documents."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.writers import DocumentWriter
from haystack.core.errors import SerializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from haystack_integrations.components.connectors.ragbridge import JinaReaderConnector, JinaReaderMode
from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder
from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    Jina,
    ReaderOptions,
)
from ragbridge.flow import Request, Response
from ragbridge.local import Engine
from ragbridge.transport.in_process import InProcessTransport

HONEY = "https://bees.example/honey"
PAGES = {
    HONEY: "<title>Honey</title><meta name='description' content='About honey.'><h1>Honey</h1>"
    "<p>Bees make honey from nectar. <a href='/wax'>Wax</a><img src='/bee.png' alt='A bee'></p>",
    "https://bees.example/wax": "<title>Wax</title><p>Wax is what combs are made of.</p>",
    "https://ice.example/": "<title>Ice</title><p>A glacier is a slow river of ice.</p>",
}
QUERY = "which insects make honey?"
MODES = {"read": HONEY, "search": QUERY, "ground": "Bees make honey from nectar."}


class Recording(InProcessTransport):
    """The embedded engine with pages, and the requests that it got."""

    def __init__(self) -> None:
        super().__init__(Engine(pages=PAGES))
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        return super().send(request)

    async def send_async(self, request: Request) -> Response:
        self.requests.append(request)
        return await super().send_async(request)


@pytest.fixture
def web() -> Recording:
    """The web, as far as the engine knows it."""
    return Recording()


@pytest.fixture
def connect(web: Recording) -> Callable[..., JinaReaderConnector]:
    """Makes connectors to it."""
    client = Jina("right-key", base_url="http://x", transport=web, limits=None)
    return lambda mode, **settings: JinaReaderConnector(mode, client=client, **settings)


async def test_a_page_is_a_document(connect: Callable[..., JinaReaderConnector]) -> None:
    """Both faces give the page's text, with its address, title and description in meta, and what it cost beside it."""
    reader = connect("read")
    result = reader.run(HONEY)
    (document,) = result["documents"]
    assert "Bees make honey from nectar." in document.content
    assert document.meta == {"url": HONEY, "title": "Honey", "description": "About honey."}
    assert result["meta"]["usage"]["total_tokens"] > 0
    assert await reader.run_async(HONEY) == result


def test_what_was_asked_for_is_in_meta(connect: Callable[..., JinaReaderConnector]) -> None:
    """Links, images and further formats are plain data that every store takes; no format is there twice."""
    options = {"links_summary": True, "images_summary": True, "return_format": ["markdown", "html"]}
    (document,) = connect("read", options=options).run(HONEY)["documents"]
    assert document.meta["links"] == [{"text": "Wax", "url": "https://bees.example/wax"}]
    assert [(image["caption"][-5:], image["url"]) for image in document.meta["images"]] == [
        ("A bee", "https://bees.example/bee.png")
    ]
    assert document.meta["html"].startswith("<")
    assert Document.from_dict(document.to_dict()) == document
    (document,) = connect("read", options=ReaderOptions(return_format="html")).run(HONEY)["documents"]
    assert document.content.startswith("<")
    assert set(document.meta) == {"url", "title", "description"}


async def test_a_search_is_documents(connect: Callable[..., JinaReaderConnector]) -> None:
    """Pages found come best first, read; or with their descriptions alone."""
    search = connect(JinaReaderMode.SEARCH, num=2)
    result = search.run(QUERY)
    assert next(document.meta["title"] for document in result["documents"]) == "Honey"
    assert len(result["documents"]) == 2
    assert "Bees make honey" in result["documents"][0].content
    assert result["meta"]["usage"]["total_tokens"] >= 10_000
    assert await search.run_async(QUERY) == result
    bare = connect("search", content=False, site="bees.example").run(QUERY)["documents"]
    assert {document.meta["url"] for document in bare} == {url for url in PAGES if "bees" in url}
    assert bare[0].content == bare[0].meta["description"] == "About honey."


async def test_a_grounding_is_a_document(connect: Callable[..., JinaReaderConnector]) -> None:
    """Reasons are the content; the verdict and its references are in meta. The service's farewell is passed on."""
    ground = connect("ground", site="bees.example")
    with pytest.warns(DeprecationWarning, match="DeepSearch"):
        result = ground.run(MODES["ground"])
    (document,) = result["documents"]
    assert document.content
    assert document.meta["result"] is True
    assert 0.5 <= document.meta["factuality"] <= 1
    assert all(set(row) == {"url", "quote", "supportive"} for row in document.meta["references"])
    assert all("bees" in row["url"] for row in document.meta["references"])
    with pytest.warns(DeprecationWarning, match="DeepSearch"):
        assert await ground.run_async(MODES["ground"]) == result


async def test_headers_stay_the_caller_s(connect: Callable[..., JinaReaderConnector], web: Recording) -> None:
    """Defect 11 of jina-haystack: neither the key nor anything else is written into the dictionary that was passed."""
    headers = {"X-Return-Format": "text", "x-no-cache": "true", "X-Timeout": "30"}
    before = dict(headers)
    reader = connect("read", options={"return_format": "html", "remove_selector": "nav"})
    found = reader.run(HONEY, headers=headers), await reader.run_async(HONEY, headers)
    assert headers == before
    assert found[0] == found[1]
    assert not found[0]["documents"][0].content.startswith("<")
    for request in web.requests:
        assert request.headers["authorization"] == "Bearer right-key"
        sent = {name: request.headers.get(name) for name in ("x-respond-with", "x-no-cache", "x-timeout")}
        assert sent == {"x-respond-with": "text", "x-no-cache": "true", "x-timeout": "30"}
        assert request.headers["x-remove-selector"] == "nav"
    assert reader.run(HONEY)["documents"][0].content.startswith("<")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Authorization": "Bearer other"}, "'Authorization' is not an option"),
        ({"X-Retrun-Format": "html"}, "did you mean 'x-return-format'"),
        ({"X-No-Cache": "false"}, "no_cache='false' must be True or False"),
        ({"X-Timeout": "soon"}, "timeout='soon' must be an int"),
        ({"X-Return-Format": "prose"}, "return_format='prose' must be one of"),
    ],
)
def test_wrong_headers_are_refused(
    headers: dict[str, str], message: str, connect: Callable[..., JinaReaderConnector], web: Recording
) -> None:
    """What the reader has no option for is named, not sent."""
    with pytest.raises(ConfigurationError, match=message):
        connect("read").run(HONEY, headers)
    assert web.requests == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "write"}, "mode='write' must be one of 'read', 'search', 'ground'"),
        ({"mode": None}, "mode=None"),
        ({"mode": "read", "num": 3}, "num= is a setting of mode 'search', not of 'read'"),
        ({"mode": "read", "num": 1}, "num= is a setting of mode 'search', not of 'read'"),  # 1 equals True
        (
            {"mode": "search", "reader_url": "http://r"},
            "reader_url= is a setting of mode 'read', not of 'search'",
        ),
        ({"mode": "read", "content": False}, "content= is a setting of mode 'search'"),
        ({"mode": "read", "site": "x.example"}, "site= is a setting of mode 'search' and 'ground'"),
        (
            {"mode": "ground", "options": {"no_cache": True}},
            "options= is a setting of mode 'read' and 'search'",
        ),
        ({"mode": "read", "options": {"colour": "red"}}, "ReaderOptions.*colour"),
        ({"mode": "read", "options": {"timeout": 999}}, "timeout=999"),
        ({"mode": "read", "options": "html"}, "options is str"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """The error names the setting, and the modes that have it."""
    with pytest.raises(ConfigurationError, match=message):
        JinaReaderConnector(base_url="local", **settings).run("x")


def test_grounding_has_no_headers(connect: Callable[..., JinaReaderConnector]) -> None:
    """What cannot be translated is refused."""
    with pytest.raises(ConfigurationError, match="takes no headers"):
        connect("ground").run("Ice is warm.", {"X-No-Cache": "true"})


async def test_wrong_input_is_refused(connect: Callable[..., JinaReaderConnector]) -> None:
    """A query is a string; a page that is not there is the package's own error."""
    with pytest.raises(TypeError, match="expects a string"):
        connect("read").run([HONEY])  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError):
        await connect("read").run_async("https://bees.example/none")


def test_keyless_sends_no_key(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for the keyless tier sends none even where the environment has one; who gives one all the same is told."""
    monkeypatch.setenv("JINA_API_KEY", "right")
    wire = serve(pages=PAGES)
    reader = JinaReaderConnector("read", base_url=wire.url, limits="keyless")
    assert reader.run(HONEY)["documents"]
    reader.close()
    assert wire.keys == [None]
    with pytest.raises(ConfigurationError, match="keyless"):
        JinaReaderConnector("read", Secret.from_token("k"), base_url=wire.url, limits="keyless").warm_up()


def test_regions() -> None:
    """The region reaches the client: Jina's own host has one, others have none, and a ready client has its own."""
    key = Secret.from_token("k")
    JinaReaderConnector("read", key, region="eu").warm_up()
    with pytest.raises(ConfigurationError, match="region='eu'"):
        JinaReaderConnector("read", key, base_url="https://other.example", region="eu").warm_up()
    with pytest.raises(ConfigurationError, match="give region to it"):
        JinaReaderConnector("read", region="eu", client=Jina(base_url="local"))


def test_secrets_are_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are in no dump and no repr; tokens, and options that may hold secrets, are not written at all."""
    monkeypatch.setenv("JINA_API_KEY", "right-key")
    warm = JinaReaderConnector("read", base_url="http://127.0.0.1:1")
    warm.warm_up()
    shown = f"{warm.to_dict()} {warm!r} {pickle.dumps(warm)!r}"
    assert "JINA_API_KEY" in shown
    assert "right-key" not in shown
    with pytest.raises(ValueError, match="Cannot serialize token-based secret"):
        JinaReaderConnector("read", Secret.from_token("k")).to_dict()
    with_cookie = JinaReaderConnector("read", options={"set_cookie": "session=crumbs"})
    assert "crumbs" not in f"{with_cookie!r} {vars(with_cookie)!r}"
    for write in (with_cookie.to_dict, lambda: pickle.dumps(with_cookie)):
        with pytest.raises(SerializationError, match=r"set_cookie.*run\(headers=") as caught:
            write()
        assert "crumbs" not in str(caught.value)


async def test_pipeline_from_yaml(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are read, embedded and written by a pipeline that was written and read again, over a socket, by both faces."""
    monkeypatch.setenv("JINA_API_KEY", "right")
    wire = serve(pages=PAGES, api_keys=["right"])
    store = InMemoryDocumentStore()  # one that is read again holds the same documents
    pipeline = Pipeline()
    pipeline.add_component("reader", JinaReaderConnector("read", base_url=wire.url, limits=None))
    pipeline.add_component("embedder", JinaDocumentEmbedder(base_url=wire.url, limits=None))
    pipeline.add_component("writer", DocumentWriter(store))
    pipeline.connect("reader.documents", "embedder.documents")
    pipeline.connect("embedder.documents", "writer.documents")
    pipeline = Pipeline.loads(pipeline.dumps())
    pipeline.warm_up()
    urls = [*PAGES]
    pipeline.run({"reader": {"query": urls[0], "headers": {"X-No-Cache": "true"}}})
    await pipeline.run_async({"reader": {"query": urls[1]}})
    await pipeline.close_async()
    assert {document.meta["url"] for document in store.filter_documents()} == set(urls[:2])
    assert all(document.embedding for document in store.filter_documents())
    monkeypatch.setenv("JINA_API_KEY", "wrong")
    with pytest.raises(AuthenticationError):
        JinaReaderConnector("read", base_url=wire.url).run(HONEY)
