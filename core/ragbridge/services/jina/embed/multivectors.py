"""One vector for each token: ColBERT, and v4 with ``return_multivector``.

Sources disagree about ColBERT's route: descriptions of 2026 list it under ``/v1/embeddings``, older ones under
``/v1/multi-vector``, with the same bodies and answers. The first is asked, and the second where there is none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.client.answers import read_rows
from ragbridge.client.job import TEXTS, Bill, Progress, total
from ragbridge.client.meter import Meter
from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge.flow import Flow, Plan, Response, plan
from ragbridge.limiter.tokens import Features
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.embed.requests import job_of, requests
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.session import JinaChannel
from ragbridge.services.jina.wire import billed, decode, model_of
from ragbridge.values.multivectors import MultiVectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

PATH = "/embeddings"
FORMER_PATH = "/multi-vector"


class Route:
    """Where a client's ColBERT models are.

    Args:
        path: Below the API's address; None to find out.

    Raises:
        ConfigurationError: It is no path.
    """

    def __init__(self, path: str | None = None) -> None:
        if path is not None and (
            not isinstance(path, str) or not path.strip("/") or "?" in path or "#" in path
        ):
            raise ConfigurationError(
                f"multivector_path={path!r} must be a path such as {FORMER_PATH!r}, or None to find out"
            )
        self._given = path is not None
        self._path = PATH if path is None else "/" + path.strip("/").removeprefix("v1/")

    def post(
        self,
        channel: JinaChannel,
        body: bytes,
        *,
        product: Meter,
        read: Callable[[Response], tuple[T, int | None]],
        measure: Callable[[], Features],
        extra: float,
    ) -> Flow[tuple[T, int | None]]:
        """One request, to the former route where the service does not know this one; what was found is remembered."""
        post = functools.partial(channel.post, product=product, read=read, measure=measure, extra=extra)
        try:
            return (yield from post(self._path, body))
        except InvalidRequestError as error:
            if error.status != 404 or self._given or self._path == FORMER_PATH:
                raise
            missing = error
        try:
            result = yield from post(FORMER_PATH, body)
        except InvalidRequestError as error:
            raise (missing if error.status == 404 else error) from None
        self._path = FORMER_PATH
        return result


def embed_multivector(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    *,
    route: Route,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[MultiVectors]:
    """One request for each batch of inputs."""
    rows: list[Any] = [None] * len(inputs.texts)
    tokens: list[Any] | None = [None] * len(rows) if options.return_tokens else None

    def read(response: Response, start: int, stop: int) -> tuple[str, int | None]:
        body = decode(response)
        rows[start:stop], told = read_multivectors(body, None if is_pdf(inputs) else stop - start, options)
        if tokens is not None:
            tokens[start:stop] = told
        return model_of(body, options.model), billed(body)

    post = (
        functools.partial(channel.post, PATH)
        if options.multivector
        else functools.partial(route.post, channel)
    )
    job = job_of(channel, inputs, options, post=post, read=read, where=TEXTS, progress=progress)
    return plan(requests(job, inputs, batch_size), functools.partial(_join, options, rows, tokens))


def read_multivectors(
    body: dict[str, Any], count: int | None, options: EmbeddingOptions
) -> tuple[list[NDArray[np.float32]], list[tuple[str, ...]]]:
    """The vectors of each of ``count`` inputs, or of however many pages; and tokens, none unless they were asked for.

    Raises:
        ResponseError: A row is missing, double, of another width, or holds something other than finite numbers.
    """
    from ragbridge.services.jina.embed.answers import count_rows, read_token_vectors

    def read(row: dict[str, Any]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        vectors = read_token_vectors(row.get("embeddings"), options.width)
        return vectors, _tokens(row.get("tokenized_input"), len(vectors)) if options.return_tokens else ()

    inputs = read_rows(body.get("data"), "data", count_rows(body) if count is None else count, read)
    return [vectors for vectors, _ in inputs], [tokens for _, tokens in inputs]


def _tokens(found: object, count: int) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(token, str) for token in found):
        raise ResponseError("'tokenized_input' is no list of texts")
    if len(found) != count:
        raise ResponseError(f"'tokenized_input' has {len(found)} tokens for {count} vectors")
    return tuple(found)


def _join(
    options: EmbeddingOptions, rows: list[Any], tokens: list[Any] | None, bills: list[Bill]
) -> MultiVectors:
    """Raises ``ResponseError`` where answers differ in the width of their vectors."""
    widths = {row.shape[1] for row in rows}
    if len(widths) > 1:
        raise ResponseError(f"vectors of one job have the widths {sorted(widths)}")
    whole = total(bills, options.model)
    return MultiVectors(tuple(rows), whole.model, whole.usage, None if tokens is None else tuple(tokens))
