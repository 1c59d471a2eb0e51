"""``JinaMultiModalEmbedding``: texts and images in one vector space, for LlamaIndex."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Unpack

try:
    from llama_index.core.embeddings import MultiModalEmbedding
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
    from llama_index.core.schema import BaseNode, ImageType
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from llama_index.embeddings.ragbridge.base import MAX_EMBED_BATCH_SIZE, JinaEmbedding, JinaEmbeddingSettings
from llama_index.embeddings.ragbridge.images import as_images, image_of, sees
from llama_index.embeddings.ragbridge.listed import listed_nodes
from ragbridge import ConfigurationError, Image
from ragbridge.adapters import jina_defaults
from ragbridge.models import DEFAULT_IMAGE_MODEL, MODELS, EmbeddingModel

if TYPE_CHECKING:
    from ragbridge import Embeddings

dispatcher = get_dispatcher(__name__)


class JinaMultiModalEmbedding(JinaEmbedding, MultiModalEmbedding):
    """Embeddings of texts and images by Jina AI, or by the embedded engine (``base_url="local"``).

    It is what ``JinaEmbedding`` is, with the same settings, for models that take images. An image is the path of a file, an
    ``http(s)`` address that the service can reach, a ``file://`` address, a data URI, or ``BytesIO``. Handed nodes, as
    in an ``IngestionPipeline``, it gives those that have an image the image's vector, and the others their text's.

    A ``VectorStoreIndex`` leaves out nodes of which embeddings would see no text, whatever image they have: give them some
    metadata, such as a file name, or use an ``IngestionPipeline`` with a ``vector_store``.

    The embedded engine does not see images: it uses a digest of their bytes instead.

    Raises:
        ConfigurationError: A setting is wrong, the key is missing, or the model takes no images.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    def __init__(
        self,
        *,
        model: EmbeddingModel | None = None,
        model_name: EmbeddingModel | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        batch_size: int = jina_defaults.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
        embedding_type: str = "float",
        **settings: Unpack[JinaEmbeddingSettings],
    ) -> None:
        super().__init__(
            model=model,
            model_name=model_name or model or DEFAULT_IMAGE_MODEL,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
            batch_size=batch_size,
            embed_batch_size=embed_batch_size,
            query_prefix=query_prefix,
            document_prefix=document_prefix,
            embedding_type=embedding_type,
            **settings,
        )
        if not sees(self.model_name):
            able = ", ".join(
                row.name for row in MODELS.values() if "embed" in row.products and sees(row.name)
            )
            raise ConfigurationError(
                f"model_name={self.model_name!r} takes no images: use JinaEmbedding; models that do: {able}"
            )

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaMultiModalEmbedding"

    def __call__(
        self, nodes: Iterable[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> Sequence[BaseNode]:
        """Gives each node its vector, that of its image where it has one, and returns the nodes."""
        nodes = listed_nodes(nodes)
        pictured, images, others = _divided(nodes)
        super().__call__(others, show_progress=show_progress, **kwargs)
        _embedded(pictured, self.get_image_embedding_batch(images, show_progress))
        return nodes

    @dispatcher.span
    async def acall(
        self, nodes: Iterable[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> Sequence[BaseNode]:
        """Gives each node its vector, that of its image where it has one, and returns the nodes."""
        nodes = listed_nodes(nodes)
        pictured, images, others = _divided(nodes)
        await super().acall(others, show_progress=show_progress, **kwargs)
        _embedded(pictured, await self.aget_image_embedding_batch(images, show_progress))
        return nodes

    def _get_image_embedding(self, img_file_path: ImageType) -> list[float]:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_image_embedding(self, img_file_path: ImageType) -> list[float]:
        return (await self._aget_image_embeddings([img_file_path]))[0]

    @dispatcher.span
    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[list[float]]:
        with self._embedding(img_file_paths) as (images, finish):
            if self.rate_limiter is not None:
                self.rate_limiter.acquire()
            return finish(self._jina().embed(images, **self._options("document")))

    @dispatcher.span
    async def _aget_image_embeddings(self, img_file_paths: list[ImageType]) -> list[list[float]]:
        with self._embedding(img_file_paths) as (images, finish):
            if self.rate_limiter is not None:
                await self.rate_limiter.async_acquire()
            return finish(await self._jina().aembed(images, **self._options("document")))

    @contextlib.contextmanager
    def _embedding(
        self, given: Sequence[ImageType]
    ) -> Iterator[tuple[list[Image], Callable[[Embeddings], list[list[float]]]]]:
        """The images to embed and a function for the answer, between the events that LlamaIndex sends for texts but not for images."""
        dispatcher.event(EmbeddingStartEvent(model_dict=self.to_payload()))
        images = as_images(given)

        def finish(embeddings: Embeddings) -> list[list[float]]:
            vectors = embeddings.tolist()
            chunks = [_shown(*pair) for pair in zip(given, images, strict=True)]
            dispatcher.event(EmbeddingEndEvent(chunks=chunks, embeddings=vectors))
            return vectors

        yield images, finish


def _divided(nodes: Sequence[BaseNode]) -> tuple[list[BaseNode], list[Any], list[BaseNode]]:
    """The nodes that have an image, their images, and the other nodes."""
    pairs = [(node, image_of(node)) for node in nodes]
    pictured = [node for node, image in pairs if image is not None]
    images = [image for _, image in pairs if image is not None]
    return pictured, images, [node for node, image in pairs if image is None]


def _embedded(nodes: Sequence[BaseNode], vectors: Sequence[list[float]]) -> None:
    for node, vector in zip(nodes, vectors, strict=True):
        node.embedding = vector


def _shown(given: ImageType, image: Image) -> str:
    """An image without its content."""
    return given if isinstance(given, str) and given[:5].lower() != "data:" else repr(image)
