"""``JinaRerank``: documents by their relevance to a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.documents import Document
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import AliasChoices, Field

from langchain_ragbridge._images import contents_of
from langchain_ragbridge._reranking import Reranker, rows_of
from langchain_ragbridge._settings import JinaSettings
from ragbridge.models import DEFAULT_RERANK_MODEL

if TYPE_CHECKING:
    from langchain_ragbridge._images import Content
    from ragbridge import Image, Ranking


class JinaRerank(JinaSettings, Reranker):
    """Jina AI's rerankers, or the embedded engine's with ``base_url="local"``.

    Works wherever LangChain takes a document compressor, such as in ``ContextualCompressionRetriever``; in chains, see
    ``as_runnable``. All documents of a call go in one request unless ``max_documents_per_call`` says otherwise.

    With a model that takes images (``jina-reranker-m0``), a document without text is ranked by the image that its
    metadata names, see ``image_key``.

    >>> rerank = JinaRerank(base_url="local", top_n=1)
    >>> found = rerank.compress_documents([Document("bread"), Document("the sea")], "ocean")
    >>> found[0].page_content, sorted(found[0].metadata)
    ('the sea', ['relevance_score'])

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model: str = Field(default=DEFAULT_RERANK_MODEL, validation_alias=AliasChoices("model", "model_name"))
    """The model's name. Also accepted as ``model_name``."""
    top_n: int | None = 3
    """Documents to return; None for all."""
    max_doc_length: int | None = None
    """Tokens of a document that are read, 1 to 8192, where the model has this option."""
    max_documents_per_call: int | None = None
    """Documents in one request at most; None for all. Listwise models (v3, v3.5) then rank in rounds, see
    ``ragbridge.Jina.rerank``."""
    normalize_scores: bool = False
    """Map scores to 0..1 where the host gives logits, see ``ragbridge.Jina.rerank``."""
    image_key: str | None = "image"
    """Where the metadata of documents without text names their image: an ``http(s)`` address or data URI; content as
    ``bytes``, a ``Path`` or a ``ragbridge.Image``; or, with ``image_root``, a path as text. None to look for none."""
    image_root: Path | None = None
    """Folder in which paths in metadata are looked up, and which they cannot leave. Without it, no text in metadata makes
    this object open a file."""

    def rerank(
        self,
        documents: Sequence[str | Document | Image | Mapping[str, Any]],
        query: str | Image,
        *,
        model: str | None = None,
        top_n: int | None = -1,
    ) -> list[dict[str, Any]]:
        """Indices and scores instead of documents, best first.

        Args:
            documents: Texts, documents, or objects with ``text``; for models that take images also ``ragbridge.Image``
                and objects with ``image``.
            query: What is asked; an image as well, for such models.
            model: Another model than the object's own.
            top_n: How many to return; None for all, -1 for the object's own ``top_n``.

        Returns:
            ``{"index", "relevance_score"}`` for each, ``index`` being the position in ``documents``.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.rerank``.
        """
        options = self._options(self.top_n if top_n == -1 else top_n)
        if model is not None:
            options["model"] = model
        return rows_of(self._jina.rerank(query, self._contents(documents), **options))

    def _rank(self, query: str, documents: Sequence[Document]) -> Ranking:
        return self._jina.rerank(query, self._contents(documents), **self._options(self.top_n))

    async def _arank(self, query: str, documents: Sequence[Document]) -> Ranking:
        return await self._jina.arerank(query, self._contents(documents), **self._options(self.top_n))

    def _options(self, top_n: int | None) -> dict[str, Any]:
        return {
            "model": self.model,
            "top_n": top_n,
            "max_doc_length": self.max_doc_length,
            "max_documents_per_call": self.max_documents_per_call,
            "normalize_scores": self.normalize_scores,
        }

    def _contents(self, documents: Sequence[str | Document | Image | Mapping[str, Any]]) -> list[Content]:
        return contents_of(documents, self.image_key, self.image_root)

    def _check_options(self) -> None:
        self._jina.rerank("", [], **self._options(self.top_n))
