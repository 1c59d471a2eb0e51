"""Reader, search and grounding of the embedded engine: over the pages that it was given, and nothing else."""

from __future__ import annotations

import json

import pytest

from ragbridge import ConfigurationError
from ragbridge.local import Engine, Faults, Quota

CATS = """<!DOCTYPE html><html><head><title>On  cats</title><meta name="description" content="What cats do">
<style>p {color: red}</style></head><body><nav><a href="/home">Home</a></nav><h1>Cats</h1>
<p>A cat is a <b>small</b>
animal &amp; it <em>purrs</em>. <a href="more.html">Read more</a><br>Second line <img src="cat.png" alt="A cat"></p>
<ul><li>one</li><li>two</li></ul><pre>x = 1
y = 2</pre><script>alert(1)</script><table><tr><td>a</td><td>b</td></tr></table></body></html>"""
PAGES = {
    "https://example.com/cats": CATS,
    "https://www.example.org/bananas/": "# Bananas\n\nBananas are yellow and rich in potassium. [Wiki](wiki) ![Pic](p.png)",
    "https://example.net/plain?x=1": "The capital of France is Paris. " * 300,
}
JSON = {"accept": "application/json"}


@pytest.fixture
def engine():
    return Engine(pages=PAGES)


@pytest.fixture
def read(ask, engine):
    """``read(url, **headers)``: the status and the data of the page, or the whole refusal."""

    def call(url, **headers):
        sent = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
        response = ask(engine, "/r/", {"url": url}, headers=sent).response
        body = json.loads(response.body)
        return response.status, body["data"] or body

    return call


def test_a_page_as_markdown(ask, engine):
    """HTML comes as Markdown in the reader's envelope, with title, description and what it costs."""
    response = ask(engine, "/r/", {"url": "https://example.com/cats"}, headers=JSON).response
    body = json.loads(response.body)
    page = body["data"]
    assert (response.status, body["code"], body["status"]) == (200, 200, 20000)
    assert (page["title"], page["description"], page["url"]) == (
        "On  cats",
        "What cats do",
        "https://example.com/cats",
    )
    assert page["content"] == (
        "[Home](https://example.com/home)\n\n# Cats\n\n"
        "A cat is a **small** animal & it _purrs_. [Read more](https://example.com/more.html)\n"
        "Second line ![Image 1: A cat](https://example.com/cat.png)\n\n"
        "* one\n* two\n\n```\nx = 1\ny = 2\n```\n\n| a | b |\n| --- | --- |"
    )
    assert page["usage"]["tokens"] > 20
    assert response.headers["x-usage-tokens"] == str(page["usage"]["tokens"])
    assert body["meta"]["usage"]["tokens"] == page["usage"]["tokens"]


def test_formats(read):
    """Text has no marks, HTML is what was given; several formats come together."""
    text = read("https://example.com/cats", x_respond_with="text")[1]
    assert text["text"].startswith(
        "Home\n\nCats\n\nA cat is a small animal & it purrs. Read more\nSecond line A cat"
    )
    assert "content" not in text
    assert read("https://example.com/cats", x_return_format="html")[1]["html"] == CATS
    both = read("https://example.com/cats", x_respond_with="markdown+html")[1]
    assert {"content", "html"} <= set(both)


def test_markdown_and_plain_text(read):
    """A page that is no HTML is taken as it is; its first heading is its title."""
    page = read("https://www.example.org/bananas", x_with_links_summary="true", x_with_images_summary="true")[
        1
    ]
    assert (page["title"], page["content"]) == ("Bananas", PAGES["https://www.example.org/bananas/"])
    assert page["links"] == {"Wiki": "https://www.example.org/bananas/wiki"}
    assert page["images"] == {"Pic": "https://www.example.org/bananas/p.png"}


def test_links_and_images(read):
    """Summaries come on request: an object, or every link as a pair."""
    plain = read("https://example.com/cats")[1]
    assert not {"links", "images"} & set(plain)
    page = read("https://example.com/cats", x_with_links_summary="all", x_with_images_summary="true")[1]
    assert page["links"] == [
        ["Home", "https://example.com/home"],
        ["Read more", "https://example.com/more.html"],
    ]
    assert page["images"] == {"Image 1: A cat": "https://example.com/cat.png"}


def test_max_tokens(read):
    """``X-Max-Tokens`` cuts a page; the service takes none below 500."""
    page = read("https://example.net/plain?x=1", x_max_tokens="500")[1]
    assert page["usage"]["tokens"] <= 500
    assert PAGES["https://example.net/plain?x=1"].startswith(page["content"])
    status, refusal = read("https://example.net/plain?x=1", x_max_tokens="499")
    assert (status, refusal["name"]) == (400, "ParamValidationError")


