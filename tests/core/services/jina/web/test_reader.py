"""``Jina.read``: what it sends and refuses, what it makes of an answer, and what it never shows."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import pickle
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    Page,
    QuotaExhaustedError,
    RagbridgeError,
    RateLimitError,
    ReaderOptions,
    RelatedLink,
    ResponseError,
    Retry,
    ServiceError,
    Usage,
)
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import VirtualClock

URL = "https://example.com/page#part"
DATA = {
    "url": "https://example.com/page",
    "title": "A page",
    "description": "About pages.",
    "content": "# A page",
    "usage": {"tokens": 7},
}


def answer(data=DATA, status=200, headers=None, **envelope):
    body = {"code": 200, "status": 20000, "data": data, **envelope}
    return Response(status, headers or {}, json.dumps(body).encode())


@pytest.fixture
def read(scripted):
    """``read(*answers, **arguments)``: what the call makes of the answers, and its requests."""

    def call(*answers, client=None, **arguments):
        transport = scripted(*answers)
        settings = {"base_url": "http://x", "limits": None, "retry": Retry(attempts=1), **(client or {})}
        jina = Jina(transport=transport, **settings)
        return jina.read(**{"url": URL, **arguments}), transport.requests

    return call


def test_a_page_is_read(read):
    """Its parts are where one looks for them, and what it cost is counted."""
    page, (request,) = read(answer(publishedTime=None))
    assert page == Page(
        url="https://example.com/page",
        title="A page",
        content="# A page",
        description="About pages.",
        usage=Usage(7, 1),
    )
    assert (request.method, request.url) == ("POST", "http://x/r/")
    assert json.loads(request.body) == {"url": URL}
    assert request.headers["accept"] == "application/json"


def test_a_page_at_the_embedded_engine():
    """The engine takes the same road, to the pages that it was given; it has no others."""
    pages = {"https://example.com/a": "<title>T</title><p>The sea. <a href='/b'>More</a></p>"}
    jina = Jina(base_url="local", transport=Engine(pages=pages))
    page = jina.read("https://example.com/a", links_summary=True)
    assert (page.title, page.links) == ("T", (("More", "https://example.com/b"),))
    assert "The sea." in page.content
    assert page.usage.tokens > 0
    with pytest.raises(InvalidRequestError):
        jina.read("https://example.com/none")


def test_hosts_of_the_public_service(scripted):
    """The reader has a host of its own, and one in the European Union."""
    for region, url in {
        None: "https://r.jina.ai/",
        "eu": "https://eu.r.jina.ai/",
        "cn": "https://r.jinaai.cn/",
    }.items():
        transport = scripted(answer())
        Jina("k", region=region, transport=transport, limits=None).read(URL)
        assert transport.requests[0].url == url
        assert transport.requests[0].headers["authorization"] == "Bearer k"


def test_no_key_is_needed(scripted, monkeypatch):
    """Those who ask for the keyless tier send none, even where the environment has one."""
    monkeypatch.setenv("JINA_API_KEY", "k")
    transport = scripted(answer())
    Jina(limits="keyless", transport=transport).read(URL)
    assert "authorization" not in transport.requests[0].headers


OPTIONS = [
    ("return_format", "markdown", "x-respond-with", "markdown"),
    ("return_format", ["markdown", "screenshot"], "x-respond-with", "markdown, screenshot"),
    ("engine", "browser", "x-engine", "browser"),
    ("timeout", 180, "x-timeout", "180"),
    ("target_selector", "#main > .a", "x-target-selector", "#main > .a"),
    ("target_selector", ["#a", "#b"], "x-target-selector", "#a, #b"),
    ("wait_for_selector", ".b", "x-wait-for-selector", ".b"),
    ("remove_selector", "nav", "x-remove-selector", "nav"),
    ("links_summary", True, "x-with-links-summary", "true"),
    ("links_summary", "all", "x-with-links-summary", "all"),
    ("images_summary", "all", "x-with-images-summary", "all"),
    ("generated_alt", True, "x-with-generated-alt", "true"),
    ("retain_images", "alt_p", "x-retain-images", "alt_p"),
    ("retain_links", "gpt-oss", "x-retain-links", "gpt-oss"),
    ("no_cache", True, "x-no-cache", "true"),
    ("cache_tolerance", 0, "x-cache-tolerance", "0"),
    ("no_gfm", "table", "x-no-gfm", "table"),
    ("with_iframe", "quoted", "x-with-iframe", "quoted"),
    ("with_shadow_dom", True, "x-with-shadow-dom", "true"),
    ("token_budget", 9, "x-token-budget", "9"),
    ("max_tokens", 500, "x-max-tokens", "500"),
    ("set_cookie", "a=b; Path=/", "x-set-cookie", "a=b; Path=/"),
    ("proxy", "de", "x-proxy", "de"),
    ("proxy_url", "http://u:p@h:1", "x-proxy-url", "http://u:p@h:1"),
    ("locale", "de-DE", "x-locale", "de-DE"),
    ("referer", "https://r.example/", "x-referer", "https://r.example/"),
    ("user_agent", "me/1", "x-user-agent", "me/1"),
    ("robots_txt", "me", "x-robots-txt", "me"),
    ("base", "final", "x-base", "final"),
    ("remove_overlay", True, "x-remove-overlay", "true"),
    ("keep_img_data_url", True, "x-keep-img-data-url", "true"),
    ("respond_timing", "network-idle", "x-respond-timing", "network-idle"),
    ("markdown_chunking", "h2", "x-markdown-chunking", "h2"),
    ("markdown_heading_style", "setext", "x-md-heading-style", "setext"),
    ("markdown_hr", "***", "x-md-hr", "***"),
    ("markdown_bullet_list_marker", "-", "x-md-bullet-list-marker", "-"),
    ("markdown_em_delimiter", "_", "x-md-em-delimiter", "_"),
    ("markdown_strong_delimiter", "__", "x-md-strong-delimiter", "__"),
    ("markdown_link_style", "discarded", "x-md-link-style", "discarded"),
    ("markdown_link_reference_style", "shortcut", "x-md-link-reference-style", "shortcut"),
    ("do_not_track", True, "dnt", "1"),
    ("preset", "agent", "x-preset", "agent"),
    ("retain_media", "html", "x-retain-media", "html"),
    ("detach_invisibles", True, "x-detach-invisibles", "true"),
    ("assert_status_code", 200, "x-assert-status-code", "200"),
    ("page", 2, "x-page", "2"),
    ("return_format", ["frontmatter"], "x-respond-with", "frontmatter"),
    ("return_format", ["markdown+frontmatter"], "x-respond-with", "markdown+frontmatter"),
]
SWITCHES = [name for name, value, _, _ in OPTIONS if value is True]


@pytest.mark.parametrize(("name", "value", "header", "text"), OPTIONS, ids=str)
def test_an_option_is_one_header(name, value, header, text):
    """With the name that the service reads, and nothing beside it."""
    assert ReaderOptions(**{name: value}).headers() == {header: text}


@pytest.mark.parametrize(("header", "text"), [option[2:] for option in OPTIONS], ids=str)
def test_a_header_is_one_option(header, text):
    """In any case of letters, and as it would be sent."""
    assert ReaderOptions.from_headers({header.upper(): text}).headers() == {header: text}


def test_older_and_typed_headers():
    """Headers become what options are, under the older name of the format too."""
    found = ReaderOptions.from_headers(
        {"X-Return-Format": "html,text", "X-Timeout": "9", "X-No-Cache": "True"}
    )
    assert found == ReaderOptions(return_format=["html", "text"], timeout=9, no_cache=True)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Authorization": "Bearer k-1"}, "'Authorization' is not an option"),
        ({7: "x"}, "7 is not an option"),
        ({"X-No-Cache": "false"}, "no_cache='false'"),
        ({"X-Timeout": "9s"}, "timeout='9s'"),
        ({"X-Timeout": "9" * 5000}, "timeout="),
        ({"X-Target-Selector": 7}, "target_selector must be"),
        ({"X-Return-Format": None}, None),
    ],
    ids=str,
)
def test_headers_that_are_no_options(headers, says):
    """They are refused by name, and what they hold is not shown; None is no header."""
    if says is None:
        assert ReaderOptions.from_headers(headers) == ReaderOptions()
        return
    with pytest.raises(ConfigurationError, match=says) as caught:
        ReaderOptions.from_headers(headers)
    assert "k-1" not in str(caught.value)


def test_every_option_is_in_the_table():
    """A new option is tested, or travels in the body."""
    names = {field.name for field in dataclasses.fields(ReaderOptions)}
    assert names - {name for name, *_ in OPTIONS} == {
        "viewport",
        "inject_page_script",
        "inject_frame_script",
        "instruction",
        "json_schema",
        "custom_header",
        "extra",
    }


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_that_is_off_is_not_sent(name):
    """The service takes any text for "on", the text "false" as well."""
    assert ReaderOptions(**{name: False}).headers() == {}


def test_what_travels_in_the_body(read):
    """The window, scripts, and pages that the caller has already."""
    _, (request,) = read(
        answer(), html="<p>", options=ReaderOptions(viewport=(800, 600), inject_page_script="x()")
    )
    assert json.loads(request.body) == {
        "url": URL,
        "html": "<p>",
        "viewport": {"width": 800, "height": 600},
        "injectPageScript": "x()",
    }
    _, (request,) = read(answer(), url=None, pdf=b"%PDF")
    assert json.loads(request.body) == {"pdf": base64.b64encode(b"%PDF").decode()}


def test_what_models_are_asked_and_what_sites_are_sent_travels_in_the_body(read):
    """An instruction, a schema and headers for the page are fields: a header could not hold them."""
    _, (request,) = read(
        answer(),
        options=ReaderOptions(
            instruction="Der Preis in €",
            json_schema={"type": "object"},
            inject_frame_script="y()",
            custom_header={"X-Tenant": "a"},
        ),
    )
    assert json.loads(request.body) == {
        "url": URL,
        "instruction": "Der Preis in €",
        "jsonSchema": {"type": "object"},
        "injectFrameScript": "y()",
        "customHeader": {"X-Tenant": "a"},
    }


def test_files_of_offices_are_uploaded(read):
    """As the service takes any file: base64 in ``file``; a page of it is asked for by number."""
    page, (request,) = read(answer({**DATA, "numPages": 3}), url=None, file=b"PK\x03", page=2)
    assert json.loads(request.body) == {"file": base64.b64encode(b"PK\x03").decode()}
    assert (request.headers["x-page"], page.page_count) == ("2", 3)


def test_options_that_this_client_does_not_know_are_sent_as_they_are(read):
    """Names with a hyphen as headers, others in the body; so are new values of those it knows."""
    extra = {"X-No-Service-Worker": "true", "X-Engine": "warp", "preloadUrl": "https://a"}
    options = ReaderOptions(extra=extra)
    _, (request,) = read(answer(), options=options)
    assert (request.headers["x-no-service-worker"], request.headers["x-engine"]) == ("true", "warp")
    assert json.loads(request.body) == {"url": URL, "preloadUrl": "https://a"}
    assert ReaderOptions.from_headers({"X-No-Service-Worker": "true"}).headers() == {
        "x-no-service-worker": "true"
    }
    assert "warp" not in repr(options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"extra": {"Authorization": "Bearer k-1"}}, "'Authorization' is no option"),
        ({"extra": {"X-Engine": "warp"}, "engine": "browser"}, "engine is given, and in extra as 'X-Engine'"),
        ({"extra": {"jsonSchema": {}}, "json_schema": {}}, "json_schema is given"),
        ({"extra": {"X-A": {}}}, "must be a string or an int, not dict"),
        ({"extra": {"X-A": "b\r\nx: y"}}, "printable ASCII"),
        ({"extra": "X-A: b"}, "extra must be a dict, not str"),
        ({"custom_header": {"a": 1}}, "custom_header must map"),
        ({"json_schema": "{}"}, "json_schema must be a dict"),
        ({"assert_status_code": 99}, "assert_status_code=99"),
        ({"engine": "warp"}, "extra={'x-engine': 'warp'}"),
    ],
    ids=str,
)
def test_extra_options_that_are_wrong(options, says):
    """What the client sets itself, what is given twice and what no header can carry is refused, and not shown."""
    with pytest.raises(ConfigurationError, match=re.escape(says)) as raised:
        ReaderOptions(**options)
    assert "k-1" not in str(raised.value)


def test_a_header_that_is_nearly_an_option_is_refused():
    """The service would ignore it in silence."""
    with pytest.raises(ConfigurationError, match="did you mean 'x-return-format'"):
        ReaderOptions.from_headers({"X-Retrun-Format": "html"})


def test_a_model_that_has_rested_is_waited_for(scripted):
    """503 for a minute is its cold start, not its end: the waits add up to more than that."""
    clock = VirtualClock()
    cold = Response(503, {}, b'{"message": "starting"}')
    for retry, answers in ((Retry(), 6), (Retry(attempts=1), 0)):
        transport = scripted(*[cold] * 6, answer())
        jina = Jina(base_url="http://x", limits=None, retry=retry, transport=transport, clock=clock)
        begun = clock.now()
        if answers:
            assert jina.read(URL, return_format="jina-ocr-v1").title == "A page"
            assert clock.now() - begun > 60
        else:
            with pytest.raises(ServiceError):
                jina.read(URL, return_format="jina-ocr-v1")
            assert clock.now() == begun


def test_common_options_are_arguments_too(read):
    """They join those of ``options``; one that is given twice is refused."""
    options = ReaderOptions(locale="de-DE")
    _, (request,) = read(answer(), engine="direct", options=options)
    assert (request.headers["x-engine"], request.headers["x-locale"]) == ("direct", "de-DE")
    with pytest.raises(ConfigurationError, match="engine is given as an argument and in options="):
        read(engine="direct", options=ReaderOptions(engine="browser"))


@pytest.mark.parametrize(("asked", "client", "waits"), [(None, 60, 60), (180, 60, 210), (10, 300, 300)])
def test_the_answer_may_take_longer_than_the_page(read, asked, client, waits):
    """The page's own limit and half a minute, and never less than the client's figure."""
    _, (request,) = read(answer(), timeout=asked, client={"timeout": client})
    assert request.timeout == waits


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"url": None}, "nothing to read"),
        ({"url": "  "}, "url must be a non-empty string"),
        ({"url": ["https://a"]}, "url must be a non-empty string.*not list"),
        ({"html": "", "url": None}, "html"),
        ({"html": "<p>", "pdf": b"%PDF"}, "html= and pdf="),
        ({"file": b"PK", "pdf": b"%PDF"}, "pdf= and file="),
        ({"pdf": "file.pdf", "url": None}, "pdf must be the file's bytes"),
        ({"url": "half \ud800 a pair"}, "url holds half of a surrogate pair"),
        ({"timeout": 181}, "timeout=181 must be an int from 1 to 180"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": 1.5}, "timeout=1.5"),
        ({"max_tokens": 499}, "max_tokens=499 must be an int from 500"),
        ({"engine": "curly"}, "engine='curly' must be one of auto, browser"),
        ({"return_format": ["markdown", "doc"]}, "return_format='doc'"),
        ({"return_format": []}, "return_format"),
        ({"target_selector": 7}, "target_selector must be a string, or a list"),
        ({"no_cache": "false"}, "no_cache='false' must be True or False"),
        ({"no_cache": 1}, "no_cache=1 must be True or False"),
        ({"links_summary": "true"}, "links_summary='true' must be True or False, or 'all'"),
        ({"target_selector": "a\r\nx-evil: 1"}, "target_selector must be non-empty printable ASCII"),
        ({"target_selector": ["é"]}, "target_selector must be non-empty printable ASCII"),
        ({"target_selector": ""}, "target_selector"),
        ({"options": {"engine": "browser"}}, "options is dict"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(scripted, arguments, says):
    """The message names the argument; nothing is sent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", limits=None, transport=transport).read(**{"url": URL, **arguments})
    assert transport.requests == []


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("viewport", (800,)),
        ("viewport", (800, 0)),
        ("viewport", [800, 600]),
        ("inject_page_script", 7),
        ("set_cookie", True),
        ("locale", 7),
        ("locale", " de"),
    ],
)
def test_wrong_options_are_named(option, wrong):
    """When they are made, not when they are used."""
    with pytest.raises(ConfigurationError, match=option):
        ReaderOptions(**{option: wrong})


