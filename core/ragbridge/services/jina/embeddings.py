"""``POST /v1/embeddings``: build the request, read the answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge import models
from ragbridge._batching import Batch, pack
from ragbridge._errors import ConfigurationError, InvalidRequestError
from ragbridge._flow import Flow, Plan, plan
from ragbridge._results import Embeddings, Usage
from ragbridge._tokens import TokenEstimator
from ragbridge._tokens import shared as estimator_for
from ragbridge.models import Model, Role
from ragbridge.services.jina._channel import Channel
from ragbridge.services.jina._errors import located
from ragbridge.services.jina._wire import encode

if TYPE_CHECKING:
    from ragbridge.services.jina._vectors import Sheet

PRODUCT = "embeddings"
TOO_LONG = "INPUT_TOKEN_LIMIT_EXCEEDED"
MAX_REQUEST_TOKENS = 262_144
"""Tokens in one request: no cap is published; this is eight of the longest texts that any model takes."""

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""

MAX_ITEMS = 512
"""Items in one request: the lowest cap on record (v4, November 2025); newer pages name none."""


@dataclass(frozen=True, slots=True)
class EmbeddingOptions:
    """What is asked of a model, checked against what it can do."""

    model: str
    row: Model | None
    task: str | None = None
    dimensions: int | None = None
    truncate: bool | None = None
    normalized: bool | None = None
    late_chunking: bool = False

    @property
    def width(self) -> int | None:
        """Dimensions that vectors will have; None for a model that the table does not know."""
        return self.dimensions or (self.row.dimensions if self.row else None)

    def payload(self, texts: Sequence[str]) -> dict[str, Any]:
        """The request's body. Vectors are asked for as base64, which costs a tenth of JSON numbers to read."""
        fields = {
            "model": self.model,
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
            "late_chunking": self.late_chunking or None,
            "embedding_type": "base64",
            "input": texts,
        }
        return {name: value for name, value in fields.items() if value is not None}


def check_options(
    *,
    model: str,
    role: Role | None,
    task: str | None,
    dimensions: int | None,
    truncate: bool | None,
    normalized: bool | None,
    late_chunking: bool,
) -> EmbeddingOptions:
    """The options, where the model has them all.

    Raises:
        ConfigurationError: The model is no embedding model, or does not have an option or a value of it.
    """
    row = models.find(model, "embed")
    if role is not None and task is not None:
        raise ConfigurationError(
            f"role={role!r} and task={task!r}: give one, a role chooses the task by itself"
        )
    if role is not None:
        task = _task_of(role, row)
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise ConfigurationError(f"dimensions={dimensions!r} must be a positive int")
    if row is not None:
        _check_against(row, task, dimensions)
        given = {"truncate": truncate, "normalized": normalized, "late_chunking": late_chunking or None}
        for name, value in given.items():
            if value is not None and name not in row.options:
                raise ConfigurationError(f"{name}={value!r}: {model} has no such option{_able(name)}")
    if late_chunking and role == "query":
        raise ConfigurationError("late_chunking=True: a query is no document; embed queries without it")
    return EmbeddingOptions(model, row, task, dimensions, truncate, normalized, late_chunking)


def _task_of(role: Role, row: Model | None) -> str | None:
    if role not in {"query", "document"}:
        raise ConfigurationError(f"role={role!r} must be 'query' or 'document'")
    if row is None:
        return "retrieval.query" if role == "query" else "retrieval.passage"
    return row.task_for(role)


def _check_against(row: Model, task: str | None, dimensions: int | None) -> None:
    if task is not None and task not in row.tasks:
        known = f"its tasks: {', '.join(row.tasks)}" if row.tasks else "it has no tasks"
        raise ConfigurationError(f"task={task!r} is unknown to {row.name}; {known}")
    if dimensions is None or row.dimensions is None:
        return
    if not row.sizes and dimensions != row.dimensions:
        raise ConfigurationError(f"dimensions={dimensions}: {row.name} always gives {row.dimensions}")
    if dimensions > row.dimensions:
        raise ConfigurationError(f"dimensions={dimensions}: {row.name} gives {row.dimensions} at most")


