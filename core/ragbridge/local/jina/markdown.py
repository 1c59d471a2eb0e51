"""Writes a page's elements as Markdown or as plain text, in the styles that the reader's options name.

The defaults are the reader's. Tables are GitHub's, with the first row as their head. Lists and quotes within one another are
indented up to ``MAX_NESTED`` levels, and no further, so that the text never grows by more than a constant factor.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ragbridge.local.jina.dom import Element, serialize
from ragbridge.local.jina.written import Style, Written, absolute, label_of, object_url

MAX_NESTED = 16

SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "title"})
_BLOCKS = frozenset(
    "address article aside blockquote body dd div dl dt fieldset figcaption figure footer form header li main nav ol p "  # noqa: SIM905
    "section table ul".split()
)
_HEADING = re.compile("h[1-6]")
_SPACE = re.compile(r"\s+")
_CITED = str.maketrans({"【": "〖", "】": "〗", "◼": "◾", "\u200b": "", "†": "‡"})
_EMPTY_LINES = re.compile(r"\n{3,}")


def write(elements: list[Element], url: str, style: Style, *, marks: bool) -> Written:
    """Writes elements one after the other: as Markdown, or as plain text without marks."""
    writer = _Writer(url, style, marks)
    texts = [writer.block(element) for element in elements]
    if writer.references:
        texts.append("\n".join(writer.references))
    writer.written.text = _tidy("\n\n".join(text for text in texts if text)).strip()
    return writer.written


class _Writer:
    def __init__(self, url: str, style: Style, marks: bool) -> None:
        self.written = Written()
        self.references: list[str] = []
        self._url = url
        self._style = style
        self._marks = marks
        self._pre = 0
        self._nested = 0
        self._table = 0
        self._images = 0
        self._heads = 0
        self._numbers: dict[int, int] = {}
        """The number of each item of the numbered lists so far."""
        self._strong = style.strong_delimiter if marks else ""
        self._em = style.em_delimiter if marks else ""

    def block(self, element: Element) -> str:
        """One element as a text of its own."""
        out: list[str] = []
        self._element(element, out)
        return _tidy("".join(out)).strip()

    def _inside(self, element: Element, out: list[str]) -> list[str]:
        for child in element.children:
            if isinstance(child, Element):
                self._element(child, out)
            elif self._pre:
                out.append(child)
            else:
                text = _SPACE.sub(" ", child)
                out.append(text.lstrip() if not out or out[-1].endswith(("\n", " ")) else text)
        return out

    def _element(self, element: Element, out: list[str]) -> None:
        tag, marks = element.tag, self._marks and not self._pre
        if tag in SKIPPED:
            return
        if tag == "pre":
            self._preformatted(element, out)
        elif _HEADING.fullmatch(tag) and not self._heads:
            self._heading(element, out, int(tag[1]))
        elif tag == "table" and marks and not self._table and self._style.tables != "text":
            self._rows(element, out)
        elif tag in {"li", "blockquote"} and marks and self._nested < MAX_NESTED:
            self._indented(element, out)
        elif tag in _BLOCKS:
            self._block(element, out)
        else:
            self._inline(element, out)

    def _block(self, element: Element, out: list[str]) -> None:
        if element.tag == "ol":
            self._count(element)
        close = element.tag == "li" or (element.tag in {"ul", "ol"} and self._nested)
        end = "\n" if close else "\n\n"
        out.append(end)
        self._inside(element, out)
        out.append(end)

    def _inline(self, element: Element, out: list[str]) -> None:
        tag = element.tag
        if tag in {"br", "tr"}:
            out.append("\n")
            self._inside(element, out)
        elif tag in {"td", "th"}:
            self._inside(element, out).append(" ")
        elif tag == "hr":
            out.append(f"\n\n{self._style.hr}\n\n" if self._marks else "\n\n")
        elif tag == "a" and element.attributes.get("href"):
            self._link(element, out)
        elif tag == "img" and element.attributes.get("src"):
            self._image(element, out)
        else:
            mark = self._mark(tag)
            out.append(mark)
            self._inside(element, out).append(mark)

    def _mark(self, tag: str) -> str:
        if self._pre or not self._marks:
            return ""
        match tag:
            case "b" | "strong":
                return self._strong
            case "em" | "i":
                return self._em
            case "code":
                return "`"
            case "del" | "s" | "strike" if self._style.tables != "text":
                return "~"
        return ""

    def _preformatted(self, element: Element, out: list[str]) -> None:
        self._pre += 1
        out.append("\n\n```\n" if self._marks else "\n\n")
        self._inside(element, out)
        out.append("\n```\n\n" if self._marks else "\n\n")
        self._pre -= 1

    def _heading(self, element: Element, out: list[str], level: int) -> None:
        self._heads += 1
        text = _tidy("".join(self._inside(element, []))).strip()
        self._heads -= 1
        if not self._marks or not text:
            out.append(f"\n\n{text}\n\n")
        elif self._style.heading_style == "setext" and level <= 2:
            longest = max(len(line) for line in text.split("\n"))
            out.append(f"\n\n{text}\n{'=-'[level - 1] * longest}\n\n")
        else:
            out.append(f"\n\n{'#' * level} {_SPACE.sub(' ', text)}\n\n")

    def _count(self, ordered: Element) -> None:
        start = ordered.attributes.get("start", "1")
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1
        items = [child for child in ordered.children if isinstance(child, Element) and child.tag == "li"]
        self._numbers.update((id(item), number) for number, item in enumerate(items, first))

    def _indented(self, element: Element, out: list[str]) -> None:
        self._nested += 1
        text = _tidy("".join(self._inside(element, []))).strip()
        self._nested -= 1
        if element.tag == "blockquote":
            lines = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
            out.append(f"\n\n{lines}\n\n")
            return
        number = self._numbers.get(id(element))
        marker = f"{self._style.bullet_list_marker} " if number is None else f"{number}. "
        lines = "\n".join(
            f"{' ' * len(marker)}{line}" if place and line else line
            for place, line in enumerate(text.split("\n"))
        )
        begins = bool(out) and out[-1].endswith("\n")
        out.append(f"{'' if begins else chr(10)}{marker}{lines}\n")

    def _rows(self, table: Element, out: list[str]) -> None:
        if self._style.tables == "html":
            out.append(f"\n\n{serialize(table)}\n\n")
            return
        self._table += 1
        rows = [
            [
                self._cell(cell)
                for cell in row.children
                if isinstance(cell, Element) and cell.tag in {"td", "th"}
            ]
            for row in _own_rows(table)
        ]
        rows = [row for row in rows if row]
        caption = [
            self.block(child)
            for child in table.children
            if isinstance(child, Element) and child.tag == "caption"
        ]
        self._table -= 1
        out.append("\n\n" + "".join(f"{text}\n\n" for text in caption if text))
        if rows:
            # The head has all columns; a row may have fewer, as GitHub reads tables.
            rows[0] += [""] * (max(map(len, rows)) - len(rows[0]))
            rows.insert(1, ["---"] * len(rows[0]))
            out.append("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n")

    def _cell(self, cell: Element) -> str:
        return _SPACE.sub(" ", "".join(self._inside(cell, []))).strip().replace("|", "\\|")

    def _link(self, element: Element, out: list[str]) -> None:
        label = _tidy("".join(self._inside(element, []))).strip()
        address = absolute(self._url, element.attributes["href"])
        self.written.links.append((_SPACE.sub(" ", label), address))
        if not self._marks or self._pre:
            out.append(label)
            return
        match self._style.retain_links:
            case "none":
                return
            case "text":
                out.append(label)
                return
            case "gpt-oss":
                out.append(self._citation(label, address))
                return
        if self._style.link_style == "inlined":
            out.append(f"[{label}]({address})")
            return
        reference = {
            "full": (f"[{label}][{len(self.references) + 1}]", f"[{len(self.references) + 1}]: {address}"),
            "collapsed": (f"[{label}][]", f"[{label}]: {address}"),
            "shortcut": (f"[{label}]", f"[{label}]: {address}"),
        }[self._style.link_reference_style]
        out.append(reference[0])
        self.references.append(reference[1])

    def _citation(self, label: str, address: str) -> str:
        """A link as models of the gpt-oss family cite it (``snapshot-formatter.ts``, link retention)."""
        if not label or address.startswith(("mailto:", "javascript:")):
            return label
        number = str(len(self.written.links))
        self.written.cited[number] = address
        host, own = _host(address), _host(self._url)
        parts = [number, _cited(label), *([_cited(host)] if host and host != own else [])]
        return f"【{'†'.join(parts)}】"

    def _image(self, element: Element, out: list[str]) -> None:
        caption = _SPACE.sub(" ", element.attributes.get("alt", "")).strip()
        source = element.attributes["src"].strip()
        if source[:5].lower() == "data:" and not self._style.keep_img_data_url:
            address = object_url(source, self._url)
        else:
            address = absolute(self._url, source)
        kept = self._style.retain_images
        if not self._marks:
            out.append(caption)
        if kept == "none" or (kept == "alt" and not caption):
            return
        self._images += 1
        if kept == "all":
            self.written.images.append((self._images, caption, address))
        if self._marks:
            label = label_of(str(self._images), caption)
            out.append(f"![{label}]({address})" if kept == "all" else f"({label})")


def _cited(text: str) -> str:
    """A text without the marks of citations themselves."""
    return text.translate(_CITED)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # such as half of an IPv6 address
        return ""


def _own_rows(table: Element) -> list[Element]:
    """A table's rows, without those of the tables inside it."""
    parts = [
        child
        for child in table.children
        if isinstance(child, Element) and child.tag in {"thead", "tbody", "tfoot", "tr"}
    ]
    return [
        row
        for part in parts
        for row in ([part] if part.tag == "tr" else part.children)
        if isinstance(row, Element) and row.tag == "tr"
    ]


def _tidy(text: str) -> str:
    """Without spaces at the ends of lines, and without more than one empty line. Linear, also for many spaces."""
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", lines)