def test_cookies_and_proxies_show_nowhere(read, caplog):
    """Not in a repr, not in an error, not in a log."""
    caplog.set_level(logging.DEBUG, "ragbridge")
    options = ReaderOptions(set_cookie="session=s3cret", proxy_url="http://u:s3cret@h")
    _, requests = read(answer(), options=options)
    for name in ("set_cookie", "proxy_url"):
        with pytest.raises(ConfigurationError) as raised:
            ReaderOptions(**{name: "s3cret\n"})
        assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(options) + repr(requests) + caplog.text


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"html": "<p>"}, "<p>"),
        ({"text": "plain"}, "plain"),
        ({"screenshotUrl": "https://s/1"}, "https://s/1"),
        ({"pageshotUrl": "https://s/2", "html": "<p>"}, "https://s/2"),
        ({"content": "", "html": "<p>"}, ""),
    ],
)
def test_the_content_is_what_was_asked_for(read, fields, content):
    """The service puts each format under a name of its own; ``content`` has it whatever it is."""
    data = {name: value for name, value in DATA.items() if name != "content"}
    page, _ = read(answer({**data, **fields}))
    assert page.content == content
    assert (page.html, page.text) == (fields.get("html"), fields.get("text"))
    assert (page.screenshot_url, page.pageshot_url) == (
        fields.get("screenshotUrl"),
        fields.get("pageshotUrl"),
    )


