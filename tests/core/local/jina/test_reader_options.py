"""Options of the embedded engine's reader and search: every one of them is done, refused, or says how pages are fetched."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from ragbridge import ReaderOptions
from ragbridge.local import Engine
from ragbridge.local.jina.options import READER, SEARCH, Option

URL = "https://example.com/page"
HTML = """<html><head><title>A page</title><meta name="description" content="About"><meta property="og:type" content="x">
<link rel="icon" href="/i.png" type="image/png"></head><body><nav class="top menu"><a href="/home">Home</a></nav>
<div id="main"><h1>One</h1><p>A <b>strong</b> and <em>soft</em> <a href="/a?x=1">link</a>.</p><hr><h2>Two</h2>
<ul><li>first<ul><li>inner</li></ul></li><li>second</li></ul><ol start="3"><li>three</li><li>four</li></ol>
<blockquote><p>said</p></blockquote><p><img src="/p.png" alt="A picture"><img src="data:image/png;base64,AAAA">
<img src="/p.png" alt="A picture"></p><p><a href="/a?x=1">link again</a> <a href="javascript:x()">run</a></p>
<table><tr><th>a</th><th>b|c</th></tr><tr><td>1</td></tr></table></div><aside data-kind="ad">Buy!</aside>
<div hidden>Unseen</div><div style="position: fixed">Cookies?</div></body></html>"""
MARKDOWN = "https://example.com/markdown"
PAGES = {URL: HTML, MARKDOWN: "# A\n\n[Wiki](/w) ![Pic](/p.png)", "https://example.com/long": "word " * 600}
JSON = {"accept": "application/json"}

SAMPLES: dict[str, Any] = {
    "x-respond-with": "html",
    "x-return-format": "text",
    "x-with-links-summary": "true",
    "x-with-images-summary": "all",
    "x-target-selector": "#main",
    "x-remove-selector": "nav",
    "x-retain-images": "none",
    "x-retain-links": "text",
    "x-no-gfm": "table",
    "x-detach-invisibles": "true",
    "x-remove-overlay": "true",
    "x-keep-img-data-url": "true",
    "x-token-budget": "5",
    "x-max-tokens": "500",
    "x-markdown-chunking": "h2",
    "x-md-heading-style": "setext",
    "x-md-hr": "---",
    "x-md-bullet-list-marker": "-",
    "x-md-em-delimiter": "*",
    "x-md-strong-delimiter": "__",
    "x-md-link-style": "referenced",
    "x-engine": "browser",
}
"""A value of each option that is done, or has choices, which shows on the page."""


@pytest.fixture
def engine():
    return Engine(pages=PAGES)


@pytest.fixture
def read(ask, engine):
    """``read(url, headers, **body)``: the status, and the data of the page or the refusal."""

    def call(url=URL, headers=None, **body):
        response = ask(engine, "/r/", {"url": url, **body}, headers={**JSON, **(headers or {})}).response
        answer = json.loads(response.body)
        return response.status, answer["data"] or answer

    return call


def placed(option: Option, value: Any) -> dict[str, Any]:
    """An option's value where a JSON body has it."""
    first, _, inner = option.field.partition(".")
    return {first: {inner: value}} if inner else {first: value}


def name_of(option: Option) -> str:
    return option.header or option.field


def test_the_table_is_complete():
    """Each option that the client can set, by header or in the body, has a row."""
    everything = ReaderOptions(
        viewport=(1, 2),
        **{
            option.name: value
            for option in fields(ReaderOptions)
            if option.name not in {"viewport", "extra"}
            for value in [_some(option.name)]
        },
    )
    assert {option.name for option in fields(ReaderOptions)} == {*everything.given(), "extra"}
    headers, bodies = {option.header for option in READER}, {option.field for option in READER}
    assert set(everything.headers()) <= headers
    assert set(everything.body()) <= bodies
    assert all(option.why for option in (*READER, *SEARCH) if option.effect == "refused")


def _some(name: str) -> Any:
    from ragbridge.services.jina.web import option_names as names

    if name in names.CHOICES:
        return names.CHOICES[name][0]
    if name in names.COUNTS:
        return {"timeout": 20, "assert_status_code": 200}.get(name, 500)
    objects = {"json_schema": {"type": "object"}, "custom_header": {"a": "b"}}
    return objects.get(name, True if name in names.SWITCHES else "x")


PLACES = [
    pytest.param(option, place, id=f"{name_of(option)}-{place}")
    for option in READER
    for place, name in (("header", option.header), ("body", option.field))
    if name
]


