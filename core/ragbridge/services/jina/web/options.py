"""Options of the reader, validated before anything is sent.

Most options are sent as headers. Source: jina-ai/reader, ``src/dto/crawler-options.ts``, and Jina's documentation of 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import as_whole, check_whole
from ragbridge.models import MAX_PAGE_SECONDS, MIN_MAX_TOKENS
from ragbridge.services.jina.web.requests import SLACK, header

ReturnFormat: TypeAlias = Literal[
    "content", "markdown", "html", "text", "screenshot", "pageshot", "readerlm-v2", "vlm", "jina-ocr-v1"
]
Engine: TypeAlias = Literal["auto", "browser", "direct", "curl", "cf-browser-rendering"]
RetainImages: TypeAlias = Literal["none", "all", "alt", "all_p", "alt_p"]
RetainLinks: TypeAlias = Literal["none", "all", "text", "gpt-oss"]
RespondTiming: TypeAlias = Literal[
    "html", "visible-content", "mutation-idle", "resource-idle", "media-idle", "network-idle"
]
Base: TypeAlias = Literal["initial", "final"]
HeadingStyle: TypeAlias = Literal["atx", "setext"]
BulletMarker: TypeAlias = Literal["*", "-", "+"]
EmDelimiter: TypeAlias = Literal["_", "*"]
StrongDelimiter: TypeAlias = Literal["**", "__"]
LinkStyle: TypeAlias = Literal["inlined", "referenced", "discarded"]
LinkReferenceStyle: TypeAlias = Literal["full", "collapsed", "shortcut", "discarded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderOptions:
    """How the reader fetches a page and formats its content.

    None and False leave an option at the service's default.

    Attributes:
        return_format: Format of ``content``: ``"content"`` (Markdown of the main content, the default), ``"markdown"`` (of
            the whole page), ``"html"``, ``"text"``, ``"screenshot"`` or ``"pageshot"`` (addresses of images), ``"vlm"``,
            ``"readerlm-v2"`` (a model; three times the tokens), ``"jina-ocr-v1"``. A list asks for several formats.
        engine: How the page is fetched: ``"browser"`` for quality, ``"direct"`` for speed.
        timeout: Seconds the page may take to load, 1 to 180. From 20 on, the service waits until the network is idle.
        target_selector: CSS selector, or several, of the elements to return.
        wait_for_selector: CSS selector, or several, of the elements to wait for.
        remove_selector: CSS selector, or several, of the elements to remove.
        links_summary: Whether to list the page's links; ``"all"`` keeps links with the same address.
        images_summary: Whether to list the page's images; ``"all"`` keeps images with the same address.
        generated_alt: Whether a model captions images that have no caption.
        retain_images: Which images stay in the content; the values with ``_p`` include generated captions.
        retain_links: Which links stay in the content.
        no_cache: Whether to bypass the service's cache.
        cache_tolerance: Maximum age of a cached page, in seconds.
        no_gfm: Whether to disable GitHub-flavored Markdown; ``"table"`` keeps tables as HTML.
        with_iframe: Whether to include the content of iframes; ``"quoted"`` includes it as a quotation.
        with_shadow_dom: Whether to include the content of shadow DOMs.
        token_budget: Maximum cost of the page in tokens; the service refuses pages that cost more.
        max_tokens: Tokens after which the content is truncated; 500 or more.
        set_cookie: Cookies in the syntax of ``Set-Cookie``. A page read with cookies is not cached. Hidden in repr.
        proxy: Country code of one of the service's proxies, ``"auto"`` or ``"none"``.
        proxy_url: Address of your own proxy. Hidden in repr.
        locale: The browser's language, such as ``"de-DE"``.
        referer: The ``Referer`` that the browser sends.
        user_agent: The ``User-Agent`` that the browser sends.
        robots_txt: Name of the robot that the site's ``robots.txt`` must allow to read the page.
        base: Base address of relative links: the address before (``"initial"``) or after redirects (``"final"``).
        remove_overlay: Whether to remove banners that cover the page.
        keep_img_data_url: Whether images embedded as data URLs stay in the Markdown.
        respond_timing: The event after which the service takes the page as loaded.
        markdown_chunking: How the service splits the Markdown into chunks; one of the service's own values.
        markdown_heading_style: ``"atx"`` for ``#``, ``"setext"`` for underlines.
        markdown_hr: Text of a horizontal rule.
        markdown_bullet_list_marker: Marker of list items.
        markdown_em_delimiter: Delimiter of emphasis.
        markdown_strong_delimiter: Delimiter of strong emphasis.
        markdown_link_style: Whether links are inlined, referenced or discarded.
        markdown_link_reference_style: Style of referenced links.
        do_not_track: Whether the service must not store the page or its address.
        viewport: Width and height of the browser's window, in pixels. Not available in searches.
        inject_page_script: JavaScript, or its address, to run in the page before it is read. Not available in searches.
        SECRETS: Names of the options that may hold a secret, for code that stores options.

    Raises:
        ConfigurationError: An option is invalid; the message names it.
    """

    return_format: ReturnFormat | Sequence[ReturnFormat] | None = None
    engine: Engine | None = None
    timeout: int | None = None
    target_selector: str | Sequence[str] | None = None
    wait_for_selector: str | Sequence[str] | None = None
    remove_selector: str | Sequence[str] | None = None
    links_summary: bool | Literal["all"] | None = None
    images_summary: bool | Literal["all"] | None = None
    generated_alt: bool | None = None
    retain_images: RetainImages | None = None
    retain_links: RetainLinks | None = None
    no_cache: bool | None = None
    cache_tolerance: int | None = None
    no_gfm: bool | Literal["table"] | None = None
    with_iframe: bool | Literal["quoted"] | None = None
    with_shadow_dom: bool | None = None
    token_budget: int | None = None
    max_tokens: int | None = None
    set_cookie: str | None = field(default=None, repr=False)
    proxy: str | None = None
    proxy_url: str | None = field(default=None, repr=False)
    locale: str | None = None
    referer: str | None = None
    user_agent: str | None = None
    robots_txt: str | None = None
    base: Base | None = None
    remove_overlay: bool | None = None
    keep_img_data_url: bool | None = None
    respond_timing: RespondTiming | None = None
    markdown_chunking: str | None = None
    markdown_heading_style: HeadingStyle | None = None
    markdown_hr: str | None = None
    markdown_bullet_list_marker: BulletMarker | None = None
    markdown_em_delimiter: EmDelimiter | None = None
    markdown_strong_delimiter: StrongDelimiter | None = None
    markdown_link_style: LinkStyle | None = None
    markdown_link_reference_style: LinkReferenceStyle | None = None
    do_not_track: bool | None = None
    viewport: tuple[int, int] | None = None
    inject_page_script: str | None = field(default=None, repr=False)

    SECRETS: ClassVar[tuple[str, ...]] = ("set_cookie", "proxy_url")

    def __post_init__(self) -> None:
        _check_counts(self)
        _check_choices(self)
        self.headers()
        viewport: object = self.viewport
        if viewport is not None:
            sides = tuple(map(as_whole, viewport)) if isinstance(viewport, tuple) else ()
            if len(sides) != 2 or not all(side is not None and side > 0 for side in sides):
                raise ConfigurationError(f"viewport={viewport!r} must be (width, height) in pixels")
            object.__setattr__(self, "viewport", sides)
        script: object = self.inject_page_script
        if script is not None and not isinstance(script, str):
            raise ConfigurationError(f"inject_page_script must be a string, not {type(script).__name__}")

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> ReaderOptions:
        """Options from the service's own headers, as its documentation names them: ``{"X-Return-Format": "html"}``.

        Raises:
            ConfigurationError: A header is not an option, or its value is invalid. ``"false"`` is refused because the
                service reads it as true.
        """
        options: dict[str, Any] = {}
        for header_name, text in headers.items():
            name = _NAMES.get(header_name.lower()) if isinstance(header_name, str) else None
            if name is None:
                raise ConfigurationError(f"the header {header_name!r} is not an option of the reader")
            options[name] = _from_text(name, text)
        return cls(**options)

    def headers(self) -> dict[str, str]:
        """The request's headers for the options that are set."""
        sent: dict[str, str] = {}
        for name, option in _HEADERS.items():
            value = getattr(self, name)
            if not isinstance(value, (str, int, type(None))):
                value = ", ".join(str(header(name, part)) for part in value)
            text = header(name, value)
            if text is not None:
                sent[option] = "1" if option == "dnt" else text
        return sent

    def body(self) -> dict[str, Any]:
        """The options that are sent in the request's body."""
        viewport = self.viewport and {"width": self.viewport[0], "height": self.viewport[1]}
        payload = {"viewport": viewport, "injectPageScript": self.inject_page_script}
        return {name: value for name, value in payload.items() if value is not None}

    def given(self) -> dict[str, Any]:
        """The options that are set, by name."""
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def patience(self) -> float:
        """Minimum read timeout in seconds that these options call for; 0 if they set none."""
        return self.timeout + SLACK if self.timeout else 0.0


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "return_format": get_args(ReturnFormat),
    "engine": get_args(Engine),
    "retain_images": get_args(RetainImages),
    "retain_links": get_args(RetainLinks),
    "base": get_args(Base),
    "respond_timing": get_args(RespondTiming),
    "markdown_heading_style": get_args(HeadingStyle),
    "markdown_bullet_list_marker": get_args(BulletMarker),
    "markdown_em_delimiter": get_args(EmDelimiter),
    "markdown_strong_delimiter": get_args(StrongDelimiter),
    "markdown_link_style": get_args(LinkStyle),
    "markdown_link_reference_style": get_args(LinkReferenceStyle),
}
_OTHER_NAMES = {
    "return_format": "x-respond-with",
    "links_summary": "x-with-links-summary",
    "images_summary": "x-with-images-summary",
    "generated_alt": "x-with-generated-alt",
    "markdown_chunking": "x-markdown-chunking",
    "do_not_track": "dnt",
}
_IN_BODY = frozenset({"viewport", "inject_page_script"})
_HEADERS: Mapping[str, str] = {
    name: _OTHER_NAMES.get(name, "x-" + name.replace("markdown", "md").replace("_", "-"))
    for name in (option.name for option in fields(ReaderOptions))
    if name not in _IN_BODY
}
_WORDS = {"links_summary": "all", "images_summary": "all", "no_gfm": "table", "with_iframe": "quoted"}
_SWITCHES = frozenset(
    {
        *_WORDS,
        "generated_alt",
        "no_cache",
        "with_shadow_dom",
        "remove_overlay",
        "keep_img_data_url",
        "do_not_track",
    }
)
_COUNTS = {
    "timeout": (1, MAX_PAGE_SECONDS),
    "cache_tolerance": (0, None),
    "token_budget": (1, None),
    "max_tokens": (MIN_MAX_TOKENS, None),
}
_LISTS = frozenset({"return_format", "target_selector", "wait_for_selector", "remove_selector"})


