"""Every option of the reader and of search, and what the engine makes of it. None is ignored in silence.

* ``done``: as the reader does it.
* ``fetching``: it says how a page is fetched or kept, and the engine fetches and keeps none, so that it is without effect.
* ``absent``: without effect on a page that has nothing that it is about; refused for one that has, since that needs a browser.
* ``refused``: 400, since it would change the content and needs what the engine has not.

Sources: ``src/dto/crawler-options.ts`` of jina-ai/reader (2026), and Jina's documentation of 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.local.jina.envelope import wrong
from ragbridge.local.jina.html import Unseen
from ragbridge.local.jina.written import Style
from ragbridge.models import MIN_MAX_TOKENS

if TYPE_CHECKING:
    from ragbridge.local.calls import Call
    from ragbridge.local.fields import Fields

Effect: TypeAlias = Literal["done", "fetching", "absent", "refused"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        header: Its header; "" if it has none.
        field: Its field in a JSON body, or in a search's query; a dot stands for an object inside. "" if it has none.
        effect: What the engine makes of it.
        why: Why it is refused.
        choices: Its values; none for any.
        body_first: Whether the body's value wins where both are given, as in the reader.
    """

    header: str
    field: str
    effect: Effect = "done"
    why: str = ""
    choices: tuple[str, ...] = ()
    body_first: bool = False


_BROWSER = "it needs a browser"
_MODEL = "it needs a model"
FORMATS = ("markdown", "content", "html", "text")
_CHUNKINGS = ("true", "1", "h1", "h2", "h3", "h4", "h5")

READER: tuple[Option, ...] = (
    Option("x-respond-with", "respondWith"),
    Option("x-return-format", "returnFormat"),
    Option("x-with-links-summary", "withLinksSummary"),
    Option("x-with-images-summary", "withImagesSummary"),
    Option("x-target-selector", "targetSelector", body_first=True),
    Option("x-remove-selector", "removeSelector", body_first=True),
    Option("x-retain-images", "retainImages", choices=("all", "alt", "none")),
    Option("x-retain-links", "retainLinks", choices=("all", "text", "none", "gpt-oss")),
    Option("x-no-gfm", "noGfm"),
    Option("x-detach-invisibles", "detachInvisibles"),
    Option("x-remove-overlay", "removeOverlay"),
    Option("x-keep-img-data-url", "keepImgDataUrl"),
    Option("x-token-budget", "tokenBudget", body_first=True),
    Option("x-max-tokens", "maxTokens", body_first=True),
    Option("x-markdown-chunking", "markdownChunking", choices=_CHUNKINGS),
    Option("x-md-heading-style", "markdown.headingStyle", choices=("atx", "setext")),
    Option("x-md-hr", "markdown.hr"),
    Option("x-md-bullet-list-marker", "markdown.bulletListMarker", choices=("*", "-", "+")),
    Option("x-md-em-delimiter", "markdown.emDelimiter", choices=("_", "*")),
    Option("x-md-strong-delimiter", "markdown.strongDelimiter", choices=("**", "__")),
    Option("x-md-link-style", "markdown.linkStyle", choices=("inlined", "referenced")),
    Option(
        "x-md-link-reference-style", "markdown.linkReferenceStyle", choices=("full", "collapsed", "shortcut")
    ),
    Option(
        "x-engine",
        "engine",
        "fetching",
        choices=("auto", "browser", "direct", "curl", "cf-browser-rendering"),
    ),
    Option("x-timeout", "timeout", "fetching"),
    Option("x-wait-for-selector", "waitForSelector", "fetching"),
    Option("x-no-cache", "noCache", "fetching"),
    Option("x-cache-tolerance", "cacheTolerance", "fetching"),
    Option("x-set-cookie", "setCookies", "fetching"),
    Option("x-proxy", "proxy", "fetching"),
    Option("x-proxy-url", "proxyUrl", "fetching"),
    Option("x-locale", "locale", "fetching"),
    Option("x-referer", "referer", "fetching"),
    Option("x-user-agent", "userAgent", "fetching"),
    Option("x-robots-txt", "robotsTxt", "fetching"),
    Option("x-base", "base", "fetching"),
    Option("x-respond-timing", "respondTiming", "fetching"),
    Option("dnt", "doNotTrack", "fetching"),
    Option("x-with-generated-alt", "withGeneratedAlt", "refused", _MODEL),
    Option("x-with-iframe", "withIframe", "absent", _BROWSER),
    Option("x-with-shadow-dom", "withShadowDom", "absent", _BROWSER),
    Option("", "viewport", "refused", _BROWSER),
    Option("", "injectPageScript", "refused", _BROWSER),
    Option("", "injectFrameScript", "refused", _BROWSER),
    Option("x-instruction", "instruction", "refused", _MODEL),
    Option("x-json-schema", "jsonSchema", "refused", _MODEL),
    Option("x-preset", "preset", "refused", "give the options that it stands for"),
    Option("x-retain-media", "retainMedia", "refused", "it writes no media but images"),
    Option("x-assert-status-code", "assertStatusCode", "refused", "its pages have no status"),
    Option("x-max-output-tokens", "maxOutputTokens", "refused", "give X-Max-Tokens"),
    Option("x-page", "page", "fetching"),
    Option("", "customHeader", "fetching"),
)
"""The options of the reader. ``page`` is the number of a file's page, and without effect where there is none; search has a
field of that name."""