@pytest.mark.parametrize(("option", "place"), PLACES)
def test_no_option_is_ignored(read, option, place):
    """What is done changes the answer; what is refused is a 400 that names it; the rest is about fetching alone."""
    value = SAMPLES.get(option.header, "x")
    further = {"x-md-link-style": "referenced"} if option.header == "x-md-link-reference-style" else {}
    url = "https://example.com/long" if option.header == "x-max-tokens" else URL
    if option.header == "x-md-link-reference-style":
        value = "shortcut"
    usual = read(url, further)
    headers, body = ({option.header: value}, {}) if place == "header" else ({}, placed(option, value))
    status, data = read(url, {**further, **headers}, **body)
    if option.effect == "refused":
        assert (status, (option.header or option.field) in data["message"]) == (400, True)
    elif option.effect in {"fetching", "absent"}:
        assert (status, data) == usual
    else:
        assert (status, data) != usual


@pytest.mark.parametrize("option", [option for option in READER if option.choices], ids=name_of)
def test_values_that_an_option_does_not_have(read, option):
    """They are refused, also those that only the hosted reader has."""
    for value in ("none of them", "alt_p", "s3", "discarded"):
        assert read(headers={option.header: value})[0] == 400
        assert read(**placed(option, value))[0] == 400
    assert read(**placed(option, 5))[0] == 400


MARKS = [
    ({}, "A **strong** and _soft_ [link](https://example.com/a?x=1)."),
    ({}, "* first\n  * inner\n* second\n\n3. three\n4. four\n\n> said\n"),
    ({}, "| a | b\\|c |\n| --- | --- |\n| 1 |"),
    ({}, "![Image 1: A picture](https://example.com/p.png)![Image 2](blob:https://example.com/"),
    ({"x-keep-img-data-url": "1"}, "![Image 2](data:image/png;base64,AAAA)"),
    ({"x-md-heading-style": "setext"}, "One\n===\n\nA"),
    ({"x-md-heading-style": "setext"}, "Two\n---\n"),
    ({"x-md-hr": "-----"}, "\n\n-----\n\n"),
    ({"x-md-bullet-list-marker": "+"}, "+ first\n  + inner\n+ second"),
    ({"x-md-em-delimiter": "*", "x-md-strong-delimiter": "__"}, "A __strong__ and *soft* [link]"),
    ({"x-md-link-style": "referenced"}, "[Home][1]\n\n# One\n\nA **strong** and _soft_ [link][2]."),
    (
        {"x-md-link-style": "referenced"},
        "\n\n[1]: https://example.com/home\n[2]: https://example.com/a?x=1\n",
    ),
    ({"x-md-link-style": "referenced", "x-md-link-reference-style": "collapsed"}, "[Home][]\n"),
    (
        {"x-md-link-style": "referenced", "x-md-link-reference-style": "shortcut"},
        "[Home]: https://example.com/home",
    ),
    ({"x-retain-links": "text"}, "Home\n\n# One\n\nA **strong** and _soft_ link."),
    ({"x-retain-links": "none"}, "# One\n\nA **strong** and _soft_ ."),
    ({"x-retain-images": "alt"}, "\n\n(Image 1: A picture) (Image 2: A picture)\n\n"),
]


@pytest.mark.parametrize(("headers", "written"), MARKS)
def test_markdown(read, headers, written):
    """Markdown is written in the style that is asked for."""
    assert written in read(headers=headers)[1]["content"] + "\n"


def test_links_as_citations(read):
    """A number, the text and a host other than the page's; the addresses are in the summary, which comes by itself."""
    html = "<p><a href='/a'>A</a> <a href='https://b.example/'>B【1】</a> <a href='mailto:c@d'>C</a></p>"
    data = read(headers={"x-retain-links": "gpt-oss"}, html=html)[1]
    assert data["content"] == "【1†A】 【2†B〖1〗†b.example】 C"
    assert data["links"] == {"1": "https://example.com/a", "2": "https://b.example/"}


def test_markdown_without_githubs_extensions(read):
    """Tables stay HTML, or become text as any other element."""
    table = "<table><tbody><tr><td>a</td></tr></tbody></table>"
    html = f"<p>x</p>{table}<p><del>y</del></p>"
    assert read(headers={"x-no-gfm": "table"}, html=html)[1]["content"] == f"x\n\n{table}\n\n~y~"
    content = read(headers={"x-no-gfm": "true"}, html=html)[1]["content"]
    assert [line for line in content.split("\n") if line] == ["x", "a", "y"]


