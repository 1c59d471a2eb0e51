"""The models' names as type checkers complete them, and the ones that methods take by default."""

from __future__ import annotations

from typing import Literal, TypeAlias

Role: TypeAlias = Literal["query", "document"]

EmbeddingModel: TypeAlias = (
    str
    | Literal[
        "jina-embeddings-v5-text-small",
        "jina-embeddings-v5-text-nano",
        "jina-embeddings-v5-omni-small",
        "jina-embeddings-v5-omni-nano",
        "jina-embeddings-v4",
        "jina-embeddings-v3",
        "jina-code-embeddings-1.5b",
        "jina-code-embeddings-0.5b",
        "jina-clip-v2",
        "jina-clip-v1",
        "jina-embeddings-v2-base-en",
        "jina-embeddings-v2-base-zh",
        "jina-embeddings-v2-base-de",
        "jina-embeddings-v2-base-es",
        "jina-embeddings-v2-base-code",
    ]
)
"""A model's name. Any string is taken; the known ones are offered for completion."""

RerankModel: TypeAlias = (
    str
    | Literal[
        "jina-reranker-v3.5",
        "jina-reranker-v3",
        "jina-reranker-m0",
        "jina-reranker-v2-base-multilingual",
        "jina-reranker-v1-base-en",
        "jina-reranker-v1-turbo-en",
        "jina-reranker-v1-tiny-en",
        "jina-colbert-v2",
        "jina-colbert-v1-en",
    ]
)
"""A reranker's name. Any string is taken; the known ones are offered for completion."""

MultiVectorModel: TypeAlias = str | Literal["jina-colbert-v2", "jina-colbert-v1-en", "jina-embeddings-v4"]
"""The name of a model with one vector for each token. Any string is taken; the known ones are offered for completion."""

SparseModel: TypeAlias = str | Literal["elser-v2"]
"""The name of a model of sparse vectors. Any string is taken; the known ones are offered for completion."""

BatchModel: TypeAlias = str | Literal["jina-embeddings-v5-text-small", "jina-embeddings-v5-text-nano"]
"""The name of a model that takes batch jobs. Any string is taken; the known ones are offered for completion."""

EISModel: TypeAlias = (
    Literal[
        "elser_model_2",
        "google-gemini-embedding-001",
        "google-gemini-embedding-2",
        "jina-clip-v2",
        "jina-embeddings-v3",
        "jina-embeddings-v5-omni-nano",
        "jina-embeddings-v5-omni-small",
        "jina-embeddings-v5-text-nano",
        "jina-embeddings-v5-text-small",
        "jina-ocr-v1",
        "jina-reranker-m0",
        "jina-reranker-v2-base-multilingual",
        "jina-reranker-v3",
        "jina-reranker-v3.5",
        "microsoft-multilingual-e5-large",
        "openai-text-embedding-3-large",
        "openai-text-embedding-3-small",
    ]
    | str
)
"""Models of embedding, reranking and reading pictures: Elastic's tables of October 2026. What a cluster may use, ``endpoints.list()`` says."""

DEFAULT_EMBEDDING_MODEL = "jina-embeddings-v5-text-small"
DEFAULT_RERANK_MODEL = "jina-reranker-v3"
DEFAULT_MULTIVECTOR_MODEL = "jina-colbert-v2"
DEFAULT_SPARSE_MODEL = "elser-v2"
DEFAULT_IMAGE_MODEL = "jina-embeddings-v5-omni-small"
"""Its vectors of texts are those of the default model for texts (model cards), so that queries find images."""
