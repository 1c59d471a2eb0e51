"""Methods that embed any number of items, in order and in constant memory."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar, cast

from ragbridge.client.lookup import Manner
from ragbridge.client.service import Service
from ragbridge.client.streams import WINDOW, Errors, Stream
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Plan
from ragbridge.models import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_MULTIVECTOR_MODEL,
    EmbeddingModel,
    MultiVectorModel,
    Role,
)
from ragbridge.services.jina.embed import embeddings, multivectors
from ragbridge.services.jina.embed.inputs import Input, Text, check_documents, check_inputs
from ragbridge.services.jina.embed.options import EmbeddingOptions, check_multivector_options, check_options
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.session import JinaMethods
from ragbridge.values.embeddings import EmbeddingType
from ragbridge.values.inputs import Pdf

T = TypeVar("T")


class EmbeddingStreams(JinaMethods):
    """Embeddings of as many items as there are, of which a few thousand are held at a time."""

    _multivector_route: multivectors.Route

    def embed_stream(
        self,
        items: Iterable[T],
        *,
        text: Callable[[T], Input] | None = None,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        embedding_type: EmbeddingType = "float",
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields each item with its vector, in order, while the next ones are being embedded.

        Nothing is sent before the first pair is asked for, nor after the generator is closed. Of an endless iterable two
        windows are held at most. With a cache, items that it has are not sent.

        Args:
            items: What to embed: any iterable, read as it is needed.
            text: What of an item is embedded; None where items are inputs of ``embed`` themselves. A ``Pdf`` gives several
                vectors, and is refused here.
            model: See ``embed``, as the other options are.
            role: What the texts are for.
            task: The service's own word instead.
            dimensions: Width of the vectors.
            truncate: Cut texts that are longer than the model's context.
            normalized: Whether vectors get unit length.
            embedding_type: ``"float"``, ``"ubinary"`` or ``"binary"``.
            errors: ``"raise"`` raises the error of an item in its place, after all items before it were yielded.
                ``"yield"`` yields it in place of the vector, and goes on.
            window: Items that are looked up and cut into requests together. A slow source is waited for until so many are
                there, so it wants a smaller number.

        Yields:
            Pairs of an item and its vector, of shape (dimensions,); with ``errors="yield"`` a ``RagbridgeError`` in place of a
            vector that cannot be had.

        Raises:
            ConfigurationError: An option is wrong; nothing was sent.
            AuthenticationError: The key is not accepted, whatever ``errors`` says.
            QuotaExhaustedError: The account's balance is used up, likewise.
            RagbridgeError: Anything else that is not about an item, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=False,
            embedding_type=embedding_type,
        )
        return self._stream_of(text, options, errors, window).run(cast("Service", self), items)

    def aembed_stream(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        text: Callable[[T], Input] | None = None,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        embedding_type: EmbeddingType = "float",
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Like ``embed_stream``, on the running event loop, for ``async for``. ``items`` may be an async iterable.

        Other iterables than lists are read in a thread, so that a slow one does not stop the event loop.
        """
        options = check_options(
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=False,
            embedding_type=embedding_type,
        )
        return self._stream_of(text, options, errors, window).arun(cast("Service", self), items)

    def _stream_of(
        self, text: Callable[[T], Input] | None, options: EmbeddingOptions, errors: Errors, window: int
    ) -> Stream[T]:
        def begin(inputs: Items, manner: Manner) -> Plan[Any]:
            return embeddings.embed(
                self._channel, inputs, options, batch_size=self._batch_size, manner=manner
            )

        about = functools.partial(options.operation, None)
        return Stream(text, _checking(options), begin, errors, window, "embed_stream", about)

    def embed_documents_stream(
        self,
        documents: Iterable[T],
        *,
        chunks: Callable[[T], Sequence[Text]] | None = None,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        embedding_type: EmbeddingType = "float",
        errors: Errors = "raise",
        window: int = WINDOW // 8,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields each document with the vectors of its chunks, in order; see ``embed_stream`` and ``embed_documents``.

        Args:
            documents: What to embed: any iterable, read as it is needed.
            chunks: The chunks of a document; None where documents are lists of chunks themselves.
            model: See ``embed_documents``, as the other options are.
            task: The service's own word for what the vectors are for; None for the model's task for documents.
            dimensions: Width of the vectors.
            truncate: Cut chunks that are longer than the model's context.
            normalized: Whether vectors get unit length.
            late_chunking: Embed each chunk in the light of its document.
            embedding_type: ``"float"``, ``"ubinary"`` or ``"binary"``.
            errors: What is done about a document of which a chunk fails: ``"raise"`` or ``"yield"`` its error.
            window: Documents that are looked up and cut into requests together.

        Yields:
            Pairs of a document and an array of shape (number of its chunks, dimensions), or an error in its place.

        Raises:
            RagbridgeError: See ``embed_stream``.
        """
        options = check_options(
            model=model,
            role=_role_of(task),
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
            embedding_type=embedding_type,
        )
        return self._documents_of(chunks, options, errors, window).run(cast("Service", self), documents)

    def aembed_documents_stream(
        self,
        documents: Iterable[T] | AsyncIterable[T],
        *,
        chunks: Callable[[T], Sequence[Text]] | None = None,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        embedding_type: EmbeddingType = "float",
        errors: Errors = "raise",
        window: int = WINDOW // 8,
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Like ``embed_documents_stream``, on the running event loop, for ``async for``."""
        options = check_options(
            model=model,
            role=_role_of(task),
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
            embedding_type=embedding_type,
        )
        return self._documents_of(chunks, options, errors, window).arun(cast("Service", self), documents)

    def _documents_of(
        self, chunks: Callable[[T], Any] | None, options: EmbeddingOptions, errors: Errors, window: int
    ) -> Stream[T]:
        def begin(documents: list[list[str]], manner: Manner) -> Plan[Any]:
            return embeddings.embed_documents(
                self._channel, documents, options, batch_size=self._batch_size, manner=manner
            )

        about = functools.partial(options.operation, None)
        return Stream(chunks, check_documents, begin, errors, window, "embed_documents_stream", about)

    def embed_multivector_stream(
        self,
        items: Iterable[T],
        *,
        text: Callable[[T], Input] | None = None,
        model: MultiVectorModel = DEFAULT_MULTIVECTOR_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        errors: Errors = "raise",
        window: int = WINDOW // 8,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields each item with the vectors of its tokens, in order; see ``embed_stream`` and ``embed_multivector``.

        Args:
            items: What to embed: any iterable, read as it is needed.
            text: What of an item is embedded; None where items are inputs themselves.
            model: See ``embed_multivector``, as the other options are.
            role: What the texts are for.
            task: The service's own word instead.
            dimensions: Width of the vectors.
            truncate: Cut texts that are longer than the model's context.
            errors: What is done about an item that fails: ``"raise"`` or ``"yield"`` its error.
            window: Items that are looked up and cut into requests together.

        Yields:
            Pairs of an item and a float32 array of shape (number of its tokens, dimensions), or an error in its place.

        Raises:
            RagbridgeError: See ``embed_stream``.
        """
        options = check_multivector_options(
            model=model, role=role, task=task, dimensions=dimensions, truncate=truncate, return_tokens=False
        )
        return self._multivectors_of(text, options, errors, window).run(cast("Service", self), items)

    def aembed_multivector_stream(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        text: Callable[[T], Input] | None = None,
        model: MultiVectorModel = DEFAULT_MULTIVECTOR_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        errors: Errors = "raise",
        window: int = WINDOW // 8,
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Like ``embed_multivector_stream``, on the running event loop, for ``async for``."""
        options = check_multivector_options(
            model=model, role=role, task=task, dimensions=dimensions, truncate=truncate, return_tokens=False
        )
        return self._multivectors_of(text, options, errors, window).arun(cast("Service", self), items)

    def _multivectors_of(
        self, text: Callable[[T], Input] | None, options: EmbeddingOptions, errors: Errors, window: int
    ) -> Stream[T]:
        def begin(inputs: Items, manner: Manner) -> Plan[Any]:
            return multivectors.embed_multivector(
                self._channel,
                inputs,
                options,
                route=self._multivector_route,
                batch_size=self._batch_size,
                manner=manner,
            )

        about = functools.partial(options.operation, None)
        return Stream(text, _checking(options), begin, errors, window, "embed_multivector_stream", about)


def _role_of(task: str | None) -> Role | None:
    return "document" if task is None else None


def _checking(options: EmbeddingOptions) -> Callable[[list[Any], Sequence[int]], Items]:
    def check(values: list[Any], numbers: Sequence[int]) -> Items:
        for value, number in zip(values, numbers, strict=True):
            if isinstance(value, Pdf):
                raise ConfigurationError(
                    f"items[{number}] is a Pdf, which gives a vector for each page: pass it to embed, one call each"
                )
        return check_inputs(values, options.row, numbers=numbers)

    return check
