"""Results of reader, search, grounding and segmenter: frozen values."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragbridge.ground.addresses import shown
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.tables import counted, pairs, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RelatedLink:
    """A ``link`` element of a page, such as its icon or its feed.

    Attributes:
        relation: What the address is to the page, such as ``icon`` or ``alternate``.
        url: The address.
        attributes: The element's other attributes, as name and value.
    """

    relation: str
    url: str
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the web, made readable; or a result of a search.

    Attributes:
        url: The page's address, as the service gave it.
        title: Its title; empty where it has none.
        content: The page in the first format that was asked for, by default Markdown of its main part. For a picture, the
            picture's address. Empty for a search result without content.
        description: What the page says about itself, or the search engine's summary.
        html: The HTML, where it was asked for.
        text: The plain text, where it was asked for.
        screenshot_url: Address of a picture of the first screen, where it was asked for; it ends after some hours.
        pageshot_url: Address of a picture of the whole page, where it was asked for; it ends after some hours.
        links: Text and address of each link, where ``links_summary`` asked for them.
        images: Caption and address of each image, where ``images_summary`` asked for them.
        chunks: The content in chunks, where ``markdown_chunking`` asked for them.
        page_count: How many pages a document has, where it is one.
        metadata: What the page's ``meta`` elements say, as name and value.
        external: The page's ``link`` elements.
        published: When the page was published, as it says itself.
        warning: The service's warning, such as a status 404 of the page.
        image_url: Address of the picture that a search found, or of the one beside a result.
        favicon: The site's icon as a data URL, where a search asked for ``favicons``.
        source: The publisher that a search names, for news and pictures.
        usage: What the page cost.
    """

    url: str
    title: str = ""
    content: str = field(default="", repr=False)
    description: str = ""
    html: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    screenshot_url: str | None = field(default=None, repr=False)
    pageshot_url: str | None = field(default=None, repr=False)
    links: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    images: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    chunks: tuple[str, ...] = field(default=(), repr=False)
    page_count: int | None = None
    metadata: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    external: tuple[RelatedLink, ...] = field(default=(), repr=False)
    published: str | None = None
    warning: str | None = field(default=None, repr=False)
    image_url: str | None = field(default=None, repr=False)
    favicon: str | None = field(default=None, repr=False)
    source: str | None = field(default=None, repr=False)
    usage: Usage = field(default_factory=Usage)

    def __repr__(self) -> str:
        return f"Page(url={shown(self.url)!r}, title={self.title!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        return pairs(
            f"A page, {billed(self.usage)}",
            [
                ("title", self.title),
                ("address", shown(self.url)),
                ("description", self.description),
                ("content", self.content),
                ("characters", len(self.content)),
                ("published", self.published),
                ("warning", self.warning),
            ],
        )


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What a search of the web found, best first.

    Attributes:
        results: The pages.
        usage: What the search cost.
    """

    results: tuple[Page, ...]
    usage: Usage = field(default_factory=Usage)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Page]:
        return iter(self.results)

    def __repr__(self) -> str:
        return f"SearchResults(pages={len(self)}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        return table(
            f"{counted(len(self), 'page')}, best first, {billed(self.usage)}",
            ["rank", "title", "address", "text"],
            (
                [rank, page.title, shown(page.url), page.content or page.description]
                for rank, page in enumerate(self.results, 1)
            ),
            total=len(self),
            unit="pages",
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A place on the web that speaks for or against a statement.

    Attributes:
        url: Its address.
        quote: What it says.
        supportive: Whether it supports the statement.
    """

    url: str
    quote: str
    supportive: bool


@dataclass(frozen=True, slots=True)
class Grounding:
    """Whether a statement is true, according to sources on the web.

    Attributes:
        factuality: 0 (false) to 1 (true).
        result: Whether the service takes it for true.
        reason: Why.
        references: What it relies on.
        usage: What the call cost: the whole process, searches included.
    """

    factuality: float
    result: bool
    reason: str
    references: tuple[Reference, ...] = field(default=(), repr=False)
    usage: Usage = field(default_factory=Usage)

    def _repr_html_(self) -> str:
        verdict = "true" if self.result else "false"
        return table(
            f"{verdict}, factuality {self.factuality:.2f}: {self.reason}",
            ["reference", "speaks", "quote"],
            (
                [shown(row.url), "for it" if row.supportive else "against it", row.quote]
                for row in self.references
            ),
            total=len(self.references),
            unit="references",
        )


Tokenizer: TypeAlias = Literal["cl100k_base", "o200k_base", "p50k_base", "r50k_base", "p50k_edit", "gpt2"]
"""Vocabularies of Jina's segmenter. They are OpenAI's; Jina's own models have others."""

Token: TypeAlias = tuple[str, tuple[int, ...]]
"""A piece of text and its ids; several where a character is more than one token."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text that was segmented.

    Attributes:
        start: Offset of its first character, in code points.
        end: Offset after its last character, in code points.
        text: ``content[start:end]``, always: checked when the answer is read.
        tokens: Its tokens, where they were asked for.
    """

    start: int
    end: int
    text: str
    tokens: tuple[Token, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Segments:
    """A text in pieces.

    Attributes:
        chunks: The pieces, in the order of the text.
        num_tokens: Tokens as ``tokenizer`` counts them. Embedding the text may be billed differently.
        tokenizer: The vocabulary that was used, as the service gave it.
        usage: What the call cost: no tokens, segmenting is free.
    """

    chunks: tuple[Segment, ...]
    num_tokens: int
    tokenizer: str
    usage: Usage = field(default_factory=Usage)

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.chunks)

    def __repr__(self) -> str:
        return f"Segments(chunks={len(self)}, num_tokens={self.num_tokens}, tokenizer={self.tokenizer!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        return table(
            f"{counted(len(self), 'chunk')}, {counted(self.num_tokens, 'token')} of {self.tokenizer}",
            ["chunk", "start", "end", "text"],
            ([place, chunk.start, chunk.end, chunk.text] for place, chunk in enumerate(self.chunks)),
            total=len(self),
            unit="chunks",
        )


publish("ragbridge", [Grounding, Page, Reference, RelatedLink, SearchResults, Segment, Segments])