def test_token_budget(read):
    """A page beyond ``X-Token-Budget`` is refused."""
    assert read("https://example.com/cats", x_token_budget="100000")[0] == 200
    status, refusal = read("https://example.com/cats", x_token_budget="5")
    assert (status, refusal["status"], refusal["name"]) == (409, 40904, "BudgetExceededError")


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com/cats",
        "http://EXAMPLE.com/cats/",
        "example.com/cats",
        "https://www.example.com/cats#top",
    ],
)
def test_addresses_of_one_page(ask, engine, target):
    """Scheme, ``www.``, ``#`` and a slash at the end do not matter; GET has the address in the path, POST in the body."""
    got = ask(engine, f"/r/{target}", method="GET", headers=JSON).response
    posted = ask(engine, "/r", {"url": target}, headers=JSON).response
    assert got.status == posted.status == 200
    assert got.body == posted.body


def test_a_query_belongs_to_the_pages_address(ask, engine):
    """What follows ``?`` in the path of a GET is the page's, not the reader's."""
    assert ask(engine, "/r/https://example.net/plain?x=1", method="GET").response.status == 200
    assert ask(engine, "/r/https://example.net/plain?x=2", method="GET").response.status == 422


def test_plain_answers(ask, engine):
    """Without ``Accept: application/json`` the page comes as text."""
    response = ask(engine, "/r/https://example.com/cats", method="GET").response
    assert response.headers["content-type"].startswith("text/plain")
    assert response.body.startswith(
        b"Title: On  cats\n\nURL Source: https://example.com/cats\n\nMarkdown Content:\n"
    )
    html = ask(
        engine, "/r/https://example.com/cats", method="GET", headers={"x-respond-with": "html"}
    ).response
    assert html.body == CATS.encode()


def test_a_page_in_the_request(ask, engine):
    """HTML that comes with the request is read, at whatever address."""
    body = {"url": "https://nowhere.example/x", "html": "<p>Hello <a href='y'>you</a></p>"}
    data = json.loads(ask(engine, "/r/", body, headers=JSON).response.body)["data"]
    assert (data["content"], data["url"]) == ("Hello [you](https://nowhere.example/y)", body["url"])


@pytest.mark.parametrize(
    ("body", "headers", "status", "name"),
    [
        ({"url": "https://example.com/other"}, {}, 422, "AssertionFailureError"),
        ({"url": "file:///etc/passwd"}, {}, 400, "ParamValidationError"),
        ({"url": "http://[broken"}, {}, 400, "ParamValidationError"),
        ({"url": 5}, {}, 400, "ParamValidationError"),
        ({}, {}, 400, "ParamValidationError"),
        ({"pdf": "AAAA"}, {}, 422, "AssertionFailureError"),
        ({"html": 5}, {}, 400, "ParamValidationError"),
        ({"url": "https://example.com/cats"}, {"x-respond-with": "screenshot"}, 400, "ParamValidationError"),
        ({"url": "https://example.com/cats"}, {"x-token-budget": "many"}, 400, "ParamValidationError"),
    ],
)
def test_refusals(ask, engine, body, headers, status, name):
    """What cannot be read is refused in the reader's shape."""
    response = ask(engine, "/r/", body, headers=headers).response
    refusal = json.loads(response.body)
    assert (response.status, refusal["code"], refusal["name"], refusal["data"]) == (
        status,
        status,
        name,
        None,
    )
    assert refusal["status"] // 100 == status
    assert refusal["readableMessage"] == f"{name}: {refusal['message']}"


def test_balance(ask, engine):
    """A GET without an address shows a balance, also where the engine asks for no key: all of it runs without one."""
    text = ask(engine, "/r/", method="GET", key="k").response.body.decode()
    assert "[Balance left] 10000000\n" in text
    data = json.loads(ask(engine, "/r/", method="GET", key="k", headers=JSON).response.body)["data"]
    assert data["balanceLeft"] == 10_000_000
    assert "authenticatedAs" in data
    index = json.loads(ask(engine, "/r/", method="GET", headers=JSON).response.body)["data"]
    assert index["balanceLeft"] == 10_000_000
    assert "authenticatedAs" not in index


def search(ask, engine, query="What colour is a banana?", headers=None, **fields):
    return ask(engine, "/s/", {"q": query, **fields}, headers={**JSON, **(headers or {})}).response


def test_search(ask, engine):
    """The page that answers best comes first, with its content; a search costs 10,000 tokens at least."""
    body = json.loads(search(ask, engine).body)
    assert body["data"][0]["title"] == "Bananas"
    assert len(body["data"]) == 3
    assert all({"title", "url", "description", "content", "usage"} <= set(page) for page in body["data"])
    assert body["meta"]["usage"]["tokens"] == 10_000
    got = ask(engine, "/s/What colour is a banana?", method="GET", headers=JSON).response
    also = ask(engine, "/s?q=What+colour+is+a+banana%3F", method="GET", headers=JSON).response
    assert also.body == search(ask, engine).body
    assert json.loads(got.body)["data"][0]["title"] == "Bananas"