@pytest.mark.parametrize(
    ("header", "html"),
    [("x-with-iframe", "<iframe src='/f'></iframe>"), ("x-with-shadow-dom", "<template>t</template>")],
)
def test_what_only_a_browser_has(read, header, html):
    """Frames and shadow trees are refused where the page has some, and no matter where it has none."""
    assert read(headers={header: "true"}, html="<p>x</p>")[1]["content"] == "x"
    status, data = read(headers={header: "true"}, html=html)
    assert (status, header in data["message"]) == (400, True)


def test_answers_as_events(ask, engine):
    """A stream of server-sent events has one, the page; a search's has all results."""
    headers = {"accept": "text/event-stream"}
    response = ask(engine, "/r/", {"url": URL}, headers=headers).response
    assert response.headers["content-type"].startswith("text/event-stream")
    event, data, end = response.body.decode().split("\n", 2)
    assert (event, json.loads(data.removeprefix("data: "))["title"], end) == ("event: data", "A page", "\n")
    response = ask(engine, "/s/", {"q": "page"}, headers=headers).response
    assert len(json.loads(response.body.decode().split("\n")[1].removeprefix("data: "))) == 3


def test_a_search_in_plain_text(ask, engine):
    """Without a wish for JSON it is numbered text, as with the service."""
    text = ask(engine, "/s/", {"q": "strong link", "num": 1}, headers={}).response.body.decode()
    assert text.startswith(f"[1] Title: A page\n[1] URL Source: {URL}\n[1] Description: About\n\n")


def test_images_and_links_that_are_left_out(read):
    """Without images no address of one is left, and without links none of theirs."""
    assert "png" not in read(headers={"x-retain-images": "none"})[1]["content"]
    assert "png" not in read(headers={"x-retain-images": "alt"})[1]["content"]
    assert "example.com/a" not in read(headers={"x-retain-links": "none"})[1]["content"]
    content = read(MARKDOWN, {"x-retain-links": "text", "x-retain-images": "alt"})[1]["content"]
    assert content == "# A\n\nWiki (Pic)"


def test_summaries(read):
    """One line for each address, or for each link and image; scripts are no links."""
    data = read(headers={"x-with-links-summary": "true", "x-with-images-summary": "true"})[1]
    assert data["links"] == {"Home": "https://example.com/home", "link": "https://example.com/a?x=1"}
    assert data["images"]["Image 1,3: A picture"] == "https://example.com/p.png"
    data = read(headers={"x-with-links-summary": "all", "x-with-images-summary": "all"})[1]
    assert [label for label, _ in data["links"]] == ["Home", "link", "link again", "run"]
    assert [label for label, _ in data["images"]] == ["Image 1: A picture", "Image 2", "Image 3: A picture"]


def test_summaries_in_text_answers(ask, engine):
    """Answers in plain text end with them; chunks are separated by a group separator."""
    wanted = {"x-with-links-summary": "true", "x-with-images-summary": "true", "x-target-selector": "nav"}
    text = ask(engine, "/r/", {"url": URL}, headers=wanted).response.body.decode()
    assert text.endswith(
        "[Home](https://example.com/home)\n\nImages:\nThis page does not seem to contain any images.\n"
        "\nLinks/Buttons:\n- [Home](https://example.com/home)\n"
    )
    chunks = ask(engine, "/r/", {"url": URL}, headers={"x-markdown-chunking": "h1"}).response.body.decode()
    assert chunks.startswith("[Home](https://example.com/home)\n\n\x1d# One\n")


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("nav", "[Home](https://example.com/home)"),
        (".menu.top a", "[Home](https://example.com/home)"),
        ("nav > a[href='/home']", "[Home](https://example.com/home)"),
        ("body > aside", "Buy!"),
        ("aside[data-kind]", "Buy!"),
        ("[data-kind^=a],nav", "[Home](https://example.com/home)\n\nBuy!"),
        ("#main blockquote, #main h2", "> said\n\n## Two"),
        ("h2, aside", "## Two\n\nBuy!"),
        ("body * li > ul li", "* inner"),
    ],
)
def test_target_selectors(read, target, content):
    """The elements that are named are the page. A header is cut at commas with spaces, as the reader does."""
    assert read(headers={"x-target-selector": target})[1]["content"] == content
    assert read(targetSelector=target.split(", "))[1]["content"] == content


def test_selectors(read):
    """What is removed is gone in every format, what is selected stays; nothing left is a refusal, as on the service."""
    data = read(
        headers={
            "x-remove-selector": "nav, aside, div[hidden], div[style], #main > *",
            "x-respond-with": "markdown,html,text",
        }
    )[1]
    assert (data["content"], data["text"], "Home" in data["html"]) == ("", "", False)
    data = read(headers={"x-remove-selector": "a", "x-target-selector": "nav", "x-respond-with": "html"})[1]
    assert data["html"] == '<nav class="top menu"></nav>'
    assert data["title"] == "A page"
    assert "Home" in read()[1]["content"]
    assert read(headers={"x-target-selector": ".none"})[0] == 422
    assert read(MARKDOWN, {"x-target-selector": "p"})[0] == 400


