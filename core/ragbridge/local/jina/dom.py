"""A web page as a tree of elements, of bounded depth and size. Python's own parser reads it.

The tree is made in time linear in the page's length: elements deeper than ``MAX_DEPTH``, and those beyond ``MAX_ELEMENTS``,
are left out and their texts kept, as if the tags were not there. ``Document.degraded`` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from html import escape
from html.parser import HTMLParser
from typing import TypeAlias

from ragbridge.ground.records import dataclass

MAX_DEPTH = 256
MAX_ELEMENTS = 80_000
"""Beyond these the reader gives a page's plain text instead of Markdown (jina-ai/reader, ``snapshot-formatter.ts``)."""

VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905 - names to be read
)
_ENDED_BY = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr", "td", "th"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "option": frozenset({"option"}),
    "a": frozenset({"a"}),
}
"""Elements that the beginning of another ends, where their end tags are missing."""
_SCOPES = frozenset({"ul", "ol", "dl", "table"})
"""Elements whose contents do not end what is outside."""
_ENDS_PARAGRAPH = frozenset(
    "address article aside blockquote div dl fieldset footer form h1 h2 h3 h4 h5 h6 header hr main nav ol p pre section "  # noqa: SIM905
    "table ul".split()
)

Child: TypeAlias = "Element | str"


@dataclass(slots=True, eq=False)
class Element:
    """An element.

    Attributes:
        tag: Its name, in lower case; "" for the document.
        attributes: Its attributes; one without a value has "".
        parent: The element that holds it.
        children: Its texts and elements, in their order.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    parent: Element | None = None
    children: list[Child] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """All elements inside, in the order of the page."""
        waiting = [child for child in reversed(self.children) if isinstance(child, Element)]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += [child for child in reversed(element.children) if isinstance(child, Element)]

    def remove(self) -> None:
        """Take it out of its parent."""
        if self.parent is not None:
            self.parent.children = [child for child in self.parent.children if child is not self]
            self.parent = None


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A parsed page.

    Attributes:
        root: Holds all elements.
        degraded: Whether it has more elements, or deeper ones, than the tree holds.
    """

    root: Element
    degraded: bool


def parse(content: str) -> Document:
    """Parses HTML, whatever is wrong with it."""
    builder = _Builder()
    markup, rest = _closed(content)
    builder.feed(markup)
    builder.close()
    builder.handle_data(rest)
    return Document(builder.root, builder.degraded)


def _closed(content: str) -> tuple[str, str]:
    """The page up to where its last tag or comment ends, and the text after it.

    Python's parser looks for the end of each tag, comment and section that does not end, from each of them to the page's end
    (CVE-2025-6069). Here all of them end: a comment without an end reaches to the page's end, as in browsers, and sections,
    which HTML does not have, become comments that end with the next ``>``.
    """
    content = content.replace("<![", "<!-[")
    comment = content.find("<!--", content.rfind("-->") + 1)
    if comment >= 0:
        content = content[:comment]
    end = content.rfind(">") + 1
    return content[:end], content[end:]


def serialize(element: Element) -> str:
    """An element as HTML; what a document holds."""
    out: list[str] = []
    waiting: list[Child | tuple[str]] = [element] if element.tag else [*reversed(element.children)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):  # an end tag
            out.append(part[0])
        elif isinstance(part, str):
            out.append(escape(part, quote=False))
        else:
            attributes = "".join(f' {name}="{escape(value)}"' for name, value in part.attributes.items())
            out.append(f"<{part.tag}{attributes}>")
            if part.tag not in VOID:
                waiting.append((f"</{part.tag}>",))
                waiting += reversed(part.children)
    return "".join(out)


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("")
        self.degraded = False
        self._open = [self.root]
        self._names: Counter[str] = Counter()
        """How many elements of each name are open, so that an end tag without a beginning costs nothing."""
        self._left_out: Counter[str] = Counter()
        """Open elements that the tree does not hold, by name."""
        self._count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ENDS_PARAGRAPH and self._names["p"]:
            self._end("p", within=_SCOPES)
        for name in _ENDED_BY.get(tag, ()):
            if self._names[name]:
                self._end(name, within=frozenset() if tag == "a" else _SCOPES)
        if len(self._open) > MAX_DEPTH or self._count >= MAX_ELEMENTS:
            self.degraded = True
            if tag not in VOID:
                self._left_out[tag] += 1
            return
        self._count += 1
        parent = self._open[-1]
        element = Element(tag, {name: value or "" for name, value in attrs}, parent)
        parent.children.append(element)
        if tag not in VOID:
            self._open.append(element)
            self._names[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._left_out[tag]:
            self._left_out[tag] -= 1
        elif self._names[tag]:
            self._end(tag)

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def _end(self, tag: str, within: frozenset[str] = frozenset()) -> None:
        """End the innermost open element of this name, and all inside it, unless one of ``within`` is between."""
        for place in range(len(self._open) - 1, 0, -1):
            name = self._open[place].tag
            if name == tag:
                for element in self._open[place:]:
                    self._names[element.tag] -= 1
                del self._open[place:]
                return
            if name in within:
                return
