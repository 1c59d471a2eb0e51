"""Methods that embed any number of items by an inference endpoint, in order and in constant memory."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from ragbridge.client.arguments import check_texts
from ragbridge.client.items import Inputs
from ragbridge.client.lookup import Manner
from ragbridge.client.service import Service
from ragbridge.client.streams import WINDOW, Errors, Stream
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Plan
from ragbridge.models import Role
from ragbridge.rules.endpoints import InputType
from ragbridge.services.elastic.content import Input, read_inputs
from ragbridge.services.elastic.inference import sparse
from ragbridge.services.elastic.inference.options import (
    DenseTask,
    InferenceOptions,
    check_dense_task,
    check_options,
)
from ragbridge.services.elastic.session import ElasticMethods

T = TypeVar("T")


class InferenceStreams(ElasticMethods):
    """Dense and sparse embeddings of as many items as there are, of which a few thousand are held at a time."""

    def embed_stream(
        self,
        items: Iterable[T],
        *,
        inference_id: str,
        text: Callable[[T], Input] | None = None,
        role: Role | None = None,
        input_type: InputType | str | None = None,
        task_type: DenseTask = "text_embedding",
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields each item with its vector, in order, while the next ones are being embedded.

        Nothing is sent before the first pair is asked for, nor after the generator is closed. Of an endless iterable two
        windows are held at most. With a cache, items that it has are not sent.

        Args:
            items: What to embed: any iterable, read as it is needed.
            inference_id: The inference endpoint.
            text: What of an item is embedded; None where items are inputs of ``embed`` themselves.
            role: What the texts are for; see ``embed``, as for the other options.
            input_type: Elasticsearch's own word instead.
            task_type: ``"embedding"`` for an endpoint of this type.
            task_settings: The service's own settings, for this stream before those of the endpoint.
            timeout: Seconds that Elasticsearch waits for the model.
            errors: ``"raise"`` raises the error of an item in its place, after all items before it were yielded.
                ``"yield"`` yields it in place of the vector, and goes on.
            window: Items that are looked up and cut into requests together. A slow source wants a smaller number.

        Yields:
            Pairs of an item and its vector, of shape (dimensions,); with ``errors="yield"`` a ``RagbridgeError`` in place of a
            vector that cannot be had.

        Raises:
            ConfigurationError: An option is wrong; nothing was sent.
            AuthenticationError: The credentials are not accepted, whatever ``errors`` says.
            RagbridgeError: Anything else that is not about an item, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            check_dense_task(task_type),
            inference_id,
            role=role,
            input_type=input_type,
            task_settings=task_settings,
            timeout=timeout,
        )
        return self._dense_of(text, options, errors, window).run(cast("Service", self), items)

    def aembed_stream(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        inference_id: str,
        text: Callable[[T], Input] | None = None,
        role: Role | None = None,
        input_type: InputType | str | None = None,
        task_type: DenseTask = "text_embedding",
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Like ``embed_stream``, on the running event loop, for ``async for``. ``items`` may be an async iterable.

        Other iterables than lists are read in a thread, so that a slow one does not stop the event loop.
        """
        options = check_options(
            check_dense_task(task_type),
            inference_id,
            role=role,
            input_type=input_type,
            task_settings=task_settings,
            timeout=timeout,
        )
        return self._dense_of(text, options, errors, window).arun(cast("Service", self), items)

    def _dense_of(
        self, text: Callable[[T], Input] | None, options: InferenceOptions, errors: Errors, window: int
    ) -> Stream[T]:
        def check(values: list[Any], numbers: Sequence[int]) -> Inputs:
            return read_inputs(values, options.task, numbers)

        def begin(inputs: Inputs, manner: Manner) -> Plan[Any]:
            from ragbridge.services.elastic.inference.dense import embed  # brings NumPy

            return embed(self._channel, inputs, options, batch_size=self._batch_size, manner=manner)

        about = functools.partial(options.operation, None)
        return Stream(text, check, begin, errors, window, "embed_stream", about)

    def sparse_embed_stream(
        self,
        items: Iterable[T],
        *,
        inference_id: str,
        text: Callable[[T], Any] | None = None,
        role: Role | None = None,
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> Generator[tuple[T, Any], None, None]:
        """Yields each item with its tokens and their weights, in order; see ``embed_stream`` and ``sparse_embed``.

        Args:
            items: What to embed: any iterable, read as it is needed.
            inference_id: The inference endpoint, of the type ``sparse_embedding``.
            text: What of an item is embedded; None where items are texts, or chunks, themselves.
            role: What the texts are for; see ``sparse_embed``.
            task_settings: The service's own settings, for this stream before those of the endpoint.
            timeout: Seconds that Elasticsearch waits for the model.
            errors: What is done about an item that fails: ``"raise"`` or ``"yield"`` its error.
            window: Items that are looked up and cut into requests together.

        Yields:
            Pairs of an item and a mapping of tokens to weights, or an error in its place.

        Raises:
            RagbridgeError: See ``embed_stream``.
        """
        options = sparse.check_options(inference_id, role=role, task_settings=task_settings, timeout=timeout)
        return self._sparse_of(text, options, errors, window).run(cast("Service", self), items)

    def asparse_embed_stream(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        inference_id: str,
        text: Callable[[T], Any] | None = None,
        role: Role | None = None,
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        errors: Errors = "raise",
        window: int = WINDOW,
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Like ``sparse_embed_stream``, on the running event loop, for ``async for``."""
        options = sparse.check_options(inference_id, role=role, task_settings=task_settings, timeout=timeout)
        return self._sparse_of(text, options, errors, window).arun(cast("Service", self), items)

    def _sparse_of(
        self, text: Callable[[T], Any] | None, options: InferenceOptions, errors: Errors, window: int
    ) -> Stream[T]:
        def begin(texts: list[str], manner: Manner) -> Plan[Any]:
            return sparse.sparse_embed(
                self._channel, texts, options, batch_size=self._batch_size, manner=manner
            )

        about = functools.partial(options.operation, None)
        return Stream(text, _check, begin, errors, window, "sparse_embed_stream", about)


def _check(values: list[Any], numbers: Sequence[int]) -> list[str]:
    texts = [getattr(value, "text", value) for value in values]
    for text, number in zip(texts, numbers, strict=True):
        if not isinstance(text, str):
            raise ConfigurationError(f"items[{number}] is {type(text).__name__}, not str")
    return check_texts(texts)
