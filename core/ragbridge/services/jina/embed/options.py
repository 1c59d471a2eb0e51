"""What can be asked of an embedding model, checked before anything is sent."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ragbridge import models
from ragbridge.client.arguments import check_switches, remembered
from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.hosts import JINA, Host
from ragbridge.models import Model, Role
from ragbridge.observers import Operation
from ragbridge.values.embeddings import EmbeddingType

EMBEDDING_TYPES: tuple[EmbeddingType, ...] = ("float", "binary", "ubinary")


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingOptions:
    """What is asked of a model, checked against what it can do. Equal to itself alone: a call's are kept for the next one.

    Attributes:
        role: What the texts are for, where the caller said so by its name.
        host: Who is asked.
        sent: The name that the host has for the model; None for ``model``.
        prefix: What stands before each text.
    """

    model: str
    row: Model | None
    task: str | None = None
    dimensions: int | None = None
    truncate: bool | None = None
    normalized: bool | None = None
    late_chunking: bool = False
    embedding_type: EmbeddingType = "float"
    input_type: str | None = None
    multivector: bool = False
    return_tokens: bool = False
    sparse: bool = False
    role: Role | None = None
    host: Host = JINA
    sent: str | None = None
    prefix: str = ""

    @property
    def width(self) -> int | None:
        """Dimensions that vectors will have; None for a model that the table does not know."""
        if self.dimensions is not None or self.row is None:
            return self.dimensions
        return (self.multivector and self.row.token_dimensions) or self.row.dimensions

    @property
    def _encoding(self) -> str | None:
        if self.sparse:
            return None
        return "base64" if self.embedding_type == "float" else self.embedding_type

    def payload(self, content: object) -> dict[str, Any]:
        """The request's body. Floats are asked for as base64, which costs a tenth of JSON numbers to read."""
        return self.host.write_embedding({**_frame(self), "input": content})

    @property
    def asked(self) -> dict[str, Any]:
        """All that a request holds but its input; of another host than Jina's, also which it is."""
        return {**self.payload(None), **({} if self.host is JINA else {"host": self.host.name})}

    def operation(self, items: int | None) -> Operation:
        """What observers are told of a call over so many items; None for a stream."""
        return Operation(
            model=self.model,
            items=items,
            dimensions=self.dimensions,
            encoding_format=self._encoding,
            task=self.task,
            role=self.role,
            late_chunking=self.late_chunking,
        )

    def most(self, batch_size: int) -> int:
        """Items of one request: as many as were asked for, and no more than the host takes."""
        return min(batch_size, self.host.items or batch_size)


@remembered
def check_options(
    *,
    model: str,
    role: Role | None,
    task: str | None,
    dimensions: int | None,
    truncate: bool | None,
    normalized: bool | None,
    late_chunking: bool,
    embedding_type: EmbeddingType = "float",
) -> EmbeddingOptions:
    """The options of vectors, where the model has them all. Those of the same arguments are the same object.

    Raises:
        ConfigurationError: The model is no embedding model, or does not have an option or a value of it.
    """
    check_switches(truncate=truncate, normalized=normalized, late_chunking=late_chunking)
    dimensions = _plain(dimensions)
    if isinstance(model, str) and (known := models.lookup(model)) and "sparse" in known.products:
        raise ConfigurationError(f"model={model!r} gives tokens and weights: use sparse_embed")
    row = _find(model, "embed", "multivector", "one vector for each token: use embed_multivector")
    _check_role(role, task)
    task = _task_of(role, row) if role is not None else task
    given = {"truncate": truncate, "normalized": normalized, "late_chunking": late_chunking or None}
    _check_against(row, task, dimensions, given)
    _check_type(embedding_type, dimensions)
    if late_chunking and role == "query":
        raise ConfigurationError("late_chunking=True: a query is no document; embed queries without it")
    return EmbeddingOptions(
        model, row, task, dimensions, truncate, normalized, late_chunking, embedding_type, role=role
    )


@functools.lru_cache(maxsize=256)
def _frame(options: EmbeddingOptions) -> Mapping[str, Any]:
    """The fields of a request's body beside its input."""
    fields = {
        "model": options.sent or options.model,
        "task": options.task,
        "dimensions": options.dimensions,
        "truncate": options.truncate,
        "normalized": options.normalized,
        "late_chunking": options.late_chunking or None,
        "input_type": options.input_type,
        "return_multivector": options.multivector or None,
        "return_tokenized_input": options.return_tokens or None,
        "embedding_type": options._encoding,  # noqa: SLF001 - of this module
    }
    return {name: value for name, value in fields.items() if value is not None}


