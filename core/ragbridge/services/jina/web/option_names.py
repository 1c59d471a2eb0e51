"""The names of the reader's options: in Python, as headers and in a request's body; and what each of them can be.

Sources: jina-ai/reader, ``src/dto/crawler-options.ts`` (f289e5d, May 2026), the description that the service publishes at
``r.jina.ai/openapi.json`` as copied by third parties in the summer of 2026 (``preset``, ``page``, ``retain_media``,
``detach_invisibles``, ``assert_status_code``, ``instruction``, ``json_schema``, ``custom_header``), and Jina's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError
from ragbridge.models import MAX_PAGE_SECONDS, MIN_MAX_TOKENS

ReturnFormat: TypeAlias = Literal[
    "content",
    "markdown",
    "html",
    "text",
    "screenshot",
    "pageshot",
    "frontmatter",
    "markdown+frontmatter",
    "readerlm-v2",
    "vlm",
    "jina-ocr-v1",
]
Engine: TypeAlias = Literal["auto", "browser", "direct", "curl", "cf-browser-rendering"]
RetainImages: TypeAlias = Literal["none", "all", "alt", "all_p", "alt_p"]
RetainLinks: TypeAlias = Literal["none", "all", "text", "gpt-oss"]
RetainMedia: TypeAlias = Literal["none", "text", "link", "image", "html"]
Preset: TypeAlias = Literal["reader", "index", "research", "agent", "spider"]
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

CHOICES: Mapping[str, tuple[str, ...]] = {
    "return_format": get_args(ReturnFormat),
    "preset": get_args(Preset),
    "engine": get_args(Engine),
    "retain_images": get_args(RetainImages),
    "retain_links": get_args(RetainLinks),
    "retain_media": get_args(RetainMedia),
    "base": get_args(Base),
    "respond_timing": get_args(RespondTiming),
    "markdown_heading_style": get_args(HeadingStyle),
    "markdown_bullet_list_marker": get_args(BulletMarker),
    "markdown_em_delimiter": get_args(EmDelimiter),
    "markdown_strong_delimiter": get_args(StrongDelimiter),
    "markdown_link_style": get_args(LinkStyle),
    "markdown_link_reference_style": get_args(LinkReferenceStyle),
}
"""The values of the options that have a list of them."""
WORDS: Mapping[str, str] = {
    "links_summary": "all",
    "images_summary": "all",
    "no_gfm": "table",
    "with_iframe": "quoted",
}
"""Switches that take a word as well."""
SWITCHES = frozenset(
    {
        *WORDS,
        "generated_alt",
        "no_cache",
        "with_shadow_dom",
        "remove_overlay",
        "detach_invisibles",
        "keep_img_data_url",
        "do_not_track",
    }
)
COUNTS: Mapping[str, tuple[int, int | None]] = {
    "timeout": (1, MAX_PAGE_SECONDS),
    "cache_tolerance": (0, None),
    "token_budget": (1, None),
    "max_tokens": (MIN_MAX_TOKENS, None),
    "assert_status_code": (100, 599),
    "page": (1, None),
}
"""Options that are whole numbers, with the least and the greatest."""
LISTS = frozenset({"return_format", "target_selector", "wait_for_selector", "remove_selector"})
BODY: Mapping[str, str] = {
    "viewport": "viewport",
    "inject_page_script": "injectPageScript",
    "inject_frame_script": "injectFrameScript",
    "instruction": "instruction",
    "json_schema": "jsonSchema",
    "custom_header": "customHeader",
}
"""Options that travel in the body, with their names there: no header can carry them."""
PAGES_ONLY = frozenset({*BODY, "page"})
"""Options of a page that is asked for by itself: searches have none of them, or others of the same name."""
UNHEARD = frozenset(
    {
        "authorization",
        "accept",
        "content-type",
        "content-length",
        "content-encoding",
        "host",
        "transfer-encoding",
        "connection",
    }
)
"""Headers that are no options: the client sets them."""

_OTHER_NAMES = {
    "return_format": "x-respond-with",
    "links_summary": "x-with-links-summary",
    "images_summary": "x-with-images-summary",
    "generated_alt": "x-with-generated-alt",
    "markdown_chunking": "x-markdown-chunking",
    "do_not_track": "dnt",
}


def header_of(name: str) -> str:
    """The header of an option that has one."""
    return _OTHER_NAMES.get(name, "x-" + name.replace("markdown", "md").replace("_", "-"))


def from_text(name: str, text: object) -> object:
    """Converts a header's text to the option's type. Text that does not convert is left to the option's own check."""
    if not isinstance(text, str):
        return text
    if name in COUNTS and text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    if name in SWITCHES and text.lower() in {"true", "1"}:
        return True
    return re.split(r"\s*,\s*", text) if name == "return_format" else text


def check_choice(name: str, value: object) -> None:
    """Checks an option that is no number.

    Raises:
        ConfigurationError: It is of another type, or none of its values. New ones of the service go into ``extra``.
    """
    if name in SWITCHES:
        if not isinstance(value, bool) and value != WORDS.get(name):
            word = f", or {WORDS[name]!r}" if name in WORDS else ""
            raise ConfigurationError(f"{name}={value!r} must be True or False{word}")
        return
    parts: list[Any] = [*value] if name in LISTS and isinstance(value, (list, tuple)) else [value]
    if not parts or not all(isinstance(part, str) for part in parts):
        kinds = "a string, or a list of strings" if name in LISTS else "a string"
        raise ConfigurationError(f"{name} must be {kinds}, not {type(value).__name__}")
    choices = CHOICES.get(name)
    for part in parts:
        if choices and part not in choices:
            raise ConfigurationError(
                f"{name}={part!r} must be one of {', '.join(choices)}; a newer one of the service's goes into "
                f"extra={{{header_of(name)!r}: {part!r}}}"
            )
