"""``Jina.search``: what it sends and refuses, and what it makes of an answer."""

from __future__ import annotations

import json

import pytest

from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    ReaderOptions,
    ResponseError,
    Retry,
    Usage,
)
from ragbridge.flow import Response

ROWS = [
    {"url": "https://a", "title": "A", "description": "first", "content": "# A", "usage": {"tokens": 40}},
    {"url": "https://b", "title": "B", "description": "second", "content": "", "usage": {"tokens": 2}},
]


def answer(data=ROWS, **envelope):
    return Response(200, {}, json.dumps({"code": 200, "status": 20000, "data": data, **envelope}).encode())


@pytest.fixture
def search(scripted):
    """``search(answer, **arguments)``: what the call makes of one answer, and its request."""

    def call(response, query="a question", **arguments):
        transport = scripted(response)
        jina = Jina("k", limits=None, retry=Retry(attempts=1), transport=transport)
        return jina.search(query, **arguments), transport.requests[0]

    return call


def test_results_in_the_services_order(search):
    """Each is a page; what the answer says of its cost is counted."""
    found, request = search(answer())
    assert [(page.url, page.title, page.description, page.content) for page in found] == [
        ("https://a", "A", "first", "# A"),
        ("https://b", "B", "second", ""),
    ]
    assert (len(found), found.usage) == (2, Usage(42, 1))
    assert (request.method, request.url) == ("POST", "https://s.jina.ai/")
    assert json.loads(request.body) == {"q": "a question"}


def test_the_cost_of_the_whole_search_wins(search):
    """A search costs more than its rows; where the answer says so, that counts."""
    found, _ = search(answer(meta={"usage": {"tokens": 10000}}))
    assert found.usage.tokens == 10000


def test_what_is_asked_is_sent(search):
    """In the service's own words; pages are read with the reader's options."""
    _, request = search(
        answer(),
        num=3,
        page=2,
        country="de",
        language="en",
        location="Berlin",
        site="jina.ai",
        options=ReaderOptions(engine="direct", timeout=100),
    )
    assert json.loads(request.body) == {
        "q": "a question",
        "gl": "de",
        "hl": "en",
        "location": "Berlin",
        "num": 3,
        "page": 2,
    }
    headers = {name: request.headers[name] for name in ("x-site", "x-engine", "x-timeout")}
    assert headers == {"x-site": "jina.ai", "x-engine": "direct", "x-timeout": "100"}
    assert request.timeout == 130


def test_pictures_news_and_operators(search):
    """Operators are fields, so that they may hold any letters; results bring what only pictures and news have."""
    row = {
        "url": "https://a",
        "title": "A",
        "imageUrl": "https://a/1.png",
        "source": "S",
        "date": "2026-11-01",
    }
    found, request = search(
        answer([{**row, "favicon": "data:image/png;base64,AA"}]),
        kind="images",
        provider="bing",
        site=["a.example", "b.example"],
        filetype="pdf",
        ext=["pdf", "docx"],
        intitle="größe",
        loc="de",
        fallback=True,
        nfpr=False,
        favicons=True,
    )
    assert json.loads(request.body) == {
        "q": "a question",
        "type": "images",
        "provider": "bing",
        "filetype": ["pdf"],
        "ext": ["pdf", "docx"],
        "intitle": ["größe"],
        "loc": ["de"],
        "fallback": True,
    }
    assert request.headers["x-site"] == "a.example, b.example"
    assert request.headers["x-with-favicons"] == "true"
    (page,) = found
    assert (page.image_url, page.source, page.published) == ("https://a/1.png", "S", "2026-11-01")
    assert page.favicon == "data:image/png;base64,AA"


def test_a_search_without_content(search):
    """Results have title, address and description alone."""
    found, request = search(
        answer([{"url": "https://a", "title": "A", "description": "first"}]), content=False
    )
    assert request.headers["x-respond-with"] == "no-content"
    assert found.results[0].content == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"query": " "}, "query"),
        ({"query": 7}, "query"),
        ({"num": 21}, "num=21"),
        ({"kind": "films"}, "kind='films' must be one of web, images, news"),
        ({"provider": "yahoo"}, "provider='yahoo'"),
        ({"nfpr": "yes"}, "nfpr='yes'"),
        ({"filetype": [""]}, "filetype="),
        ({"options": ReaderOptions(page=2)}, "page"),
        ({"page": True}, "page=True"),
        ({"country": 49}, "country=49"),
        ({"site": "a\nb"}, "site must be non-empty printable ASCII"),
        ({"content": "no"}, "content='no'"),
        (
            {"content": False, "options": ReaderOptions(return_format="html")},
            "content=False and return_format",
        ),
        ({"options": ReaderOptions(viewport=(1, 1))}, "viewport"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(scripted, arguments, says):
    """Before ten thousand tokens are spent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina("k", limits=None, transport=transport).search(**{"query": "q", **arguments})
    assert transport.requests == []


def test_a_search_needs_a_key(scripted):
    """Those without one are told so, not refused by the service."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match="search asks for a key"):
        Jina(limits="keyless", transport=transport).search("q")
    assert transport.requests == []


@pytest.mark.parametrize("data", [None, {}, "text", [7], [{"title": "no address"}], [{"url": 7}]])
def test_odd_answers_are_errors(search, data):
    """A row without an address is no result."""
    with pytest.raises(ResponseError):
        search(answer(data))


async def test_the_asynchronous_face_does_the_same(scripted):
    """Same request, same results."""
    transport = scripted(answer(), answer())
    jina = Jina("k", limits=None, transport=transport)
    assert await jina.asearch("q", num=2) == jina.search("q", num=2)
    assert transport.requests[0] == transport.requests[1]


def test_nothing_found_is_an_empty_result(scripted):
    """The service says so by a 422; what else it refuses stays an error."""
    body = {"code": 422, "name": "AssertionFailureError", "status": 42206, "data": None}
    nothing = {**body, "message": "No search results available for query x"}
    transport = scripted(
        Response(422, {}, json.dumps(nothing).encode()),
        Response(422, {}, json.dumps({**body, "message": "Invalid location"}).encode()),
    )
    jina = Jina("k", limits=None, transport=transport)
    assert (len(jina.search("x")), jina.usage.requests) == (0, 1)
    with pytest.raises(InvalidRequestError, match="Invalid location"):
        jina.search("x")