def check_sparse_options(*, model: str, role: Role | None, task: str | None) -> EmbeddingOptions:
    """The options of sparse vectors.

    Raises:
        ConfigurationError: The model gives none, or does not have the task.
    """
    row = _find(model, "sparse", "embed", "one dense vector for each text: use embed")
    _check_role(role, task)
    task = _task_of(role, row) if role is not None else task
    _check_against(row, task, None, {})
    return EmbeddingOptions(model, row, task, sparse=True, role=role)


def check_multivector_options(
    *,
    model: str,
    role: Role | None,
    task: str | None,
    dimensions: int | None,
    truncate: bool | None,
    return_tokens: bool,
) -> EmbeddingOptions:
    """The options of one vector for each token, where the model has them all.

    A model that the table does not know is asked in the words of both kinds: fields that it has not, it ignores.

    Raises:
        ConfigurationError: The model is no such model, or does not have an option or a value of it, or nothing says
            what the texts are for.
    """
    check_switches(truncate=truncate, return_tokens=return_tokens)
    dimensions = _plain(dimensions)
    row = _find(model, "multivector", "embed", "one vector for each text: use embed")
    if role is None and task is None:
        raise ConfigurationError(
            "role=None: pass 'query' or 'document'; such models mark them differently, and one taken for the other "
            "ranks badly without an error"
        )
    _check_role(role, task)
    by_type = row is None or "input_type" in row.options
    by_task = row is None or "return_multivector" in row.options
    if role is not None and by_task:
        task = _task_of(role, row)
    _check_against(row, task, dimensions, {"truncate": truncate})
    if return_tokens and not by_task:
        raise ConfigurationError(
            f"return_tokens=True: {model} does not tell its tokens{_able('return_multivector')}"
        )
    if row is not None and dimensions is not None:
        if by_task:
            raise ConfigurationError(f"dimensions={dimensions}: {model} has no choice of them for tokens")
        if row.sizes and dimensions not in row.sizes:
            sizes = ", ".join(map(str, row.sizes))
            raise ConfigurationError(f"dimensions={dimensions}: {model} gives {sizes} and no other")
    return EmbeddingOptions(
        model,
        row,
        task,
        dimensions,
        truncate,
        input_type=role if by_type else None,
        multivector=by_task,
        return_tokens=return_tokens,
        role=role,
    )


def _find(model: str, product: str, other: str, hint: str) -> Model | None:
    known = models.row_of(model)
    if known is not None and product not in known.products and other in known.products:
        raise ConfigurationError(f"model={model!r} gives {hint}")
    return models.find(model, product)


def _check_role(role: Role | None, task: str | None) -> None:
    if role is not None and task is not None:
        raise ConfigurationError(
            f"role={role!r} and task={task!r}: give one, a role chooses the task by itself"
        )
    if role not in {None, "query", "document"}:
        raise ConfigurationError(f"role={role!r} must be 'query' or 'document'")


def _task_of(role: Role, row: Model | None) -> str | None:
    if row is None:
        return "retrieval.query" if role == "query" else "retrieval.passage"
    return row.task_for(role)


def _plain(dimensions: int | None) -> int | None:
    return None if dimensions is None else check_whole("dimensions", dimensions, "a positive int")


def _check_against(
    row: Model | None, task: str | None, dimensions: int | None, options: Mapping[str, bool | None]
) -> None:
    if row is None:
        return
    if task is not None and task not in row.tasks:
        known = f"its tasks: {', '.join(row.tasks)}" if row.tasks else "it has no tasks"
        raise ConfigurationError(f"task={task!r} is unknown to {row.name}; {known}")
    if dimensions is not None and row.dimensions is not None:
        if not row.sizes and dimensions != row.dimensions:
            raise ConfigurationError(f"dimensions={dimensions}: {row.name} always gives {row.dimensions}")
        if dimensions > row.dimensions:
            raise ConfigurationError(f"dimensions={dimensions}: {row.name} gives {row.dimensions} at most")
    for name, value in options.items():
        if value is not None and name not in row.options:
            raise ConfigurationError(f"{name}={value!r}: {row.name} has no such option{_able(name)}")


def _check_type(embedding_type: object, dimensions: int | None) -> None:
    if not isinstance(embedding_type, str) or embedding_type not in EMBEDDING_TYPES:
        known = ", ".join(map(repr, EMBEDDING_TYPES))
        raise ConfigurationError(
            f"embedding_type={embedding_type!r} must be one of {known}, one a call; floats travel as base64 by themselves"
        )
    if embedding_type != "float" and dimensions is not None and dimensions % 8:
        raise ConfigurationError(
            f"dimensions={dimensions}: a multiple of 8 where embedding_type={embedding_type!r}, "
            "which packs eight dimensions into a byte"
        )


def _able(option: str) -> str:
    names = [row.name for row in models.MODELS.values() if option in row.options]
    return f"; models that have it: {', '.join(names)}" if names else ""
