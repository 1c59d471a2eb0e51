"""Elasticsearch's inference API and retrieval by it: the client, endpoints' settings, and bodies for any client.

::

    from ragbridge.elastic import Elastic, JinaAI, semantic_query, semantic_text_mapping

    elastic = Elastic("https://localhost:9200", api_key="...")
    elastic.endpoints.create("jinaai-embeddings", "text_embedding", JinaAI("jina-embeddings-v3", api_key=key))
    elastic.create_index("articles", {"content": semantic_text_mapping("jinaai-embeddings")})
    elastic.bulk("articles", [{"content": "a text"}])
    elastic.search("articles", query=semantic_query("content", "what is asked"))
"""

from __future__ import annotations

from ragbridge import Elastic
from ragbridge.ground.public import publish as _publish
from ragbridge.services.elastic.endpoints.methods import Endpoints
from ragbridge.services.elastic.endpoints.settings import (
    E5,
    ELASTIC_RERANK,
    ELSER,
    AdaptiveAllocations,
    Cohere,
    ElasticInferenceService,
    ElasticsearchService,
    EndpointSettings,
    JinaAI,
    OpenAI,
    Similarity,
    TaskType,
)
from ragbridge.services.elastic.esql.commands import (
    esql_embedding,
    esql_fork,
    esql_from,
    esql_fuse,
    esql_knn,
    esql_rerank,
    esql_text_embedding,
)
from ragbridge.services.elastic.esql.query import Esql
from ragbridge.services.elastic.formats import AnswerFormat
from ragbridge.services.elastic.retrieval.fusion import linear, rrf
from ragbridge.services.elastic.retrieval.mappings import (
    dense_vector_mapping,
    rank_vectors_mapping,
    semantic_mapping,
    semantic_text_mapping,
    sparse_vector_mapping,
)
from ragbridge.services.elastic.retrieval.queries import (
    knn_query,
    match_query,
    semantic_highlight,
    semantic_query,
    sparse_vector_query,
)
from ragbridge.services.elastic.retrieval.reordering import diversify, pinned, rescorer, rule
from ragbridge.services.elastic.retrieval.retrievers import (
    knn_retriever,
    original_score,
    standard,
    text_similarity_reranker,
)
from ragbridge.services.elastic.retrieval.search import search_body, semantic_search_body
from ragbridge.values.endpoints import Deletion, Endpoint, InferenceService
from ragbridge.values.esql import EsqlColumn, EsqlResult
from ragbridge.values.search import BulkError, BulkFailure, BulkResult, Hit, SearchHits
from ragbridge.values.sparse import SparseEmbeddings, SparseVector

__all__ = [
    "E5",
    "ELASTIC_RERANK",
    "ELSER",
    "AdaptiveAllocations",
    "AnswerFormat",
    "BulkError",
    "BulkFailure",
    "BulkResult",
    "Cohere",
    "Deletion",
    "Elastic",
    "ElasticInferenceService",
    "ElasticsearchService",
    "Endpoint",
    "EndpointSettings",
    "Endpoints",
    "Esql",
    "EsqlColumn",
    "EsqlResult",
    "Hit",
    "InferenceService",
    "JinaAI",
    "OpenAI",
    "SearchHits",
    "Similarity",
    "SparseEmbeddings",
    "SparseVector",
    "TaskType",
    "dense_vector_mapping",
    "diversify",
    "esql_embedding",
    "esql_fork",
    "esql_from",
    "esql_fuse",
    "esql_knn",
    "esql_rerank",
    "esql_text_embedding",
    "knn_query",
    "knn_retriever",
    "linear",
    "match_query",
    "original_score",
    "pinned",
    "rank_vectors_mapping",
    "rescorer",
    "rrf",
    "rule",
    "search_body",
    "semantic_highlight",
    "semantic_mapping",
    "semantic_query",
    "semantic_search_body",
    "semantic_text_mapping",
    "sparse_vector_mapping",
    "sparse_vector_query",
    "standard",
    "text_similarity_reranker",
]

_publish(__name__, [globals()[_name] for _name in __all__])