def test_links_and_images_in_both_shapes(read):
    """An object of unique ones, or a list of all."""
    page, _ = read(
        answer(
            {**DATA, "links": {"Home": "https://a"}, "images": [["Image 1", "https://b"]], "warning": "404"}
        )
    )
    assert page.links == (("Home", "https://a"),)
    assert page.images == (("Image 1", "https://b"),)
    assert page.warning == "404"


@pytest.mark.parametrize(
    ("response", "tokens"),
    [
        (answer(meta={"usage": {"tokens": 11}}), 11),
        (answer(headers={"x-usage-tokens": "12"}), 12),
        (answer({**DATA, "usage": {"total_tokens": 13}}), 13),
        (answer({**DATA, "usage": None}), 0),
        (answer({**DATA, "usage": {"tokens": "many"}}), 0),
    ],
)
def test_tokens_wherever_the_answer_has_them(read, response, tokens):
    """For the whole answer, else for its page."""
    page, _ = read(response)
    assert page.usage == Usage(tokens, 1)


@pytest.mark.parametrize(
    "response",
    [
        answer(None),
        answer([DATA]),
        answer({"url": "https://a", "title": "nothing else"}),
        answer({**DATA, "content": 7}),
        answer({**DATA, "links": [["a"]]}),
        answer({**DATA, "links": {"a": None}}),
        answer({**DATA, "images": 7}),
        answer(code=10**300),
        Response(200, {}, b"Title: A page\n\nMarkdown Content:\n# A page"),
        Response(200, {}, b"[]"),
        Response(302, {"location": "https://elsewhere.example/"}, b""),
    ],
)
def test_odd_answers_are_errors(read, response):
    """Nothing is made up where a page is missing or of another shape."""
    with pytest.raises(ResponseError):
        read(response)


