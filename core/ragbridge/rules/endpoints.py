"""Elasticsearch's words and figures for inference endpoints, and rules that client and embedded engine read alike.

The client says what is wrong before anything is sent; the engine refuses it and fills in what is left out.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, TypeAlias, get_args

from ragbridge.rules.reader import Scope

TaskType: TypeAlias = Literal[
    "text_embedding", "sparse_embedding", "rerank", "embedding", "completion", "chat_completion"
]
TASK_TYPES: Final[tuple[str, ...]] = get_args(TaskType)
"""``embedding`` (multimodal) is from 9.4 on. Elasticsearch's specification, August 2026."""
CHUNKING_TASKS: Final = ("text_embedding", "sparse_embedding", "embedding")
"""Task types whose inputs Elasticsearch chunks."""

Similarity: TypeAlias = Literal["cosine", "dot_product", "l2_norm"]
SIMILARITIES: Final[tuple[str, ...]] = get_args(Similarity)
InputType: TypeAlias = Literal["ingest", "search", "classification", "clustering"]
INPUT_TYPES: Final[tuple[str, ...]] = get_args(InputType)
"""Those that a request may name; ``internal_...`` are Elasticsearch's own."""
EMBEDDING_TYPES: Final = ("float", "bit", "binary")
"""Of service ``jinaai``; the last two are the same."""
ELEMENT_TYPES: Final = ("float", "byte")
"""Of models that Eland has uploaded."""

ELSER: Final = ".elser_model_2"
"""Elastic's sparse model, for ``sparse_embedding``. Runs on every platform."""
E5: Final = ".multilingual-e5-small"
"""A dense model of 384 dimensions for many languages, for ``text_embedding``. Runs on every platform."""
E5_DIMS: Final = 384
"""Width of its vectors, which are compared by cosine: its endpoints do not tell."""
ELASTIC_RERANK: Final = ".rerank-v1"
"""Elastic's cross-encoder, for ``rerank``."""
LINUX: Final = "_linux-x86_64"
"""Ending of the variants of ``ELSER`` and ``E5`` that are faster, on that platform alone."""

MODEL_TASKS: Final = {
    ".elser_model_1": "sparse_embedding",
    ELSER: "sparse_embedding",
    ELSER + LINUX: "sparse_embedding",
    E5: "text_embedding",
    E5 + LINUX: "text_embedding",
    ELASTIC_RERANK: "rerank",
}
"""The models that Elasticsearch brings, and what each is for. Others are those that Eland has uploaded."""

MOST_THREADS: Final = 32
"""Elasticsearch's ``StartTrainedModelDeploymentAction``: a power of two up to here."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9_\-.]*[a-z0-9])?")
"""Elasticsearch's ``MlStrings.isValidId``. Ids of its own endpoints begin with a dot, which nobody else's may."""


def id_problem(inference_id: str) -> str | None:
    """Why no new endpoint may have this id; None where it may."""
    if _ID.fullmatch(inference_id):
        return None
    return (
        f"Invalid inference_id; '{inference_id}' can contain lowercase alphanumeric (a-z and 0-9), hyphens or "
        "underscores; must start and end with alphanumeric"
    )


def threads_problem(threads: int) -> str | None:
    """Why no allocation may have so many threads; None where it may."""
    if threads <= MOST_THREADS and threads.bit_count() == 1:
        return None
    return f"[threads_per_allocation] must be a power of 2 less than or equal to {MOST_THREADS}"


def read_adaptive(service: Scope) -> dict[str, Any] | None:
    """``adaptive_allocations`` as Elasticsearch shows them; None where there are none (``AdaptiveAllocationsSettings``)."""
    found = service.scope("adaptive_allocations")
    if found is None:
        return None
    least, most = "min_number_of_allocations", "max_number_of_allocations"
    enabled, low, high = found.flag("enabled"), found.integer(least), found.integer(most)
    service.problems += [f"[{found.name}] does not allow the setting [{key}]" for key in found.left]
    if low is not None and low < 0:
        service.problems.append(f"[{least}] must be a non-negative integer or null")
    if high is not None and high < 1:
        service.problems.append(f"[{most}] must be a positive integer or null")
    if low is not None and high is not None and low > high:
        service.problems.append(f"[{least}] must not be larger than [{most}]")
    shown = {"enabled": enabled is True, least: low, most: high}
    return {key: value for key, value in shown.items() if value is not None}


def read_long_documents(service: Scope) -> dict[str, Any]:
    """What ``ELASTIC_RERANK`` does with long documents (``ElasticRerankerServiceSettings``, 9.2 and later)."""
    strategy = service.text("long_document_strategy", choices=("truncate", "chunk"))
    chunks = service.positive("max_chunks_per_doc")
    word = None if strategy is None else strategy.strip().lower()
    if chunks is not None and word != "chunk":
        service.problems.append(
            "The [max_chunks_per_doc] setting requires [long_document_strategy] to be set to [chunk]"
        )
    found = {"long_document_strategy": word, "max_chunks_per_doc": chunks}
    return {key: value for key, value in found.items() if value is not None}


BATCH_CAPS: Final = {"jinaai": 2048, "elasticsearch": 10, "elastic": 16}
"""By service, how many inputs Elasticsearch puts into one request of its own (``EmbeddingRequestChunker``'s callers,
2026; ``elastic`` from 9.1.3 on)."""
