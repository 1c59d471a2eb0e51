"""What can be asked of an embedding model, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ragbridge import models
from ragbridge._errors import ConfigurationError
from ragbridge.models import Model, Role


class HasText(Protocol):
    """A chunk of any kind: of ``ragbridge.chunking``, or of Jina's segmenter."""

    @property
    def text(self) -> str:
        """What is embedded."""
        ...


Text: TypeAlias = str | HasText
"""What is embedded: a string, or a chunk, whose text is."""


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


def check_texts(texts: Sequence[Text], name: str = "texts") -> list[str]:
    """``texts`` as a list of strings.

    Raises:
        ConfigurationError: It is one string, or an item is neither a string nor a chunk.
    """
    if isinstance(texts, (str, bytes)):
        raise ConfigurationError(f"{name} is one {type(texts).__name__}: pass a list of strings")
    try:
        found: list[Any] = [getattr(text, "text", text) for text in texts]
    except TypeError:
        raise ConfigurationError(f"{name} is {type(texts).__name__}: pass a list of strings") from None
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigurationError(f"{name}[{index}] is {type(text).__name__}, not str")
    return found


def check_documents(documents: Sequence[Sequence[Text]]) -> list[list[str]]:
    """``documents`` as lists of strings.

    Raises:
        ConfigurationError: It is no list of lists; the document or chunk is named.
    """
    if isinstance(documents, (str, bytes)):
        raise ConfigurationError(
            "documents is one string: pass a list of documents, each a list of its chunks"
        )
    return [check_texts(chunks, f"documents[{index}]") for index, chunks in enumerate(documents)]