ERRORS = [
    (402, 402, 40203, "InsufficientBalanceError", QuotaExhaustedError),
    (429, 429, 42903, "RateLimitTriggeredError", RateLimitError),
    (400, 400, 40001, "ParamValidationError", InvalidRequestError),
    (409, 409, 40904, "BudgetExceededError", InvalidRequestError),
    (413, 413, 41302, "TargetFileTooLargeError", InvalidRequestError),
    (451, 451, 45102, "SecurityCompromiseError", InvalidRequestError),
    (503, 503, 50301, "ServiceDisabledError", ServiceError),
    (402, 40203, None, "InsufficientBalanceError", QuotaExhaustedError),
]


@pytest.mark.parametrize("hidden", [False, True], ids=["by status", "in a success"])
@pytest.mark.parametrize(("http", "code", "status", "name", "kind"), ERRORS, ids=str)
def test_errors_are_what_they_are(read, http, code, status, name, kind, hidden):
    """By HTTP status, or by the code of an envelope that came with status 200; the key is in neither."""
    body = {"code": code, "status": status, "name": name, "message": f"{name} k3y", "data": None}
    response = Response(200 if hidden else http, {}, json.dumps(body).encode())
    with pytest.raises(kind) as raised:
        read(response, client={"api_key": "k3y"})
    assert raised.value.status == http
    assert name in str(raised.value)
    assert "k3y" not in str(raised.value) + raised.value.body


