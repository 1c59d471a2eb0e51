"""``text_similarity_reranker``: the best documents of a retriever, in the order of a rerank endpoint.

Source: ``TextSimilarityRankRetrieverBuilder`` and ``TextSimilarityRankFeaturePhaseRankCoordinatorContext``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ragbridge.chunking.base import Chunker
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.search.analysis import standard, text_of
from ragbridge.local.search.bm25 import TextIndex
from ragbridge.local.search.errors import SearchFailure
from ragbridge.local.search.queries.base import Run
from ragbridge.local.search.reading import OBJECT, Body
from ragbridge.local.search.retrievers.arranged import one_child
from ragbridge.local.search.retrievers.base import (
    Compound,
    Key,
    ParseRetriever,
    Ranking,
    Retriever,
    inner_failed,
    of_keys,
    read_window,
)
from ragbridge.local.search.retrievers.leaves import read_base

if TYPE_CHECKING:
    from ragbridge.local.elastic.endpoints import Endpoint
    from ragbridge.local.search.view import Mask

DEFAULT_ENDPOINT = ".rerank-v1-elasticsearch"
CHUNK_WORDS = 300
"""``ChunkScorerConfig.DEFAULT_CHUNK_SIZE``."""
WINDOWS = {"jinaai": 5500}
"""Words that a service's reranker reads (``rerankerWindowSize``); 300 for others. Source: the services' classes, 9.4."""


@dataclass(frozen=True, slots=True)
class ChunkRescorer:
    """Which chunks of a long text are sent: the ``size`` best by BM25."""

    size: int = 1
    settings: Mapping[str, Any] | None = None


@dataclass(kw_only=True)
class Reranked(Compound):
    """The reranker.

    Attributes:
        endpoint: The endpoint.
        text: The query that documents are compared with.
        field: The field whose text is sent; documents without it are left out.
        lenient: Whether the order of the retriever inside stands where the endpoint fails.
        chunks: How long texts are cut; None sends them whole.
    """

    kind: ClassVar[str] = "text_similarity_reranker"
    endpoint: str = DEFAULT_ENDPOINT
    text: str
    field: str
    lenient: bool = False
    chunks: ChunkRescorer | None = None

    def combine(self, run: Run, found: Sequence[Ranking]) -> list[tuple[Key, float]]:
        """In the order of the endpoint's scores, which are made positive after ``min_score`` was compared with them."""
        hits = found[0].hits
        try:
            reranked = self._rerank(run, hits)
        except Failure as failure:
            if self.lenient and failure.status != 501:
                return hits
            cause = SearchFailure(
                failure.status,
                "Computing updated ranks for results failed",
                kind="search_phase_execution_exception",
                cause=failure,
                roots=[],
                details={"phase": "rank-feature", "grouped": True, "failed_shards": []},
            )
            raise inner_failed(self.kind, [(self.children[0].kind, cause)]) from failure
        kept = [(key, score) for key, score in reranked if self.min_score is None or score >= self.min_score]
        return sorted(((key, positive(score)) for key, score in kept), key=lambda hit: (-hit[1], hit[0]))

    def cut(self, ranking: Ranking, run: Run) -> Ranking:
        """``min_score`` has been applied already."""
        least, self.min_score = self.min_score, None
        try:
            return super().cut(ranking, run)
        finally:
            self.min_score = least

    def counted(
        self, run: Run, found: Sequence[Ranking], hits: Sequence[tuple[Key, float]]
    ) -> Mapping[int, Mask]:
        """With ``min_score`` only what is kept counts."""
        if self.min_score is None:
            return super().counted(run, found, hits)
        return of_keys(run, [key for key, _ in hits])

    def _rerank(self, run: Run, hits: Sequence[tuple[Key, float]]) -> list[tuple[Key, float]]:
        endpoint = run.inference.find(self.endpoint)
        top = endpoint.task_settings.get("top_n")
        if isinstance(top, int) and top < self.window:
            raise bad_argument(
                f"Inference endpoint [{self.endpoint}] is configured to return the top [{top}] results, but "
                f"rank_window_size is [{self.window}]. Reduce rank_window_size to be less than or equal to the configured top "
                "N value."
            )
        texts: list[str] = []
        owners: list[Key] = []
        for key, _ in hits:
            for text in self._texts(run, key, endpoint):
                texts.append(text)
                owners.append(key)
        if not texts:
            return []
        best: dict[Key, float] = {}
        for key, score in zip(owners, run.inference.rerank(endpoint, self.text, texts), strict=True):
            rounded = float(np.float32(score))
            best[key] = max(best.get(key, rounded), rounded)
        return list(best.items())

    def _texts(self, run: Run, key: Key, endpoint: Endpoint) -> list[str]:
        """What is sent of a document: its first value, or its best chunks."""
        view, row = run.views[key[0]], key[1]
        document = view.documents[row]
        values = document.values.get(self.field)
        if not values:
            return []
        text = text_of(values[0])
        if self.chunks is None:
            return [text]
        known = view.fields.get(self.field)
        if known is not None and known.type == "semantic_text":
            pieces = [chunk.text for chunk in view.chunks(document, self.field)] or [text]
        else:
            pieces = [chunk.text for chunk in self._chunker(self.chunks, endpoint).chunk(text)] or [text]
        return best_chunks(pieces, self.text, self.chunks.size)

    def _chunker(self, chunks: ChunkRescorer, endpoint: Endpoint) -> Chunker:
        settings = chunks.settings
        if settings is None:
            window, words = WINDOWS.get(endpoint.service, CHUNK_WORDS), len(standard(self.text))
            size = max(window - words, window // 2)
            settings = {"strategy": "sentence", "max_chunk_size": size, "sentence_overlap": 1}
        return chunker(settings)


def positive(score: float) -> float:
    """A reranker's score as Elasticsearch shows it, above 0: ``max(s, 0) + min(exp(s), 1)``."""
    return float(np.float32(max(score, 0.0) + min(math.exp(min(score, 0.0)), 1.0)))


def best_chunks(chunks: Sequence[str], query: str, size: int) -> list[str]:
    """The chunks that BM25 ranks highest for a query; the first ones where none has a word of it."""
    index = TextIndex([standard(chunk) for chunk in chunks])
    scores = np.sum([index.score(term.text) for term in standard(query)] or [np.zeros(len(chunks))], axis=0)
    places = [int(place) for place in np.argsort(-scores, kind="stable") if scores[place] > 0][:size]
    return [chunks[place] for place in places] or list(chunks[:size])


def chunker(settings: Mapping[str, Any]) -> Chunker:
    """A chunker by settings that have been checked."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that older versions than 9.2 take no large chunks
        return Chunker.from_settings(settings, strict=False)


def _read_chunks(value: Any) -> ChunkRescorer | None:
    if value is None:
        return None
    body = Body("chunk_rescorer", value, refusal=OBJECT)
    size, settings = body.whole("size", 1), body.any("chunking_settings")
    body.end()
    if size < 1:
        raise bad_argument("size must be greater than 0")
    if settings is not None:
        if not isinstance(settings, Mapping):
            raise bad_argument("[chunking_settings] must be an object")
        if set(settings) == {"max_chunk_size"}:
            settings = {
                "strategy": "sentence",
                "max_chunk_size": settings["max_chunk_size"],
                "sentence_overlap": 0,
            }
        try:
            chunker(settings)
        except ConfigurationError as error:
            raise bad_argument(str(error)) from error
    return ChunkRescorer(size, settings)


def read_reranked(value: Any, inner: ParseRetriever) -> Retriever:
    """``text_similarity_reranker``."""
    body = Body("text_similarity_reranker", value, refusal=OBJECT)
    if missing := [name for name in ("retriever", "inference_text", "field") if name not in body]:
        raise bad_argument(f"Required [{', '.join(missing)}]")
    base, window = read_base(body), read_window(body)
    text = body.need_text("inference_text")
    if not text:
        raise bad_argument("[inference_text] must not be empty")
    body.elsewhere("snippet")
    retriever = Reranked(
        children=[one_child(body, inner)],
        window=window,
        endpoint=body.text("inference_id", DEFAULT_ENDPOINT),
        text=text,
        field=body.need_text("field"),
        lenient=body.flag("allow_rerank_failures", False),
        chunks=_read_chunks(body.any("chunk_rescorer")),
        **base,
    )
    body.end()
    return retriever