def _able(option: str) -> str:
    names = [row.name for row in models.MODELS.values() if option in row.options]
    return f"; models that have it: {', '.join(names)}" if names else ""


def check_texts(texts: Sequence[str], name: str = "texts") -> list[str]:
    """``texts`` as a list.

    Raises:
        ConfigurationError: It is one string, or an item is none.
    """
    if isinstance(texts, (str, bytes)):
        raise ConfigurationError(f"{name} is one {type(texts).__name__}: pass a list of strings")
    try:
        found = list(texts)
    except TypeError:
        raise ConfigurationError(f"{name} is {type(texts).__name__}: pass a list of strings") from None
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigurationError(f"{name}[{index}] is {type(text).__name__}, not str")
    return found


@dataclass(frozen=True, slots=True)
class _Job:
    """All that the requests of one call share. ``sheet`` is what they are read into."""

    channel: Channel
    texts: list[str]
    options: EmbeddingOptions
    tokens: TokenEstimator
    sheet: Sheet
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What one request brought beside its rows."""

    model: str
    tokens: int | None


def embed(
    channel: Channel,
    texts: list[str],
    options: EmbeddingOptions,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> Plan[Embeddings]:
    """One request for each batch of ``texts``; all of them in one with late chunking."""
    from ragbridge.services.jina._vectors import Sheet  # brings NumPy

    job = _Job(
        channel, texts, options, estimator_for(options.model), Sheet(len(texts), options.width), progress
    )
    return plan(_flows(job, batch_size), functools.partial(_join, job))


def _flows(job: _Job, batch_size: int) -> Iterator[Flow[_Part]]:
    if job.options.late_chunking:
        whole = Batch(0, len(job.texts), job.tokens.measure_all(job.texts))
        batches: Iterable[Batch] = [whole] if job.texts else []
    else:
        limiter = job.channel.limiter(PRODUCT)
        budget = limiter.request_budget if limiter else None
        batches = pack(
            job.texts, items=batch_size, estimator=job.tokens, tokens=MAX_REQUEST_TOKENS, budget=budget
        )
    for batch in batches:
        yield _batch(job, batch)


def _batch(job: _Job, batch: Batch) -> Flow[_Part]:
    try:
        part = yield from _request(job, batch)
    except InvalidRequestError as error:
        suspect = batch
        if error.code == TOO_LONG and error.index is None and batch.stop - batch.start > 1:
            suspect = yield from _too_long(job, batch)
        raise located(error, "texts", suspect.start, suspect.stop) from None
    if job.progress is not None:
        job.progress(batch.stop - batch.start)
    return part


def _too_long(job: _Job, batch: Batch) -> Flow[Batch]:
    """The text of ``batch`` that is too long, or the whole of it where that cannot be told.

    The service does not say which it is. A refusal costs nothing, so the longest is asked about alone.
    """
    index = max(range(batch.start, batch.stop), key=lambda i: len(job.texts[i].encode()))
    alone = Batch(index, index + 1, job.tokens.measure(job.texts[index]))
    try:
        yield from _request(job, alone)
    except InvalidRequestError:
        return alone
    return batch


def _request(job: _Job, batch: Batch) -> Flow[_Part]:
    from ragbridge.services.jina._vectors import read_vectors

    part = job.texts[batch.start : batch.stop]
    body = encode(job.options.payload(part), texts=part, name="texts", start=batch.start)
    read = functools.partial(
        read_vectors, sheet=job.sheet, start=batch.start, stop=batch.stop, asked=job.options.model
    )
    model, billed = yield from job.channel.post(
        "/embeddings", body, product=PRODUCT, read=read, tokens=job.tokens, features=batch.features
    )
    return _Part(model, billed)


def _join(job: _Job, parts: list[_Part]) -> Embeddings:
    usage = Usage(sum(part.tokens or 0 for part in parts), len(parts))
    return Embeddings(job.sheet.vectors, parts[0].model if parts else job.options.model, usage)
