"""One state of an index as a search sees it: documents that do not change, and what was reckoned from them once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ragbridge.ground.records import dataclass
from ragbridge.local.search.analysis import Analyzer, Term, analyzer, keyword, terms_of
from ragbridge.local.search.bm25 import TextIndex
from ragbridge.local.search.similarity import Tokens, Vectors

if TYPE_CHECKING:
    from ragbridge.local.search.documents import Chunk, Document
    from ragbridge.local.search.indices import Index
    from ragbridge.local.search.mapping import Field

Mask: TypeAlias = NDArray[np.bool_]
"""Which documents match, of shape (documents,)."""
T = TypeVar("T")

_KEY = "view"


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The dense vectors of a field.

    Attributes:
        vectors: All of them.
        owners: The document of each.
        starts: Where each document's vectors begin, by which a maximum over a document is taken.
        rows: The documents that have vectors, ascending.
    """

    vectors: Vectors
    owners: NDArray[np.intp]
    starts: NDArray[np.intp]
    rows: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sparse:
    """The sparse vectors of a field, and the document of each."""

    tokens: Tokens
    owners: NDArray[np.intp]


_LAST: WeakKeyDictionary[Index, View] = WeakKeyDictionary()
"""The last state of each index that was searched."""


class View:
    """The documents and fields of an index at one moment.

    Several searches may use it at once: what they reckon is kept when it is complete.

    Attributes:
        known: The terms of documents, as handed over.
        terms: Those of this state, handed over to the next one.

    Args:
        index: The index.
        documents: Its documents, in the order in which they were last written.
        fields: Its fields by path.
        known: The terms of documents by field and analyzer, from an earlier state: most documents stay as they are.
    """

    def __init__(
        self,
        index: Index,
        documents: list[Document],
        fields: dict[str, Field],
        known: dict[Any, dict[int, tuple[Document, list[Term]]]] | None = None,
    ) -> None:
        self.index = index
        self.name = index.name
        self.documents = documents
        self.fields = fields
        self._kept: dict[Any, Any] = {}
        self.known = known or {}
        self.terms: dict[Any, dict[int, tuple[Document, list[Term]]]] = {}

    @classmethod
    def of(cls, index: Index, lock: AbstractContextManager[Any]) -> View:
        """The present state of an index. It is kept until the index changes."""
        with lock:
            view = index.cache.get(_KEY)
            if view is None:
                last = _LAST.get(index)
                known = None if last is None else {**last.known, **last.terms}
                view = cls(index, list(index.documents.values()), dict(index.mapping.fields), known)
                index.cache[_KEY] = _LAST[index] = view
            return cast("View", view)

    def __len__(self) -> int:
        return len(self.documents)

    def keep(self, key: Any, reckon: Callable[[], T]) -> T:
        """What ``reckon`` returned first for this key."""
        if key not in self._kept:
            self._kept.setdefault(key, reckon())
        return cast("T", self._kept[key])

    @property
    def rows(self) -> dict[str, int]:
        """The number of each document by its id."""
        return self.keep("rows", lambda: {document.id: row for row, document in enumerate(self.documents)})

    def mask(self, where: Callable[[Document], bool]) -> Mask:
        """The documents for which something holds."""
        return np.fromiter((where(document) for document in self.documents), dtype=np.bool_, count=len(self))

    def having(self, path: str) -> Mask:
        """The documents that have a value in a field."""
        return self.keep(("having", path), lambda: self.mask(lambda document: document.has(path)))

    def analyzer(self, field: Field, *, search: bool = False) -> Analyzer:
        """The analyzer of a field: for its values, or for a query."""
        if field.type != "text":
            return lowercase if field.parameters.get("normalizer") == "lowercase" else keyword
        own = field.parameters.get("analyzer", "standard")
        return analyzer(field.parameters.get("search_analyzer", own) if search else own)

    def text(self, path: str) -> TextIndex:
        """The terms of a field."""
        return self.keep(("text", path), lambda: self._text(self.fields[path]))

    def _text(self, field: Field) -> TextIndex:
        analyze = self.analyzer(field)
        known = self.known.pop((field.path, analyze), {})
        kept: dict[int, tuple[Document, list[Term]]] = {}
        terms: list[list[Term] | None] = []
        for document in self.documents:
            values = document.values.get(field.path)
            if values is None:
                terms.append(None)
                continue
            found = known.get(id(document)) or (document, terms_of(values, analyze))
            kept[id(document)] = found
            terms.append(found[1])
        self.terms[field.path, analyze] = kept
        norms = field.type == "text" and field.parameters.get("norms", True) is not False
        return TextIndex(terms, norms=norms, **self._similarity(field))

    def _similarity(self, field: Field) -> dict[str, float]:
        """The parameters of BM25 that the settings of the index give a field's ``similarity``."""
        declared = self.index.settings.get("similarity")
        own = declared.get(field.parameters.get("similarity")) if isinstance(declared, Mapping) else None
        return {name: float(own[name]) for name in ("k1", "b") if own and name in own}

    def embeddings(self, path: str) -> Embeddings:
        """The dense vectors of a ``dense_vector`` or ``semantic_text`` field."""
        return self.keep(("embeddings", path), lambda: self._embeddings(self.fields[path]))

    def _embeddings(self, field: Field) -> Embeddings:
        pieces: list[NDArray[np.float32]] = []
        owners: list[int] = []
        settings = field.parameters
        if field.type == "semantic_text":
            settings = field.parameters.get("model_settings") or {}
        for row, document in enumerate(self.documents):
            if field.type != "semantic_text":
                vector = document.vectors.get(field.path)
                found = [] if vector is None or vector.ndim != 1 else [vector]
            else:
                found = [
                    chunk.vector for chunk in self.chunks(document, field.path) if chunk.vector is not None
                ]
            pieces += found
            owners += [row] * len(found)
        element = settings.get("element_type", "float")
        similarity = settings.get("similarity") or ("l2_norm" if element == "bit" else "cosine")
        width = len(pieces[0]) if pieces else int(settings.get("dims") or settings.get("dimensions") or 0)
        matrix = np.array(pieces, dtype=np.float32) if pieces else np.zeros((0, width), dtype=np.float32)
        owned = np.array(owners, dtype=np.intp)
        rows, starts = np.unique(owned, return_index=True)
        return Embeddings(Vectors(matrix, similarity=similarity, element=element), owned, starts, rows)

    def sparse(self, path: str) -> Sparse:
        """The sparse vectors of a ``sparse_vector`` or ``semantic_text`` field."""
        return self.keep(("sparse", path), lambda: self._sparse(self.fields[path]))

    def _sparse(self, field: Field) -> Sparse:
        found: list[Any] = []
        owners: list[int] = []
        for row, document in enumerate(self.documents):
            if field.type == "sparse_vector":
                vectors = [document.sparse[field.path]] if field.path in document.sparse else []
            else:
                vectors = [
                    chunk.tokens for chunk in self.chunks(document, field.path) if chunk.tokens is not None
                ]
            found += vectors
            owners += [row] * len(vectors)
        return Sparse(Tokens(found), np.array(owners, dtype=np.intp))

    def chunks(self, document: Document, path: str) -> list[Chunk]:
        """The chunks of a ``semantic_text`` field."""
        return list(document.chunks.get(path, ()))


def lowercase(text: str) -> list[Term]:
    """The normalizer ``lowercase``: the whole text, in lower case."""
    return keyword(text.lower())