SEARCH: tuple[Option, ...] = (
    Option("", "q"),
    Option("", "num"),
    Option("", "count"),
    Option("", "page"),
    Option("x-site", "site"),
    Option("", "type", choices=("web",)),
    Option("", "gl", "fetching"),
    Option("", "hl", "fetching"),
    Option("", "location", "fetching"),
    Option("", "fallback", "fetching"),
    Option("", "nfpr", "fetching"),
    Option("x-filetype", "filetype"),
    Option("x-ext", "ext"),
    Option("x-intitle", "intitle"),
    Option("x-loc", "loc", "refused", "its pages have no language"),
    Option("x-with-favicons", "", "refused", "it fetches no icons"),
    Option("", "provider", "refused", "it has one search engine, its own"),
    Option("", "tbs", "refused", "its pages have no time"),
    Option("", "domain", "refused", "it searches its pages alone"),
    Option("", "queryExpansion", "refused", _MODEL),
    Option("", "query_expansion", "refused", _MODEL),
)
"""The options that search has beside the reader's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a request asks for.

    Attributes:
        formats: The formats of the content, the first of which is that of an answer in plain text.
        bare: Whether search leaves the content out.
        style: How Markdown is written.
        target: Selectors of the elements to return.
        remove: Selectors of the elements to remove.
        unseen: Kinds of elements that are left out.
        browser: Headers of the options that need a browser where the page has what they are about.
        links: "" for no summary of links, ``true``, ``all`` for each link, or ``gpt-oss`` for those that are cited.
        images: "" for no summary of images, ``true``, or ``all`` for each image.
        budget: Tokens that the page may have.
        most: Tokens after which the content is truncated.
        chunking: The deepest level of headings at which chunks begin; 0 for no chunks.
    """

    formats: tuple[str, ...]
    bare: bool
    style: Style
    target: tuple[str, ...]
    remove: tuple[str, ...]
    unseen: tuple[Unseen, ...]
    browser: tuple[str, ...]
    links: str
    images: str
    budget: int | None
    most: int | None
    chunking: int


def read_settings(call: Call, fields: Fields, options: tuple[Option, ...] = READER) -> Settings:
    """Reads the options of a request, from its headers and its body.

    Raises:
        Refusal: 400 for an option that the engine does not have, or a value that the option does not have.
    """
    given = {(option.header or option.field): _given(option, call, fields) for option in options}
    for option in options:
        name, value = option.header or option.field, given[option.header or option.field]
        if value is None:
            continue
        if option.effect == "refused":
            raise wrong(f"{name} is not supported by the embedded engine: {option.why}")
        if option.choices and _word(value) not in option.choices:
            words = ", ".join(option.choices)
            raise wrong(f"{name}: {_word(value)[:50]!r}; the embedded engine supports {words}")
    return _settings(given)


