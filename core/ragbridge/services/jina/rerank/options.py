"""What a reranking request may ask for: checked against the model's row before anything is sent."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge import models
from ragbridge.client.arguments import check_switches, remembered
from ragbridge.client.items import Item
from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.hosts import JINA, Host
from ragbridge.models import MAX_DOC_LENGTH, Model
from ragbridge.services.jina.items import LEGACY, Items, check_modality, read_item, read_items, to_wire
from ragbridge.services.jina.place import able, served
from ragbridge.values.inputs import Image, Media
from ragbridge.values.media import tokens_of
from ragbridge.values.rankings import Document, ScoreKind

if TYPE_CHECKING:
    from ragbridge.hosts import Finding

PRODUCT = "rerank"
IMAGE_TOKENS = 768
"""What an image is taken to cost a reranker that the table does not know: as much as those that it knows."""


@dataclass(frozen=True, slots=True, eq=False)
class RerankOptions:
    """Checked options of a reranking job; ``row`` is None for a model that the table does not know. Equal to itself alone."""

    model: str
    row: Model | None
    top_n: int | None
    return_documents: bool
    max_doc_length: int | None
    return_embeddings: bool
    max_documents_per_call: int | None
    normalize_scores: bool = False
    host: Host = JINA
    sent: str | None = None

    @property
    def score_kind(self) -> ScoreKind | None:
        """What the scores of an answer are; None for a model that the table does not know, where its maker decides."""
        scores = "model" if self.host.reranking is None else self.host.reranking.scores
        if scores != "model":
            return scores
        return None if self.row is None else "cosine" if self.row.listwise else "probability"

    @property
    def maps_scores(self) -> bool:
        """Whether scores are mapped to 0..1: where that was asked for, and they are no such figures yet."""
        return self.normalize_scores and self.score_kind == "logit"

    @property
    def listwise(self) -> bool:
        """Whether a score depends on the other documents of its call: so it is taken to, where that is not known."""
        return self.row is None or self.row.listwise

    def payload(self, query: Item, documents: Items, top_n: int | None) -> dict[str, Any]:
        """The request's body; files are read now. Documents are never asked back: the caller has them."""
        fields = {
            "model": self.sent or self.model,
            "query": to_wire(query),
            "documents": documents.to_wire(0, len(documents.texts)),
            "top_n": top_n,
            "max_doc_length": self.max_doc_length,
            "return_embeddings": self.return_embeddings or None,
            "return_documents": False,
        }
        return self.host.write_rerank({name: value for name, value in fields.items() if value is not None})


@remembered
def check_options(
    *,
    model: str,
    top_n: int | None,
    return_documents: bool,
    max_doc_length: int | None,
    return_embeddings: bool,
    max_documents_per_call: int | None,
    normalize_scores: bool = False,
) -> RerankOptions:
    """The options of a job. Those of the same arguments are the same object.

    Raises:
        ConfigurationError: The model does not rerank, does not have an option, or a value is not what it should be.
    """
    check_switches(
        return_documents=return_documents,
        return_embeddings=return_embeddings,
        normalize_scores=normalize_scores,
    )
    row = models.find(model, "rerank")
    if top_n is not None:
        top_n = check_whole("top_n", top_n, "a positive int, or None for all documents")
    for name, value in (("max_doc_length", max_doc_length), ("return_embeddings", return_embeddings or None)):
        if value is not None and row is not None and name not in row.options:
            raise ConfigurationError(f"{name}={value!r}: {model} has no such option")
    longest = (row and row.max_document_tokens) or MAX_DOC_LENGTH
    if max_doc_length is not None:
        wanted = f"an int from 1 to {longest}"
        max_doc_length = check_whole("max_doc_length", max_doc_length, wanted, most=longest)
    options = RerankOptions(
        model,
        row,
        top_n,
        return_documents,
        max_doc_length,
        return_embeddings,
        None,
        normalize_scores=normalize_scores,
    )
    if max_documents_per_call is None:
        return options
    least = 2 if options.listwise else 1
    why = f": {model} compares the documents of a call" if options.listwise and row else ""
    wanted = f"an int from {least}, or None{why}"
    most = check_whole("max_documents_per_call", max_documents_per_call, wanted, least=least)
    return replace(options, max_documents_per_call=most)


def for_host(options: RerankOptions, finding: Finding) -> RerankOptions:
    """``options`` for the host that was found.

    Raises:
        ConfigurationError: The host does not rerank, or cannot do what is asked.
    """
    host = finding.host
    how = host.reranking
    if how is None:
        raise ConfigurationError(
            f"rerank: {host.title} does not rerank; hosts that do: {able(lambda other: other.reranking is not None)}"
        )
    given = {"max_doc_length": options.max_doc_length, "return_embeddings": options.return_embeddings or None}
    for name, value in given.items():
        if value is not None and name not in how.fields:
            raise ConfigurationError(
                f"{name}={value!r}: {host.title} cannot be asked for it, whatever {options.model} can; leave it out, or "
                f"use a host that can: {able(lambda other: _has(other, name))}"  # noqa: B023 - read at once
            )
    return _told(options, host, served(finding, options.model, options.row))


@functools.lru_cache(maxsize=256)
def _told(options: RerankOptions, host: Host, sent: str) -> RerankOptions:
    return replace(options, host=host, sent=sent)


def _has(host: Host, name: str) -> bool:
    return host.reranking is not None and name in host.reranking.fields


def check_media(item: Item, where: str, options: RerankOptions) -> None:
    """Refuse an image where the host is sent texts alone.

    Raises:
        ConfigurationError: It is one.
    """
    how = options.host.reranking
    if not isinstance(item, str) and (how is None or not how.media):
        raise ConfigurationError(
            f"{where} is {type(item).__name__}: {options.host.title} is sent texts alone, whatever {options.model} takes; "
            f"hosts that take images: {able(lambda other: other.reranking is not None and other.reranking.media)}"
        )


def read_query(query: Document, options: RerankOptions) -> Item:
    """What is asked: a text or an image.

    Raises:
        ConfigurationError: It is neither, or the model takes no images.
    """
    return _read(query, "query", options.row)


def read_documents(documents: list[Document], options: RerankOptions) -> Items:
    """What is ranked: texts and images.

    Raises:
        ConfigurationError: One of them is neither, or the model takes no images.
    """
    row = options.row
    return read_items(
        documents,
        lambda value, index: _read(value, f"documents[{index}]", row),
        lambda image: image_tokens(image, row),
    )


def image_tokens(image: Media, row: Model | None) -> float:
    """Tokens that an image will probably be billed."""
    return IMAGE_TOKENS if row is None else tokens_of(image, row)


def _read(value: object, where: str, row: Model | None) -> Item:
    item = read_item(_bare(value, where, row) if isinstance(value, Mapping) else value, where)
    check_modality(item, row, where)
    if not isinstance(item, (str, Image)):
        raise ConfigurationError(f"{where} is {type(item).__name__}: rerankers take texts and images")
    return item


def _bare(value: Mapping[str, Any], where: str, row: Model | None) -> dict[str, Any]:
    """What is ranked of a caller's object, which may hold more, such as an id or the address of a text."""
    keys = [key for key in ("text", "image", *LEGACY) if value.get(key) is not None]
    if not keys:
        raise ConfigurationError(
            f"{where} is neither a str nor an Image nor an object with 'text' or 'image'"
        )
    if keys[:2] == ["text", "image"] and (row is None or "image" in row.modalities):
        raise ConfigurationError(f"{where} has both 'text' and 'image': a document is one or the other")
    return {keys[0]: value[keys[0]]}
