"""The pages that the engine knows: parsed once, and written as the options of a request say. Sufficient for development."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace
from html import escape
from typing import Literal, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.local.jina.dom import Document, Element, parse, serialize
from ragbridge.local.jina.markdown import write
from ragbridge.local.jina.selectors import select
from ragbridge.local.jina.written import Style, Written, absolute
from ragbridge.local.refusals import Refusal

_HTML = re.compile(r"\s*<(?:!doctype|!--|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE)
_LINK = re.compile(r"(!?)\[([^\[\]]{0,1000})\]\(([^()\s]{1,4000})[^()]{0,1000}\)")
_TITLE = re.compile(r"^#[ \t]+(\S.*)$", re.MULTILINE)

Unseen: TypeAlias = Literal["hidden", "overlay"]
"""Elements that are not displayed, and those that cover others."""

PLAIN = Style()
"""The reader's own style."""


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page.

    Attributes:
        url: The page's address.
        title: The page's title; "" if it has none.
        description: The page's meta description; "" if it has none.
        html: The page as HTML.
        markdown: The page as Markdown, in the reader's own style, with its links and images.
        text: The page as plain text.
        metadata: What its ``meta`` elements say, by name or property.
        external: Its ``link`` elements: by relation, then by address, their other attributes.
        document: Its elements; None if it is not HTML.
    """

    url: str
    title: str
    description: str
    html: str
    markdown: Written
    text: str
    metadata: dict[str, str] = field(default_factory=dict)
    external: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    document: Document | None = field(default=None, repr=False)

    def check_static(self, options: Sequence[str]) -> None:
        """Raises ``Refusal`` (400) for options about frames and shadow trees on a page that has some: they need a browser."""
        tags = {"x-with-iframe": "iframe", "x-with-shadow-dom": "template"}
        elements = [] if self.document is None else self.document.root.walk()
        there = {element.tag for element in elements} if options else set()
        for option in options:
            if tags[option] in there:
                raise Refusal(
                    400, f"{option}: this page has <{tags[option]}>, and the embedded engine has no browser"
                )

    def styled(self, style: Style) -> Page:
        """The page, with its Markdown in another style.

        Raises:
            Refusal: 400 for a style of what is Markdown already.
        """
        if style == PLAIN:
            return self
        if self.document is None:
            kept = Style(retain_images=style.retain_images, retain_links=style.retain_links)
            if style != kept or style.retain_links == "gpt-oss":
                raise Refusal(
                    400,
                    "X-Md-*, X-No-Gfm, X-Keep-Img-Data-Url, X-Retain-Links: gpt-oss: this page is not HTML, so it keeps its own style",
                )
            return replace(self, markdown=_written(self.url, self.markdown.text, style))
        return replace(self, markdown=_markdown(self.url, self.document, self.text, style))

    def narrowed(self, target: Sequence[str], remove: Sequence[str], unseen: Sequence[Unseen] = ()) -> Page:
        """The page without the elements that ``remove`` names, and with those alone that ``target`` names, if it does.

        Args:
            target: Selectors of elements.
            remove: Selectors of elements.
            unseen: Kinds of elements that are left out as well.

        Raises:
            Refusal: 400 for a selector that the engine does not have, 422 where nothing is left.
        """
        if not target and not remove and not unseen:
            return self
        if self.document is None:
            if not target and not remove:
                return self
            raise Refusal(400, "X-Target-Selector, X-Remove-Selector: this page is not HTML")
        root = parse(self.html).root  # afresh, since elements are taken out
        for element in [each for each in root.walk() if any(_is_unseen(each, kind) for kind in unseen)]:
            element.remove()
        for element in select(root, remove, "X-Remove-Selector"):
            element.remove()
        kept = select(root, target, "X-Target-Selector") if target else [root]
        if not kept:
            raise Refusal(422, f"No content available for URL {self.url[:200]}: no element is selected")
        if target:
            inner = {id(inside) for element in kept for inside in element.walk()}
            html = "\n\n".join(serialize(element) for element in kept if id(element) not in inner)
        else:
            html = serialize(root)
        page = _parsed(self.url, html)
        return replace(
            page,
            title=self.title,
            description=self.description,
            metadata=self.metadata,
            external=self.external,
        )


def _is_unseen(element: Element, kind: Unseen) -> bool:
    """As far as the element's own attributes say: there is no browser that would know its styles."""
    style = element.attributes.get("style", "").replace(" ", "").lower()
    if kind == "hidden":
        return "hidden" in element.attributes or "display:none" in style
    return "position:fixed" in style or "position:sticky" in style


def read_page(url: str, content: str) -> Page:
    """Parses a page. ``content`` is read as HTML if it begins like HTML, otherwise as Markdown or plain text."""
    if _HTML.match(content):
        return _parsed(url, content)
    title = _TITLE.search(content)
    text = content.strip()
    return Page(
        url,
        title[1].strip() if title else "",
        "",
        f"<pre>{escape(content)}</pre>",
        _written(url, text, PLAIN),
        text,
    )


def _parsed(url: str, content: str) -> Page:
    document = parse(content)
    text = write([document.root], url, PLAIN, marks=False).text
    title = ""
    metadata: dict[str, str] = {}
    external: dict[str, dict[str, dict[str, str]]] = {}
    for element in document.root.walk():
        given = element.attributes
        if element.tag == "title" and not title:
            title = "".join(child for child in element.children if isinstance(child, str)).strip()
        elif element.tag == "meta" and (name := given.get("name") or given.get("property")):
            metadata.setdefault(
                name.lower() if name.lower() == "description" else name, given.get("content", "")
            )
        elif element.tag == "link" and given.get("rel") and given.get("href"):
            others = {name: value for name, value in given.items() if name not in {"rel", "href"}}
            external.setdefault(given["rel"], {}).setdefault(absolute(url, given["href"]), others)
    markdown = _markdown(url, document, text, PLAIN)
    return Page(
        url, title, metadata.get("description", ""), content, markdown, text, metadata, external, document
    )


def _markdown(url: str, document: Document, text: str, style: Style) -> Written:
    if document.degraded:
        return Written(text)
    return write([document.root], url, style, marks=True)


def _written(url: str, text: str, style: Style) -> Written:
    """Markdown that was handed in: its links and images, which stay as the style says."""
    written = Written()

    def each(match: re.Match[str]) -> str:
        mark, label, address = match[1], match[2], absolute(url, match[3])
        if not mark:
            written.links.append((label, address))
            return {"all": match[0], "text": label, "none": ""}[style.retain_links]
        if style.retain_images == "all":
            written.images.append((0, label, address))
        return {"all": match[0], "alt": f"({label})" if label else "", "none": ""}[style.retain_images]

    written.text = _LINK.sub(each, text)
    return written