def test_search_without_content(ask, engine):
    """``X-Respond-With: no-content`` leaves the pages' bodies out."""
    data = json.loads(search(ask, engine, headers={"x-respond-with": "no-content"}).body)["data"]
    assert all(set(page) == {"title", "url", "description", "usage"} for page in data)
    assert [page["description"] for page in data if "cats" in page["url"]] == ["What cats do"]


def test_search_of_sites_and_pages(ask, engine):
    """``X-Site`` restricts to sites, ``num`` and ``page`` walk through the results."""
    only = json.loads(search(ask, engine, headers={"x-site": "https://example.com"}).body)["data"]
    assert [page["url"] for page in only] == ["https://example.com/cats"]
    whole = json.loads(search(ask, engine).body)["data"]
    walked = [json.loads(search(ask, engine, num=1, page=page).body)["data"][0] for page in (1, 2, 3)]
    assert walked == whole
    assert search(ask, engine, num=1, page=4).status == 422
    assert search(ask, engine, headers={"x-site": "nowhere.example"}).status == 422


@pytest.mark.parametrize(
    "fields", [{"query": ""}, {"query": None}, {"num": 21}, {"num": "many"}, {"page": 0}]
)
def test_wrong_searches(ask, engine, fields):
    """A wrong option is refused in the hosts' shape."""
    response = search(ask, engine, **fields)
    assert (response.status, json.loads(response.body)["name"]) == (400, "ParamValidationError")


def test_grounding(ask, engine):
    """A statement that a page holds is true, with the passage as reference; another is not."""

    def ground(statement, **headers):
        return json.loads(ask(engine, "/g/", {"statement": statement}, headers=headers).response.body)["data"]

    right = ground("Bananas are yellow and rich in potassium.")
    wrong = ground("Submarines were invented by Martians.")
    assert (right["result"], wrong["result"]) == (True, False)
    assert 0 <= wrong["factuality"] < 0.5 <= right["factuality"] <= 1
    best = right["references"][0]
    assert best["url"] == "https://www.example.org/bananas/"
    assert "potassium" in best["keyQuote"]
    assert best["isSupportive"] is True
    assert right["usage"]["tokens"] > 0
    assert ground("Bananas", **{"x-site": "example.com,example.net"})["references"][0]["url"] != best["url"]


def test_an_engine_without_pages(ask):
    """It finds nothing and says so."""
    engine = Engine()
    assert ask(engine, "/s/", {"q": "cats"}).response.status == 422
    assert ask(engine, "/g/", {"statement": "cats"}).response.status == 422
    assert ask(engine, "/r/", {"url": "https://example.com/cats"}).response.status == 422


def test_keys_quotas_and_faults(ask):
    """They hold here as well, with refusals in the hosts' own shape."""
    locked = ask(Engine(pages=PAGES, api_keys=["k"]), "/s/", {"q": "cats"}).response
    assert (locked.status, json.loads(locked.body)["name"]) == (401, "AuthenticationRequiredError")
    limited = Engine(pages=PAGES, quota=Quota(requests_per_minute=1, retry_after=True), clock=lambda: 0.0)
    assert search(ask, limited).status == 200
    refused = search(ask, limited)
    assert (refused.status, json.loads(refused.body)["status"]) == (429, 42903)
    assert refused.headers["retry-after"] == "60"
    faulty = Engine(pages=PAGES, faults=Faults(rate=1, kinds=["missing"]))
    assert len(json.loads(search(ask, faulty).body)["data"]) == 2
    assert search(ask, Engine(pages=PAGES, faults=Faults(rate=1, kinds=["status402"]))).status == 402


@pytest.mark.parametrize("pages", [{"https://example.com": 5}, {5: "a"}, {"": "a"}, {"file:///etc": "a"}])
def test_pages_that_are_none(pages):
    """Pages must be texts at addresses."""
    with pytest.raises(ConfigurationError, match="pages"):
        Engine(pages=pages)


@pytest.mark.parametrize(
    "html",
    [
        "<p",
        "<a href='http://[x'>y</a>",
        "<b><i></b>",
        "<pre>a",
        "<title>",
        "</p></a></pre>",
        "<!-- x",
        "<p>&#0;",
    ],
)
def test_broken_html(ask, engine, html):
    """Whatever is wrong with a page's HTML, it is read."""
    assert ask(engine, "/r/", {"html": html}, headers=JSON).response.status == 200
