"""One vector for each token: ColBERT, and v4 with ``return_multivector``.

Sources disagree about ColBERT's route: descriptions of 2026 list it under ``/v1/embeddings``, older ones under
``/v1/multi-vector``, with the same bodies and answers. The first is asked, and the second where there is none.
"""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ragbridge.client import sizes
from ragbridge.client.answers import read_rows
from ragbridge.client.lookup import Manner
from ragbridge.client.meter import Meter
from ragbridge.client.results import Results
from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge.flow import Flow, Plan, Response
from ragbridge.limiter.tokens import Features
from ragbridge.observers import Operation
from ragbridge.services.jina.embed.fitting import for_host
from ragbridge.services.jina.embed.inputs import is_pdf
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.embed.requests import job_of, requests
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import item_keys, names_of
from ragbridge.services.jina.session import JinaChannel
from ragbridge.services.jina.wire import billed, decode, model_of
from ragbridge.values.embeddings import Usage
from ragbridge.values.multivectors import MultiVectors
from ragbridge.values.partial import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragbridge.hosts import Finding

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
        most: int | None,
        api: str | None = None,
    ) -> Flow[tuple[T, Usage]]:
        """One request, to the former route where the service does not know this one; what was found is remembered."""
        post = functools.partial(
            channel.post, product=product, read=read, measure=measure, extra=extra, most=most, api=api
        )
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
    manner: Manner,
) -> Plan[MultiVectors]:
    """One request for each batch of inputs."""
    about = functools.partial(options.operation, len(inputs.texts))
    return channel.hosted(
        lambda finding: _embed_multivector(
            channel, inputs, options, finding, route=route, batch_size=batch_size, manner=manner, about=about
        ),
        sends=bool(inputs.texts),
        about=about,
    )


def _embed_multivector(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    finding: Finding,
    *,
    route: Route,
    batch_size: int,
    manner: Manner,
    about: Callable[[], Operation],
) -> Plan[MultiVectors]:
    options, inputs = for_host(channel, inputs, options, finding, where=manner.where("texts"))
    results = _results(len(inputs.texts), options)
    pdf = is_pdf(inputs)
    keys = channel.keys("multivectors", options.asked)
    lookup = channel.lookup(
        len(inputs.texts) if pdf else names_of(inputs),
        results,
        manner=manner,
        keys=None if pdf else functools.partial(item_keys, keys, inputs),
    )

    def read(response: Response, places: Sequence[int]) -> tuple[str, int | None]:
        body = decode(response)
        rows = read_multivectors(body, None if pdf else len(places), options)
        if pdf:
            results.restart(len(rows))
            places = range(len(rows))
        results.write(places, rows)
        return model_of(body, options.model), billed(body)

    most = None if is_pdf(inputs) else sizes.of_token_vectors(inputs.texts, len(inputs.others), options.width)
    post = (
        functools.partial(channel.post, PATH, most=most, api=finding.api)
        if options.multivector
        else functools.partial(route.post, channel, most=most, api=finding.api)
    )

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        job = job_of(
            channel, lookup, inputs, options, places=places, post=post, read=read, where=manner.where("texts")
        )
        return requests(job, options.most(batch_size))

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> MultiVectors:
        rows = results.all() if places is None else results.only(places)
        failed = lookup.failures if places is None else ()
        return _join(options, rows, usage, model, failed)

    return lookup.plan(flows, join, about=about)


TokenVectors: TypeAlias = "tuple[NDArray[np.float32], tuple[str, ...]]"
"""The vectors of one input's tokens, and the tokens, where they were asked for."""


def _results(count: int, options: EmbeddingOptions) -> Results[TokenVectors]:
    import numpy as np

    def encode(row: TokenVectors) -> bytes:
        vectors, tokens = row
        told = json.dumps(tokens).encode()
        return struct.pack("<II", vectors.shape[1], len(told)) + told + vectors.astype("<f4").tobytes()

    def decode(value: bytes) -> TokenVectors:
        try:
            width, length = struct.unpack_from("<II", value)
            vectors = np.frombuffer(value, "<f4", offset=8 + length).reshape(-1, width)
            tokens = tuple(json.loads(value[8 : 8 + length]))
        except struct.error as error:
            raise ValueError(str(error)) from None
        if options.width not in {None, width} or not vectors.size:
            raise ValueError("other vectors")
        return vectors.astype(np.float32), tokens

    blank = np.empty((0, options.width or 0), np.float32), ()
    return Results[TokenVectors](count, blank, encode=encode, decode=decode)


def read_multivectors(
    body: dict[str, Any], count: int | None, options: EmbeddingOptions
) -> list[TokenVectors]:
    """The vectors of each of ``count`` inputs, or of however many pages; and tokens, none unless they were asked for.

    Raises:
        ResponseError: A row is missing, double, of another width, or holds something other than finite numbers.
    """
    from ragbridge.services.jina.embed.answers import count_rows, read_token_vectors

    def read(row: dict[str, Any]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        vectors = read_token_vectors(row.get("embeddings"), options.width)
        return vectors, _tokens(row.get("tokenized_input"), len(vectors)) if options.return_tokens else ()

    return read_rows(body.get("data"), "data", count_rows(body) if count is None else count, read)


def _tokens(found: object, count: int) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(token, str) for token in found):
        raise ResponseError("'tokenized_input' is no list of texts")
    if len(found) != count:
        raise ResponseError(f"'tokenized_input' has {len(found)} tokens for {count} vectors")
    return tuple(found)


def _join(
    options: EmbeddingOptions,
    rows: Sequence[TokenVectors],
    usage: Usage,
    model: str | None,
    failed: tuple[Failure, ...],
) -> MultiVectors:
    """Raises ``ResponseError`` where answers differ in the width of their vectors."""
    widths = {vectors.shape[1] for vectors, _ in rows if len(vectors)}
    if len(widths) > 1:
        raise ResponseError(f"vectors of one job have the widths {sorted(widths)}")
    vectors, tokens = tuple(row for row, _ in rows), tuple(told for _, told in rows)
    return MultiVectors(
        vectors, model or options.model, usage, tokens if options.return_tokens else None, failed
    )
