"""Elasticsearch's words and figures for inference endpoints, whatever their service."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, get_args

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
"""Those that a request may name; the server uses others, ``internal_...``, itself."""
NO_INPUT_TYPE: Final = "The input_type option is not supported by this service"
"""What services say that embed queries and documents alike (``ServiceUtils.validateInputTypeIsUnspecifiedOrInternal``)."""
EMBEDDING_TYPES: Final = ("float", "bit", "binary")
"""Of service ``jinaai``; ``bit`` and ``binary`` mean the same."""
ELEMENT_TYPES: Final = ("float", "byte")
"""Of models that Eland has uploaded."""
LONG_DOCUMENT_STRATEGIES: Final = ("truncate", "chunk")
"""Of ``ELASTIC_RERANK``, from 9.2 on."""

ELSER: Final = ".elser_model_2"
"""Elastic's sparse model, for ``sparse_embedding``. Runs on every platform."""
E5: Final = ".multilingual-e5-small"
"""A dense model of 384 dimensions for many languages, for ``text_embedding``. Runs on every platform."""
E5_DIMS: Final = 384
"""Width of its vectors, which are compared by cosine. Its endpoints do not report it."""
ELASTIC_RERANK: Final = ".rerank-v1"
"""Elastic's cross-encoder, for ``rerank``."""
LINUX: Final = "_linux-x86_64"
"""Suffix of the variants of ``ELSER`` and ``E5`` that are faster and run on that platform only."""

MODEL_TASKS: Final = {
    ".elser_model_1": "sparse_embedding",
    ELSER: "sparse_embedding",
    ELSER + LINUX: "sparse_embedding",
    E5: "text_embedding",
    E5 + LINUX: "text_embedding",
    ELASTIC_RERANK: "rerank",
}
"""Elasticsearch's own models, and the task type of each. Any other model was uploaded by Eland."""
ELSER_MODELS: Final = frozenset(
    {"elser_model_2", *(model for model, task in MODEL_TASKS.items() if task == "sparse_embedding")}
)
"""ELSER's names with services ``elasticsearch`` and ``elastic``, which are also those of its default deployments."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9_\-.]*[a-z0-9])?")
"""Elasticsearch's ``MlStrings.isValidId``. Only the ids of its own endpoints may begin with a dot."""


def id_problem(inference_id: str) -> str | None:
    """Why a new endpoint cannot have this id; None where it can."""
    if _ID.fullmatch(inference_id):
        return None
    return (
        f"Invalid inference_id; '{inference_id}' can contain lowercase alphanumeric (a-z and 0-9), hyphens or "
        "underscores; must start and end with alphanumeric"
    )


BATCH_CAPS: Final = {"jinaai": 2048, "elasticsearch": 10, "elastic": 16, "openai": 2048, "cohere": 96}
"""By service, how many inputs Elasticsearch puts into one request of its own (``EmbeddingRequestChunker``'s callers,
2026; ``elastic`` from 9.1.3 on)."""