@pytest.mark.parametrize("hidden", [False, True], ids=["by status", "in a success"])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:hunter2@host.example/p", "https://host.example/p"),
        ("https://host.example/p#token=hunter2", "https://host.example/p"),
        ("https://host.example/p?sig=hunter2", "https://host.example/p"),
        ("https://user:hun/hunter2@host.example", r"https://\[hidden\]"),
    ],
)
async def test_no_password_of_an_address_is_in_an_error(scripted, url, shown, hidden, caplog):
    """Neither where the client names the page, nor where the service repeats it, as it is or encoded."""
    caplog.set_level("DEBUG")
    repeated = f"Failed to goto {url}: {quote(url, safe='')} {url.partition('//')[2]} {json.dumps(url)}"
    body = {"code": 422, "status": 42206, "message": repeated, "data": None}
    response = Response(200 if hidden else 422, {}, json.dumps(body).encode())
    settings = {"base_url": "http://x", "limits": None, "retry": Retry(attempts=1)}
    jina = Jina(transport=scripted(*[response] * 4), **settings)
    errors = []
    for call in (lambda: jina.read(url), lambda: jina.read_many([url])):
        with pytest.raises(InvalidRequestError, match="Failed to goto") as raised:
            call()
        errors.append(raised.value)
    errors += [next(jina.read_each([url])), await anext(jina.aread_each([url]))]
    assert re.search(rf"urls\[0\] \({shown}\): Failed", str(errors[1]))
    said = caplog.text + "".join(f"{error} {error!r} {error.body} {vars(error)}" for error in errors)
    assert "hunter2" not in said


