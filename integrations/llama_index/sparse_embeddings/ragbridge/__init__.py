"""Sparse embeddings by Jina AI and by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from typing import TYPE_CHECKING

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
    from llama_index.sparse_embeddings.ragbridge.elastic import ElasticSparseEmbedding
    from llama_index.sparse_embeddings.ragbridge.jina import JinaSparseEmbedding
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticSparseEmbedding": "llama_index.sparse_embeddings.ragbridge.elastic",
            "JinaSparseEmbedding": "llama_index.sparse_embeddings.ragbridge.jina",
        },
    )

__all__ = ["ElasticSparseEmbedding", "JinaSparseEmbedding"]
