"""Options of the reader, validated before anything is sent. Most are sent as headers: ``option_names`` has the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from typing import Any, ClassVar, Literal

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import as_whole, check_whole
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.models import COLD_MODELS, COLD_START
from ragbridge.services.jina.web.option_names import (
    BODY,
    COUNTS,
    UNHEARD,
    Base,
    BulletMarker,
    EmDelimiter,
    Engine,
    HeadingStyle,
    LinkReferenceStyle,
    LinkStyle,
    Preset,
    RespondTiming,
    RetainImages,
    RetainLinks,
    RetainMedia,
    ReturnFormat,
    StrongDelimiter,
    check_choice,
    from_text,
    header_of,
)
from ragbridge.services.jina.web.requests import SLACK, header


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderOptions:
    """How the reader fetches a page and formats its content.

    None and False leave an option at the service's default.

    Attributes:
        return_format: Format of ``content``: ``"content"`` (Markdown of the main content, the default), ``"markdown"`` (of
            the whole page), ``"html"``, ``"text"``, ``"screenshot"`` or ``"pageshot"`` (addresses of images), ``"vlm"``,
            ``"readerlm-v2"`` (a model; three times the tokens), ``"jina-ocr-v1"`` (a model for scans, 40 times the tokens;
            when it has rested, its first answer takes a minute, which is waited for), ``"frontmatter"`` and
            ``"markdown+frontmatter"`` (with the page's metadata on top). A list asks for several formats.
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
        preset: Options for a common purpose; those that are set here go before them. ``"reader"`` for people, ``"index"``
            for embedding, ``"research"`` and ``"agent"`` for agents, ``"spider"`` for following links.
        retain_media: What becomes of films, recordings and embedded players: ``"link"`` is the service's default.
        detach_invisibles: Whether to leave out what the page does not show (``display:none``). Needs the browser, and
            bypasses the service's cache.
        assert_status_code: Status that the page itself must answer with; with another one the service refuses it (422).
        page: The page of a file (PDF, Word, Excel, PowerPoint), from 1. For a page that the file does not have, the
            service gives the first one. Not available in searches.
        instruction: What a model shall do with the page, such as what to extract. Not available in searches.
        json_schema: JSON schema of what a model shall extract. Not available in searches.
        inject_frame_script: JavaScript, or its address, to run in each frame of the page. Not available in searches.
        custom_header: Headers that the service sends to the page. Hidden in repr. Not available in searches.
        extra: Options that this client does not know, or new values of those it knows, sent as they are: names with a
            hyphen as headers, others as fields of the body. Hidden in repr.
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
    preset: Preset | None = None
    retain_media: RetainMedia | None = None
    detach_invisibles: bool | None = None
    assert_status_code: int | None = None
    page: int | None = None
    instruction: str | None = None
    json_schema: Mapping[str, Any] | None = field(default=None, hash=False)
    inject_frame_script: str | None = field(default=None, repr=False)
    custom_header: Mapping[str, str] | None = field(default=None, repr=False, hash=False)
    extra: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)

    SECRETS: ClassVar[tuple[str, ...]] = ("set_cookie", "proxy_url", "custom_header", "extra")

    def __post_init__(self) -> None:
        for name, (least, most) in COUNTS.items():
            count = getattr(self, name)
            if count is not None:
                wanted = f"an int from {least}{f' to {most}' if most else ''}, or None"
                object.__setattr__(self, name, check_whole(name, count, wanted, least=least, most=most))
        for name in _HEADERS.keys() - COUNTS.keys():
            value = getattr(self, name)
            if value is not None:
                check_choice(name, value)
        self._check_body()
        self._check_extra()
        self.headers()

    def _check_body(self) -> None:
        viewport: object = self.viewport
        if viewport is not None:
            sides = tuple(map(as_whole, viewport)) if isinstance(viewport, tuple) else ()
            if len(sides) != 2 or not all(side is not None and side > 0 for side in sides):
                raise ConfigurationError(f"viewport={viewport!r} must be (width, height) in pixels")
            object.__setattr__(self, "viewport", sides)
        for name in ("inject_page_script", "inject_frame_script", "instruction"):
            text: object = getattr(self, name)
            if text is not None and not isinstance(text, str):
                raise ConfigurationError(f"{name} must be a string, not {type(text).__name__}")
        _check_object("json_schema", self.json_schema)
        _check_object("custom_header", self.custom_header)
        for name, sent in (self.custom_header or {}).items():
            if not isinstance(name, str) or not isinstance(sent, str):
                raise ConfigurationError("custom_header must map names of headers to strings")

    def _check_extra(self) -> None:
        _check_object("extra", self.extra)
        for name, value in (self.extra or {}).items():
            if not isinstance(name, str) or not name or name.lower() in UNHEARD:
                raise ConfigurationError(
                    f"extra: {name!r} is no option of the reader: the client sets it, or nobody"
                )
            option = _NAMES.get(name.lower()) or _FIELDS.get(name)
            if option is not None and getattr(self, option) is not None:
                raise ConfigurationError(
                    f"{option} is given, and in extra as {name!r} as well: leave one out"
                )
            if "-" not in name:
                continue
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                raise ConfigurationError(
                    f"extra[{name!r}] is sent as a header: it must be a string or an int, not {type(value).__name__}"
                )

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> ReaderOptions:
        """Options from the service's own headers, as its documentation names them: ``{"X-Return-Format": "html"}``.

        A header that begins with ``X-`` and is none of the options here becomes part of ``extra``.

        Raises:
            ConfigurationError: A header is not an option, is nearly the name of one, or has an invalid value. ``"false"`` is
                refused because the service reads it as true.
        """
        options: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for header_name, text in headers.items():
            known = _NAMES.get(header_name.lower()) if isinstance(header_name, str) else None
            if known is not None:
                options[known] = from_text(known, text)
                continue
            if not isinstance(header_name, str) or not header_name.lower().startswith("x-"):
                raise ConfigurationError(f"the header {header_name!r} is not an option of the reader")
            from difflib import get_close_matches

            close = get_close_matches(header_name.lower(), _NAMES, n=1, cutoff=0.85)
            if close:
                raise ConfigurationError(
                    f"the header {header_name!r} is not an option of the reader: did you mean {close[0]!r}? "
                    "If the service has it, give extra={...}"
                )
            extra[header_name] = text
        return cls(**options, extra=extra or None)

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
        for name, value in (self.extra or {}).items():
            text = header(f"extra[{name!r}]", value) if "-" in name else None
            if text is not None:
                sent[str(header("a name in extra", name)).lower()] = text
        return sent

    def body(self) -> dict[str, Any]:
        """The options that are sent in the request's body."""
        viewport = self.viewport and {"width": self.viewport[0], "height": self.viewport[1]}
        values = {name: getattr(self, name) for name in BODY} | {"viewport": viewport}
        fields = {BODY[name]: value for name, value in values.items() if value is not None}
        return fields | {name: value for name, value in (self.extra or {}).items() if "-" not in name}

    def given(self) -> dict[str, Any]:
        """The options that are set, by name."""
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in options.items() if value is not None}

    @property
    def patience(self) -> float:
        """Minimum read timeout in seconds that these options call for; 0 if they set none."""
        return max(self.timeout + SLACK if self.timeout else 0.0, COLD_START if self.starts_cold else 0.0)

    @property
    def starts_cold(self) -> bool:
        """Whether a model is asked for that rests when nobody uses it."""
        formats = [self.return_format] if isinstance(self.return_format, str) else self.return_format or []
        return any(name in COLD_MODELS for name in formats)


_HEADERS: Mapping[str, str] = {
    option.name: header_of(option.name)
    for option in fields(ReaderOptions)
    if option.name not in BODY and option.name != "extra"
}
_NAMES: Mapping[str, str] = {
    **{header_name: name for name, header_name in _HEADERS.items()},
    "x-return-format": "return_format",
}
"""Option of each header. ``X-Return-Format`` is the older name of ``X-Respond-With``."""
_FIELDS: Mapping[str, str] = {field_name: name for name, field_name in BODY.items()}
"""Option of each field of the body."""


def _check_object(name: str, value: object) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict, not {type(value).__name__}")


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


publish("ragbridge", [ReaderOptions])