def test_a_page_shows_no_password_of_its_address():
    """Not in its representation; the field has it whole."""
    page = Page(url="https://user:hunter2@host.example/p?sig=hunter2", title="A page")
    assert "hunter2" not in repr(page)
    assert "https://host.example/p" in repr(page)
    assert page.url.startswith("https://user:hunter2@")


def test_many_pages_in_the_callers_order(scripted):
    """Each address gets its own page, whatever came first; progress counts them."""

    def respond(request):
        url = json.loads(request.body)["url"]
        return answer({**DATA, "content": url})

    urls = [f"https://example.com/{number}" for number in range(20)]
    transport = scripted(*[respond] * 20)
    done = []
    jina = Jina(base_url="http://x", limits=None, transport=transport)
    pages = jina.read_many(urls, options=ReaderOptions(no_cache=True), progress=done.append)
    assert [page.content for page in pages] == urls
    assert sum(done) == 20
    assert all(request.headers["x-no-cache"] == "true" for request in transport.requests)
    assert jina.read_many([]) == ()


def test_a_page_of_many_that_cannot_be_read_is_named(scripted):
    """By its place in the caller's list."""
    refusal = Response(400, {}, b'{"code": 400, "message": "Invalid URL", "data": null}')
    jina = Jina(base_url="http://x", limits=None, concurrency=1, transport=scripted(answer(), refusal))
    with pytest.raises(InvalidRequestError, match=r"urls\[1\] \(https://b\): Invalid URL") as raised:
        jina.read_many(["https://a", "https://b", "https://c"])
    assert raised.value.index == 1


