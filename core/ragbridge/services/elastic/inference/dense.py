"""Dense vectors: from the bodies of answers into one array."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.client import sizes
from ragbridge.client.items import Inputs
from ragbridge.client.lookup import Manner
from ragbridge.client.vectors import Sheet, one_width
from ragbridge.client.wire import final
from ragbridge.errors import ResponseError
from ragbridge.flow import Plan, Response
from ragbridge.ground.cbor import is_cbor
from ragbridge.services.elastic.inference.known import input_keys
from ragbridge.services.elastic.inference.options import InferenceOptions
from ragbridge.services.elastic.inference.plain import read_floats
from ragbridge.services.elastic.inference.requests import Requests
from ragbridge.services.elastic.session import ElasticChannel
from ragbridge.services.elastic.wire import check_product, decode, rows
from ragbridge.values.embeddings import Embeddings, EmbeddingType, Usage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBERS: dict[EmbeddingType, Any] = {"float": np.float32, "byte": np.int8, "bit": np.int8}
_ENDINGS: dict[str, EmbeddingType] = {"": "float", "_bytes": "byte", "_bits": "bit"}
_NAMES = {"text_embedding": "text_embedding", "embedding": "embeddings"}
"""What an answer calls its list, by task type; what bytes and bits are in ends with ``_bytes`` and ``_bits``."""


def embed(
    channel: ElasticChannel,
    inputs: Inputs,
    options: InferenceOptions,
    *,
    batch_size: int,
    manner: Manner,
) -> Plan[Embeddings]:
    """One request for each batch of ``inputs``; none for no input."""
    sheet = Sheet(len(inputs.texts), embedding_type=None)
    keys = functools.partial(input_keys, channel, inputs, options)
    lookup = channel.lookup(inputs.names, sheet, manner=manner, keys=keys)

    def read(response: Response, places: Sequence[int]) -> None:
        sheet.write(places, *read_vectors(response, options.task, len(places)))

    def join(usage: Usage, _: str | None, places: Sequence[int] | None) -> Embeddings:
        vectors = sheet.vectors if places is None else sheet.only(places)
        failed = lookup.failures if places is None else ()
        return Embeddings(vectors, options.inference_id, usage, sheet.embedding_type, failed)

    where = manner.where("texts")
    requests = Requests(channel, lookup, inputs, options, batch_size=batch_size, read=read, where=where)
    about = functools.partial(options.operation, len(inputs.texts))
    return lookup.plan(requests.flows, join, about=about)


def read_vectors(response: Response, task: str, count: int) -> tuple[NDArray[Any], EmbeddingType]:
    """The vectors of an answer, in the order of the inputs, and what their numbers are.

    Floats may come in any float type, and are not checked to be finite where they are float32: ``Sheet.write`` does both.

    Raises:
        ResponseError: Vectors are missing or too many, of several widths, or hold something other than finite numbers.
    """
    name = _NAMES[task]
    check_product(response)
    if (plain := read_floats(response.body, name, count)) is not None:
        return plain, "float"
    most = sizes.of_vectors(count, None, number=sizes.CBOR_NUMBER)
    if is_cbor(response.body) and len(response.body) > most:
        raise final(
            f"the answer has {len(response.body):,} bytes of CBOR, which is more than {count} vectors can have: it was not read"
        )
    body = decode(response)
    kinds: list[tuple[str, EmbeddingType]] = [
        (name + end, kind) for end, kind in _ENDINGS.items() if name + end in body
    ]
    kind: EmbeddingType = "float"
    if kinds:
        name, kind = kinds[0]
    lists: list[Any] = [row.get("embedding") for row in rows(body, name)]
    if len(lists) != count:
        raise ResponseError(f"{name!r} has {len(lists)} vectors for {count} inputs")
    if not all(isinstance(row, list) for row in lists):
        raise ResponseError(f"an embedding of {name!r} is no list of numbers")
    one_width(lists)
    return _array(lists, kind), kind


def _array(lists: list[list[Any]], kind: EmbeddingType) -> NDArray[Any]:
    types = set(map(type, itertools.chain.from_iterable(lists)))
    if not types <= ({int, float} if kind == "float" else {int}):
        raise ResponseError(f"{kind} vectors hold {_named(types)}")
    with np.errstate(over="ignore"):
        try:
            wide = np.asarray(lists, np.float64 if kind == "float" else np.int64)
        except OverflowError:
            raise ResponseError(f"{kind} vectors hold numbers that are too large") from None
        vectors: NDArray[Any] = wide.astype(_NUMBERS[kind])
    if kind == "float" and not np.isfinite(vectors).all():
        raise ResponseError("vectors hold numbers that are not finite")
    if kind != "float" and not np.array_equal(wide, vectors):
        raise ResponseError(f"{kind} vectors hold numbers outside -128 to 127")
    return vectors


def _named(types: Iterable[type]) -> str:
    return ", ".join(sorted(kind.__name__ for kind in types))