_NAMES: Mapping[str, str] = {
    **{header_name: name for name, header_name in _HEADERS.items()},
    "x-return-format": "return_format",
}
"""Option of each header. ``X-Return-Format`` is the older name of ``X-Respond-With``."""


def _from_text(name: str, text: object) -> object:
    """Converts a header's text to the option's type. Text that does not convert is left to the option's own check."""
    if not isinstance(text, str):
        return text
    if name in _COUNTS and text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    if name in _SWITCHES and text.lower() in {"true", "1"}:
        return True
    return re.split(r"\s*,\s*", text) if name == "return_format" else text


def _check_counts(options: ReaderOptions) -> None:
    for name, (least, most) in _COUNTS.items():
        value = getattr(options, name)
        if value is None:
            continue
        wanted = f"an int from {least}{f' to {most}' if most else ''}, or None"
        object.__setattr__(options, name, check_whole(name, value, wanted, least=least, most=most))


def _check_choices(options: ReaderOptions) -> None:
    for name in _HEADERS.keys() - _COUNTS.keys():
        value = getattr(options, name)
        if value is None:
            continue
        if name in _SWITCHES:
            if not isinstance(value, bool) and value != _WORDS.get(name):
                word = f", or {_WORDS[name]!r}" if name in _WORDS else ""
                raise ConfigurationError(f"{name}={value!r} must be True or False{word}")
            continue
        parts = [*value] if name in _LISTS and isinstance(value, (list, tuple)) else [value]
        if not parts or not all(isinstance(part, str) for part in parts):
            kinds = "a string, or a list of strings" if name in _LISTS else "a string"
            raise ConfigurationError(f"{name} must be {kinds}, not {type(value).__name__}")
        choices = _CHOICES.get(name)
        for part in parts:
            if choices and part not in choices:
                raise ConfigurationError(f"{name}={part!r} must be one of {', '.join(choices)}")


def merged(options: ReaderOptions | None, given: Mapping[str, Any]) -> ReaderOptions:
    """Combines ``options`` with the options passed as arguments of their own.

    Raises:
        ConfigurationError: An option is given in both places, or is invalid.
    """
    if options is not None and not isinstance(options, ReaderOptions):
        raise ConfigurationError(f"options is {type(options).__name__}: pass ragbridge.ReaderOptions(...)")
    options = options or ReaderOptions()
    changes = {name: value for name, value in given.items() if value is not None}
    for name in changes:
        if getattr(options, name) is not None:
            raise ConfigurationError(f"{name} is given as an argument and in options=: leave one out")
    return replace(options, **changes)
