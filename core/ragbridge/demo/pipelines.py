"""The interface of the three pipelines: queries in, answers out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.demo.corpus import Corpus, Query

RETRIEVED = 50
"""Passages that are retrieved for a query."""

RERANKED = 10
"""Passages that the reranker keeps."""

DIMENSIONS = 128
"""Width of the vectors: a trained size of the default model. The frameworks' stores turn lists of Python floats into
arrays for each query, so that width is most of the demo's time; 256 would bring 0.006 of nDCG@10 in the end."""

FRAMEWORKS = {
    "LangChain": "ragbridge.demo.langchain",
    "LlamaIndex": "ragbridge.demo.llama_index",
    "Haystack": "ragbridge.demo.haystack",
}
"""Where each framework's pipeline is: a module with ``answers``."""

ELASTIC = {"Elasticsearch": "ragbridge.demo.elastic"}
"""The pipeline of ``--engine elastic``, over the in-memory search of the embedded engine."""

Client_contra = TypeVar("Client_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage of an answer, with its relevance score."""

    id: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A pipeline's result for one query, best first.

    Attributes:
        query: The query.
        retrieved: Ids of the passages as the store ranked them, ``RETRIEVED`` at most.
        reranked: The best of them as the reranker ranked them, ``RERANKED`` at most.
    """

    query: Query
    retrieved: tuple[str, ...]
    reranked: tuple[Hit, ...]


class Pipeline(Protocol[Client_contra]):
    """Embed and index the passages, then for each query retrieve and rerank: yields one answer per query."""

    def __call__(self, corpus: Corpus, client: Client_contra) -> Iterator[Answer]:
        """A generator: nothing happens before the first answer is requested."""
        ...


def load(name: str) -> Pipeline[Any]:
    """One of the pipelines of ``FRAMEWORKS`` and ``ELASTIC``.

    Raises:
        ConfigurationError: The framework is not installed.
    """
    try:
        pipeline: Pipeline[Any] = import_module({**FRAMEWORKS, **ELASTIC}[name]).answers
    except ImportError as error:
        raise ConfigurationError(
            f'the demo cannot import what it needs of {name} ({error}): pip install "ragbridge[demo]"'
        ) from error
    return pipeline
