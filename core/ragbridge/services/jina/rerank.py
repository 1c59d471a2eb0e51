"""``POST /v1/rerank``: build the request, read the answer."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from ragbridge import models
from ragbridge._errors import ConfigurationError, InvalidRequestError, ResponseError
from ragbridge._flow import Flow, Plan, Response, plan
from ragbridge._results import Document, RankedDocument, Ranking, Usage
from ragbridge._tokens import Features, plus, times
from ragbridge.services.jina._channel import JinaChannel
from ragbridge.services.jina._errors import located
from ragbridge.services.jina._wire import billed, decode, encode, model_of

_Reading: TypeAlias = tuple[tuple[tuple[RankedDocument, ...], str], int | None]
"""Rows best first, the model's name; tokens billed."""


PRODUCT = "rerank"


def rerank(
    channel: JinaChannel,
    query: str,
    documents: list[Document],
    *,
    model: str,
    top_n: int | None,
    return_documents: bool,
    max_doc_length: int | None,
) -> Plan[Ranking]:
    """One request for all documents, since scores of different calls are not comparable; none for no document."""
    if not documents:
        return plan((), lambda _: Ranking((), model))
    texts = [_text_of(document, index) for index, document in enumerate(documents)]
    fields = _payload(query, documents, model=model, top_n=top_n, max_doc_length=max_doc_length)
    read = functools.partial(
        _read, documents=documents, top_n=top_n, return_documents=return_documents, asked=model
    )
    return plan((_flow(channel, query, texts, fields, read),), lambda rankings: rankings[0])


def _flow(
    channel: JinaChannel,
    query: str,
    texts: list[str],
    fields: dict[str, Any],
    read: Callable[[Response], _Reading],
) -> Flow[Ranking]:
    body = encode(
        fields, texts=[query, *texts], name=lambda index: _where(index - 1, index) if index else "query"
    )
    measure = functools.partial(_measure, channel, fields["model"], query, texts)
    try:
        (rows, model), billed = yield from channel.post(
            "/rerank", body, product=PRODUCT, model=fields["model"], read=read, measure=measure
        )
    except InvalidRequestError as error:
        raise located(error, _where, 0, len(texts)) from None
    return Ranking(rows, model, Usage(billed or 0, 1))


def _measure(channel: JinaChannel, model: str, query: str, texts: list[str]) -> Features:
    """Whether the query is billed once or once per document is not published: the dearer reading is safe.

    It must not keep a request from being sent, though, that the cheaper one has room for.
    """
    tokens, limiter = channel.tokens(model), channel.limiter(PRODUCT)
    once, documents = tokens.measure(query), tokens.measure_all(texts)
    dear = plus(times(once, len(texts)), documents)
    room = limiter.capacity if limiter else None
    return plus(once, documents) if room is not None and tokens.estimate(dear)[0] > room else dear


def _where(start: int, stop: int) -> str:
    return f"documents[{start}]" if stop - start == 1 else f"documents[{start}:{stop}]"


def _payload(
    query: str, documents: Sequence[Document], *, model: str, top_n: int | None, max_doc_length: int | None
) -> dict[str, Any]:
    """The request's body. Documents are never asked back: the caller has them."""
    fields = {
        "model": model,
        "query": query,
        "documents": documents,
        "top_n": top_n,
        "max_doc_length": max_doc_length,
        "return_documents": False,
    }
    return {name: value for name, value in fields.items() if value is not None}


def check_options(
    query: str, documents: Sequence[Document], *, model: str, top_n: int | None, max_doc_length: int | None
) -> list[Document]:
    """``documents`` as a list.

    Raises:
        ConfigurationError: The model does not rerank, or an argument is not what it should be.
    """
    row = models.find(model, "rerank")
    if not isinstance(query, str):
        raise ConfigurationError(f"query is {type(query).__name__}, not str")
    if top_n is not None and (type(top_n) is not int or top_n < 1):
        raise ConfigurationError(f"top_n={top_n!r} must be a positive int, or None for all documents")
    if max_doc_length is not None:
        if row is not None and "max_doc_length" not in row.options:
            raise ConfigurationError(f"max_doc_length={max_doc_length!r}: {model} has no such option")
        if type(max_doc_length) is not int or not 1 <= max_doc_length <= 8192:
            raise ConfigurationError(f"max_doc_length={max_doc_length!r} must be an int from 1 to 8192")
    if isinstance(documents, (str, bytes, Mapping)):
        raise ConfigurationError(f"documents is one {type(documents).__name__}: pass a list")
    found = list(documents)
    for index, document in enumerate(found):
        _text_of(document, index)
    return found


def _text_of(document: Document, index: int) -> str:
    """The text of one document.

    Raises:
        ConfigurationError: It has none.
    """
    text = document.get("text") if isinstance(document, Mapping) else document
    if not isinstance(text, str):
        raise ConfigurationError(f"documents[{index}] is neither a str nor an object with 'text'")
    return text


def _read(
    response: Response,
    *,
    documents: Sequence[Document],
    top_n: int | None,
    return_documents: bool,
    asked: str,
) -> _Reading:
    """The ranking in an answer, best first, the model's name, and the tokens billed.

    Raises:
        ResponseError: A row is missing, double, unknown, or has no finite score.
    """
    body = decode(response)
    rows = body.get("results")
    expected = min(top_n or len(documents), len(documents))
    if not isinstance(rows, list) or len(rows) != expected:
        found = f"{len(rows)} rows" if isinstance(rows, list) else "no list"
        raise ResponseError(f"'results' has {found} where {expected} were expected")
    ranked: dict[int, RankedDocument] = {}
    for row in rows:
        index, score = (
            (row.get("index"), row.get("relevance_score")) if isinstance(row, dict) else (None, None)
        )
        if type(index) is not int or not 0 <= index < len(documents):
            raise ResponseError(f"a row of 'results' has the index {index!r} for {len(documents)} documents")
        if index in ranked:
            raise ResponseError(f"'results' has two rows of index {index}")
        if not isinstance(score, (int, float)) or isinstance(score, bool) or not math.isfinite(score):
            raise ResponseError(f"the relevance score of document {index} is {score!r}, no finite number")
        ranked[index] = RankedDocument(index, float(score), documents[index] if return_documents else None)
    best_first = sorted(ranked.values(), key=lambda row: (-row.score, row.index))
    return (tuple(best_first), model_of(body, asked)), billed(body)