def _settings(given: Mapping[str, Any]) -> Settings:
    asked = _text(given, "x-respond-with") or _text(given, "x-return-format") or "markdown"
    names = asked.lower().replace("+", ",").replace(" ", ",").split(",")
    formats = [name for name in names if name and name != "no-content"] or ["markdown"]
    if not set(formats) <= set(FORMATS):
        raise wrong(f"X-Respond-With: {asked[:50]!r}; the embedded engine supports {', '.join(FORMATS)}")
    most = _number(given, "x-max-tokens")
    if most is not None and most < MIN_MAX_TOKENS:
        raise wrong(f"X-Max-Tokens: {most} must be at least {MIN_MAX_TOKENS}")
    hr = given["x-md-hr"]
    if hr is not None and not (isinstance(hr, str) and 0 < len(hr) <= 128):
        raise wrong("X-Md-Hr must have 1 to 128 characters")
    chunking = _text(given, "x-markdown-chunking")
    style = {name: given[header] for name, header in _STYLES.items() if given[header] is not None}
    style["keep_img_data_url"] = given["x-keep-img-data-url"] is not None
    if given["x-no-gfm"] is not None:
        style["tables"] = "html" if _word(given["x-no-gfm"]) == "table" else "text"
    return Settings(
        formats=tuple(dict.fromkeys(formats)),
        bare="no-content" in names,
        style=Style(**style),
        target=_selectors(given, "x-target-selector"),
        remove=_selectors(given, "x-remove-selector"),
        unseen=tuple(
            kind for header, kind in _UNSEEN.items() if given[header] not in {None, "false", "no", "none"}
        ),
        browser=tuple(
            header for header in ("x-with-iframe", "x-with-shadow-dom") if given[header] is not None
        ),
        links="gpt-oss"
        if style.get("retain_links") == "gpt-oss"
        else _summary(given, "x-with-links-summary"),
        images=_summary(given, "x-with-images-summary"),
        budget=_number(given, "x-token-budget"),
        most=most,
        chunking=0 if not chunking else int(chunking[1]) if chunking[0] == "h" else DEFAULT_LEVEL,
    )


_UNSEEN: Mapping[str, Unseen] = {"x-detach-invisibles": "hidden", "x-remove-overlay": "overlay"}

DEFAULT_LEVEL = 4
"""Where chunks begin if no level is asked for (``chunkMarkdownByHeading``)."""

_STYLES = {
    "heading_style": "x-md-heading-style",
    "hr": "x-md-hr",
    "bullet_list_marker": "x-md-bullet-list-marker",
    "em_delimiter": "x-md-em-delimiter",
    "strong_delimiter": "x-md-strong-delimiter",
    "link_style": "x-md-link-style",
    "link_reference_style": "x-md-link-reference-style",
    "retain_images": "x-retain-images",
    "retain_links": "x-retain-links",
}


def _given(option: Option, call: Call, fields: Fields) -> Any:
    """An option's value; None if it is not given. A header is on whatever it says, also ``false``."""
    first, _, inner = option.field.partition(".")
    value = fields.get(first) if first else None
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
    value = None if value in (False, "", []) else value
    header = (call.headers.get(option.header) or None) if option.header else None
    if option.body_first:
        return header if value is None else value
    return value if header is None else header


def _word(value: object) -> str:
    return "true" if value is True else value if isinstance(value, str) else type(value).__name__


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    if value is None or value is True or isinstance(value, str):
        return _word(value) if value else ""
    raise wrong(f"{name} must be a string")


def _summary(given: Mapping[str, Any], name: str) -> str:
    value = given[name]
    if value is None:
        return ""
    word = _word(value).lower()
    if word == "gpt-oss":
        raise wrong(f"{name}: 'gpt-oss'; the embedded engine supports true, all")
    return "all" if word == "all" else "true"


def _number(given: Mapping[str, Any], name: str) -> int | None:
    value = given[name]
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if value is None:
        return None
    raise wrong(f"{name}: {str(value)[:50]!r} is not a number")


def _selectors(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given[name]
    parts = [] if value is None else value.split(", ") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise wrong(f"{name} must be a string, or a list of strings")
    return tuple(part for part in parts if part)
