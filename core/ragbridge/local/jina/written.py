"""How a page is written, and what was written: its Markdown, its links and its images."""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import Literal
from urllib.parse import urljoin, urlsplit

from ragbridge.ground.records import dataclass

SCRIPTS = ("file:", "javascript:")
"""Schemes of addresses that lead nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a page is written.

    Attributes:
        heading_style: ``atx`` for ``#``, ``setext`` for underlined headings of the first two levels.
        hr: The text of a horizontal rule.
        bullet_list_marker: The marker of list items.
        em_delimiter: The delimiter of emphasis.
        strong_delimiter: The delimiter of strong emphasis.
        link_style: Whether links are written in place or by reference.
        link_reference_style: How references are written.
        retain_images: Which images stay: ``all``, their captions (``alt``), or ``none``.
        retain_links: Which links stay: ``all``, their text, ``none``, or ``gpt-oss``: a number, the text and the host of each,
            with the addresses in the summary of links.
        tables: Whether tables are GitHub's, ``html`` as they stand, or ``text`` as Markdown without GitHub's extensions has
            them.
        keep_img_data_url: Whether images in data URLs keep them.
    """

    heading_style: Literal["atx", "setext"] = "atx"
    hr: str = "* * *"
    bullet_list_marker: str = "*"
    em_delimiter: str = "_"
    strong_delimiter: str = "**"
    link_style: Literal["inlined", "referenced"] = "inlined"
    link_reference_style: Literal["full", "collapsed", "shortcut"] = "full"
    retain_images: Literal["all", "alt", "none"] = "all"
    retain_links: Literal["all", "text", "none", "gpt-oss"] = "all"
    tables: Literal["github", "html", "text"] = "github"
    keep_img_data_url: bool = False


@dataclass(slots=True)
class Written:
    """What was written.

    Attributes:
        text: The Markdown, or the plain text.
        links: Text and address of each link.
        images: Number, caption and address of each image; 0 for images of Markdown that was handed in.
        cited: Number and address of each link that is written as a citation.
    """

    text: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    images: list[tuple[int, str, str]] = field(default_factory=list)
    cited: dict[str, str] = field(default_factory=dict)

    def links_summary(self) -> dict[str, str]:
        """Text and address of each link, one for each address."""
        unique = {address: label for label, address in reversed(self.links)}
        return {
            label: address
            for label, address in self.links
            if not address.startswith(SCRIPTS) and unique[address] == label
        }

    def images_summary(self) -> dict[str, str]:
        """Label and address of each image, one for each address; a label names all places of it."""
        places: dict[str, list[int]] = {}
        captions: dict[str, str] = {}
        for number, caption, address in self.images:
            places.setdefault(address, []).append(number)
            captions[address] = caption
        return {
            label_of(",".join(map(str, numbers)) if all(numbers) else "", captions[address]): address
            for address, numbers in places.items()
        }

    def every_image(self) -> list[tuple[str, str]]:
        """Label and address of each image."""
        return [(label_of(str(number or ""), caption), address) for number, caption, address in self.images]


def label_of(numbers: str, caption: str) -> str:
    """What an image is called: its number, or numbers, and its caption. What has no number has its caption alone."""
    if not numbers:
        return caption
    return f"Image {numbers}: {caption}" if caption else f"Image {numbers}"


def absolute(url: str, address: str) -> str:
    """An address as it is seen from a page; as it stands where it is none."""
    try:
        return urljoin(url, address)
    except ValueError:  # such as half of an IPv6 address
        return address


def object_url(data_url: str, url: str) -> str:
    """The address that the reader gives to an image in a data URL."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "localhost"
    except ValueError:
        origin = "localhost"
    return f"blob:{origin}/{hashlib.md5(data_url.encode('utf-8', 'surrogatepass'), usedforsecurity=False).hexdigest()}"