@pytest.mark.parametrize(
    "selector", ["a:hover", "a + b", "a ~ b", "a::before", "[", "a[b", ",", ">", "a >", "#", "a" * 1001]
)
def test_selectors_that_the_engine_does_not_have(read, selector):
    """They are refused in words, never taken for something else."""
    status, refusal = read(headers={"x-target-selector": selector})
    assert (status, "X-Target-Selector" in refusal["message"]) == (400, True)


def test_chunks_and_metadata(read):
    """Chunks begin with headings of the level that is asked for; what the page says of itself comes with it."""
    data = read(headers={"x-markdown-chunking": "h1"})[1]
    assert [chunk.split("\n")[0] for chunk in data["chunks"]] == ["[Home](https://example.com/home)", "# One"]
    assert len(read(markdownChunking=True)[1]["chunks"]) == 3
    assert data["metadata"] == {"description": "About", "og:type": "x"}
    assert data["external"] == {"icon": {"https://example.com/i.png": {"type": "image/png"}}}


def test_forms(ask, engine):
    """The reader takes forms as well as JSON."""
    kind = {**JSON, "content-type": "application/x-www-form-urlencoded"}
    body = b"url=https%3A%2F%2Fexample.com%2Fpage&targetSelector=aside"
    answer = json.loads(ask(engine, "/r/", body, headers=kind).response.body)
    assert answer["data"]["content"] == "Buy!"
    kind["content-type"] = "multipart/form-data; boundary=B"
    body = b'--B\r\nContent-Disposition: form-data; name="url"\r\n\r\n%b\r\n--B--\r\n' % URL.encode()
    assert json.loads(ask(engine, "/r/", body, headers=kind).response.body)["data"]["title"] == "A page"


@pytest.mark.parametrize("header", ["k", "Bearer k", "bearer  k", "Token k"])
def test_keys_without_a_scheme(ask, header):
    """The reader's hosts take a key with and without ``Bearer``; the API's does not."""
    locked = Engine(pages=PAGES, api_keys=["k"])
    assert ask(locked, "/r/", {"url": URL}, headers={"authorization": header}).response.status == 200
    wrong = ask(locked, "/r/", {"url": URL}, headers={"authorization": f"{header}x"}).response
    assert wrong.status == 401
    texts = {"model": "jina-embeddings-v3", "input": "a"}
    status = ask(locked, "/v1/embeddings", texts, headers={"authorization": "k"}).response.status
    assert status == 401


SEARCHES = {
    "filetype": "pdf",
    "ext": "pdf",
    "intitle": "page",
    "num": 1,
    "count": 1,
    "page": 2,
    "site": "none.example",
    "type": "images",
    "q": "other",
}


@pytest.mark.parametrize("option", SEARCH, ids=name_of)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_option_of_search_is_ignored(ask, engine, option, method):
    """In the body and in the address: what is done changes the answer, what is refused is a 400."""

    def search(**given: Any) -> tuple[int, list[str]]:
        asked = {"q": "a page", **given}
        if method == "POST":
            response = ask(engine, "/s/", asked, headers=JSON).response
        else:
            query = "&".join(f"{name}={value}".replace(" ", "+") for name, value in asked.items())
            response = ask(engine, f"/s?{query}", method="GET", headers=JSON).response
        data = json.loads(response.body)["data"]
        return response.status, [page["url"] for page in data or ()]

    if option.field == "q":
        assert search(q="")[0] == 400
    elif not option.field:
        headers = {**JSON, option.header: "true"}
        assert ask(engine, "/s/", {"q": "a page"}, headers=headers).response.status == 400
    elif option.effect == "refused":
        assert search(**{option.field: "x"})[0] == 400
    elif option.effect == "fetching":
        assert search(**{option.field: "x"}) == search()
    else:
        assert search(**{option.field: SEARCHES[option.field]}) != search()


def test_a_search_reads_pages_as_the_reader_does(ask, engine):
    """Its results have the summaries, and the style, that are asked for."""
    wanted = {"x-with-links-summary": "true", "x-retain-links": "none"}
    data = json.loads(ask(engine, "/s/", {"q": "a page"}, headers={**JSON, **wanted}).response.body)["data"]
    page = next(page for page in data if page["url"] == URL)
    assert page["links"]["Home"] == "https://example.com/home"
    assert "example.com/home" not in page["content"]
