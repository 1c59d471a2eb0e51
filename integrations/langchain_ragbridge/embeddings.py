"""``JinaEmbeddings``: texts and images to vectors."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import AliasChoices, Field, field_validator

from langchain_ragbridge._cache import namespace
from langchain_ragbridge._late_chunking import sources_of, split, texts_of
from langchain_ragbridge._settings import JinaSettings
from ragbridge import ConfigurationError
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentTransformer, Document

    from langchain_ragbridge._images import Uri
    from ragbridge import Image
    from ragbridge.models import Role


class JinaEmbeddings(JinaSettings, Embeddings):
    """Jina AI's embedding models, or the embedded engine with ``base_url="local"``.

    Documents and queries are embedded with the task that the model has for each, in batches that fit the quota and
    side by side, synchronously as well as asynchronously. One object serves any number of threads and event loops.

    >>> embeddings = JinaEmbeddings(base_url="local", dimensions=256)
    >>> len(embeddings.embed_query("what is late interaction?"))
    256

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    model: str = Field(default=DEFAULT_EMBEDDING_MODEL, validation_alias=AliasChoices("model", "model_name"))
    """The model's name. Also accepted as ``model_name``."""
    task: str | None = None
    """The service's own task for documents and queries alike; None for the one that fits each of them."""
    dimensions: int | None = None
    """Width of the vectors, where the model lets it be chosen."""
    truncate: bool | None = None
    """Cut texts that are longer than the model's context; else the service refuses them."""
    normalized: bool | None = None
    """Whether vectors get unit length; the service's default is True."""
    late_chunking: bool = False
    """Embed each chunk in the light of its whole document, by ``split_and_embed`` or ``embed_chunked_documents``:
    strings do not tell whose chunks they are. Only ``jina-embeddings-v3`` and ``-v4`` can."""
    embedding_type: Literal["float"] = "float"
    """Only ``"float"``: LangChain's vectors are lists of floats. ``ragbridge.Jina.embed`` returns packed bits."""
    batch_size: int = jina_defaults.BATCH_SIZE
    """Items in one request at most, up to 512."""
    query_prefix: str | None = None
    """Put before queries, on any host; None for what the model wants where its host does not put it there."""
    document_prefix: str | None = None
    """The same for documents."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text, in the order of the texts. An empty list sends nothing.

        Raises:
            ConfigurationError: ``late_chunking`` is on, which takes more than strings.
            RagbridgeError: See ``ragbridge.Jina.embed``; the index that it names is one of ``texts``.
        """
        return self._jina.embed(texts, **self._for_documents("")).tolist()

    def embed_query(self, text: str) -> list[float]:
        """The vector of a query.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.embed``.
        """
        return self._jina.embed([text], **self._for_texts("query")).tolist()[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """``embed_documents`` on the running event loop."""
        return (await self._jina.aembed(texts, **self._for_documents("a"))).tolist()

    async def aembed_query(self, text: str) -> list[float]:
        """``embed_query`` on the running event loop."""
        return (await self._jina.aembed([text], **self._for_texts("query"))).tolist()[0]

    def embed_images(self, uris: Sequence[Uri]) -> list[list[float]]:
        """One vector for each image, in the space of the texts; for models that take images, such as ``jina-clip-v2``.

        Args:
            uris: For each image an address that the service can reach, a data URI, a local path or its ``file://``
                address, its bytes, a binary file object, or a ``ragbridge.Image``. Local files are read here, so uris
                from afar are to be checked before. An empty list sends nothing.

        Raises:
            ConfigurationError: The model takes no images, or an item names none.
            RagbridgeError: See ``ragbridge.Jina.embed``; the index that it names is one of ``uris``.
        """
        return self._jina.embed(_images(uris), **self._for_texts("document")).tolist()

    async def aembed_images(self, uris: Sequence[Uri]) -> list[list[float]]:
        """``embed_images`` on the running event loop."""
        return (await self._jina.aembed(_images(uris), **self._for_texts("document"))).tolist()

    def embed_image(self, uris: Sequence[Uri]) -> list[list[float]]:
        """``embed_images`` by the name under which vector stores (Chroma, LanceDB, SingleStoreDB) look for it."""
        return self.embed_images(uris)

    def embed_chunked_documents(
        self, documents: Sequence[Document], source_key: str = "source"
    ) -> list[list[float]]:
        """One vector for each chunk, in the order of the chunks.

        With ``late_chunking`` each is embedded in the context of the other chunks of its source, else by itself.

        Args:
            documents: Chunks, as splitters make them: those of one source in their order, next to each other or not.
                An empty list sends nothing.
            source_key: Where in their metadata the source is told.

        Raises:
            ConfigurationError: A chunk does not tell its source.
            RagbridgeError: See ``ragbridge.Jina.embed_documents``.
        """
        sources = sources_of(documents, source_key)
        texts = texts_of([documents[place] for place in source] for source in sources)
        return self._jina.embed_documents(texts, **self._for_chunks()).tolist(sources)

    async def aembed_chunked_documents(
        self, documents: Sequence[Document], source_key: str = "source"
    ) -> list[list[float]]:
        """``embed_chunked_documents`` on the running event loop."""
        sources = sources_of(documents, source_key)
        texts = texts_of([documents[place] for place in source] for source in sources)
        return (await self._jina.aembed_documents(texts, **self._for_chunks())).tolist(sources)

    def split_and_embed(
        self, documents: Iterable[Document], splitter: BaseDocumentTransformer
    ) -> tuple[list[Document], list[list[float]]]:
        """Chunks and their vectors, for stores that take vectors.

        With ``late_chunking`` each chunk is embedded in the light of the document that it was cut from, else by itself.

        ::

            chunks, vectors = embeddings.split_and_embed(documents, RagbridgeTextSplitter())
            texts, metadatas = [chunk.page_content for chunk in chunks], [chunk.metadata for chunk in chunks]
            store.add_embeddings(list(zip(texts, vectors)), metadatas)  # FAISS, Elasticsearch, OpenSearch
            store.add_embeddings(texts, vectors, metadatas)             # PGVector

        Args:
            documents: Whole documents. Of loaders that give a document for each page, split the pages and use
                ``embed_chunked_documents``: the pages of a file have one ``metadata["source"]``.
            splitter: Any text splitter of LangChain's.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.embed_documents``.
        """
        groups = split(documents, splitter)
        embeddings = self._jina.embed_documents(texts_of(groups), **self._for_chunks())
        return list(chain.from_iterable(groups)), embeddings.tolist()

    async def asplit_and_embed(
        self, documents: Iterable[Document], splitter: BaseDocumentTransformer
    ) -> tuple[list[Document], list[list[float]]]:
        """``split_and_embed`` on the running event loop; a thread does the splitting."""
        groups = await to_thread(split, documents, splitter)
        embeddings = await self._jina.aembed_documents(texts_of(groups), **self._for_chunks())
        return list(chain.from_iterable(groups)), embeddings.tolist()

    @property
    def cache_namespace(self) -> str:
        """Names everything that a document's vector depends on besides its text: for ``CacheBackedEmbeddings``.

        ``CacheBackedEmbeddings.from_bytes_store(embeddings, store, namespace=embeddings.cache_namespace)``. It has only
        characters that ``LocalFileStore`` takes. To cache queries as well, give them a store of their own
        (``query_embedding_cache=another_store``): ``True`` would look them up among the documents, whose vectors for
        the same text are different.
        """
        parts = {
            "at": self._address,
            "model": self.model,
            "task": self.task or "document",
            "dimensions": self.dimensions,
            "type": self.embedding_type,
            "normalized": self.normalized,
            "truncate": self.truncate,
            "late_chunking": self.late_chunking or None,
            "host": self.host,
            "query_prefix": self.query_prefix,
            "document_prefix": self.document_prefix,
        }
        return namespace(parts)

    def _for_documents(self, prefix: str) -> dict[str, Any]:
        if self.late_chunking:
            raise ConfigurationError(
                f"late_chunking=True: {prefix}embed_documents takes strings, which do not tell whose chunks they are; "
                f"use {prefix}embed_chunked_documents(documents, source_key=...) for chunks, or {prefix}split_and_embed"
                "(documents, splitter) for whole documents, and add the vectors to the store yourself"
            )
        return self._for_texts("document")

    def _for_texts(self, role: Role) -> dict[str, Any]:
        return {**self._options(), "role": role if self.task is None else None}

    def _for_chunks(self) -> dict[str, Any]:
        return {**self._options(), "late_chunking": self.late_chunking}

    def _options(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
        }

    def _check_options(self) -> None:
        self._jina.embed_documents([], **self._for_chunks())

    @field_validator("embedding_type", mode="before")
    @classmethod
    def _refuse_bits(cls, embedding_type: object) -> object:
        if embedding_type != "float":
            raise ValueError(
                f"{embedding_type!r} is no choice here, LangChain's vectors are lists of floats; "
                "use ragbridge.Jina.embed for packed bits"
            )
        return embedding_type


def _images(uris: Sequence[Uri]) -> list[Image]:
    from langchain_ragbridge._images import images_of  # imported late: embedding texts needs no documents

    return images_of(uris)
