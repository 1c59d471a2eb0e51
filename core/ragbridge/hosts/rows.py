"""The columns of the table of hosts, and what follows from them: bodies are written and answers read by a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.hosts.addresses import versioned, without_endpoint
from ragbridge.hosts.answers import same
from ragbridge.models import Model, Role

Roles: TypeAlias = Literal["task", "prefix", "input_type"]
"""How a host is told what a text is for: by the service's own word, by a prefix of the text, by a word of the host's."""

Scores: TypeAlias = Literal["model", "probability", "logit"]
"""What a reranker's scores are: as the model's maker has them, mapped to 0..1, or as the model computes them."""

Change: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """How a host embeds.

    Attributes:
        path: Below the base address.
        input: The field of what is embedded.
        fields: The options that the host has, and what it calls them. Any other is refused before sending.
        encoding: The field that asks for base64; None where vectors are numbers.
        types: What vectors can be.
        role: How it is told what a text is for.
        words: Its words for the roles, where it has any.
        media: Whether it takes Jina's objects for images and other media.
        tokens: Whether it gives one vector for each token.
        write: Makes the host's own body of the common one.
        read: Makes the common answer of the host's own.
    """

    path: str = "/embeddings"
    input: str = "input"
    fields: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = "encoding_format"
    types: frozenset[str] = frozenset({"float"})
    role: Roles = "prefix"
    words: Mapping[Role, str] = field(default_factory=dict)
    media: bool = False
    tokens: bool = False
    write: Change = same
    read: Callable[[Any], Any] = same


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranking:
    """How a host reranks.

    Attributes:
        path: Below the base address.
        documents: The field of the documents.
        fields: The options that the host has, and what it calls them. ``top_n`` is left out where it is missing, and
            more rows are cut; ``return_documents`` likewise; any other is refused before sending.
        results: The field of the rows; None where the answer is their list.
        score: A row's field of the score.
        scores: What the scores are.
        media: Whether it takes Jina's objects for images.
        write: Makes the host's own body of the common one.
        read: Makes the common answer of the host's own, before ``results`` and ``score`` are looked at.
    """

    path: str = "/rerank"
    documents: str = "documents"
    fields: Mapping[str, str] = field(default_factory=lambda: {"top_n": "top_n"})
    results: str | None = "results"
    score: str = "relevance_score"
    scores: Scores = "probability"
    media: bool = False
    write: Change = same
    read: Callable[[Any], Any] = same


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host:
    """One row of the table: a kind of server, and how it is spoken to. Equal to itself alone.

    Attributes:
        name: The value of ``host=``.
        title: How people write it.
        base: Turns the address that users paste into the one that paths are put behind.
        domains: Hosts on the network that are known to be of this kind, themselves and below.
        owners: What its lists of models say in ``owned_by``.
        headers: Headers that it alone sends.
        info: Fields of its ``/info`` or ``/health`` that it alone has.
        items: Items that one request may hold; None where nothing is said of it.
        publisher: What it calls the publisher of a model that is named without one; None: names go as they are; "" where no
            name is sent.
        embedding: How it embeds.
        reranking: How it reranks; None where it cannot.
        products: Whether it has Jina's other products: sparse vectors, classification, segments, batch and bulk jobs.
        publishes: Whether the one at ``domains`` publishes a quota, which is kept by default.
        aws: The name of the AWS service that requests are signed for (SigV4), in place of a key; None elsewhere.
    """

    name: str
    title: str
    base: Callable[[str], str] = versioned
    domains: tuple[str, ...] = ()
    owners: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    info: frozenset[str] = frozenset()
    items: int | None = None
    publisher: str | None = None
    embedding: Embedding
    reranking: Reranking | None
    products: bool = False
    publishes: bool = False
    aws: str | None = None

    def address(self, given: str) -> str:
        """What paths are put behind, from a base address or a whole endpoint."""
        return self.base(without_endpoint(given))

    def model(self, asked: str, row: Model | None) -> str:
        """The name that is sent for a model that was asked for by ``asked``."""
        if not self.publisher or row is None or "/" in asked:
            return asked
        return f"{self.publisher}/{asked}"

    def write_embedding(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request for vectors, of Jina's fields; what the host lacks has been refused before."""
        how = self.embedding
        body: dict[str, Any] = {}
        for name, value in asked.items():
            if name == "model":
                if self.publisher != "":
                    body[name] = value
            elif name == "input":
                body[how.input] = value
            elif name == "embedding_type":
                if how.encoding is not None:
                    body[how.encoding] = value
            else:
                body[how.fields[name]] = value
        return how.write(body)

    def read_embedding(self, body: Any) -> Any:
        """The answer to ``write_embedding`` in Jina's shape."""
        return self.embedding.read(body)

    def write_rerank(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request that ranks, of Jina's fields; what the host lacks has been refused before."""
        how = self.reranking or Reranking()
        body: dict[str, Any] = {}
        for name, value in asked.items():
            if name == "model":
                if self.publisher != "":
                    body[name] = value
            elif name == "query":
                body[name] = value
            elif name == "documents":
                body[how.documents] = value
            elif name in how.fields:
                body[how.fields[name]] = value
        return how.write(body)

    def read_rerank(self, body: Any) -> dict[str, Any]:
        """The answer to ``write_rerank`` in Jina's shape. Rows are looked at by whoever reads it."""
        how = self.reranking or Reranking()
        body = how.read(body)
        whole = {**body} if isinstance(body, Mapping) else {}
        rows = body if how.results is None else whole.get(how.results)
        if how.score != "relevance_score" and isinstance(rows, list):
            rows = [_renamed(row, how.score) for row in rows]
        return {**whole, "results": rows}


def _renamed(row: Any, score: str) -> Any:
    return {**row, "relevance_score": row.get(score)} if isinstance(row, Mapping) else row
