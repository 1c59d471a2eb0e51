"""Results of reranking: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.values.embeddings import Usage, billed
from ragbridge.values.tables import brief, counted, cut, first, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.values.inputs import Image

    Vectors: TypeAlias = NDArray[np.float32]


ScoreKind: TypeAlias = Literal["probability", "cosine", "logit"]
"""Figures between 0 and 1; cosines, from -1 to 1; logits, without bounds (about -11 to 8 of llama.cpp's)."""

Document: TypeAlias = "str | Image | Mapping[str, Any]"
"""A document to rerank: a text, an image, or an object with ``text`` or ``image`` and any other fields."""


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """One row of a ranking.

    Attributes:
        index: Position of the document in the caller's list.
        score: The service's relevance score: higher is better. Listwise models (``jina-reranker-v3``, ``-v3.5``) give
            cosines, which may be negative; the others figures between 0 and 1. Never compare scores of two models, or of
            two calls to a listwise model, and do not apply one threshold to them.
        document: The caller's own document where ``return_documents=True``, else None.
        embedding: The document's vector where ``return_embeddings=True``, else None: float32, as wide in every row.
    """

    index: int
    score: float
    document: Document | None = None
    embedding: Vectors | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        document = "" if self.document is None else f", document={cut(repr(self.document), 80)}"
        return f"RankedDocument(index={self.index}, score={self.score}{document})"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Documents by relevance, best first.

    Attributes:
        results: The best ``top_n`` documents, or all.
        model: The model's name as the service gave it.
        usage: What the call cost.
        met: Positions, in the caller's list, of the documents whose scores may be compared with each other: all of
            them, unless a listwise model had to rank them in rounds; then those that met in the last call, and their
            rows stand first.
        score_kind: What the scores are; None for a model or a service that nothing here knows of.
    """

    results: tuple[RankedDocument, ...]
    model: str
    usage: Usage = field(default_factory=Usage)
    met: frozenset[int] = field(default=frozenset(), repr=False)
    score_kind: ScoreKind | None = None

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[RankedDocument]:
        return iter(self.results)

    def __repr__(self) -> str:
        best = first((row.index, round(row.score, 4)) for row in self.results)
        return f"Ranking(documents={len(self)}, best={best}, model={self.model!r}, usage={self.usage!r})"

    def _repr_html_(self) -> str:
        given = any(row.document is not None for row in self.results)
        return table(
            f"{counted(len(self), 'document')}, best first, {self.model}, {billed(self.usage)}",
            ["rank", "index", self.score_kind or "score", *(["document"] if given else [])],
            (
                [rank, row.index, row.score, *([_shown(row.document)] if given else [])]
                for rank, row in enumerate(self.results, 1)
            ),
            total=len(self),
            unit="documents",
        )


def _shown(document: Document | None) -> str:
    """The text of a document, or what it is."""
    if isinstance(document, str):
        return document
    text = document.get("text") if isinstance(document, Mapping) else None
    return text if isinstance(text, str) else brief(document)


publish("ragbridge", [RankedDocument, Ranking])
