"""Converts web pages to Markdown or plain text with the standard library's parser. Sufficient for development."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from urllib.parse import urljoin

_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg"})
_MARKS = {"b": "**", "strong": "**", "em": "_", "i": "_", "code": "`"}
_HEADING = re.compile("h[1-6]")
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "table",
        "ul",
    ]
)
_HTML = re.compile(r"\s*<(?:!doctype|!--|[a-z][a-z0-9]*[\s/>])", re.IGNORECASE)
_LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)[^()]*\)")
_TITLE = re.compile(r"^#\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed page.

    Attributes:
        url: The page's address.
        title: The page's title; "" if it has none.
        description: The page's meta description; "" if it has none.
        html: The page as HTML.
        markdown: The page as Markdown.
        text: The page as plain text.
        links: Text and address of each link.
        images: Caption and address of each image.
    """

    url: str
    title: str
    description: str
    html: str
    markdown: str
    text: str
    links: tuple[tuple[str, str], ...]
    images: tuple[tuple[str, str], ...]


def read_page(url: str, content: str) -> Page:
    """Parses a page. ``content`` is read as HTML if it begins like HTML, otherwise as Markdown or plain text."""
    if not _HTML.match(content):
        references = [
            (mark, label, _absolute(url, address)) for mark, label, address in _LINK.findall(content)
        ]
        title = _TITLE.search(content)
        return Page(
            url,
            title[1].strip() if title else "",
            "",
            f"<pre>{escape(content)}</pre>",
            content.strip(),
            content.strip(),
            tuple((label, address) for mark, label, address in references if not mark),
            tuple((label, address) for mark, label, address in references if mark),
        )
    marked, plain = _Reader(url, marks=True), _Reader(url, marks=False)
    for reader in (marked, plain):
        reader.feed(content)
        reader.close()
    return Page(
        url,
        marked.title.strip(),
        marked.description,
        content,
        marked.written(),
        plain.written(),
        tuple(marked.links),
        tuple(marked.images),
    )


class _Reader(HTMLParser):
    """Converts HTML to Markdown, or to plain text if ``marks`` is False."""

    def __init__(self, url: str, *, marks: bool) -> None:
        super().__init__()
        self.title = ""
        self.description = ""
        self.links: list[tuple[str, str]] = []
        self.images: list[tuple[str, str]] = []
        self._url = url
        self._marks = marks
        self._out: list[str] = []
        self._skipped = 0
        self._title = False
        self._pre = 0
        self._open: tuple[int, str] | None = None
        """Position in ``_out`` and address of the link that is open."""

    def written(self) -> str:
        text = re.sub(r"[ \t]+\n", "\n", "".join(self._out))
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _SKIPPED:
            self._skipped += 1
        elif tag == "title":
            self._title = not self.title
        elif tag == "meta" and given.get("name", "").lower() == "description":
            self.description = given.get("content", "")
        elif tag == "a" and given.get("href"):
            self._end_link()
            self._open = (len(self._out), _absolute(self._url, given["href"]))
        elif tag == "img" and given.get("src"):
            self._image(given.get("alt", ""), _absolute(self._url, given["src"]))
        else:
            self._begin(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipped = max(0, self._skipped - 1)
        elif tag == "title":
            self._title = False
        elif tag == "a":
            self._end_link()
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
            self._out.append("\n```\n\n" if self._marks else "\n\n")
        elif tag in _BLOCKS or _HEADING.fullmatch(tag):
            self._out.append("\n\n")
        elif tag in {"td", "th"}:
            self._out.append(" ")
        elif tag in _MARKS and not self._pre:
            self._out.append(_MARKS[tag] if self._marks else "")

    def handle_data(self, data: str) -> None:
        if self._title:
            self.title += data
        elif self._pre:
            self._out.append(data)
        elif not self._skipped:
            text = re.sub(r"\s+", " ", data)
            begins = not self._out or self._out[-1].endswith(("\n", " "))
            self._out.append(text.lstrip() if begins else text)

    def _begin(self, tag: str) -> None:
        marks = self._marks
        if tag == "pre":
            self._pre += 1
            self._out.append("\n\n```\n" if marks else "\n\n")
        elif _HEADING.fullmatch(tag):
            self._out.append(f"\n\n{'#' * int(tag[1])} " if marks else "\n\n")
        elif tag in _BLOCKS:
            self._out.append("\n\n")
        elif tag == "li":
            self._out.append("\n* " if marks else "\n")
        elif tag in {"br", "tr"}:
            self._out.append("\n")
        elif tag in {"td", "th"}:
            self._out.append("| " if marks else "")
        elif tag == "hr":
            self._out.append("\n\n* * *\n\n" if marks else "\n\n")
        elif tag in _MARKS and not self._pre and marks:
            self._out.append(_MARKS[tag])

    def _image(self, caption: str, address: str) -> None:
        label = f"Image {len(self.images) + 1}{': ' if caption else ''}{caption}"
        self.images.append((label, address))
        self._out.append(f"![{label}]({address})" if self._marks else caption)

    def _end_link(self) -> None:
        if self._open is None:
            return
        start, address = self._open
        self._open = None
        label = "".join(self._out[start:]).strip()
        self.links.append((label, address))
        if self._marks:
            self._out[start:] = [f"[{label}]({address})"]


def _absolute(url: str, address: str) -> str:
    try:
        return urljoin(url, address)
    except ValueError:  # such as half of an IPv6 address
        return address