@pytest.mark.parametrize(
    ("urls", "says"),
    [("https://a", "urls is one str"), (["https://a", ""], r"urls\[1\]"), ([7], r"urls\[0\]")],
)
def test_addresses_that_are_none_are_named(scripted, urls, says):
    """Before anything is sent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", limits=None, transport=transport).read_many(urls)
    assert transport.requests == []


async def test_the_asynchronous_face_does_the_same(scripted):
    """Same request, same page."""
    transport = scripted(answer(), answer())
    jina = Jina(base_url="http://x", limits=None, transport=transport)
    assert await jina.aread(URL, engine="direct") == jina.read(URL, engine="direct")
    first, second = transport.requests
    assert first == second


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["url", "title", "content", "html", "links", "images", "usage", "warning", "publishedTime", "tokens"]
)


@settings(max_examples=150, deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["code", "status", "data", "meta"]), JSON | st.dictionaries(NAMES, JSON)
    )
)
def test_any_json_is_a_page_or_a_typed_error(read_any, body):
    """Whatever an answer holds, no error of another kind comes out."""
    try:
        page = read_any(json.dumps(body).encode())
    except RagbridgeError:
        return
    assert isinstance(page.content, str)


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=40) | st.integers(0, len(answer().body)).map(lambda end: answer().body[:end]))
def test_any_bytes_are_a_page_or_a_typed_error(read_any, body):
    """Also where the body is cut, or no text."""
    try:
        page = read_any(body)
    except RagbridgeError:
        return
    assert page.content == "# A page"


@pytest.fixture(scope="module")
def read_any(scripted):
    """``read_any(body)``: the page in a success of this body."""

    def call(body):
        jina = Jina(
            base_url="http://x",
            limits=None,
            retry=Retry(attempts=1),
            transport=scripted(Response(200, {}, body)),
        )
        return jina.read(URL)

    return call


def test_chunks_and_what_a_page_says_of_itself(read):
    """``markdown_chunking``'s chunks, the number of pages, ``meta`` and ``link`` elements are on the page; values that freeze."""
    page, _ = read(
        answer(
            {
                **DATA,
                "chunks": ["# A", "## B"],
                "numPages": 3,
                "metadata": {"lang": "en", "odd": 5},
                "external": {"icon": {"https://x/i.png": {"type": "image/png"}}, "odd": 5},
            }
        ),
        options=ReaderOptions(markdown_chunking="h2"),
    )
    assert (page.content, page.chunks, page.page_count) == ("# A page", ("# A", "## B"), 3)
    assert page.metadata == (("lang", "en"),)
    assert page.external == (RelatedLink("icon", "https://x/i.png", (("type", "image/png"),)),)
    assert pickle.loads(pickle.dumps(page)) == page
    assert hash(page)


def test_content_in_a_list(read):
    """Where the content itself comes in chunks, it is read at once."""
    page, requests = read(answer({**DATA, "content": ["# A", "## B"]}), client={"retry": Retry(attempts=5)})
    assert (page.content, page.chunks, len(requests)) == ("# A\n\n## B", ("# A", "## B"), 1)


@pytest.mark.parametrize(
    "wrong", [{"chunks": ["a", 5]}, {"chunks": "a"}, {"content": ["a", None]}, {"content": 5}]
)
def test_chunks_that_are_none(read, wrong):
    """Chunks are strings in a list, or the answer is not what was promised."""
    with pytest.raises(ResponseError):
        read(answer({**DATA, **wrong}))


def test_chunks_of_the_embedded_engine():
    """It cuts at headings, as the service does."""
    engine = Engine(
        pages={"https://example.com/a": "<h1>A</h1><p>a</p><h2>B</h2><meta name=lang content=en>"}
    )
    page = Jina(base_url="local", transport=engine).read(
        "https://example.com/a", options=ReaderOptions(markdown_chunking="h2")
    )
    assert page.chunks == ("# A\n\na", "## B")
    assert page.metadata == (("lang", "en"),)
